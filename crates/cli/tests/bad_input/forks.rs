//! Runs that are forked or resumed with something changed: what is refused, and what comes of the rest.

use std::fs;

use expect_test::{Expect, expect};

use crate::world::{PAGES, ROUND_UP, World};

/// A reply that used so many tokens and reads a file.
fn reads(tokens: u64) -> String {
    format!(
        "[usage]\ninput_tokens = {tokens}\n[[call]]\ntool = \"read_file\"\npath = \"pages.py\"\n"
    )
}

/// A world in which a coder reads and then rounds up.
fn two_replies(tokens: u64) -> World {
    World::with_repository(PAGES).says("draft", &[&reads(tokens), ROUND_UP])
}

#[track_caller]
fn check(world: &World, arguments: &[&str], want: Expect) {
    let ended = world.pipeline(arguments);
    want.assert_eq(&in_any_order(&world.seen(&ended)));
}

/// Which of the agents that only get ready is the last to be, and whether they are before a coder, is up to chance.
fn in_any_order(seen: &str) -> String {
    let ready = |line: &str| match (line.split_once(":   "), line.ends_with(" is prepared")) {
        (Some((head, _)), true) => format!("{head}: [AGENT] is prepared\n"),
        _ => format!("{line}\n"),
    };
    let (beside, walk): (Vec<&str>, Vec<&str>) =
        seen.lines().partition(|line| line.starts_with("  ✓ "));
    let first = walk.iter().position(|line| line.starts_with("✓ "));
    let (before, after) = walk.split_at(first.unwrap_or(walk.len()));
    let lines = before.iter().chain(&beside).chain(after);
    lines.map(|line| ready(line)).collect()
}

/// The runs, newest first.
fn runs(world: &World) -> Vec<String> {
    let listed = world.pipeline(&["runs"]).stdout;
    let name = |line: &str| line.split_whitespace().next().map(str::to_owned);
    listed.lines().filter_map(name).collect()
}

/// The number of the first event whose line has these words.
fn event(world: &World, run: &str, words: &str) -> String {
    let log = world.pipeline(&["log", run]).stdout;
    let line = log.lines().find(|it| it.contains(words));
    let line = line.unwrap_or_else(|| panic!("no event has `{words}`:\n{log}"));
    let number = line.split_whitespace().next();
    number.expect("a line begins with a number").to_owned()
}

/// What the program keeps about a run beside the database, and what the log says.
fn kept(world: &World, run: &str) -> Vec<(String, String)> {
    let state = world.path("home/.local/state/pipeline");
    let mut found = vec![(
        "log".to_owned(),
        world.pipeline(&["log", run, "--json"]).stdout,
    )];
    for folder in ["runs", "evidence", "files"] {
        let folder = state.join(folder).join(run);
        for (path, bytes) in testkit::files(&folder) {
            found.push((path, format!("{bytes:?}")));
        }
    }
    found
}

#[test]
fn what_a_fork_can_not_be_is_said_before_anything_is_begun() {
    let world = two_replies(1000);
    world.walk(&["--out", "out", "--patch", "old.patch"]);
    let run = &*runs(&world).remove(0);
    let before = kept(&world, run);
    let fork = |more: &[&str], want| check(&world, &[&["fork", run], more].concat(), want);
    fork(
        &[],
        expect![[r#"
        exit 2
        --- stderr
        error: could not fork [RUN]: from its end it would end the same way again
          what to do: Say what shall be different: other models (--coder, --test-author, --reviewer), more drafts (--max-iterations), a higher --budget; or with --at from which of its events on its models shall try again.
    "#]],
    );
    fork(
        &["--at", "999"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not fork [RUN]: it has no event 999 (--at takes 0 to 26; `pipeline log [RUN]` numbers the events)
    "#]],
    );
    let end = event(&world, run, "finished");
    let told = world.pipeline(&["fork", run, "--at", &end]);
    assert_eq!(told.code, 2);
    assert!(
        told.stderr
            .contains("is its end, and nothing follows an end"),
        "{}",
        told.stderr
    );
    fork(
        &["--at", "1", "--out", "out"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not write to --out [WORLD]/here/out: the old run has written there (name another place)
    "#]],
    );
    fork(
        &["--at", "1", "--patch", "old.patch"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not write to --patch [WORLD]/here/old.patch: the old run has written there (name another place)
    "#]],
    );
    let last = event(&world, run, "reply of 0 tokens");
    fork(
        &["--at", &last, "--token-budget", "900"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not go on with a budget of 900 tokens: what was done before has used 1.0 k tokens (both count; give a higher --token-budget)
    "#]],
    );
    fork(
        &[
            "--coder",
            "openai:gpt-6.1-sol",
            "--test-author",
            "anthropic:claude-sonnet-5-5",
        ],
        expect![[r#"
            exit 2
            --- stderr
            fork        [RUN] after event 5 (of 0 to 26): [AGENT] is prepared
            inherited   0 requests, 0 tokens, $0.0000
            other       drafter is openai:gpt-6.1-sol from here on, and was scripted:draft
            other       test-author is anthropic:claude-sonnet-5-5 from here on, and was nobody
            error: could not fill 2 of the roles
              because: connect openai:gpt-6.1-sol for the role `drafter`: OpenAI needs a key (set OPENAI_API_KEY, or choose another model for this role)
              because: connect anthropic:claude-sonnet-5-5 for the role `test-author`: Anthropic needs a key (set ANTHROPIC_API_KEY, or choose another model for this role)
              what to do: `pipeline doctor` shows which keys are set; `pipeline demo` needs none.
        "#]],
    );
    fork(
        &["--coder", "none"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not go on without a coder: give at least one --coder that isn't `none`
    "#]],
    );
    fork(
        &["--scripted", "nowhere"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not find a coder's script in `[WORLD]/here/nowhere` (it needs a folder `draft` with replies `01.toml`, `02.toml` …; `refine`, `author` and `review` may be beside it)
    "#]],
    );
    check(
        &world,
        &["fork", "nothing"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not find a run whose name begins with `nothing`
          what to do: `pipeline runs` lists them all.
    "#]],
    );
    assert_eq!(runs(&world).len(), 1, "nothing was begun");
    assert_eq!(kept(&world, run), before);
}

#[test]
fn a_run_without_its_folder_can_not_be_forked() {
    let world = two_replies(1000);
    world.walk(&[]);
    let run = &*runs(&world).remove(0);
    fs::remove_dir_all(world.path("home/.local/state/pipeline/runs").join(run))
        .expect("it is there");
    check(
        &world,
        &["fork", run, "--at", "3", "--quiet"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not take over what [RUN] keeps in [WORLD]/home/.local/state/pipeline/runs/[RUN]
              because: find the repository folder `[WORLD]/home/.local/state/pipeline/runs/[RUN]/kept.git` (is the path right?)
        "#]],
    );
    assert_eq!(runs(&world).len(), 1, "nothing was begun");
}

#[test]
fn a_fork_goes_on_with_other_scripts_and_its_change_goes_elsewhere() {
    let other = ROUND_UP.replace("-(-items // size)", "(items + size - 1) // size");
    let world = two_replies(1000).file("other/draft/01.toml", other);
    world.walk(&["--patch", "old.patch", "--out", "out"]);
    let run = &*runs(&world).remove(0);
    let before = kept(&world, run);
    let read = event(&world, run, "read_file");
    check(
        &world,
        &[
            "fork",
            run,
            "--at",
            &read,
            "--scripted",
            "[WORLD]/other",
            "--patch",
            "new.patch",
        ],
        expect![[r#"
            exit 0
            --- stderr
            fork        [RUN] after event 8 (of 0 to 26):   drafter: reply of 1.0 k tokens, wants read_file
            inherited   1 request, 1.0 k tokens, $0.0000
            other       drafter has another script from here on
            note        drafter begins draft 1 anew; 1 request that it took for that until here stay paid for
            run         [RUN]
              ✓ pytest: the base's own suite: 1 test, 0 failing (known from an earlier run)
            ✓ Drafting   drafter: Rounds up instead of down. ([TIME])
              step 1, generate (draft 1, drafter): 1 file; ~pages.py
            ✓ Drafting   patch: the patch touches 1 file in 287 bytes ([TIME])
            ✓ Formatting ruff: ruff 0.17.5: nothing to format, nothing new found ([TIME])
            ✓ Testing    pytest: 1 test: 1 kept ([TIME])
              step 2, test (draft 1, pytest): 1 passed, 0 failed; tests/test_pages.py
            ✓ Testing    ablation: 1 hunk reverted one by one: 0 noticed by a test, 1 by none, 0 not tried ([TIME])
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            patch       [WORLD]/here/new.patch  (git apply [WORLD]/here/new.patch)
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        1.0 k tokens, $0.0000
            next        Read the report, then merge.
        "#]],
    );
    let patch =
        |name: &str| fs::read_to_string(world.path("here").join(name)).expect("it is there");
    assert!(patch("old.patch").contains("-(-items // size)"));
    assert!(patch("new.patch").contains("(items + size - 1) // size"));
    assert_eq!(kept(&world, run), before, "the old run is as it was");
    let fork = &*runs(&world).remove(0);
    let evidence = format!("[WORLD]/home/.local/state/pipeline/evidence/{fork}");
    let verified = world.pipeline(&["verify", &evidence, "--quiet"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);

    // The fork needs nothing of the run it was: also when that is gone, it can be forked itself.
    fs::remove_dir_all(world.path("home/.local/state/pipeline/runs").join(run))
        .expect("it is there");
    let again = world.pipeline(&["fork", fork, "--at", &read, "--quiet"]);
    assert_eq!(again.code, 0, "{}{}", again.stdout, again.stderr);
}

#[test]
fn a_run_that_goes_on_keeps_the_bounds_that_it_began_with() {
    let world = two_replies(20_000);
    assert_eq!(world.walk(&["--token-budget", "36000"]).code, 12);
    // No program could start within so little; whoever began the run had more to give.
    let world = world.variable("PIPELINE_LIMITS__MEMORY_BYTES_MAX", "1000000");
    let more = ["resume", "--quiet", "--token-budget", "72000"];
    let resumed = world.pipeline(&more);
    assert_eq!(resumed.code, 0, "{}", world.seen(&resumed));
}

#[test]
fn a_budget_that_was_spent_is_raised_and_nothing_is_paid_twice() {
    let world = two_replies(20_000);
    let stopped = world.walk(&["--token-budget", "36000"]);
    expect![[r#"
        exit 12
        --- stdout

        stopped     budget exhausted, can be resumed
                    drafter could not ask the model: stay within the budget: the next request may need 21925 tokens and 16000 tokens is left
        run         [RUN]
        change      none
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        cost        20.0 k tokens, $0.0000
        next        The work so far is kept (`pipeline diff [RUN]`), and nothing is paid for twice: `pipeline resume [RUN] --token-budget 72000` goes on with twice as much.
    "#]].assert_eq(&world.seen(&stopped));
    let run = &*runs(&world).remove(0);
    check(
        &world,
        &["resume", run, "--token-budget", "20000"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not go on with a budget of 20.0 k tokens: what was done before has used 20.0 k tokens (both count; give a higher --token-budget)
        "#]],
    );
    check(
        &world,
        &["resume", run, "--quiet"],
        expect![[r#"
            exit 12
            --- stdout

            stopped     budget exhausted, can be resumed
                        drafter could not ask the model: stay within the budget: the next request may need 21925 tokens and 16000 tokens is left
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        20.0 k tokens, $0.0000
            next        The work so far is kept (`pipeline diff [RUN]`), and nothing is paid for twice: `pipeline resume [RUN] --token-budget 72000` goes on with twice as much.
        "#]],
    );
    // Without a name it is the one that stopped last.
    check(
        &world,
        &[
            "resume",
            "--quiet",
            "--token-budget",
            "72000",
            "--patch",
            "p.patch",
        ],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            patch       [WORLD]/here/p.patch  (git apply [WORLD]/here/p.patch)
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        20.0 k tokens, $0.0000
            next        Read the report, then merge.
        "#]],
    );
    let log = world.pipeline(&["log", run]).stdout;
    let replies = log.lines().filter(|it| it.contains("reply of"));
    assert_eq!(replies.count(), 2, "{log}");
    check(
        &world,
        &["resume"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not find a run that stopped before its end
          what to do: `pipeline runs` lists them all; `pipeline fork RUN` goes on from a run that is at its end.
    "#]],
    );
}

#[test]
fn a_run_at_its_end_is_delivered_elsewhere_and_gone_on_with_as_a_fork() {
    let world = two_replies(1000);
    world.walk(&[]);
    let run = &*runs(&world).remove(0);
    check(
        &world,
        &["resume", run, "--quiet", "--patch", "later.patch"],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            patch       [WORLD]/here/later.patch  (git apply [WORLD]/here/later.patch)
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        1.0 k tokens, $0.0000
            next        Read the report, then merge.
        "#]],
    );
    assert!(world.path("here/later.patch").exists());
    for more in [
        &["--max-iterations", "5"][..],
        &["--token-budget", "9000000"],
    ] {
        let refused = world.pipeline(&[&["resume", run], more].concat());
        assert_eq!(refused.code, 2);
        assert!(
            refused.stderr.contains(&format!("`pipeline fork {run}`")),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn roles_that_scripts_fill_are_given_to_vendors_as_a_fork() {
    let world = two_replies(20_000);
    world.walk(&["--token-budget", "36000"]);
    let run = &*runs(&world).remove(0);
    check(
        &world,
        &["resume", run, "--coder", "openai:gpt-6.1-sol"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not give a role another model: this run's replies come from scripts or from a recording
              what to do: `pipeline fork` goes on from it with models of vendors, or with other scripts.
        "#]],
    );
}
