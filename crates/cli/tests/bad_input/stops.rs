//! Models that were cut short, filtered or declined: each ends in its own way, and never as a finished draft or a verdict.

use expect_test::{Expect, expect};

use crate::world::{PAGES, ROUND_UP, World};

#[track_caller]
fn check(world: World, want: Expect) {
    let ended = world.walk(&[]);
    want.assert_eq(&world.seen(&ended));
}

fn pages() -> World {
    World::with_repository(PAGES)
}

const DECLINED: &str =
    "text = 'I can not help with that.'\nstop = 'declined'\nstop_details = 'refusal: cyber'";

#[test]
fn a_coder_that_declines_is_an_end_of_its_own() {
    check(
        pages().says("draft", &[DECLINED]),
        expect![[r#"
            exit 18
            --- stdout

            failed      a model declined
                        drafter could not use the reply of scripted:draft: it declined (refusal: cyber): I can not help with that.
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        `pipeline log [RUN]` shows which role it was. Say the task in other words and run it again.
        "#]],
    );
}

#[test]
fn an_edit_before_a_call_that_can_not_be_read_is_no_draft() {
    let edit = "[[call]]\ntool = 'edit_file'\npath = 'pages.py'\nold_text = '''return items // size'''\nnew_text = '''return -(-items // size)'''";
    let malformed = "stop = 'malformed'\nstop_details = 'MALFORMED_FUNCTION_CALL'";
    let mut replies = vec![edit];
    replies.extend([malformed; 15]);
    check(
        pages().says("draft", &replies),
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
fn a_filtered_review_and_one_that_was_cut_are_ends_of_their_own() {
    let reviewed = |reply: &'static str| {
        pages()
            .says("draft", &[ROUND_UP])
            .says("review", &[reply; 2])
    };
    let pass = r#"text = '{"verdict": "pass", "summary": "Fine.", "findings": []}'"#;
    let stopped = |stop: &str| -> &'static str { format!("{pass}\nstop = '{stop}'").leak() };
    let mut shown = String::new();
    for stop in ["filtered", "tokens_max", "declined"] {
        let world = reviewed(stopped(stop));
        let ended = world.walk(&[]);
        shown += &format!("{stop}: {}\n", world.seen(&ended));
    }
    expect![[r#"
        filtered: exit 19
        --- stdout

        failed      review filtered
                    reviewer could not get a review from scripted:review: it was stopped by its vendor's filter; without its review the change is not passed
        run         [RUN]
        change      ~pages.py
        kept        [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff  (the last draft)
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        cost        0 tokens, $0.0000
        next        The draft and its tests are kept: `pipeline diff [RUN]`. With `--reviewer none` a change is at most `unverified`.

        tokens_max: exit 20
        --- stdout

        failed      review unreadable
                    reviewer could not read the model's reply as the JSON of a review, also when asked once more: the model was cut off at the longest reply; without its review the change is not passed
        run         [RUN]
        change      ~pages.py
        kept        [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff  (the last draft)
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        cost        0 tokens, $0.0000
        next        The draft and its tests are kept: `pipeline diff [RUN]`. With `--reviewer none` a change is at most `unverified`.

        declined: exit 18
        --- stdout

        failed      a model declined
                    reviewer could not use the reply of scripted:review: it declined; without its review the change is not passed
        run         [RUN]
        change      ~pages.py
        kept        [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff  (the last draft)
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        cost        0 tokens, $0.0000
        next        `pipeline log [RUN]` shows which role it was. Say the task in other words and run it again.

    "#]].assert_eq(&shown);
}
