//! Where a run is gone on from by another crew, and whose draft that crew then judges.

use protocol::{Entry, Kept, ModelId, RunEvent, Seat, Stage, Terms, Verdict};

/// The last event that a fork can begin with: whatever follows the end of a run is no run. None without any event.
pub fn last_place(history: &[Entry]) -> Option<u64> {
    let ends =
        |it: &&Entry| matches!(it.event, RunEvent::Finished { .. }) || it.event.is_delivery();
    let last = history.iter().rev().find(|it| !ends(it));
    last.map(|it| it.seq)
}

/// The event to fork a run after when nobody says, so that each of the `replaced` does its part anew at least once.
///
/// That is just before the first of them has its turn in the last draft that one of them had a turn in. Acceptance
/// tests are written once for all drafts, so where another model shall write them it is the first draft. Somebody new
/// has a turn where those come that sit behind it. When nobody had a turn yet, or nobody is replaced, it is the last
/// event.
pub fn place_for(history: &[Entry], crew: &[Seat], replaced: &[String]) -> Option<u64> {
    let visits = visits(history);
    let before = Terms::of(history).map_or(&[][..], |it| it.crew);
    let turns: Vec<Turns> = replaced
        .iter()
        .filter_map(|agent| {
            let seat = seat_of(agent, crew).or_else(|| seat_of(agent, before))?;
            let own = visits.iter().filter(|it| it.agent == agent);
            let own: Vec<&Begun> = own.collect();
            let places = if own.is_empty() {
                let behind = |it: &&Begun| it.stage == seat.stage && comes_behind(it, agent, crew);
                visits.iter().filter(behind).collect()
            } else {
                own
            };
            Some(Turns {
                writes_tests: seat.stage == Stage::Testing,
                places,
            })
        })
        .collect();
    let drafts = |first: bool| {
        let turns = turns.iter().filter(move |it| !first || it.writes_tests);
        turns.flat_map(|it| it.places.iter().map(|it| it.draft))
    };
    let draft = drafts(true).min().or_else(|| drafts(false).max());
    let places = turns.iter().flat_map(|it| &it.places);
    let first = places
        .filter(|it| Some(it.draft) == draft)
        .map(|it| it.seq)
        .min();
    match first {
        Some(seq) => seq.checked_sub(1),
        None => last_place(history),
    }
}

/// Who will have written the draft that is judged next, as far as a journal says: whose draft it is already, or else
/// the last coder of the crew.
pub fn last_coder(history: &[Entry]) -> Option<&ModelId> {
    let kept = Kept::of(history);
    let mut crew: &[Seat] = &[];
    let mut place = (Stage::Drafting, 0);
    let mut sent_back = false;
    // Coders that have reported in the draft that is under way.
    let mut coded: Vec<(&str, &ModelId)> = Vec::new();
    for entry in history {
        match &entry.event {
            RunEvent::Opened { crew: it, .. } | RunEvent::Reopened { crew: it, .. } => crew = it,
            _ if !kept.counts(entry.seq) => {}
            RunEvent::Started {
                stage, iteration, ..
            } => {
                if place.1 != *iteration {
                    coded.clear();
                }
                place = (*stage, *iteration);
                sent_back = false;
            }
            RunEvent::Reported { agent, report, .. } => {
                sent_back = matches!(report.verdict, Verdict::Rejected { .. });
                let seat = seat_of(agent, crew).filter(|it| it.stage == Stage::Drafting);
                let model = seat.and_then(|it| it.model.as_ref());
                coded.extend(model.map(|it| (agent.as_str(), it)));
            }
            _ => {}
        }
    }
    let drafted = Stage::Drafting < place.0 || kept.is_over(Stage::Drafting, place.1);
    let waits = |it: &&Seat| {
        let reported = coded.iter().any(|(agent, _)| *agent == it.agent);
        it.stage == Stage::Drafting && it.model.is_some() && (sent_back || !reported)
    };
    let next = crew.iter().rfind(waits).and_then(|it| it.model.as_ref());
    match next {
        Some(next) if sent_back || !drafted => Some(next),
        _ => coded.last().map(|(_, model)| *model),
    }
}

/// A visit that began.
struct Begun<'a> {
    seq: u64,
    stage: Stage,
    draft: u8,
    agent: &'a str,
}

/// When an agent had its turn, or would have had it.
struct Turns<'a> {
    writes_tests: bool,
    places: Vec<&'a Begun<'a>>,
}

/// The visits of a journal; one that was gone on with after a crash began once.
fn visits(history: &[Entry]) -> Vec<Begun<'_>> {
    let kept = Kept::of(history);
    let mut visits: Vec<Begun> = Vec::new();
    for entry in history.iter().filter(|it| kept.counts(it.seq)) {
        let RunEvent::Started {
            stage,
            iteration,
            agent,
        } = &entry.event
        else {
            continue;
        };
        let known = |it: &Begun| (it.stage, it.draft, it.agent) == (*stage, *iteration, agent);
        if !visits.iter().any(known) {
            visits.push(Begun {
                seq: entry.seq,
                stage: *stage,
                draft: *iteration,
                agent,
            });
        }
    }
    visits
}

fn seat_of<'a>(agent: &str, crew: &'a [Seat]) -> Option<&'a Seat> {
    crew.iter().find(|it| it.agent == agent)
}

fn comes_behind(visit: &Begun, agent: &str, crew: &[Seat]) -> bool {
    let place = |agent: &str| crew.iter().position(|it| it.agent == agent);
    match (place(agent), place(visit.agent)) {
        (Some(new), Some(there)) => new < there,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Base, Limits, Report, Task, TreeId};

    use super::*;

    /// Coders `c` and `d`, a gate `g`, an author `a` and a runner `t` of tests, and a reviewer `r`; a digit is the
    /// number of an agent's model.
    fn crew(words: &str) -> Vec<Seat> {
        let seat = |word: &str| Seat {
            stage: match &word[..1] {
                "a" | "t" => Stage::Testing,
                "r" => Stage::Qa,
                _ => Stage::Drafting,
            },
            agent: word[..1].to_owned(),
            model: (1 < word.len()).then(|| ModelId::new("v", &word[1..])),
            fallback: None,
        };
        words.split_whitespace().map(seat).collect()
    }

    fn limits() -> Limits {
        testkit::limits()
    }

    /// `c(` begins, `c)` passed and `c!` sent back, in the draft that the last number named; `.` is a reply; `=c1 g` goes
    /// on with that crew up to the next `|`; `end` is the end.
    fn journal(first: &str, words: &str) -> Vec<Entry> {
        let mut draft = 1;
        let mut events = vec![RunEvent::Opened {
            task: Task::from_text("t"),
            base: Base {
                repository: String::new(),
                commit: "c".into(),
                tree: TreeId("t".into()),
                uncommitted: false,
            },
            crew: crew(first),
            limits: limits(),
            settings: serde_json::Value::Null,
        }];
        for part in words.split('|') {
            if let Some(seats) = part.trim().strip_prefix('=') {
                let (seats, replaced) = seats.split_once('/').unwrap_or((seats, ""));
                events.push(RunEvent::Reopened {
                    fork: None,
                    crew: crew(seats),
                    replaced: replaced.chars().map(String::from).collect(),
                    limits: limits(),
                    settings: serde_json::Value::Null,
                });
                continue;
            }
            for word in part.split_whitespace() {
                match word.parse() {
                    Ok(number) => draft = number,
                    Err(_) => events.push(event(word, draft)),
                }
            }
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
        if word == "end" {
            return RunEvent::Finished {
                status: protocol::Status::Completed,
                reason: None,
                explanation: String::new(),
                tier: None,
                tree: TreeId("t".into()),
                proposed_code: String::new(),
            };
        }
        let (agent, what) = word.split_at(1);
        let seat = crew(agent).remove(0);
        let reported = |report| RunEvent::Reported {
            stage: seat.stage,
            iteration: draft,
            agent: agent.to_owned(),
            report,
            tree: TreeId("t".into()),
            proposed_code: String::new(),
        };
        match what {
            "(" => RunEvent::Started {
                stage: seat.stage,
                iteration: draft,
                agent: agent.to_owned(),
            },
            ")" => reported(Report::passed("")),
            "!" => reported(Report::rejected("", "no")),
            _ => RunEvent::Stepped {
                agent: agent.to_owned(),
                iteration: draft,
                step: "s".to_owned(),
                value: serde_json::Value::Null,
                tree: None,
            },
        }
    }

    const CREW: &str = "c1 d2 g a3 t r4";

    /// Which event follows the place that is chosen.
    #[track_caller]
    fn check(words: &str, now: &str, replaced: &str, want: &str) {
        let history = journal(CREW, words);
        let replaced: Vec<String> = replaced.chars().map(String::from).collect();
        let place = place_for(&history, &crew(now), &replaced).expect("it has events");
        let next = usize::try_from(place).expect("it is short") + 1;
        let mut draft = "1";
        let mut shown = vec!["opened".to_owned()];
        for word in words.split_whitespace() {
            match word.parse::<u8>() {
                Ok(_) => draft = word,
                Err(_) => shown.push(format!("{word} {draft}")),
            }
        }
        assert_eq!(shown.get(next).map_or("nothing", |it| it), want);
    }

    const TWO_DRAFTS: &str =
        "c( c) d( d) g( g) a( a) t( t! 2 c( c. c( c) d( d) g( g) a( a) t( t) r( r) end";

    #[test]
    fn whoever_is_replaced_does_its_part_in_the_last_draft_anew() {
        check(TWO_DRAFTS, "c1 d2 g a3 t r9", "r", "r( 2");
        check(TWO_DRAFTS, "c9 d2 g a3 t r4", "c", "c( 2");
        check(TWO_DRAFTS, "c1 d9 g a3 t r4", "d", "d( 2");
        check(TWO_DRAFTS, "c1 d9 g a3 t r9", "dr", "d( 2");
        check(TWO_DRAFTS, "c9 d9 g a3 t r9", "cdr", "c( 2");
        // The last draft never came to a review.
        let sent_back = "c( c) g( g) t( t) r( r! 2 c( c) g( g) t( t! end";
        check(sent_back, "c1 d2 g a3 t r9", "r", "r( 1");
        check(sent_back, "c9 d2 g a3 t r9", "cr", "c( 2");
    }

    #[test]
    fn other_acceptance_tests_are_for_every_draft() {
        check(TWO_DRAFTS, "c1 d2 g a9 t r4", "a", "a( 1");
        check(TWO_DRAFTS, "c1 d2 g a9 t r9", "ar", "a( 1");
        check(TWO_DRAFTS, "c9 d2 g a9 t r4", "ac", "c( 1");
        check(TWO_DRAFTS, "c1 d2 g t r4", "a", "a( 1");
    }

    #[test]
    fn somebody_new_comes_before_those_who_sit_behind_it() {
        let without = "c( c) g( g) t( t! 2 c( c) g( g) t( t) end";
        check(without, "c1 e9 g t", "e", "g( 2");
        check(without, "c1 g a9 t", "a", "t( 1");
        check(without, "c1 g t r9", "r", "end 2");
    }

    #[test]
    fn a_run_that_never_came_so_far_goes_on_where_it_is() {
        check("c( c.", "c1 d2 g a3 t r9", "r", "nothing");
        check("c( c.", "c9 d2 g a3 t r4", "c", "c( 1");
        check("c( c.", "c1 d2 g a9 t r4", "a", "nothing");
        check(TWO_DRAFTS, CREW, "", "end 2");
        assert_eq!(last_place(&journal(CREW, "c( c) end")), Some(2));
        assert_eq!(last_place(&[]), None);
    }

    /// The number of the model whose draft is judged next.
    #[track_caller]
    fn check_coder(words: &str, want: &str) {
        let history = journal(CREW, words);
        let coder = last_coder(&history).map_or("nobody", |it| &it.model);
        assert_eq!(coder, want, "{words}");
    }

    #[test]
    fn a_draft_is_whose_it_was_when_it_was_written() {
        check_coder("", "2");
        check_coder("c( c) d( d) g( g) t(", "2");
        check_coder("c( c) d( d) g( g) t( t) |=c8 d9 g t r4/cd", "2");
        check_coder("c( c) d( d) |=c8 d9 g t r4/cd", "2");
        check_coder("c( c) d( d. |=c8 d9 g t r4/cd", "9");
        check_coder("c( c) |=c8 g t r4/cd", "1");
        check_coder("c( c) d( d) |=c8 d2 e7 g t r4/ce", "7");
        check_coder("c( c) d( d) g( g) t( t! |=c8 d9 g t r4/cd", "9");
        check_coder("c( c) d( d) g( g) t( t! |=c8 g t r4/cd| 2 c( c) g( g)", "8");
        check_coder("c( c) d( d) g( g) |=c1 d2 e7 g t r4/e", "2");
    }
}
