//! Reads a reviewer's reply strictly, and lets only findings count that can be checked.

use protocol::{Finding, Review, ReviewVerdict, Severity, visible};

use crate::places::Places;

/// Reads the reply. It must be the JSON that was asked for and nothing else, but for one fence around it.
pub(crate) fn read(reply: &str) -> Result<Review, serde_json::Error> {
    serde_json::from_str(unfenced(reply))
}

/// The inside of a Markdown code block, when the whole reply is one: some servers without structured output send it so.
fn unfenced(reply: &str) -> &str {
    let reply = reply.trim();
    let inside = reply
        .strip_prefix("```json")
        .or_else(|| reply.strip_prefix("```"))
        .and_then(|it| it.strip_suffix("```"));
    inside.unwrap_or(reply).trim()
}

/// A review with its verdict after the rules, not the words, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    /// Blocking findings that can't be checked are minor ones here, and the verdict is the one that counts.
    pub(crate) review: Review,
}

impl Judged {
    /// Whether the reviewer refuses without anything that can be checked.
    pub(crate) fn refuses_without_a_reason(&self) -> bool {
        self.review.verdict == ReviewVerdict::Fail && blocking(&self.review).next().is_none()
    }
}

/// The findings for which a change must go back.
pub(crate) fn blocking(review: &Review) -> impl Iterator<Item = &Finding> {
    review
        .findings
        .iter()
        .filter(|it| it.severity == Severity::Blocking)
}

/// A finding blocks when it cites a line that the diff shows, or quotes words of the task. One blocking finding makes
/// the review a refusal, whatever the verdict says; a refusal stays one even without.
pub(crate) fn judge(mut review: Review, places: &Places, task: &str) -> Judged {
    let task = normalised(task);
    for finding in &mut review.findings {
        if finding.severity == Severity::Blocking && !is_founded(finding, places, &task) {
            finding.severity = Severity::Minor;
        }
    }
    if blocking(&review).next().is_some() {
        review.verdict = ReviewVerdict::Fail;
    }
    Judged { review }
}

fn is_founded(finding: &Finding, places: &Places, task: &str) -> bool {
    let quote = normalised(&finding.requirement);
    let quotes_the_task = QUOTE_CHARS_MIN <= quote.chars().count() && task.contains(&quote);
    quotes_the_task || places.shows(&finding.file, finding.line)
}

/// Shorter quotes occur in any text.
const QUOTE_CHARS_MIN: usize = 8;

/// A quote, or a text that is looked for one: line breaks and runs of blanks don't make a quote another one, and the
/// reviewer saw hidden characters as escapes.
pub fn normalised(text: &str) -> String {
    visible(text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "\
diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1 +1,2 @@
 one
+two
";
    const TASK: &str = "# Count from one\n\nThe counter must start\nat one, not at zero.\n";

    fn finding(severity: &str, file: &str, line: u32, requirement: &str) -> String {
        format!(
            r#"{{"severity": "{severity}", "file": "{file}", "line": {line}, "requirement": "{requirement}", "message": "m"}}"#
        )
    }

    #[track_caller]
    fn check(verdict: &str, finding: &str, want: ReviewVerdict, reason: bool) {
        let reply =
            format!(r#"{{"verdict": "{verdict}", "summary": "s", "findings": [{finding}]}}"#);
        let review = read(&reply).expect("the test's own reply can be read");
        let judged = judge(review, &Places::of(PATCH), TASK);
        assert_eq!(judged.review.verdict, want);
        assert_eq!(!judged.refuses_without_a_reason(), reason);
    }

    use ReviewVerdict::{Fail, Pass};

    #[test]
    fn a_finding_blocks_when_it_can_be_checked() {
        check("fail", &finding("blocking", "a.py", 2, ""), Fail, true);
        check(
            "fail",
            &finding("blocking", "", 0, "must start at one"),
            Fail,
            true,
        );
        check("fail", &finding("blocking", "a.py", 3, ""), Fail, false);
        check("fail", &finding("blocking", "b.py", 1, ""), Fail, false);
        check(
            "fail",
            &finding("blocking", "", 0, "must start at two"),
            Fail,
            false,
        );
        check("fail", &finding("blocking", "", 0, "one"), Fail, false);
        check("fail", &finding("minor", "a.py", 2, ""), Fail, false);
    }

    #[test]
    fn a_pass_with_a_founded_blocking_finding_is_a_refusal() {
        check("pass", &finding("blocking", "a.py", 1, ""), Fail, true);
        check("pass", &finding("blocking", "a.py", 9, ""), Pass, true);
        check("pass", &finding("minor", "a.py", 1, ""), Pass, true);
        check("pass", "", Pass, true);
    }

    #[test]
    fn only_the_json_that_was_asked_for_is_a_verdict() {
        let whole = r#"{"verdict": "pass", "summary": "s", "findings": []}"#;
        assert!(read(whole).is_ok());
        assert!(read(&format!("```json\n{whole}\n```\n")).is_ok());
        for reply in [
            format!("Here you are: {whole}"),
            format!("{whole} {whole}"),
            whole.replace("pass", "PASS"),
            whole.replace("pass", "maybe"),
            whole.replace("\"summary\"", "\"words\""),
            whole.replace("[]", "[], \"confidence\": 1"),
            whole[..whole.len() - 1].to_owned(),
        ] {
            assert!(read(&reply).is_err(), "{reply}");
        }
    }

    /// Prose is never a verdict here, so the rows that a looser reader would pass are refused too.
    #[test]
    fn no_prose_is_ever_a_pass() {
        let rows = include_str!("../../../fixtures/cases/qa_verdicts.jsonl");
        let mut seen = 0;
        for row in rows.lines() {
            let row: serde_json::Value = serde_json::from_str(row).expect("each row is JSON");
            let text = row["text"].as_str().expect("each row has a text");
            assert!(read(text).is_err(), "{text}");
            seen += 1;
        }
        assert!(10 < seen, "only {seen} rows were read");
    }
}
