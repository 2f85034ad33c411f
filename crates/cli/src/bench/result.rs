//! What a bench found, for people and for programs.

use std::collections::BTreeMap;

use delivery::words::number;
use protocol::{ReviewerFigure, Share};
use review_bench::{Case, Outcome, Tally};
use serde_json::{Value, json};

use super::kept::Asked;
use crate::words;

/// Names of cases in one line; all are in the file.
const NAMES_MAX: usize = 12;
/// Where the values stand behind the labels.
const INDENT: usize = 12;

/// The result of a bench.
pub(crate) struct Benched {
    pub(crate) asked: Asked,
    /// The version of the cases.
    pub(crate) version: String,
    /// The day on which it ended, as in `2026-05-21`.
    pub(crate) day: String,
    pub(crate) graded: Vec<(Case, Outcome)>,
    /// Whether these are all cases there are.
    pub(crate) whole: bool,
    /// Tokens and money of all lives of the bench; none where nobody was paid.
    pub(crate) spent: Option<(u64, Option<u64>)>,
}

impl Benched {
    /// What reports may cite.
    pub(crate) fn figure(&self) -> ReviewerFigure {
        let model = self.asked.model.to_string();
        self.tally()
            .figure(&model, self.asked.effort, &self.version, &self.day)
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (case, outcome) in &self.graded {
            tally.count(case, *outcome);
        }
        tally
    }

    /// The lines for a person.
    pub(crate) fn lines(&self, width: usize) -> Vec<String> {
        let tally = self.tally();
        let mut lines = Vec::new();
        let mut say = |label: &str, text: &str| {
            let label = format!("{label:<INDENT$}");
            lines.extend(words::wrapped(&label, INDENT, text, width));
        };
        say(
            "recall",
            &format!("{} blocked for their defect", tally.caught),
        );
        if 0 < tally.caught_unseen.of {
            let unseen = &tally.caught_unseen;
            say("", &format!("{unseen} of those that no test notices"));
        }
        say(
            "false block",
            &format!("{} blocked without one", tally.false_blocks),
        );
        if 0 < tally.without_verdict() {
            let why = |(why, count): (_, &u32)| format!("{count} {why}");
            let why: Vec<String> = tally.no_verdict.iter().map(why).collect();
            say(
                "no verdict",
                &format!("{}, counted nowhere else", why.join(", ")),
            );
        }
        for (label, wanted, what) in [
            ("missed", Outcome::Missed, "passed with a defect"),
            (
                "otherwise",
                Outcome::BlockedOtherwise,
                "blocked for another reason than the defect",
            ),
            (
                "blocked",
                Outcome::FalselyBlocked,
                "blocked without a defect",
            ),
        ] {
            let names = self.names(wanted);
            if !names.is_empty() {
                say(label, &format!("{} {what}: {}", names.len(), list(&names)));
            }
        }
        if let Some((tokens, microusd)) = self.spent {
            let money = delivery::words::money(microusd);
            say("cost", &format!("{}, {money}", words::tokens(tokens)));
        }
        lines
    }

    fn names(&self, wanted: Outcome) -> Vec<&str> {
        let of = self.graded.iter().filter(|(_, outcome)| *outcome == wanted);
        of.map(|(case, _)| case.name.as_str()).collect()
    }

    /// The object for a program.
    pub(crate) fn json(&self) -> Value {
        let tally = self.tally();
        let by_kind: BTreeMap<String, Value> = (tally.caught_by_kind.iter())
            .map(|(kind, caught)| (kind.to_string(), share(caught)))
            .collect();
        let no_verdict: BTreeMap<String, u32> = (tally.no_verdict.iter())
            .map(|(why, count)| (why.to_string(), *count))
            .collect();
        let outcomes: Vec<Value> = (self.graded.iter())
            .map(|(case, outcome)| {
                json!({
                    "case": case.name,
                    "kind": case.defect.as_ref().map(|it| it.kind),
                    "outcome": outcome.to_string(),
                })
            })
            .collect();
        json!({
            "model": self.asked.model.to_string(),
            "effort": self.asked.effort,
            "cases": self.version,
            "day": self.day,
            "whole": self.whole,
            "caught": share(&tally.caught),
            "caught_unseen": share(&tally.caught_unseen),
            "caught_by_kind": by_kind,
            "blocked_otherwise": tally.blocked_otherwise,
            "false_blocks": share(&tally.false_blocks),
            "no_verdict": no_verdict,
            "tokens": self.spent.map(|it| it.0),
            "cost_microusd": self.spent.and_then(|it| it.1),
            "outcomes": outcomes,
        })
    }
}

fn share(share: &Share) -> Value {
    json!({
        "hits": share.hits,
        "of": share.of,
        "share": share.seen(),
        "low_95": share.interval_95().map(|it| it.0),
        "high_95": share.interval_95().map(|it| it.1),
    })
}

fn list(names: &[&str]) -> String {
    let shown = names[..names.len().min(NAMES_MAX)].join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {} more", number(more as u64)),
    }
}
