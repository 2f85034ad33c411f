//! Reviewers of whom it is known how good they are, and what the bench says of them.

use expect_test::{Expect, expect};
use protocol::{LineRange, ModelReply, ReviewerFigure, Share, Silent, StopReason};
use review_bench::{Case, Figures, Outcome, Tally, cases, show};
use serde_json::json;
use testkit::{SaysModel, limits, says};

fn finding(severity: &str, file: &str, line: u32, requirement: &str) -> serde_json::Value {
    json!({"severity": severity, "file": file, "line": line, "requirement": requirement, "message": "Seen."})
}

fn reply(verdict: &str, findings: &[serde_json::Value]) -> ModelReply {
    says(json!({"verdict": verdict, "summary": "Seen.", "findings": findings}).to_string())
}

fn stopped(stop: StopReason) -> ModelReply {
    ModelReply { stop, ..says("") }
}

async fn asked(case: &Case, replies: Vec<ModelReply>) -> Outcome {
    let model = SaysModel::new(replies);
    let outcome = show(case, &model, &limits(), &Silent).await;
    outcome.unwrap_or_else(|error| panic!("{}: could not {error}", case.name))
}

/// Lets a reviewer answer about every case, and says what came of it.
async fn check(reviewer: impl Fn(&Case) -> Vec<ModelReply>, want: Expect) {
    let mut tally = Tally::default();
    for case in cases().expect("they come with the program") {
        let outcome = asked(&case, reviewer(&case)).await;
        tally.count(&case, outcome);
    }
    want.assert_eq(&format!(
        "caught {}\nblocked otherwise {}\nfalse blocks {}\nno verdict {:?}",
        tally.caught, tally.blocked_otherwise, tally.false_blocks, tally.no_verdict
    ));
}

#[tokio::test]
async fn a_perfect_reviewer_catches_all_and_lets_every_fix_pass() {
    check(
        |case| {
            let Some(defect) = &case.defect else {
                return vec![reply("pass", &[])];
            };
            let found = match (&defect.lines, &defect.requirement) {
                (Some(lines), _) => finding("blocking", &defect.file, lines.first, ""),
                (None, quote) => finding("blocking", "", 0, quote.as_deref().unwrap_or_default()),
            };
            vec![reply("fail", &[found])]
        },
        expect![[r#"
            caught 40 of 40 (100.0 %, 95 % interval 91.2 to 100.0 %)
            blocked otherwise 0
            false blocks 0 of 20 (0.0 %, 95 % interval 0.0 to 16.1 %)
            no verdict {}"#]],
    )
    .await;
}

#[tokio::test]
async fn a_rubber_stamp_catches_nothing() {
    check(
        |_| vec![reply("pass", &[])],
        expect![[r#"
            caught 0 of 40 (0.0 %, 95 % interval 0.0 to 8.8 %)
            blocked otherwise 0
            false blocks 0 of 20 (0.0 %, 95 % interval 0.0 to 16.1 %)
            no verdict {}"#]],
    )
    .await;
}

#[tokio::test]
async fn whoever_blocks_everything_without_a_reason_has_caught_nothing() {
    check(
        |_| vec![reply("fail", &[]), reply("fail", &[])],
        expect![[r#"
            caught 0 of 40 (0.0 %, 95 % interval 0.0 to 8.8 %)
            blocked otherwise 40
            false blocks 20 of 20 (100.0 %, 95 % interval 83.9 to 100.0 %)
            no verdict {}"#]],
    )
    .await;
}

/// Some defects stand near the first line that a change adds, so this one is right by chance now and then. That is why
/// false blocks are told beside.
#[tokio::test]
async fn whoever_blames_the_first_new_line_is_right_by_chance_only() {
    check(
        |case| {
            let (file, line) = first_new_line(&case.state.proposed_code);
            vec![reply("fail", &[finding("blocking", file, line, "")])]
        },
        expect![[r#"
            caught 13 of 40 (32.5 %, 95 % interval 20.1 to 48.0 %)
            blocked otherwise 27
            false blocks 20 of 20 (100.0 %, 95 % interval 83.9 to 100.0 %)
            no verdict {}"#]],
    )
    .await;
}

fn first_new_line(patch: &str) -> (&str, u32) {
    let (mut file, mut line) = ("", 0);
    for text in patch.lines() {
        if let Some(path) = text.strip_prefix("+++ b/") {
            file = path;
        } else if let Some(numbers) = text.strip_prefix("@@ -") {
            let (_, new) = numbers.split_once(" +").expect("git writes it so");
            let digits = new.split([',', ' ']).next().unwrap_or_default();
            line = digits.parse().expect("git writes it so");
        } else if text.starts_with('+') {
            return (file, line);
        } else if 0 < line && !text.starts_with('-') {
            line += 1;
        }
    }
    panic!("the change adds nothing")
}

#[tokio::test]
async fn answers_without_a_verdict_are_counted_by_themselves() {
    check(
        |case| match case.name.as_str() {
            "boltons/clean" => vec![says("PASS"), says("It looks good to me.")],
            "boltons/keywords_skipped" => vec![stopped(StopReason::Declined)],
            "cachetools/clean" => vec![stopped(StopReason::Filtered)],
            "boltons/list_as_default" => vec![
                stopped(StopReason::TokensMax),
                stopped(StopReason::TokensMax),
            ],
            _ => vec![reply("pass", &[])],
        },
        expect![[r#"
            caught 0 of 38 (0.0 %, 95 % interval 0.0 to 9.2 %)
            blocked otherwise 0
            false blocks 0 of 18 (0.0 %, 95 % interval 0.0 to 17.6 %)
            no verdict {Unreadable: 1, Declined: 1, Filtered: 1, Cut: 1}"#]],
    )
    .await;
}

/// One answer about one case, and what it was worth.
async fn grade(case: &Case, found: serde_json::Value, verdict: &str, want: Outcome) {
    let replies = || vec![reply(verdict, std::slice::from_ref(&found))];
    let got = asked(case, [replies(), replies()].concat()).await;
    assert_eq!(got, want, "{found}");
}

#[tokio::test]
async fn a_block_counts_where_it_stands_at_the_defect_or_quotes_what_is_violated() {
    use Outcome::{BlockedOtherwise, Caught, Missed};
    let cases = cases().expect("they come with the program");
    let case = cases.into_iter().find(|it| it.name == "netaddr/not_itself");
    let mut case = case.expect("it is one of them");
    let file = "netaddr/ip/__init__.py";
    let defect = case.defect.as_mut().expect("it has a defect");
    assert_eq!(defect.file, file);
    defect.requirement = Some("They should just\nend.".to_owned());
    let LineRange { first, last } = defect.lines.expect("it has lines");
    let at = |file, line| finding("blocking", file, line, "");
    let quote = |words| finding("blocking", "", 0, words);
    for (found, verdict, want) in [
        (at(file, first), "fail", Caught),
        (at(file, last + 3), "fail", Caught),
        // The same line in another file, another line in the same file.
        (at("netaddr/ip/glob.py", 80), "fail", BlockedOtherwise),
        (at(file, 319), "fail", BlockedOtherwise),
        // The finding decides, not the word.
        (at(file, first), "pass", Caught),
        (finding("minor", file, first, ""), "pass", Missed),
        (finding("minor", file, first, ""), "fail", BlockedOtherwise),
        (quote("They should  just end."), "fail", Caught),
        (quote("should just end"), "fail", Caught),
        (
            quote("RuntimeError from iterators"),
            "fail",
            BlockedOtherwise,
        ),
        (
            quote(
                "On Python 3.7 and newer, `list(IPNetwork(\"172.24.0.0/16\").subnet(8))` and `iter_unique_ips` end in \
                 `RuntimeError: generator raised StopIteration`. They should just end.",
            ),
            "fail",
            BlockedOtherwise,
        ),
    ] {
        grade(&case, found, verdict, want).await;
    }
}

#[test]
fn figures_are_read_as_they_were_written_and_the_newest_counts() {
    let figure = |model: &str, cases: &str, hits| ReviewerFigure {
        model: model.to_owned(),
        effort: None,
        cases: cases.to_owned(),
        day: "2026-05-21".to_owned(),
        caught: Share { hits, of: 40 },
        blocked_otherwise: 1,
        false_blocks: Share { hits: 0, of: 20 },
        no_verdict: 0,
    };
    let mut figures = Figures::bundled().expect("they come with the program");
    assert_eq!(
        figures.known,
        [],
        "a vendor's model was measured: say where and when"
    );
    figures.learn(figure("a:b", "old", 1));
    figures.learn(figure("a:b", "new", 2));
    figures.learn(figure("c:d", "new", 3));
    figures.learn(figure("a:b", "new", 4));
    let text = figures.to_text().expect("it is plain data");
    let read = Figures::read(&text, "the test").expect("it was just written");
    assert_eq!(read, figures);
    assert_eq!(
        read.with_cases("new"),
        [figure("c:d", "new", 3), figure("a:b", "new", 4)]
    );
    let refused = Figures::read("[[reviewer]]\nmodel = 1\n", "the test");
    expect!["read the figures of reviewers in the test"]
        .assert_eq(&refused.expect_err("it isn't one").to_string());
}
