//! Which events can stand where, over journals in shorthand.

mod shorthand;

use expect_test::{Expect, expect};
use protocol::{Bite, Evidence, ModelId, RunEvent};

use super::check_order;
use shorthand::{journal, said, spelled};

#[track_caller]
fn check(words: &str, want: Expect) {
    want.assert_eq(&said(&journal(&spelled(words))));
}

#[test]
fn walks_are_accepted_wherever_they_are_and_however_they_end() {
    for words in [
        "",
        "set",
        "set c+ stop c( stop c( c. c~",
        "READY GOOD end",
        "READY GOOD end give give",
        "READY c( c! 2 GOOD end",
        "READY c( c) d( d) g( g! 2 FORMATTED a( a. a) t( t! fail",
        // What was given up is written down before the end, whoever is at work by then.
        "READY c( c. d~ a~ broke",
        "broke",
        "set broke give",
        "READY c( c) d( d0 g( g0 none",
        "READY GOOD broke",
    ] {
        assert_eq!(said(&journal(&spelled(words))), "accepted", "{words}");
    }
}

#[test]
fn runs_that_went_on_are_accepted() {
    for words in [
        // Killed, and gone on with, in the middle of a visit, of a preparation, and between them.
        "set 0 a. a, 1 c+ c( c. c( c, c) d+ d( d( d( d) g+ g( g)",
        // Stopped twice before anything was done.
        "stop stop set stop c+ c(",
        // Under the same terms, and with other models for who is at work or was done.
        "READY c( c. =c1-d2-g-f-a3-t-r4 c( c) d( d)",
        "READY c( c. stop =c9-d2-g-f-a3-t-r4/c c+ c( c. c) d( d)",
        "READY c( c) d( d. =c9-d9-g-f-a3-t-r4/cd d+ d( d)",
        // Whoever is another one and hasn't been heard gets ready again.
        "READY c( =c1-d2-g-f-a9-t-r4/a 0 a. a+ 1 c( c)",
        "READY FORMATTED a( a) =c1-d2-g-f-a9-t-r4/a t( t)",
        // Somebody new comes first in a stage that isn't over, and not at all in one that is.
        "READY c( c) =c1-e9-d2-g-f-a3-t-r4/e e+ e( e. e) d( d)",
        "READY FORMATTED =c1-e9-d2-g-f-a3-t-r4/e e+ a( a)",
        "READY c( c) d( d) =c1-g-f-a3-t-r4/d g( g) f( f)",
        "READY c( c) =c1-d2-g-f-t-r4/a d( d) g( g) f( f) t( t)",
        // Other scripts under the same name.
        "READY c( =c1-d2-g-f-a3-t-r4/cd d+ c+ c(",
        "READY <13 c( c)",
        // Another draft is allowed after the last one was sent back.
        "READY c( c! 2 c( c! =c1-d2-g-f-a3-t-r4 fail",
    ] {
        assert_eq!(said(&journal(&spelled(words))), "accepted", "{words}");
    }
}

#[test]
fn nobody_works_who_has_no_turn() {
    check(
        "READY z( z)",
        expect!["14 z begins in Drafting of draft 1; could be: c begins in Drafting of draft 1"],
    );
    check(
        "READY z+",
        expect!["14 z is prepared; could be: c begins in Drafting of draft 1"],
    );
    check(
        "READY d( d)",
        expect!["14 d begins in Drafting of draft 1; could be: c begins in Drafting of draft 1"],
    );
    check(
        "READY r( r)",
        expect!["14 r begins in QA of draft 1; could be: c begins in Drafting of draft 1"],
    );
    check(
        "READY c( d.",
        expect![
            "15 d gets an answer of a model in draft 1; could be: what c does in Drafting of draft 1"
        ],
    );
    check(
        "READY c( c) d( d) g( g) g( g)",
        expect!["20 g begins in Drafting of draft 1; could be: f begins in Formatting of draft 1"],
    );
    check(
        "READY c( d(",
        expect!["15 d begins in Drafting of draft 1; could be: what c does in Drafting of draft 1"],
    );
    check(
        "READY GOOD r( r) end",
        expect!["29 r begins in QA of draft 1; could be: the run ends as completed"],
    );
    check(
        "READY GOOD r) end",
        expect!["29 r reports in QA of draft 1; could be: the run ends as completed"],
    );
    check(
        "READY c( c! c( c)",
        expect!["16 c begins in Drafting of draft 1; could be: c begins in Drafting of draft 2"],
    );
    check(
        "READY c( c! d( d)",
        expect!["16 d begins in Drafting of draft 1; could be: c begins in Drafting of draft 2"],
    );
}

#[test]
fn a_visit_is_begun_before_it_does_anything_and_over_when_it_has_reported() {
    check(
        "READY c)",
        expect!["14 c reports in Drafting of draft 1; could be: c begins in Drafting of draft 1"],
    );
    check(
        "READY c.",
        expect![
            "14 c gets an answer of a model in draft 1; could be: c begins in Drafting of draft 1"
        ],
    );
    check(
        "READY c( c) c.",
        expect![
            "16 c gets an answer of a model in draft 1; could be: d begins in Drafting of draft 1"
        ],
    );
    check(
        "READY c( stop c)",
        expect!["16 c reports in Drafting of draft 1; could be: c begins in Drafting of draft 1"],
    );
    check(
        "READY c( stop c,",
        expect!["16 c does `look` in draft 1; could be: c begins in Drafting of draft 1"],
    );
    check(
        "READY FORMATTED a( a) t( t.",
        expect![
            "29 t gets an answer of a model in draft 1; could be: a step of t, which has no model"
        ],
    );
}

#[test]
fn a_draft_has_the_number_that_the_machine_gives_it() {
    check(
        "READY 0 c( c)",
        expect!["14 c begins in Drafting of draft 0; could be: c begins in Drafting of draft 1"],
    );
    check(
        "READY c( 0 c)",
        expect![
            "15 c reports in Drafting of draft 0; could be: what c does in Drafting of draft 1"
        ],
    );
    check(
        "READY c( 2 c.",
        expect![
            "15 c gets an answer of a model in draft 2; could be: what c does in Drafting of draft 1"
        ],
    );
    check(
        "READY 2 c(",
        expect!["14 c begins in Drafting of draft 2; could be: c begins in Drafting of draft 1"],
    );
    check(
        "READY c( c! 3 c(",
        expect!["16 c begins in Drafting of draft 3; could be: c begins in Drafting of draft 2"],
    );
    check(
        "READY c( c! 2 c( c! 3 c(",
        expect!["18 c begins in Drafting of draft 3; could be: the run ends as failed"],
    );
    check(
        "READY c( 2 d~",
        expect![
            "15 d gets no answer of a model in draft 2; could be: what c does in Drafting of draft 1"
        ],
    );
}

#[test]
fn everybody_gets_ready_once_and_before_their_turn() {
    check(
        "c+",
        expect!["1 c is prepared; could be: the environment is set up"],
    );
    check(
        "c(",
        expect!["1 c begins in Drafting of draft 1; could be: the environment is set up"],
    );
    check(
        "set c(",
        expect!["2 c begins in Drafting of draft 1; could be: c is prepared"],
    );
    check(
        "set set",
        expect!["2 the environment is set up; could be: c is prepared"],
    );
    check(
        "set c+ 0 c.",
        expect![
            "3 c gets an answer of a model while it gets ready; could be: c begins in Drafting of draft 1"
        ],
    );
    check(
        "set c+ c+",
        expect!["3 c is prepared; could be: c begins in Drafting of draft 1"],
    );
    check(
        "set 0 g.",
        expect![
            "2 g gets an answer of a model while it gets ready; could be: a step of g, which has no model"
        ],
    );
    check(
        "READY FORMATTED a( a) =c1-d2-g-f-a9-t-r4/a 0 a.",
        expect![
            "29 a gets an answer of a model while it gets ready; could be: t begins in Testing of draft 1"
        ],
    );
}

#[test]
fn nothing_ends_before_its_end_and_nothing_follows_it() {
    check(
        "READY c( c) end",
        expect!["16 the run ends as completed; could be: d begins in Drafting of draft 1"],
    );
    check(
        "READY GOOD fail",
        expect![
            "29 the run ends as failed (RedraftsExhausted); could be: the run ends as completed"
        ],
    );
    check(
        "READY c( c! fail",
        expect![
            "16 the run ends as failed (RedraftsExhausted); could be: c begins in Drafting of draft 2"
        ],
    );
    check(
        "READY c( c) none",
        expect!["16 the run ends as failed (NoCode); could be: d begins in Drafting of draft 1"],
    );
    check(
        "READY c( c! stuck",
        expect![
            "16 the run ends as failed (NoProgress); could be: c begins in Drafting of draft 2"
        ],
    );
    check(
        "READY c( give c)",
        expect!["15 the change is delivered; could be: what c does in Drafting of draft 1"],
    );
    check(
        "READY GOOD give",
        expect!["29 the change is delivered; could be: the run ends as completed"],
    );
    check(
        "READY GOOD end end",
        expect!["30 the run ends as completed; could be: nothing but deliveries, behind the end"],
    );
    check(
        "READY GOOD end stop",
        expect!["30 the run is interrupted; could be: nothing but deliveries, behind the end"],
    );
    check(
        "READY GOOD end =c1-d2-g-f-a3-t-r4",
        expect![
            "30 the run goes on under other terms; could be: nothing but deliveries, behind the end"
        ],
    );
    check(
        "READY open",
        expect!["14 a run is opened; could be: c begins in Drafting of draft 1"],
    );
    check(
        "READY c( c) d( d0 g( g0 f( f)",
        expect!["20 f begins in Formatting of draft 1; could be: the run ends as failed"],
    );
}

#[test]
fn terms_change_for_those_whose_seats_do() {
    check(
        "READY =c9-d2-g-f-a3-t-r4",
        expect!["14 the run goes on under other terms; could be: c is named among the replaced"],
    );
    check(
        "READY =c1-d2-g-f-t-r4",
        expect!["14 the run goes on under other terms; could be: a is named among the replaced"],
    );
    check(
        "READY =c1-d2-g-f-a3-t-r4/g",
        expect![
            "14 the run goes on under other terms; could be: g isn't named among the replaced, and stays what it was"
        ],
    );
    check(
        "READY =c1-d2-g-f-a3-t-r4/z",
        expect![
            "14 the run goes on under other terms; could be: z isn't named among the replaced, and stays what it was"
        ],
    );
    check(
        "READY <3",
        expect![
            "14 the run goes on as a fork after event 3; could be: a fork after event 3 right behind that event"
        ],
    );
    check(
        "READY =c1-g-f-a3-t-r4/d c( c) d( d)",
        expect!["17 d begins in Drafting of draft 1; could be: g begins in Drafting of draft 1"],
    );
    check(
        "READY c( c) d( d) g( g! =c9-d2-g-f-a3-t-r4/c g( g)",
        expect!["21 g begins in Drafting of draft 1; could be: c begins in Drafting of draft 2"],
    );
}

/// Something more in the report of an agent, or in what it has prepared: `r` and `r+`.
#[track_caller]
fn check_shown(agent: &str, evidence: Evidence, want: Expect) {
    let mut history = journal(&spelled("READY GOOD end"));
    for entry in &mut history {
        match &mut entry.event {
            RunEvent::Reported {
                agent: it, report, ..
            } if it == agent => {
                report.evidence.push(evidence.clone());
            }
            RunEvent::Prepared {
                agent: it,
                prepared,
            } if agent == format!("{it}+") => {
                prepared.evidence.push(evidence.clone());
            }
            _ => {}
        }
    }
    want.assert_eq(&said(&history));
}

#[test]
fn evidence_is_shown_where_it_is_found() {
    let bite = || Evidence::Bite(Bite::default());
    check_shown("t", bite(), expect!["accepted"]);
    check_shown(
        "c",
        bite(),
        expect![
            "15 c reports in Drafting of draft 1; could be: the same without an ablation, which nobody shows in Drafting"
        ],
    );
    check_shown(
        "r",
        bite(),
        expect![
            "28 r reports in QA of draft 1; could be: the same without an ablation, which nobody shows in QA"
        ],
    );
    check_shown(
        "t+",
        bite(),
        expect![
            "12 t is prepared; could be: the same without an ablation, which nobody shows before Testing"
        ],
    );
    let tests = || Evidence::AcceptanceTests(protocol::AcceptanceTests::default());
    check_shown("a+", tests(), expect!["accepted"]);
    check_shown("a", tests(), expect!["accepted"]);
    check_shown(
        "c+",
        tests(),
        expect![
            "7 c is prepared; could be: the same without acceptance tests, which nobody shows before Drafting"
        ],
    );
    check_shown(
        "f",
        tests(),
        expect![
            "21 f reports in Formatting of draft 1; could be: the same without acceptance tests, which nobody shows in Formatting"
        ],
    );
}

#[test]
fn what_is_counted_and_who_answers_is_looked_at_as_well() {
    let mut gap = journal(&spelled("READY GOOD end"));
    gap.remove(3);
    expect![
        "3 a gets no answer of a model while it gets ready; could be: the event with the number 3"
    ]
    .assert_eq(&said(&gap));
    expect!["0 the environment is set up; could be: the event with the number 0"]
        .assert_eq(&said(&gap[1..]));
    let mut other = journal(&spelled("READY c( c."));
    if let Some(RunEvent::Replied { reply, .. }) = other.last_mut().map(|it| &mut it.event) {
        reply.answered_by = Some(ModelId::new("v", "7"));
    }
    expect!["15 c gets an answer of a model in draft 1; could be: an answer of a model that c has"]
        .assert_eq(&said(&other));
    if let RunEvent::Opened { crew, .. } = &mut other[0].event {
        crew[0].fallback = Some(ModelId::new("v", "7"));
    }
    expect!["accepted"].assert_eq(&said(&other));
}

#[test]
fn a_refusal_names_the_event_and_what_could_stand_there() {
    let error = check_order(&journal(&spelled("READY d("))).expect_err("it isn't d's turn");
    expect!["could not trust event 14 of the bundle's journal: no walk writes there that d begins in Drafting of draft 1 (what could stand there: c begins in Drafting of draft 1)"].assert_eq(&format!("could not {error}"));
}
