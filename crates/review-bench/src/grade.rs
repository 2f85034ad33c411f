//! What a reviewer's answer about a case was worth.

use std::fmt;

use agents_qa::normalised;
use protocol::{AgentError, Evidence, Finding, Report, Review, Severity, StopReason};
use serde::{Deserialize, Serialize};

use crate::cases::Case;
use crate::defect::Defect;

/// A finding so many lines away from a defect still points at it: models count the lines of a diff from the header of a
/// hunk, and are often off by a few.
pub(crate) const LINES_NEAR: u32 = 5;
/// Shorter quotes occur in any text; the reviewer's own rules have the same bound.
const QUOTE_CHARS_MIN: usize = 8;
/// A quote that is longer than what is wanted by this factor is a quote of something else as well.
const QUOTE_LONGER_MAX: usize = 2;

/// What an answer was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A change with a defect was blocked for that defect.
    Caught,
    /// A change with a defect was blocked, for something else.
    BlockedOtherwise,
    /// A change with a defect was passed.
    Missed,
    /// A change without one was passed.
    Passed,
    /// A change without one was blocked.
    FalselyBlocked,
    /// There is no verdict.
    NoVerdict(NoVerdict),
}

/// Why there is no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoVerdict {
    /// The answer isn't what was asked for, also when asked once more.
    Unreadable,
    /// The model declined.
    Declined,
    /// The vendor's filter stopped the model.
    Filtered,
    /// The answer was cut before its end.
    Cut,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Caught => "caught",
            Outcome::BlockedOtherwise => "blocked for another reason",
            Outcome::Missed => "missed",
            Outcome::Passed => "passed",
            Outcome::FalselyBlocked => "falsely blocked",
            Outcome::NoVerdict(why) => return write!(f, "no verdict: {why}"),
        })
    }
}

impl fmt::Display for NoVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoVerdict::Unreadable => "unreadable",
            NoVerdict::Declined => "declined",
            NoVerdict::Filtered => "filtered",
            NoVerdict::Cut => "cut",
        })
    }
}

/// Grades a report of the reviewer. The verdict that counts is the one after the reviewer's own rules, not its word.
pub(crate) fn grade(case: &Case, report: &Report) -> Outcome {
    let blocked = report.verdict.feedback().is_some();
    let Some(defect) = &case.defect else {
        return match blocked {
            true => Outcome::FalselyBlocked,
            false => Outcome::Passed,
        };
    };
    if !blocked {
        return Outcome::Missed;
    }
    let reviews = report.evidence.iter().filter_map(|it| match it {
        Evidence::Review(review) => Some(review),
        _ => None,
    });
    match reviews.into_iter().any(|it| is_about(it, defect)) {
        true => Outcome::Caught,
        false => Outcome::BlockedOtherwise,
    }
}

/// Why a reviewer that reported nothing came to no verdict; none when that says nothing about its model. `stop` is why the
/// model stopped last.
pub(crate) fn without_report(error: &AgentError, stop: Option<StopReason>) -> Option<NoVerdict> {
    match (error, stop) {
        (AgentError::ReviewFiltered { .. }, _) => Some(NoVerdict::Filtered),
        (AgentError::Stopped { .. }, _) => Some(NoVerdict::Declined),
        (AgentError::UnreadableReply { .. }, Some(StopReason::TokensMax)) => Some(NoVerdict::Cut),
        (AgentError::UnreadableReply { .. }, _) => Some(NoVerdict::Unreadable),
        _ => None,
    }
}

/// Whether one of the findings that block stands at the defect, or quotes what it violates.
fn is_about(review: &Review, defect: &Defect) -> bool {
    let mut blocking = review
        .findings
        .iter()
        .filter(|it| it.severity == Severity::Blocking);
    blocking.any(|it| is_near(it, defect) || quotes(it, defect))
}

fn is_near(finding: &Finding, defect: &Defect) -> bool {
    let Some(lines) = defect.lines else {
        return false;
    };
    let near = lines.first.saturating_sub(LINES_NEAR)..=lines.last + LINES_NEAR;
    finding.file == defect.file && near.contains(&finding.line)
}

/// Whether the words that the finding copied are some of those that the defect violates, or hold them all and not much
/// more.
fn quotes(finding: &Finding, defect: &Defect) -> bool {
    let Some(wanted) = &defect.requirement else {
        return false;
    };
    let (wanted, quote) = (normalised(wanted), normalised(&finding.requirement));
    let chars = |it: &str| it.chars().count();
    let some = QUOTE_CHARS_MIN <= chars(&quote) && wanted.contains(&quote);
    let all = quote.contains(&wanted) && chars(&quote) <= QUOTE_LONGER_MAX * chars(&wanted);
    some || all
}

#[cfg(test)]
mod tests {
    use protocol::LineRange;

    use super::*;
    use crate::defect::Kind;

    #[track_caller]
    fn check(file: &str, line: u32, quote: &str, want: bool) {
        let defect = Defect {
            kind: Kind::Boundary,
            wrong: "It counts from one.".to_owned(),
            file: "a.py".to_owned(),
            lines: Some(LineRange {
                first: 20,
                last: 21,
            }),
            requirement: Some("The counter must\nstart at zero.".to_owned()),
            unseen: false,
        };
        let finding = Finding {
            severity: Severity::Blocking,
            file: file.to_owned(),
            line,
            requirement: quote.to_owned(),
            message: "It counts from one.".to_owned(),
        };
        let got = is_near(&finding, &defect) || quotes(&finding, &defect);
        assert_eq!(got, want, "{finding:?}");
    }

    #[test]
    fn a_few_lines_away_is_near_and_one_more_is_not() {
        check("a.py", 20 - LINES_NEAR, "", true);
        check("a.py", 20 - LINES_NEAR - 1, "", false);
        check("a.py", 21 + LINES_NEAR, "", true);
        check("a.py", 21 + LINES_NEAR + 1, "", false);
        check("b.py", 20, "", false);
        check("", 0, "", false);
    }

    #[test]
    fn a_quote_must_be_of_what_is_violated_and_of_little_else() {
        check("", 0, "The counter must start  at zero.", true);
        check("", 0, "start at zero", true);
        check("", 0, "at zero", false);
        check("", 0, "It must start at zero.", false);
        check("", 0, "Please: The counter must start at zero.", true);
        check(
            "",
            0,
            "The counter must start at zero. It must also be as fast as it was before, and it must not lose any.",
            false,
        );
    }

    #[test]
    fn only_an_answer_that_came_says_something_about_a_model() {
        use protocol::ModelError;
        let unreadable = || AgentError::UnreadableReply {
            expected: "a review",
            instead: String::new(),
        };
        for (stop, want) in [
            (Some(StopReason::Done), NoVerdict::Unreadable),
            (Some(StopReason::TokensMax), NoVerdict::Cut),
            (Some(StopReason::Malformed), NoVerdict::Unreadable),
            (None, NoVerdict::Unreadable),
        ] {
            assert_eq!(without_report(&unreadable(), stop), Some(want));
        }
        let unasked = AgentError::Model(ModelError::NoModel);
        assert_eq!(without_report(&unasked, None), None);
    }
}
