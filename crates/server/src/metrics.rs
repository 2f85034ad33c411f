//! Figures for whoever operates the server. Labels are words of ours, never a caller's, a repository's or a model's, so that their
//! number is bounded.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use protocol::{RunEvent, Seat, TokenUsage};

/// Bounds of the times of answers, in seconds.
const SECONDS: [f64; 9] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0];
/// Vendors that have a name of their own; all others are one.
const VENDORS: [&str; 4] = ["openai", "anthropic", "gemini", "scripted"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct End {
    status: String,
    tier: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStage {
    stage: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfVendor {
    vendor: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    route: String,
    status: u16,
}

type Times = Family<OfRoute, Histogram, fn() -> Histogram>;

/// Figures of this process.
pub(crate) struct Metrics {
    ends: Family<End, Counter>,
    sent_back: Family<OfStage, Counter>,
    replies: Family<OfVendor, Counter>,
    tokens: Family<OfVendor, Counter>,
    microusd: Family<OfVendor, Counter>,
    answers: Times,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let times: fn() -> Histogram = || Histogram::new(SECONDS);
        Metrics {
            ends: Family::default(),
            sent_back: Family::default(),
            replies: Family::default(),
            tokens: Family::default(),
            microusd: Family::default(),
            answers: Times::new_with_constructor(times),
        }
    }
}

impl Metrics {
    /// Counts an event of a run.
    pub(crate) fn count(&self, event: &RunEvent, crew: &[Seat]) {
        match event {
            RunEvent::Replied { agent, reply, .. } => {
                let of = OfVendor {
                    vendor: vendor(agent, reply.answered_by.as_ref(), crew),
                };
                self.replies.get_or_create(&of).inc();
                self.pay(&of, &reply.usage, reply.cost_microusd);
            }
            RunEvent::Unanswered {
                agent, unanswered, ..
            } => {
                let of = OfVendor {
                    vendor: vendor(agent, None, crew),
                };
                self.pay(&of, &unanswered.usage, unanswered.cost_microusd);
            }
            RunEvent::Reported { stage, report, .. } if report.verdict.feedback().is_some() => {
                let stage = word(stage);
                self.sent_back.get_or_create(&OfStage { stage }).inc();
            }
            RunEvent::Finished {
                status,
                tier,
                reason,
                ..
            } => {
                let (tier, reason) = (tier.as_ref().map(word), reason.as_ref().map(word));
                let end = End {
                    status: word(status),
                    tier: tier.unwrap_or_default(),
                    reason: reason.unwrap_or_default(),
                };
                self.ends.get_or_create(&end).inc();
            }
            _ => {}
        }
    }

    fn pay(&self, of: &OfVendor, usage: &TokenUsage, microusd: Option<u64>) {
        self.tokens.get_or_create(of).inc_by(usage.total());
        self.microusd
            .get_or_create(of)
            .inc_by(microusd.unwrap_or(0));
    }

    /// Counts an answer; `route` is its pattern, not its address.
    pub(crate) fn answered(&self, route: &str, status: u16, took: Duration) {
        let of = OfRoute {
            route: route.to_owned(),
            status,
        };
        self.answers.get_or_create(&of).observe(took.as_secs_f64());
    }

    /// All of it, as Prometheus reads it.
    pub(crate) fn text(&self, working: usize) -> String {
        let mut registry = Registry::with_prefix("pipeline");
        let at_work: Gauge = Gauge::default();
        at_work.set(i64::try_from(working).unwrap_or(i64::MAX));
        registry.register("runs_working", "Runs at work in this process", at_work);
        let of = &mut registry;
        of.register(
            "runs_ended",
            "Runs that came to their end",
            self.ends.clone(),
        );
        of.register(
            "drafts_sent_back",
            "Drafts that a stage sent back",
            self.sent_back.clone(),
        );
        of.register("model_replies", "Replies of models", self.replies.clone());
        of.register("model_tokens", "Tokens of all classes", self.tokens.clone());
        of.register(
            "model_microusd",
            "Millionths of a US dollar, where prices are known",
            self.microusd.clone(),
        );
        of.register(
            "http_answer_seconds",
            "Time until an answer began",
            self.answers.clone(),
        );
        let mut told = String::new();
        // Writing into a string can't fail.
        let _ = text::encode(&mut told, &registry);
        told
    }
}

/// The vendor of an agent's model, or of the one that answered in its place.
fn vendor(agent: &str, other: Option<&protocol::ModelId>, crew: &[Seat]) -> &'static str {
    let seat = crew.iter().find(|it| it.agent == agent);
    let model = other.or(seat.and_then(|it| it.model.as_ref()));
    let named = model.map(|it| it.vendor.as_str()).unwrap_or_default();
    let known = VENDORS.iter().find(|it| **it == named);
    known.copied().unwrap_or("other")
}

/// A word of the protocol as it is written everywhere.
fn word(value: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(value).ok();
    word.and_then(|it| it.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use protocol::{Status, Tier, TreeId};

    use super::*;

    #[test]
    fn ends_and_answers_are_counted_under_words_of_ours() {
        let metrics = Metrics::default();
        let finished = RunEvent::Finished {
            status: Status::Completed,
            reason: None,
            explanation: "a model's words".to_owned(),
            tier: Some(Tier::Proven),
            tree: TreeId("t".to_owned()),
            proposed_code: String::new(),
        };
        metrics.count(&finished, &[]);
        metrics.count(&finished, &[]);
        metrics.answered("/api/runs/{id}", 200, Duration::from_millis(3));
        let text = metrics.text(3);
        for line in [
            "pipeline_runs_working 3",
            "pipeline_runs_ended_total{status=\"completed\",tier=\"proven\",reason=\"\"} 2",
            "pipeline_http_answer_seconds_count{route=\"/api/runs/{id}\",status=\"200\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("a model's words"));
        assert!(text.ends_with("# EOF\n"));
    }
}
