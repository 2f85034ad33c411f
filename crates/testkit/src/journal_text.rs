//! A journal as a few lines a person can compare: what happened, in order, without what varies from run to run.

use protocol::{Canaries, Entry, Evidence, HunkVerdict, RunEvent, Stage};

/// One line an event.
///
/// Times, hashes, trees and texts are left out. Preparations run beside the drafting, so their place in the journal
/// varies: they are told where their agent's first turn comes, in the order of the crew. A preparation whose agent
/// never had a turn is left out, because it may or may not have come to its end. Steps are an agent's own business
/// and left out too.
pub fn journal_text(history: &[Entry]) -> String {
    let mut told: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    for entry in history {
        if let RunEvent::Started { stage, agent, .. } | RunEvent::Reported { stage, agent, .. } =
            &entry.event
            && *stage != Stage::Drafting
            && !told.contains(&agent.as_str())
        {
            told.push(agent);
            lines.extend(preparation(history, agent));
        }
        lines.extend(line(&entry.event));
    }
    lines.join("\n") + "\n"
}

/// What an agent did before its first turn.
fn preparation(history: &[Entry], of: &str) -> Vec<String> {
    let about = |entry: &Entry| match &entry.event {
        RunEvent::Replied {
            agent,
            iteration: 0,
            reply,
            ..
        } if agent == of => Some(format!("  before: {agent}'s model {}", said(reply))),
        RunEvent::Prepared { agent, prepared } if agent == of && !prepared.evidence.is_empty() => {
            Some(format!(
                "  before: {agent} found {}",
                shown(&prepared.evidence)
            ))
        }
        _ => None,
    };
    history.iter().filter_map(about).collect()
}

fn line(event: &RunEvent) -> Option<String> {
    match event {
        RunEvent::Opened { task, crew, .. } => {
            let crew: Vec<&str> = crew.iter().map(|it| it.agent.as_str()).collect();
            Some(format!("opened: {} ({})", task.title, crew.join(", ")))
        }
        RunEvent::Reopened { fork, replaced, .. } => {
            let how = fork.as_ref().map_or("reopened", |_| "forked");
            Some(match replaced.is_empty() {
                true => how.to_owned(),
                false => format!("{how}, with others as {}", replaced.join(", ")),
            })
        }
        RunEvent::SetUp { .. } => Some("set up".to_owned()),
        RunEvent::Started {
            stage,
            iteration,
            agent,
        } => Some(format!("{stage} {iteration}: {agent} begins")),
        RunEvent::Unanswered { agent, .. } => Some(format!("  {agent}'s model gives no reply")),
        RunEvent::Replied { iteration: 0, .. }
        | RunEvent::Prepared { .. }
        | RunEvent::Stepped { .. } => None,
        RunEvent::Replied { agent, reply, .. } => {
            Some(format!("  {agent}'s model {}", said(reply)))
        }
        RunEvent::Reported {
            stage,
            iteration,
            agent,
            report,
            ..
        } => {
            let word = match report.verdict.feedback() {
                None => "passed",
                Some(_) => "sent back",
            };
            let mut line = format!("{stage} {iteration}: {agent} {word}");
            if !report.evidence.is_empty() {
                line += &format!(", showing {}", shown(&report.evidence));
            }
            Some(line)
        }
        RunEvent::Interrupted { reason, .. } => Some(format!("interrupted: {reason:?}")),
        RunEvent::Delivering { .. } | RunEvent::Delivered { .. } => None,
        RunEvent::Finished {
            status,
            reason,
            tier,
            ..
        } => Some(match (reason, tier) {
            (Some(reason), _) => format!("finished: {status:?}, {reason:?}"),
            (None, Some(tier)) => format!("finished: {status:?}, {tier:?}"),
            (None, None) => format!("finished: {status:?}"),
        }),
    }
}

/// What a model's reply asks for.
fn said(reply: &protocol::ModelReply) -> String {
    if reply.tool_calls.is_empty() {
        return "answers in words".to_owned();
    }
    let tools: Vec<&str> = reply.tool_calls.iter().map(|it| it.tool.as_str()).collect();
    format!("asks for {}", tools.join(", "))
}

fn shown(evidence: &[Evidence]) -> String {
    let parts: Vec<String> = evidence.iter().map(one).collect();
    parts.join("; ")
}

fn one(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Draft { .. } => "a draft".to_owned(),
        Evidence::Format {
            changed,
            new_findings,
            unformatted,
            ..
        } => format!(
            "files formatted: {}, new findings: {}{}",
            changed.len(),
            new_findings.len(),
            match unformatted.len() {
                0 => String::new(),
                left => format!(", left as they are: {left}"),
            }
        ),
        Evidence::Baseline(run) => format!(
            "tests on the base: {}, red: {}",
            run.results.len(),
            run.results.iter().filter(|it| it.outcome.is_red()).count()
        ),
        Evidence::AcceptanceTests(tests) => format!(
            "acceptance tests: {}, red on the base: {}",
            tests.on_base.len(),
            tests.red_on_base.len()
        ),
        Evidence::Tests { run, .. } => format!(
            "tests: {}, red: {}",
            run.results.len(),
            run.results.iter().filter(|it| it.outcome.is_red()).count()
        ),
        Evidence::Guidance { files, .. } => format!("guidance, files: {}", files.len()),
        Evidence::Review(review) => format!("a review, findings: {}", review.findings.len()),
        Evidence::ReviewerFigure(figure) => format!("a figure of {}", figure.model),
        Evidence::Missing { what, .. } => format!("no {what}"),
        Evidence::Patch(facts) => format!(
            "a patch, files: {}, allowed by the task: {}",
            facts.files,
            facts.allowed.len()
        ),
        Evidence::Dispute(dispute) => format!("a dispute about {}", dispute.test),
        Evidence::Integrity(facts) => format!(
            "integrity, canaries: {}, missing: {}, marked: {}, tricks: {}",
            match facts.canaries {
                Canaries::Held { .. } => "held",
                Canaries::Broken { .. } => "broken",
                Canaries::Silent { .. } => "silent",
            },
            facts.missing.len(),
            facts.marked.len(),
            facts.tricks.len()
        ),
        Evidence::Bite(bite) => {
            let of = |wanted: fn(&HunkVerdict) -> bool| {
                bite.hunks.iter().filter(|it| wanted(&it.verdict)).count()
            };
            format!(
                "hunks: {}, exercised: {}, untried: {}",
                bite.hunks.len(),
                of(|it| matches!(it, HunkVerdict::Exercised { .. })),
                of(|it| matches!(it, HunkVerdict::Untried { .. }))
            )
        }
    }
}
