//! `pipeline review-bench` from outside: reviewers of whom it is known how good they are, and a bench that is stopped.

#[expect(
    dead_code,
    reason = "the closed world of other tests, of which these need a part"
)]
#[path = "../bad_input/world.rs"]
mod world;

mod lives;

use expect_test::{Expect, expect};
use protocol::{ScriptedReply, StopReason};
use review_bench::{Case, cases, version};
use serde_json::{Value, json};

use crate::world::World;

fn review(verdict: &str, findings: &[Value]) -> Value {
    json!({"verdict": verdict, "summary": "Seen.", "findings": findings})
}

/// A script of one reply.
fn script(review: &Value) -> String {
    let reply = ScriptedReply {
        output: Some(review.clone()),
        ..ScriptedReply::default()
    };
    toml::to_string(&reply).expect("a reply is plain data")
}

/// A finding that a perfect reviewer of this case blocks for.
fn right(case: &Case) -> Option<Value> {
    let defect = case.defect.as_ref()?;
    let line = defect.lines.map_or(0, |it| it.first);
    Some(json!({
        "severity": "blocking",
        "file": if line == 0 { "" } else { defect.file.as_str() },
        "line": line,
        "requirement": match line {
            0 => defect.requirement.clone().unwrap_or_default(),
            _ => String::new(),
        },
        "message": defect.wrong,
    }))
}

/// Lets the scripts of a reviewer answer: one reply for all cases, and another for those that it knows better.
#[track_caller]
fn check(all: &[&Value], one: impl Fn(&Case) -> Option<Value>, arguments: &[&str], want: Expect) {
    let mut world = World::new();
    for (reply, number) in all.iter().zip(1..) {
        world = world.file(&format!("scripts/review/{number:02}.toml"), script(reply));
    }
    for case in cases().expect("they come with the program") {
        if let Some(review) = one(&case) {
            world = world.file(
                &format!("scripts/review/{}/01.toml", case.name),
                script(&review),
            );
        }
    }
    let scripted = ["review-bench", "--quiet", "--scripted", "[WORLD]/scripts"];
    let ended = world.pipeline(&[&scripted, arguments].concat());
    want.assert_eq(&world.seen(&ended));
}

#[test]
fn recall_and_false_blocks_are_what_the_scripts_earn() {
    let (pass, fail) = (review("pass", &[]), review("fail", &[]));
    // A perfect reviewer.
    check(
        &[&pass],
        |case| right(case).map(|it| review("fail", &[it])),
        &[],
        expect![[r#"
            exit 0
            --- stdout
            recall      40 of 40 (100.0 %, 95 % interval 91.2 to 100.0 %) blocked for their defect
                        19 of 19 (100.0 %, 95 % interval 83.2 to 100.0 %) of those that no test notices
            false block 0 of 20 (0.0 %, 95 % interval 0.0 to 16.1 %) blocked without one
        "#]],
    );
    // A rubber stamp.
    check(
        &[&pass],
        |_| None,
        &[],
        expect![[r#"
            exit 0
            --- stdout
            recall      0 of 40 (0.0 %, 95 % interval 0.0 to 8.8 %) blocked for their defect
                        0 of 19 (0.0 %, 95 % interval 0.0 to 16.8 %) of those that no test notices
            false block 0 of 20 (0.0 %, 95 % interval 0.0 to 16.1 %) blocked without one
            missed      40 passed with a defect: addict_by_chance/known_keys_refused, addict_by_chance/nested_stay_frozen,
                        boltons/keywords_skipped, boltons/list_as_default, cachetools/hash_travels_along,
                        cachetools/mark_is_a_value, deepmerge/one_side_is_enough, deepmerge/subclass_is_a_conflict,
                        markdown/any_word_with_s, markdown/only_at_the_beginning, more_itertools/longer_than_the_list,
                        more_itertools/sliced_by_index and 28 more
        "#]],
    );
    // Whoever refuses everything, also when asked for a reason.
    check(
        &[&fail, &fail],
        |_| None,
        &[],
        expect![[r#"
            exit 0
            --- stdout
            recall      0 of 40 (0.0 %, 95 % interval 0.0 to 8.8 %) blocked for their defect
                        0 of 19 (0.0 %, 95 % interval 0.0 to 16.8 %) of those that no test notices
            false block 20 of 20 (100.0 %, 95 % interval 83.9 to 100.0 %) blocked without one
            otherwise   40 blocked for another reason than the defect: addict_by_chance/known_keys_refused,
                        addict_by_chance/nested_stay_frozen, boltons/keywords_skipped, boltons/list_as_default,
                        cachetools/hash_travels_along, cachetools/mark_is_a_value, deepmerge/one_side_is_enough,
                        deepmerge/subclass_is_a_conflict, markdown/any_word_with_s, markdown/only_at_the_beginning,
                        more_itertools/longer_than_the_list, more_itertools/sliced_by_index and 28 more
            blocked     20 blocked without a defect: addict_by_chance/clean, boltons/clean, cachetools/clean, deepmerge/clean,
                        markdown/clean, more_itertools/clean, netaddr/clean, parse_case/clean, parse_numbered/clean, pathspec/clean,
                        pyasn1/clean, pyflakes_annotation/clean and 8 more
        "#]],
    );
    // One that sees what stands in the way of a release, and no more.
    check(
        &[&pass],
        |case| {
            let seen = case.defect.as_ref()?.kind.to_string() == "security";
            seen.then(|| right(case).map(|it| review("fail", &[it])))?
        },
        &["--only=simpleeval", "--only=uritemplate", "--cases=5"],
        expect![[r#"
            exit 0
            --- stdout
            recall      1 of 3 (33.3 %, 95 % interval 6.1 to 79.2 %) blocked for their defect
            false block 0 of 2 (0.0 %, 95 % interval 0.0 to 65.8 %) blocked without one
            missed      2 passed with a defect: simpleeval/parsed_past_the_check, uritemplate/empty_texts_dropped
        "#]],
    );
}

#[test]
fn answers_without_a_verdict_are_in_no_share() {
    let stop = |stop| {
        let reply = ScriptedReply {
            stop,
            ..ScriptedReply::default()
        };
        toml::to_string(&reply).expect("a reply is plain data")
    };
    let words = |text| toml::to_string(&ScriptedReply::text(text)).expect("it is plain data");
    let pass = script(&review("pass", &[]));
    let mut world = World::new().file("scripts/review/01.toml", pass);
    for (case, replies) in [
        ("boltons/clean", [words("PASS"), words("Looks good to me.")]),
        (
            "boltons/keywords_skipped",
            [words("{\"verdict\":"), words("[]")],
        ),
        (
            "boltons/list_as_default",
            [stop(StopReason::Filtered), stop(StopReason::Filtered)],
        ),
        (
            "markdown/clean",
            [stop(StopReason::Declined), stop(StopReason::Declined)],
        ),
        (
            "markdown/any_word_with_s",
            [stop(StopReason::TokensMax), stop(StopReason::TokensMax)],
        ),
    ] {
        for (reply, number) in replies.iter().zip(1..) {
            world = world.file(&format!("scripts/review/{case}/{number:02}.toml"), reply);
        }
    }
    let ended = world.pipeline(&[
        "review-bench",
        "--quiet",
        "--scripted",
        "[WORLD]/scripts",
        "--only=boltons",
        "--only=markdown",
    ]);
    expect![[r#"
        exit 0
        --- stdout
        recall      0 of 1 (0.0 %, 95 % interval 0.0 to 79.3 %) blocked for their defect
        false block 0 of 0 blocked without one
        no verdict  2 unreadable, 1 declined, 1 filtered, 1 cut, counted nowhere else
        missed      1 passed with a defect: markdown/only_at_the_beginning
    "#]]
    .assert_eq(&world.seen(&ended));
}

#[test]
fn what_would_be_asked_is_told_without_asking() {
    let world = World::new().file(
        "here/pipeline.toml",
        "[prices.\"openai:some-model\"]\ninput = 2.0\ncached = 0.5\ncache_write = 0.0\noutput = 8.0\n",
    );
    let dry = |model, cap| {
        let reviewer = ["review-bench", "--dry-run", "--reviewer", model];
        world.pipeline(&[&reviewer[..], cap, &["--only", "boltons"]].concat())
    };
    let seen = [
        dry("openai:some-model", &["--budget", "0.50"]),
        dry("openai:another-model", &["--token-budget", "100000"]),
        dry("openai:another-model", &[]),
    ];
    let seen = seen.map(|it| world.seen(&it)).concat();
    let seen = seen.replace(&version(), "[VERSION]");
    expect![[r#"
        exit 0
        --- stdout
        cases       2 changes with a defect, 1 without (version [VERSION])
        crew        review  openai:some-model  $2.00 in, $0.50 cached, $8.00 out
                    US dollars per million tokens on [DAY]
        cap         $0.50
        asks        3 questions, about 3.3 k tokens together, about $0.08 with the answers, by an estimate; once more where an
                    answer can't be used
        next        The same command without --dry-run asks; nothing was asked or paid.
        exit 0
        --- stdout
        cases       2 changes with a defect, 1 without (version [VERSION])
        crew        review  openai:another-model  its price isn't known
                    US dollars per million tokens on [DAY]
        cap         100.0 k tokens
        asks        3 questions, about 3.3 k tokens together; once more where an answer can't be used
        next        The same command without --dry-run asks; nothing was asked or paid.
        exit 0
        --- stdout
        cases       2 changes with a defect, 1 without (version [VERSION])
        crew        review  openai:another-model  its price isn't known
                    US dollars per million tokens on [DAY]
        cap         none; --budget 2.00 would set one
        asks        3 questions, about 3.3 k tokens together; once more where an answer can't be used
        next        The same command without --dry-run asks; nothing was asked or paid.
    "#]]
    .assert_eq(&seen);
    assert!(
        !world
            .path("home/.local/state/pipeline/review-bench")
            .exists()
    );
}

#[test]
fn a_bench_that_cannot_begin_says_why() {
    let words = toml::to_string(&ScriptedReply::text("PASS")).expect("it is plain data");
    let world = World::new().file("one/review/01.toml", words);
    let mut seen = String::new();
    for arguments in [
        &["--reviewer", "gemini:gemini-3.8-flash"][..],
        &["--reviewer", "none"],
        &["--only", "nothing-is-called-so"],
        &["--scripted", "[WORLD]/nowhere"],
        &["--scripted", "[WORLD]/one", "--cases", "1"],
        &["--replay", "[WORLD]/nowhere"],
    ] {
        let ended = world.pipeline(&[&["review-bench", "--quiet"], arguments].concat());
        seen += &format!("{arguments:?}\n{}", world.seen(&ended));
    }
    expect![[r#"
        ["--reviewer", "gemini:gemini-3.8-flash"]
        exit 2
        --- stderr
        error: could not connect gemini:gemini-3.8-flash for the role `reviewer`: Gemini needs a key (set GOOGLE_API_KEY or GEMINI_API_KEY, or choose another model for this role)
          what to do: `pipeline doctor` shows which keys are set; `pipeline demo` needs none.
        ["--reviewer", "none"]
        exit 2
        --- stderr
        error: could not measure a reviewer that is `none` (give --reviewer VENDOR:MODEL)
        ["--only", "nothing-is-called-so"]
        exit 2
        --- stderr
        error: could not find a case with nothing-is-called-so in its name (`pipeline review-bench --dry-run --json` lists them all)
        ["--scripted", "[WORLD]/nowhere"]
        exit 2
        --- stderr
        error: could not find scripts in `[WORLD]/nowhere/review` (replies `01.toml`, `02.toml` … for all cases, or in a folder FIX/CASE for one)
        ["--scripted", "[WORLD]/one", "--cases", "1"]
        exit 2
        --- stderr
        error: could not ask about the case addict_by_chance/clean
          because: ask the model
          because: answer request 2 of scripted:review: its script ends after reply 1
          what to do: Add a reply: whose answer can't be used is asked once more. 0 of 1 cases are answered.
        ["--replay", "[WORLD]/nowhere"]
        exit 2
        --- stderr
        error: could not find a bench in [WORLD]/nowhere (name the folder that it was kept in with --out)
    "#]].assert_eq(&seen);
}
