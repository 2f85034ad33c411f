//! What a run that was reopened goes on from.

use expect_test::{Expect, expect};

use super::*;
use crate::{
    Base, Limits, ModelReply, Prepared, Report, RunEvent, RunState, Task, TokenUsage, TreeId,
};

/// A crew of coders `c` and `d`, a gate `g`, an author `a` and a runner `t` of tests, and a reviewer `r`.
const CREW: &str = "cdg.at.r";

fn stage_of(letter: char) -> Stage {
    match letter {
        'D' | 'c' | 'd' | 'e' | 'g' => Stage::Drafting,
        'T' | 'a' | 't' => Stage::Testing,
        'Q' | 'r' => Stage::Qa,
        other => panic!("nobody is called {other}"),
    }
}

fn crew(letters: &str) -> Vec<Seat> {
    let seats = letters.chars().filter(|it| *it != '.');
    let seat = |it: char| Seat {
        stage: stage_of(it),
        agent: it.to_string(),
        model: None,
        fallback: None,
    };
    seats.map(seat).collect()
}

fn limits() -> Limits {
    let one: serde_json::Value = serde_json::json!({
        "iterations_max": 9, "turns_max": 1, "tool_calls_per_reply_max": 1, "visit_tokens_max": 1,
        "visit_seconds_max": 1, "reply_tokens_max": 1, "command_seconds_max": 1, "test_run_seconds_max": 1,
        "install_seconds_max": 1, "cpu_seconds_max": 1, "memory_bytes_max": 1, "file_bytes_max": 1,
        "processes_max": 1, "output_bytes_max": 1, "output_flood_bytes_max": 1, "answer_bytes_max": 1,
        "author_tries_max": 1, "patch_bytes_max": 1, "patch_files_max": 1, "suite_seconds_max": 1,
        "reruns_max": 1, "bite_hunks_max": 1, "bite_seconds_max": 1,
    });
    serde_json::from_value(one).expect("limits are plain numbers")
}

/// One event a word: `c(` begins, `c:` was answered, `c)` passed and `c!` sent back, all in the draft that the last
/// number named; `a0` was answered in its preparation, `a1` is prepared; `=cdg.at/c` goes on with that crew, in which
/// `c` has another model.
fn journal(words: &str) -> Vec<Entry> {
    let mut draft = 1;
    let mut events = vec![RunEvent::Opened {
        task: Task::from_text("t"),
        base: Base {
            repository: String::new(),
            commit: "c".into(),
            tree: TreeId("t".into()),
            uncommitted: false,
        },
        crew: crew(CREW),
        limits: limits(),
        settings: serde_json::Value::Null,
    }];
    for word in words.split_whitespace() {
        if let Ok(number) = word.parse() {
            draft = number;
            continue;
        }
        events.push(event(word, draft));
    }
    (0..)
        .zip(events)
        .map(|(seq, event)| Entry {
            seq,
            at_ms: 0,
            event,
        })
        .collect()
}

fn event(word: &str, draft: u8) -> RunEvent {
    if let Some(terms) = word.strip_prefix('=') {
        let (seats, replaced) = terms.split_once('/').unwrap_or((terms, ""));
        return RunEvent::Reopened {
            fork: None,
            crew: crew(seats),
            replaced: replaced.chars().map(String::from).collect(),
            limits: limits(),
            settings: serde_json::Value::Null,
        };
    }
    let (agent, what) = word.split_at(1);
    let stage = stage_of(agent.chars().next().expect("a word has a letter"));
    let agent = agent.to_owned();
    let replied = |iteration| RunEvent::Replied {
        agent: agent.clone(),
        iteration,
        request_sha256: String::new(),
        reply: ModelReply {
            usage: TokenUsage {
                input_tokens: 1,
                ..TokenUsage::default()
            },
            ..ModelReply::default()
        },
    };
    let reported = |report| RunEvent::Reported {
        stage,
        iteration: draft,
        agent: agent.clone(),
        report,
        tree: TreeId("t".into()),
        proposed_code: String::new(),
    };
    match what {
        "(" => RunEvent::Started {
            stage,
            iteration: draft,
            agent,
        },
        ":" => replied(draft),
        ")" => reported(Report::passed("")),
        "!" => reported(Report::rejected("", "no")),
        "0" => replied(0),
        "1" => RunEvent::Prepared {
            agent,
            prepared: Prepared::nothing(),
        },
        other => panic!("nothing is written {other}"),
    }
}

/// Shows what is set aside in brackets, then whether the stage that the last crew change fell into is over.
#[track_caller]
fn check(words: &str, want: Expect) {
    let history = journal(words);
    let kept = Kept::of(&history);
    let mut shown = Vec::new();
    let mut places = 1..;
    for word in words.split_whitespace() {
        if word.parse::<u8>().is_ok() {
            shown.push(word.to_owned());
            continue;
        }
        match kept.counts(places.next().expect("there are enough numbers")) {
            true => shown.push(word.to_owned()),
            false => shown.push(format!("[{word}]")),
        }
    }
    let over = [1, 2].map(|draft| {
        let stages = [
            ('D', Stage::Drafting),
            ('T', Stage::Testing),
            ('Q', Stage::Qa),
        ];
        let over = stages.iter().filter(|(_, it)| kept.is_over(*it, draft));
        over.map(|(letter, _)| format!("{letter}{draft}"))
            .collect::<String>()
    });
    want.assert_eq(&format!("{}; over: {}", shown.join(" "), over.concat()));
    let state = RunState::fold(&history).expect("it is a run");
    let replies = words
        .split_whitespace()
        .filter(|it| it.ends_with([':', '0']));
    let replies = replies.filter(|it| it.parse::<u8>().is_err()).count();
    let counted: u32 = state.usage.values().map(|it| it.calls).sum();
    assert_eq!(
        counted as usize, replies,
        "what was paid for stays paid for"
    );
}

#[test]
fn a_run_that_was_never_reopened_keeps_everything() {
    check(
        "c( c: a0 c) d( a1 d) g( g) a( a) t( t!",
        expect!["c( c: a0 c) d( a1 d) g( g) a( a) t( t!; over: "],
    );
}

#[test]
fn other_bounds_change_nothing_about_what_was_done() {
    check(
        "c( c: a0 =cdg.at.r c: c)",
        expect!["c( c: a0 =cdg.at.r c: c); over: "],
    );
}

#[test]
fn whoever_gets_another_model_begins_its_open_visit_anew() {
    check(
        "c( c: c: a0 a0 =cdg.at.r/c c( c:",
        expect!["[c(] [c:] [c:] a0 a0 =cdg.at.r/c c( c:; over: "],
    );
    // It was killed in between.
    check(
        "c( c: c( c: =cdg.at.r/c",
        expect!["[c(] [c:] [c(] [c:] =cdg.at.r/c; over: "],
    );
    // Somebody else's visit goes on.
    check(
        "c( c: c) d( d: =cdg.at.r/cr d:",
        expect!["c( c: c) d( d: =cdg.at.r/cr d:; over: "],
    );
}

#[test]
fn a_preparation_that_nobody_has_gone_by_is_made_anew() {
    check(
        "a0 a0 c( c) a1 d( =cdg.at.r/a a0 a1",
        expect!["[a0] [a0] c( c) [a1] d( =cdg.at.r/a a0 a1; over: "],
    );
    check(
        "a0 a1 c( c) d( d) g( g) a( =cdg.at.r/a",
        expect!["[a0] [a1] c( c) d( d) g( g) [a(] =cdg.at.r/a; over: D1"],
    );
    check(
        "a0 a1 c( c) d( d) g( g) a( a) =cdg.at.r/a",
        expect!["a0 a1 c( c) d( d) g( g) a( a) =cdg.at.r/a; over: D1"],
    );
    check("a0 c( =cdg.t.r/a", expect!["[a0] c( =cdg.t.r/a; over: "]);
    check(
        "a0 c( =cdg.at.r/a a0 a1 =cdg.at.r/a a0",
        expect!["[a0] c( =cdg.at.r/a [a0] [a1] =cdg.at.r/a a0; over: "],
    );
}

#[test]
fn a_stage_that_is_over_stays_over_whoever_sits_in_it_now() {
    check(
        "c( c) d( d) g( g) =cdeg.at.r/e a( a)",
        expect!["c( c) d( d) g( g) =cdeg.at.r/e a( a); over: D1"],
    );
    check(
        "c( c) d( d) g( g) a( a) t( t! =cg.at.r/d 2 c(",
        expect!["c( c) d( d) g( g) a( a) t( t! =cg.at.r/d 2 c(; over: D1T1"],
    );
    check(
        "c( c) d( d) g( g) a( a) t( t! 2 c( c) d( d) g( g) =cdg.at.r/r",
        expect!["c( c) d( d) g( g) a( a) t( t! 2 c( c) d( d) g( g) =cdg.at.r/r; over: D1T1Q1D2"],
    );
}

#[test]
fn nobody_judges_what_somebody_in_front_of_it_can_still_change() {
    // A new coder comes before the gate, which has looked already.
    check(
        "c( c) d( d) g( =cdeg.at.r/e e( e) g( g)",
        expect!["c( c) d( d) [g(] =cdeg.at.r/e e( e) g( g); over: "],
    );
    check(
        "c( c) d( d) g( g) t( t: =cdg.at.r/a",
        expect!["c( c) d( d) g( g) [t(] [t:] =cdg.at.r/a; over: D1"],
    );
    // A coder who is gone leaves behind what it did, if it had come to its end.
    check(
        "c( c) d( d) =cg.at.r/d g( g)",
        expect!["c( c) d( d) =cg.at.r/d g( g); over: "],
    );
    check(
        "c( c) d( d: =cg.at.r/d g( g)",
        expect!["c( c) [d(] [d:] =cg.at.r/d g( g); over: "],
    );
}

#[test]
fn whoever_reported_before_somebody_new_in_front_of_it_reports_again() {
    check(
        "c( c) g( g) =dcg.at.r/d",
        expect!["[c(] [c)] [g(] [g)] =dcg.at.r/d; over: "],
    );
}

#[test]
fn a_stage_knows_the_crew_that_ended_it() {
    let history = journal("c( c) d( d) g( g) a( a) t( t! =cg.at/dr 2 c( c) g( g) =ceg.at/e a( a)");
    let kept = Kept::of(&history);
    let shown = |stage, draft| -> String {
        let crew = kept.crew_of(stage, draft).iter();
        crew.map(|it| it.agent.as_str()).collect()
    };
    expect!["D1 cdgatr, T1 cdgatr, D2 cgat, T2 cegat, Q2 cegat, D3 cegat"].assert_eq(&format!(
        "D1 {}, T1 {}, D2 {}, T2 {}, Q2 {}, D3 {}",
        shown(Stage::Drafting, 1),
        shown(Stage::Testing, 1),
        shown(Stage::Drafting, 2),
        shown(Stage::Testing, 2),
        shown(Stage::Qa, 2),
        shown(Stage::Drafting, 3),
    ));
    assert_eq!(kept.crews().count(), 3);
}
