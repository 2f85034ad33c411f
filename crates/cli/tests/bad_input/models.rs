//! Models that answer nonsense: the run ends sanely, says why, and nothing is written outside.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use expect_test::{Expect, expect};

use crate::world::{PAGES, ROUND_UP, World};

/// A file that a model wants to write by its absolute path.
const ELSEWHERE: &str = "/tmp/pipeline-was-here";
const FINISH: &str = "[[call]]\ntool = 'finish'\nsummary = 'Done.'";

/// Walks with these replies of the drafter; nothing may be written outside.
#[track_caller]
fn drafts(replies: &[&str], want: Expect) {
    check(pages().says("draft", replies), want);
}

#[track_caller]
fn check(world: World, want: Expect) {
    let world = world.file("outside/file.py", "untouched\n");
    let ended = world.walk(&[]);
    want.assert_eq(&world.seen(&ended));
    let outside = fs::read_to_string(world.path("outside/file.py"));
    assert_eq!(outside.expect("it is still there"), "untouched\n");
    let names = |folder: &str| {
        let entries = fs::read_dir(world.path(folder)).expect("the folder is there");
        let mut names: Vec<String> = entries
            .map(|it| it.expect("an entry").file_name().display().to_string())
            .collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(names(""), "cache here home outside replies repo");
    assert_eq!(names("outside"), "file.py");
    assert!(!Path::new(ELSEWHERE).exists(), "{ELSEWHERE}");
    assert_eq!(
        world.git("repo", &["status", "--short"]),
        "",
        "the user's checkout"
    );
}

fn pages() -> World {
    World::with_repository(PAGES)
}

#[test]
fn a_drafter_that_says_nothing_useful_leaves_no_code() {
    drafts(
        &["text = 'Sure! Consider rounding up.'"; 6],
        expect![[r#"
            exit 10
            --- stdout

            failed      no code
                        no coder changed anything in the repository
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Say in the task what should be different afterwards, and where, and run it again. `pipeline log [RUN]` shows what the models did.
        "#]],
    );
    drafts(
        &["text = ''"; 6],
        expect![[r#"
            exit 10
            --- stdout

            failed      no code
                        no coder changed anything in the repository
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Say in the task what should be different afterwards, and where, and run it again. `pipeline log [RUN]` shows what the models did.
        "#]],
    );
    drafts(
        &[FINISH; 6],
        expect![[r#"
            exit 10
            --- stdout

            failed      no code
                        no coder changed anything in the repository
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Say in the task what should be different afterwards, and where, and run it again. `pipeline log [RUN]` shows what the models did.
        "#]],
    );
    drafts(
        &["text = '{\"pages.py\": \"def page_co'\nstop = 'tokens_max'"; 12],
        expect![[r#"
            exit 11
            --- stdout

            failed      no progress
                        the draft is the same as the one before
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        The models are stuck: read the last feedback with `pipeline show [RUN]`, then put what they miss into the task.
        "#]],
    );
}

#[test]
fn a_call_that_is_broken_is_answered_and_the_run_goes_on() {
    let broken =
        "[[call]]\ntool = 'edit_file'\nraw_arguments = '{\"path\": \"pages.py\", \"old_te'";
    let unknown = "[[call]]\ntool = 'format_disk'\npath = '/'";
    drafts(
        &[broken, unknown, ROUND_UP],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
}

#[test]
fn paths_outside_the_tree_are_refused() {
    let escape = "[[call]]\ntool = 'write_file'\npath = '../outside/file.py'\ntext = 'bad'\n\
        [[call]]\ntool = 'write_file'\npath = '/tmp/pipeline-was-here'\ntext = 'bad'\n\
        [[call]]\ntool = 'write_file'\npath = '.git/hooks/pre-commit'\ntext = 'bad'\n\
        [[call]]\ntool = 'delete_file'\npath = '../../file.py'\n\
        [[call]]\ntool = 'run'\ncommand = 'touch ../../../../outside/new'";
    drafts(
        &[escape, ROUND_UP],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
    drafts(
        &[escape, FINISH, FINISH, FINISH, FINISH],
        expect![[r#"
            exit 10
            --- stdout

            failed      no code
                        no coder changed anything in the repository
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Say in the task what should be different afterwards, and where, and run it again. `pipeline log [RUN]` shows what the models did.
        "#]],
    );
}

#[test]
fn a_link_out_of_the_tree_is_not_followed() {
    let world = pages();
    symlink("../outside", world.path("repo/way_out")).expect("a link can be made");
    world.git("repo", &["add", "way_out"]);
    world.git("repo", &["commit", "--quiet", "--message=A link"]);
    let through = "[[call]]\ntool = 'write_file'\npath = 'way_out/file.py'\ntext = 'bad'\n\
        [[call]]\ntool = 'write_file'\npath = 'way_out'\ntext = 'bad'";
    check(
        world.says("draft", &[through, ROUND_UP]),
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
}

#[test]
fn bytes_that_are_no_text_are_no_change_to_python() {
    let binary = "[[call]]\ntool = 'write_file'\npath = 'pages.py'\ntext = \"\\u0000\\u0001\\u0000\"\n\
        [[call]]\ntool = 'finish'\nsummary = 'Done.'";
    drafts(
        &[binary; 200],
        expect![[r#"
            exit 10
            --- stdout

            failed      no code
                        no coder changed anything in the repository
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Say in the task what should be different afterwards, and where, and run it again. `pipeline log [RUN]` shows what the models did.
        "#]],
    );
}

#[test]
fn ten_thousand_calls_in_one_reply_are_cut() {
    let calls = "[[call]]\ntool = 'list_files'\n".repeat(10_000);
    drafts(
        &[&calls, ROUND_UP],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
}

#[test]
fn a_drafter_that_never_ends_is_stopped() {
    let turns = vec!["[[call]]\ntool = 'list_files'\n"; 200];
    drafts(
        &turns,
        expect![[r#"
            exit 10
            --- stdout

            failed      no code
                        no coder changed anything in the repository
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Say in the task what should be different afterwards, and where, and run it again. `pipeline log [RUN]` shows what the models did.
        "#]],
    );
}

#[test]
fn an_edit_without_its_place_is_answered_and_leaves_no_code() {
    let missing =
        "[[call]]\ntool = 'edit_file'\npath = 'pages.py'\nold_text = 'return 42'\nnew_text = 'x'";
    let twice =
        "[[call]]\ntool = 'edit_file'\npath = 'pages.py'\nold_text = 'items'\nnew_text = 'x'";
    drafts(
        &[missing, twice, ROUND_UP],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
    drafts(
        &[missing, twice, FINISH, FINISH, FINISH],
        expect![[r#"
            exit 10
            --- stdout

            failed      no code
                        no coder changed anything in the repository
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Say in the task what should be different afterwards, and where, and run it again. `pipeline log [RUN]` shows what the models did.
        "#]],
    );
}

#[test]
fn a_script_that_ends_early_breaks_the_agent_by_name() {
    drafts(
        &["[[call]]\ntool = 'list_files'"],
        expect![[r#"
            exit 1
            --- stdout

            failed      an agent broke
                        drafter could not ask the model: answer request 2 of scripted:draft: its script ends after reply 1
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Going on would end the same way. `pipeline log [RUN]` shows what happened, `pipeline diff [RUN]` the last draft.
        "#]],
    );
    let expects = "expect = ['a word that is nowhere']\ntext = 'x'";
    drafts(
        &[expects],
        expect![[r#"
            exit 1
            --- stdout

            failed      an agent broke
                        drafter could not ask the model: replay scripted:draft: request 1 should contain "a word that is nowhere" and doesn't
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Going on would end the same way. `pipeline log [RUN]` shows what happened, `pipeline diff [RUN]` the last draft.
        "#]],
    );
}

#[test]
fn code_that_does_not_parse_goes_back_until_the_drafts_are_used_up() {
    let broken = "[[call]]\ntool = 'write_file'\npath = 'pages.py'\ntext = 'def page_count(:'\n\
        [[call]]\ntool = 'finish'\nsummary = 'Done.'";
    drafts(
        &[broken; 30],
        expect![[r#"
            exit 11
            --- stdout

            failed      no progress
                        the draft is the same as the one before
            run         [RUN]
            change      ~pages.py
            kept        [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff  (the last draft)
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        The models are stuck: read the last feedback with `pipeline show [RUN]`, then put what they miss into the task.
        "#]],
    );
}

#[test]
fn an_author_without_tests_costs_the_tier_and_not_the_run() {
    let author = |reply: &'static str| {
        pages()
            .says("draft", &[ROUND_UP])
            .says("author", &[reply; 12])
    };
    check(
        author("text = 'I would test the edges.'"),
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test (missing: acceptance tests)
            run         [RUN]
            missing     acceptance tests: the author answered without handing in any test
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
    check(
        author("[[call]]\ntool = 'submit_tests'\nraw_arguments = '{\"fil'"),
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test (missing: acceptance tests)
            run         [RUN]
            missing     acceptance tests: none of the tests that the author handed in showed anything on the base (last: could not read the arguments: EOF while parsing a string at line 1 column 5)
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
    let outside = "[[call]]\ntool = 'submit_tests'\n[[call.files]]\npath = '../outside/file.py'\ntext = \"def test_x():\\n    assert False\"";
    check(
        author(outside),
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test (missing: acceptance tests)
            run         [RUN]
            missing     acceptance tests: none of the tests that the author handed in showed anything on the base (last: ../outside/file.py: it must stand in `tests/`)
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
}

#[test]
fn a_reviewer_without_a_verdict_never_passes_a_change() {
    let reviewer = |reply: &'static str| {
        pages()
            .says("draft", &[ROUND_UP])
            .says("review", &[reply; 12])
    };
    check(
        reviewer("text = 'Looks good to me: pass'"),
        expect![[r#"
            exit 20
            --- stdout

            failed      review unreadable
                        reviewer could not read the model's reply as the JSON of a review, also when asked once more: it began "Looks good to me: pass"; without its review the change is not passed
            run         [RUN]
            change      ~pages.py
            kept        [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff  (the last draft)
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        The draft and its tests are kept: `pipeline diff [RUN]`. With `--reviewer none` a change is at most `unverified`.
        "#]],
    );
    check(
        reviewer("text = '{\"verdict\": \"pa'\nstop = 'tokens_max'"),
        expect![[r#"
            exit 20
            --- stdout

            failed      review unreadable
                        reviewer could not read the model's reply as the JSON of a review, also when asked once more: the model was cut off at the longest reply; without its review the change is not passed
            run         [RUN]
            change      ~pages.py
            kept        [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff  (the last draft)
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        The draft and its tests are kept: `pipeline diff [RUN]`. With `--reviewer none` a change is at most `unverified`.
        "#]],
    );
    check(
        reviewer("text = ''"),
        expect![[r#"
            exit 20
            --- stdout

            failed      review unreadable
                        reviewer could not read the model's reply as the JSON of a review, also when asked once more: it began ""; without its review the change is not passed
            run         [RUN]
            change      ~pages.py
            kept        [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff  (the last draft)
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        The draft and its tests are kept: `pipeline diff [RUN]`. With `--reviewer none` a change is at most `unverified`.
        "#]],
    );
    check(
        reviewer("[json]\nverdict = 'maybe'\nsummary = ''\nfindings = []"),
        expect![[r#"
            exit 20
            --- stdout

            failed      review unreadable
                        reviewer could not read the model's reply as the JSON of a review, also when asked once more: it began "{\"findings\":[],\"summary\":\"\",\"verdict\":\"maybe\"}"; without its review the change is not passed
            run         [RUN]
            change      ~pages.py
            kept        [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff  (the last draft)
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        The draft and its tests are kept: `pipeline diff [RUN]`. With `--reviewer none` a change is at most `unverified`.
        "#]],
    );
}
