//! Every reason to stop, with words, with a call, with both: only a whole reply is ever carried out or a draft.

use super::*;

/// Says the same again and again, and shows how often it was asked, what came of it and whether a file changed.
fn row(stop: StopReason, shape: &str, reply: ModelReply) -> String {
    let reply = ModelReply {
        stop,
        stop_details: "its own word".into(),
        ..reply
    };
    let visit = visit(vec![reply; 8]);
    let ended = match draft(&visit) {
        Ok(report) => match report.verdict.feedback() {
            None => format!("passes: {}", report.summary),
            Some(feedback) => format!("goes back: {feedback}"),
        },
        Err(error) => format!("could not {error}"),
    };
    let text = std::fs::read_to_string(visit.work.root().join("calc.py"));
    let changed = match text.expect("the file is there") == CALC {
        true => "unchanged",
        false => "changed",
    };
    let asked = visit.model.asked().len();
    format!("{stop:?}, {shape}: asked {asked}, {changed}, {ended}\n")
}

#[test]
fn only_a_whole_reply_is_carried_out_or_ends_a_draft() {
    let mut table = String::new();
    for stop in StopReason::ALL {
        table += &row(stop, "text", says("Done: `add` adds now."));
        table += &row(stop, "call", calls([fixing()]));
        let both = ModelReply {
            text: "Done: `add` adds now.".into(),
            ..calls([fixing(), ("finish", json!({"summary": "fixed"}))])
        };
        table += &row(stop, "both", both);
    }
    expect![[r#"
        Done, text: asked 4, unchanged, passes: stopped before it finished: 4 replies held nothing that could be carried out
        Done, call: asked 9, changed, could not ask the model
        Done, both: asked 1, changed, passes: fixed
        TokensMax, text: asked 4, unchanged, goes back: The last draft was left unfinished: 4 replies held nothing that could be carried out; in the last one the model was cut off at the longest reply (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
        TokensMax, call: asked 4, unchanged, goes back: The last draft was left unfinished: 4 replies held nothing that could be carried out; in the last one the model was cut off at the longest reply (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
        TokensMax, both: asked 4, unchanged, goes back: The last draft was left unfinished: 4 replies held nothing that could be carried out; in the last one the model was cut off at the longest reply (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
        ContextFull, text: asked 1, unchanged, goes back: The last draft was left unfinished: the model had no room left in its context (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
        ContextFull, call: asked 1, unchanged, goes back: The last draft was left unfinished: the model had no room left in its context (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
        ContextFull, both: asked 1, unchanged, goes back: The last draft was left unfinished: the model had no room left in its context (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
        Filtered, text: asked 1, unchanged, could not use the reply of test:says: it was stopped by its vendor's filter (its own word): Done: `add` adds now.
        Filtered, call: asked 1, unchanged, could not use the reply of test:says: it was stopped by its vendor's filter (its own word)
        Filtered, both: asked 1, unchanged, could not use the reply of test:says: it was stopped by its vendor's filter (its own word): Done: `add` adds now.
        Declined, text: asked 1, unchanged, could not use the reply of test:says: it declined (its own word): Done: `add` adds now.
        Declined, call: asked 1, unchanged, could not use the reply of test:says: it declined (its own word)
        Declined, both: asked 1, unchanged, could not use the reply of test:says: it declined (its own word): Done: `add` adds now.
        Malformed, text: asked 4, unchanged, goes back: The last draft was left unfinished: 4 replies held nothing that could be carried out; in the last one the model made a call that can't be read (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
        Malformed, call: asked 4, unchanged, goes back: The last draft was left unfinished: 4 replies held nothing that could be carried out; in the last one the model made a call that can't be read (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
        Malformed, both: asked 4, unchanged, goes back: The last draft was left unfinished: 4 replies held nothing that could be carried out; in the last one the model made a call that can't be read (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
        Paused, text: asked 5, unchanged, goes back: The last draft was left unfinished: 4 replies held nothing that could be carried out; in the last one the model was paused by its vendor (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
        Paused, call: asked 4, unchanged, goes back: The last draft was left unfinished: 4 replies held nothing that could be carried out; in the last one the model was paused by its vendor (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
        Paused, both: asked 4, unchanged, goes back: The last draft was left unfinished: 4 replies held nothing that could be carried out; in the last one the model was paused by its vendor (its own word). What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.
    "#]].assert_eq(&table);
}

#[test]
fn an_edit_before_the_stop_does_not_make_it_a_draft() {
    let check = |stop: StopReason, want: Expect| {
        let stopped = ModelReply { stop, ..says("") };
        let visit = visit([vec![calls([fixing()])], vec![stopped; 8]].concat());
        let shown = match draft(&visit) {
            Ok(report) => format!("{:?}", report.verdict.feedback()),
            Err(error) => format!("could not {error}"),
        };
        want.assert_eq(&shown);
    };
    check(
        StopReason::Malformed,
        expect![[
            r#"Some("The last draft was left unfinished: 4 replies held nothing that could be carried out; in the last one the model made a call that can't be read. What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.")"#
        ]],
    );
    check(
        StopReason::ContextFull,
        expect![[
            r#"Some("The last draft was left unfinished: the model had no room left in its context. What it had changed by then is in the repository. Look at it, finish what is missing, and read no more of the repository than that takes.")"#
        ]],
    );
    check(
        StopReason::Filtered,
        expect!["could not use the reply of test:says: it was stopped by its vendor's filter"],
    );
}

#[test]
fn a_paused_reply_goes_on_by_itself() {
    let paused = ModelReply {
        stop: StopReason::Paused,
        ..says("Let me")
    };
    check(
        [paused, calls([fixing()]), finish("done")],
        &expect![[r#"
        model: Let me
        model: edit_file
        ok: edited calc.py
        end: done
        +++ b/calc.py
        -    return a - b
        +    return a + b
    "#]],
    );
}
