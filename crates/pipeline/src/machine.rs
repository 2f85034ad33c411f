//! Decides the next stage. Pure: no I/O, no clock, no await.

use protocol::{Stage, Verdict};
use statig::prelude::*;

/// What the driver tells the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Every agent of the current stage has reported; this is the stage's word.
    Judged(Verdict),
    /// The run cannot go on: cancelled, out of budget, or an agent broke.
    Stopped,
}

/// The one number transitions look at.
#[derive(Debug)]
pub(crate) struct Rules {
    /// How often a rejection may still lead back to drafting.
    pub(crate) redrafts_left: u8,
}

impl Rules {
    /// Rules for a walk with at most this many drafts, the first one included.
    pub(crate) fn with_drafts(iterations_max: u8) -> Rules {
        Rules {
            redrafts_left: iterations_max.saturating_sub(1),
        }
    }
}

#[state_machine(
    initial = "Stage::Drafting",
    state(custom, name = "Stage"),
    visibility = "pub(crate)"
)]
impl Rules {
    #[state(superstate = "at_work")]
    fn drafting(event: &Event) -> Outcome<Stage> {
        on_pass(event, Stage::Formatting)
    }

    #[state(superstate = "at_work")]
    fn formatting(event: &Event) -> Outcome<Stage> {
        on_pass(event, Stage::Testing)
    }

    #[state(superstate = "at_work")]
    fn testing(event: &Event) -> Outcome<Stage> {
        on_pass(event, Stage::Qa)
    }

    #[state(superstate = "at_work")]
    fn qa(event: &Event) -> Outcome<Stage> {
        on_pass(event, Stage::Completed)
    }

    /// Rejection and stopping mean the same in every working stage.
    #[superstate]
    fn at_work(&mut self, event: &Event) -> Outcome<Stage> {
        match event {
            Event::Judged(Verdict::Rejected { .. }) if 0 < self.redrafts_left => {
                self.redrafts_left -= 1;
                Transition(Stage::Drafting)
            }
            Event::Judged(Verdict::Rejected { .. }) | Event::Stopped => Transition(Stage::Failed),
            Event::Judged(Verdict::Passed) => unreachable!("each stage names its own successor"),
        }
    }

    #[state]
    fn completed() -> Outcome<Stage> {
        Handled
    }

    #[state]
    fn failed() -> Outcome<Stage> {
        Handled
    }
}

fn on_pass(event: &Event, next: Stage) -> Outcome<Stage> {
    match event {
        Event::Judged(Verdict::Passed) => Transition(next),
        Event::Judged(Verdict::Rejected { .. }) | Event::Stopped => Super,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    /// Feeds one letter per event: `p`assed, `r`ejected, `s`topped.
    #[track_caller]
    fn check(redrafts_left: u8, events: &str, want: Expect) {
        let mut machine = Rules { redrafts_left }.state_machine();
        let mut path = format!("{:?}", machine.state());
        for letter in events.chars() {
            machine.handle(&match letter {
                'p' => Event::Judged(Verdict::Passed),
                'r' => Event::Judged(Verdict::Rejected {
                    feedback: String::new(),
                }),
                's' => Event::Stopped,
                _ => unreachable!(),
            });
            path += &format!(" {letter} {:?}", machine.state());
        }
        want.assert_eq(&path);
    }

    #[test]
    fn four_passes_complete_the_run() {
        check(
            0,
            "pppp",
            expect!["Drafting p Formatting p Testing p Qa p Completed"],
        );
    }

    #[test]
    fn rejection_in_any_stage_goes_back_to_drafting() {
        check(
            3,
            "rprppr",
            expect![
                "Drafting r Drafting p Formatting r Drafting p Formatting p Testing r Drafting"
            ],
        );
    }

    #[test]
    fn last_rejection_fails_the_run() {
        check(
            1,
            "pprppr",
            expect!["Drafting p Formatting p Testing r Drafting p Formatting p Testing r Failed"],
        );
    }

    #[test]
    fn nothing_leaves_a_final_stage() {
        check(
            1,
            "sprs",
            expect!["Drafting s Failed p Failed r Failed s Failed"],
        );
        check(
            1,
            "pppprs",
            expect!["Drafting p Formatting p Testing p Qa p Completed r Completed s Completed"],
        );
    }

    /// Any word the driver can say.
    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => Just(Event::Judged(Verdict::Passed)),
            4 => Just(Event::Judged(Verdict::Rejected { feedback: String::new() })),
            1 => Just(Event::Stopped),
        ]
    }

    proptest! {
        #[test]
        fn any_walk_ends_stays_ended_and_keeps_to_its_drafts(
            iterations_max in 1_u8..=6,
            events in proptest::collection::vec(any_event(), 0..64),
        ) {
            let mut machine = Rules::with_drafts(iterations_max).state_machine();
            let mut drafts = 1;
            for event in &events {
                let before = *machine.state();
                machine.handle(event);
                let after = *machine.state();
                if before.is_final() {
                    prop_assert_eq!(before, after, "a final stage was left");
                } else {
                    prop_assert_ne!((before, event), (after, &Event::Stopped), "a stop was ignored");
                    prop_assert!(before != after || before == Stage::Drafting, "an event was dropped in {}", before);
                    drafts += u8::from(after == Stage::Drafting);
                }
            }
            prop_assert!(drafts <= iterations_max, "{} drafts of {}", drafts, iterations_max);

            // Four events a draft are the longest way through it, so this many lead to an end from anywhere.
            for _ in 0..4 * u32::from(iterations_max) {
                machine.handle(&Event::Judged(Verdict::Rejected { feedback: String::new() }));
            }
            prop_assert!(machine.state().is_final(), "still in {} after any number of rejections", machine.state());
        }
    }
}
