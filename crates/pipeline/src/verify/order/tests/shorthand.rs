//! Journals in shorthand: a word for each event.

use protocol::{
    Base, Confinement, Destination, Entry, Environment, Fork, Limits, ModelId, ModelReply,
    Prepared, Reason, Report, RunEvent, RunId, Seat, Stage, Status, Task, Tier, TokenUsage, TreeId,
    Unanswered,
};

use crate::verify::order::check_order;

/// Coders `c` and `d`, a gate `g`, a formatter `f`, an author `a` and a runner `t` of tests, and a reviewer `r`; a digit
/// is the number of an agent's model.
const CREW: &str = "c1 d2 g f a3 t r4";

fn seat(word: &str) -> Seat {
    Seat {
        stage: match &word[..1] {
            "f" => Stage::Formatting,
            "a" | "t" => Stage::Testing,
            "r" => Stage::Qa,
            _ => Stage::Drafting,
        },
        agent: word[..1].to_owned(),
        model: (1 < word.len()).then(|| ModelId::new("v", &word[1..])),
        fallback: None,
    }
}

fn crew(words: &str) -> Vec<Seat> {
    words.split_whitespace().map(seat).collect()
}

/// Two drafts at most.
fn limits() -> Limits {
    Limits {
        iterations_max: 2,
        ..testkit::limits()
    }
}

fn opened() -> RunEvent {
    RunEvent::Opened {
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
    }
}

/// One event. A number before it is its draft, and the last one otherwise.
///
/// `set` up; `c+` is prepared, `c(` begins, `c.` is answered, `c,` took a step, `c~` was not answered, `c)` passes, `c!`
/// sends back, `c0` leaves no change; `stop` interrupts; `end`, `fail` after the last redraft, `broke`, `stuck` and `none`
/// are ends; `give` delivers; `=c1-g/cd` goes on with that crew in place of `c` and `d`; `<9` is a fork after event 9.
fn event(word: &str, draft: u8, seq: u64) -> RunEvent {
    let finished = |status, reason| RunEvent::Finished {
        status,
        reason,
        explanation: String::new(),
        tier: (status == Status::Completed).then_some(Tier::Unverified),
        tree: TreeId("t".into()),
        proposed_code: "p".into(),
    };
    let reopened = |seats: &str, replaced: &str, fork| RunEvent::Reopened {
        fork,
        crew: crew(&seats.replace('-', " ")),
        replaced: replaced.chars().map(String::from).collect(),
        limits: limits(),
        settings: serde_json::Value::Null,
    };
    match word {
        "open" => return opened(),
        "set" => {
            return RunEvent::SetUp {
                environment: Environment {
                    key: String::new(),
                    python_version: String::new(),
                    sources: Vec::new(),
                    cached: false,
                    wall_ms: 0,
                    test_folder: String::new(),
                    notes: Vec::new(),
                },
                confinement: Confinement::default(),
            };
        }
        "stop" => {
            return RunEvent::Interrupted {
                reason: Reason::Cancelled,
                explanation: String::new(),
            };
        }
        "end" => return finished(Status::Completed, None),
        "fail" => return finished(Status::Failed, Some(Reason::RedraftsExhausted)),
        "broke" => return finished(Status::Failed, Some(Reason::AgentBroke)),
        "stuck" => return finished(Status::Failed, Some(Reason::NoProgress)),
        "none" => return finished(Status::Failed, Some(Reason::NoCode)),
        "give" => {
            return RunEvent::Delivering {
                to: Destination::Patch { file: "p".into() },
            };
        }
        _ => {}
    }
    if let Some(seats) = word.strip_prefix('=') {
        let (seats, replaced) = seats.split_once('/').unwrap_or((seats, ""));
        return reopened(seats, replaced, None);
    }
    if let Some(at) = word.strip_prefix('<') {
        let fork = Fork {
            run: RunId("r".into()),
            at: at.parse().expect("a number"),
        };
        return reopened(&CREW.replace(' ', "-"), "", Some(fork));
    }
    let (agent, what) = (word[..1].to_owned(), &word[1..]);
    let stage = seat(word).stage;
    let reported = |report: Report, code: &str| RunEvent::Reported {
        stage,
        iteration: draft,
        agent: agent.clone(),
        report,
        // No two drafts are the same.
        tree: TreeId(seq.to_string()),
        proposed_code: code.to_owned(),
    };
    match what {
        "+" => RunEvent::Prepared {
            agent,
            prepared: Prepared::nothing(),
        },
        "(" => RunEvent::Started {
            stage,
            iteration: draft,
            agent,
        },
        "." => RunEvent::Replied {
            agent,
            iteration: draft,
            request_sha256: String::new(),
            reply: ModelReply::default(),
        },
        "," => RunEvent::Stepped {
            agent,
            iteration: draft,
            step: "look".into(),
            value: serde_json::Value::Null,
            tree: None,
        },
        "~" => RunEvent::Unanswered {
            agent,
            iteration: draft,
            unanswered: Unanswered {
                usage: TokenUsage::default(),
                cost_microusd: None,
                why: String::new(),
            },
        },
        ")" => reported(Report::passed(""), "p"),
        "!" => reported(Report::rejected("", format!("{seq}")), "p"),
        "0" => reported(Report::passed(""), ""),
        _ => unreachable!("{word}"),
    }
}

/// A journal, its opening included.
pub(super) fn journal(words: &str) -> Vec<Entry> {
    let mut draft = 1;
    let mut events = vec![opened()];
    for word in words.split_whitespace() {
        match word.parse() {
            Ok(number) => draft = number,
            Err(_) => events.push(event(word, draft, events.len() as u64)),
        }
    }
    entries(events)
}

fn entries(events: Vec<RunEvent>) -> Vec<Entry> {
    let entry = |(seq, event)| Entry {
        seq,
        at_ms: 0,
        event,
    };
    (0..).zip(events).map(entry).collect()
}

/// What is said of it.
pub(super) fn said(history: &[Entry]) -> String {
    match check_order(history) {
        Ok(()) => "accepted".to_owned(),
        Err(it) => format!("{} {}; could be: {}", it.seq, it.there, it.due),
    }
}

/// Everybody gets ready.
const READY: &str = "set 0 a. a, a~ a. a+ c+ d+ g+ f+ t, t+ r+ 1";
/// A draft that came through, up to the tests.
const FORMATTED: &str = "c( c. c, c. c) d( d. d) g( g) f( f)";
/// A draft that came through.
const GOOD: &str = "c( c) d( d) g( g) f( f) a( a) t( t) r( r. r)";

/// With the constants of this module in the place of their names.
pub(super) fn spelled(words: &str) -> String {
    let words = words.replace("READY", READY);
    words.replace("FORMATTED", FORMATTED).replace("GOOD", GOOD)
}
