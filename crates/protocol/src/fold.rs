//! Rebuilds the shared state of a run from its journal, event by event.

use crate::evidence::Evidence;
use crate::journal::{Entry, RunEvent};
use crate::kept::Kept;
use crate::stage::Stage;
use crate::state::{RunState, Status};

/// A journal that tells no run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// There is no event at all.
    #[error("read the run's journal: it is empty")]
    Empty,
    /// The first event doesn't say what the run is.
    #[error(
        "read the run's journal: it doesn't begin with the opening of a run (is its start missing?)"
    )]
    Unopened,
    /// An entry isn't where its number says.
    #[error(
        "read the run's journal: entry {found} stands where {wanted} belongs (is a part missing?)"
    )]
    Gap {
        /// The number that is due.
        wanted: u64,
        /// The number that is there.
        found: u64,
    },
    /// Something but a delivery follows the end of the run, or a second run begins in the same journal.
    #[error("read the run's journal: entry {seq} can't stand where it is (is it of another run?)")]
    Misplaced {
        /// The entry's number.
        seq: u64,
    },
}

impl RunState {
    /// The state after the last event of a journal. The same events give the same state, always.
    ///
    /// What was prepared on the base stands in the order in which it was finished, which may differ from the
    /// order in which a live run takes it in. What was set aside when the run was reopened ([`Kept`]) has cost what it
    /// cost, and says nothing any more.
    ///
    /// # Errors
    ///
    /// When the entries aren't one run from its first event on, without gaps.
    pub fn fold(history: &[Entry]) -> Result<RunState, FoldError> {
        let (first, rest) = history.split_first().ok_or(FoldError::Empty)?;
        let RunEvent::Opened { task, .. } = &first.event else {
            return Err(FoldError::Unopened);
        };
        for (wanted, entry) in (0..).zip(history) {
            if entry.seq != wanted {
                return Err(FoldError::Gap {
                    wanted,
                    found: entry.seq,
                });
            }
        }
        let mut state = RunState::new(task.clone());
        let kept = Kept::of(history);
        for entry in rest {
            let misplaced = match &entry.event {
                RunEvent::Opened { .. } => true,
                // Whatever a fork begins with is its past: no event of it may be hidden or added.
                RunEvent::Reopened { fork, .. } => {
                    fork.as_ref().is_some_and(|it| it.at + 1 != entry.seq)
                }
                _ => false,
            };
            let is_over = state.status != Status::Running;
            if misplaced || is_over != entry.event.is_delivery() {
                return Err(FoldError::Misplaced { seq: entry.seq });
            }
            if is_over {
                continue;
            }
            match &entry.event {
                RunEvent::Replied { agent, reply, .. } if !kept.counts(entry.seq) => {
                    state.count(agent, reply);
                }
                _ if !kept.counts(entry.seq) => {}
                event => state.apply(event),
            }
        }
        Ok(state)
    }

    /// Takes in one event that follows the opening of the run.
    pub fn apply(&mut self, event: &RunEvent) {
        // Where the change goes says nothing of what it is.
        if event.is_delivery() {
            return;
        }
        // A run that went on is no longer interrupted.
        self.reason = None;
        match event {
            RunEvent::Opened { .. }
            | RunEvent::Reopened { .. }
            | RunEvent::SetUp { .. }
            | RunEvent::Stepped { .. }
            | RunEvent::Delivering { .. }
            | RunEvent::Delivered { .. } => {}
            RunEvent::Started {
                stage, iteration, ..
            } => {
                if *stage == Stage::Drafting && self.iteration < *iteration {
                    self.begin_redraft();
                }
            }
            RunEvent::Replied { agent, reply, .. } => self.count(agent, reply),
            RunEvent::Unanswered {
                agent, unanswered, ..
            } => self.count_unanswered(agent, unanswered),
            RunEvent::Prepared { prepared, .. } => self.absorb_prepared(prepared),
            RunEvent::Reported {
                stage,
                report,
                proposed_code,
                ..
            } => {
                self.proposed_code.clone_from(proposed_code);
                self.absorb(*stage, report);
            }
            RunEvent::Interrupted { reason, .. } => self.reason = Some(*reason),
            RunEvent::Finished {
                status,
                reason,
                tier,
                proposed_code,
                ..
            } => {
                self.status = *status;
                self.reason = *reason;
                self.tier = *tier;
                self.proposed_code.clone_from(proposed_code);
            }
        }
    }

    /// What a reader expects and will not find, and why, without repetitions.
    pub fn missing(&self) -> Vec<(&str, &str)> {
        let mut found = Vec::new();
        for pair in self.evidence.iter().filter_map(Evidence::missing) {
            if !found.contains(&pair) {
                found.push(pair);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::{
        Base, Destination, Exit, Limits, ModelReply, Prepared, Reason, Report, Task, TestRun, Tier,
        TokenUsage, TreeId,
    };

    fn opened() -> RunEvent {
        RunEvent::Opened {
            task: Task::from_text("Count from one"),
            base: Base {
                repository: "r".into(),
                commit: "c".into(),
                tree: TreeId("t".into()),
                uncommitted: false,
            },
            crew: Vec::new(),
            limits: Limits {
                iterations_max: 3,
                turns_max: 1,
                tool_calls_per_reply_max: 1,
                visit_tokens_max: 1,
                visit_seconds_max: 1,
                reply_tokens_max: 1,
                command_seconds_max: 1,
                test_run_seconds_max: 1,
                install_seconds_max: 1,
                cpu_seconds_max: 1,
                memory_bytes_max: 1,
                file_bytes_max: 1,
                processes_max: 1,
                output_bytes_max: 1,
                output_flood_bytes_max: 1,
                answer_bytes_max: 1,
                author_tries_max: 1,
                patch_bytes_max: 1 << 20,
                patch_files_max: 200,
                suite_seconds_max: 600,
                reruns_max: 6,
                bite_hunks_max: 16,
                bite_seconds_max: 120,
            },
            settings: serde_json::Value::Null,
        }
    }

    fn started(stage: Stage, iteration: u8) -> RunEvent {
        RunEvent::Started {
            stage,
            iteration,
            agent: "a".into(),
        }
    }

    fn reported(stage: Stage, iteration: u8, report: Report, code: &str) -> RunEvent {
        RunEvent::Reported {
            stage,
            iteration,
            agent: "a".into(),
            report,
            tree: TreeId("t".into()),
            proposed_code: code.into(),
        }
    }

    fn replied(cost_microusd: Option<u64>) -> RunEvent {
        RunEvent::Replied {
            agent: "a".into(),
            iteration: 1,
            request_sha256: String::new(),
            reply: ModelReply {
                usage: TokenUsage {
                    input_tokens: 10,
                    output_tokens: 2,
                    ..TokenUsage::default()
                },
                cost_microusd,
                ..ModelReply::default()
            },
        }
    }

    fn missing(what: &str) -> Evidence {
        Evidence::Missing {
            what: what.into(),
            why: "none were found".into(),
        }
    }

    fn test_run() -> Evidence {
        Evidence::Tests {
            run: TestRun {
                results: Vec::new(),
                collected: Vec::new(),
                collection_errors: Vec::new(),
                exit: Exit::Code(0),
                finished: true,
                wall_ms: 0,
                tail: String::new(),
                cached: false,
            },
            comparison: Vec::new(),
            reruns: Vec::new(),
            scope: None,
        }
    }

    fn interrupted() -> RunEvent {
        RunEvent::Interrupted {
            reason: Reason::Cancelled,
            explanation: String::new(),
        }
    }

    fn finished() -> RunEvent {
        RunEvent::Finished {
            status: Status::Completed,
            reason: None,
            explanation: String::new(),
            tier: Some(Tier::Proven),
            tree: TreeId("t".into()),
            proposed_code: "final".into(),
        }
    }

    fn entries(events: impl IntoIterator<Item = RunEvent>) -> Vec<Entry> {
        (0..)
            .zip(events)
            .map(|(seq, event)| Entry {
                seq,
                at_ms: 0,
                event,
            })
            .collect()
    }

    #[track_caller]
    fn check(events: impl IntoIterator<Item = RunEvent>, want: Expect) {
        let shown = match RunState::fold(&entries(events)) {
            Ok(it) => format!(
                "{:?} {:?} {:?}, draft {} {:?}, tests {:?}, qa {:?}, feedback {:?}, {} evidence, {:?}",
                it.status,
                it.reason,
                it.tier,
                it.iteration,
                it.proposed_code,
                it.tests_passed,
                it.qa_passed,
                it.feedback,
                it.evidence.len(),
                it.usage
                    .values()
                    .map(|usage| (usage.calls, usage.tokens.total(), usage.cost_microusd))
                    .collect::<Vec<_>>(),
            ),
            Err(error) => format!("could not {error}"),
        };
        want.assert_eq(&shown);
    }

    #[test]
    fn a_rejected_draft_leaves_its_feedback_and_no_verdict() {
        check(
            [
                opened(),
                started(Stage::Drafting, 1),
                reported(Stage::Drafting, 1, Report::passed("done"), "one"),
                started(Stage::Testing, 1),
                reported(
                    Stage::Testing,
                    1,
                    Report::rejected("1 failed", "fix it"),
                    "one",
                ),
                started(Stage::Drafting, 2),
            ],
            expect![[
                r#"Running None None, draft 2 "one", tests None, qa None, feedback Some("fix it"), 0 evidence, []"#
            ]],
        );
    }

    #[test]
    fn what_was_prepared_outlives_a_redraft_and_what_was_shown_does_not() {
        check(
            [
                opened(),
                started(Stage::Drafting, 1),
                RunEvent::Prepared {
                    agent: "a".into(),
                    prepared: Prepared {
                        evidence: vec![missing("existing tests")],
                    },
                },
                reported(
                    Stage::Drafting,
                    1,
                    Report::rejected("", "no")
                        .with(missing(Evidence::INDEPENDENT_REVIEW))
                        .with(Evidence::Draft {
                            agent: "a".into(),
                            summary: String::new(),
                            turns: 1,
                        }),
                    "one",
                ),
                started(Stage::Drafting, 2),
                started(Stage::Drafting, 2),
            ],
            expect![[
                r#"Running None None, draft 2 "one", tests None, qa None, feedback Some("no"), 1 evidence, []"#
            ]],
        );
    }

    #[test]
    fn replies_are_counted_and_an_unknown_price_makes_the_sum_unknown() {
        check(
            [opened(), replied(Some(5)), replied(Some(7))],
            expect![[
                r#"Running None None, draft 1 "", tests None, qa None, feedback None, 0 evidence, [(2, 24, Some(12))]"#
            ]],
        );
        check(
            [opened(), replied(None), replied(Some(7))],
            expect![[
                r#"Running None None, draft 1 "", tests None, qa None, feedback None, 0 evidence, [(2, 24, None)]"#
            ]],
        );
    }

    #[test]
    fn an_interrupted_run_is_still_running_and_its_reason_goes_when_it_goes_on() {
        check(
            [opened(), interrupted()],
            expect![[
                r#"Running Some(Cancelled) None, draft 1 "", tests None, qa None, feedback None, 0 evidence, []"#
            ]],
        );
        check(
            [opened(), interrupted(), started(Stage::Drafting, 1)],
            expect![[
                r#"Running None None, draft 1 "", tests None, qa None, feedback None, 0 evidence, []"#
            ]],
        );
    }

    #[test]
    fn the_end_sets_status_tier_and_the_final_change() {
        check(
            [
                opened(),
                reported(
                    Stage::Testing,
                    1,
                    Report::passed("2 passed").with(test_run()),
                    "one",
                ),
                reported(Stage::Qa, 1, Report::passed("fine"), "one"),
                finished(),
            ],
            expect![[
                r#"Completed None Some(Proven), draft 1 "final", tests Some(true), qa Some(true), feedback None, 1 evidence, []"#
            ]],
        );
    }

    #[test]
    fn an_agent_that_ran_no_tests_can_not_say_that_they_passed() {
        check(
            [
                opened(),
                reported(Stage::Testing, 1, Report::passed("2 written"), "one"),
            ],
            expect![[
                r#"Running None None, draft 1 "one", tests None, qa None, feedback None, 0 evidence, []"#
            ]],
        );
    }

    fn handed_over() -> [RunEvent; 2] {
        let to = Destination::Comment { on: "o/r#7".into() };
        let reference = "a".into();
        [
            RunEvent::Delivering { to: to.clone() },
            RunEvent::Delivered { to, reference },
        ]
    }

    #[test]
    fn deliveries_follow_the_end_and_change_nothing_of_it() {
        let history = entries([opened(), finished()].into_iter().chain(handed_over()));
        let walk = crate::walked(&history);
        assert_eq!(walk.len(), 2);
        assert_eq!(RunState::fold(&history), RunState::fold(walk));
        for too_early in handed_over() {
            check(
                [opened(), too_early],
                expect![
                    "could not read the run's journal: entry 1 can't stand where it is (is it of another run?)"
                ],
            );
        }
        let [before, after] = handed_over();
        check(
            [opened(), finished(), before, finished(), after],
            expect![
                "could not read the run's journal: entry 3 can't stand where it is (is it of another run?)"
            ],
        );
    }

    #[test]
    fn what_is_not_one_whole_run_is_refused() {
        check([], expect!["could not read the run's journal: it is empty"]);
        check(
            [finished()],
            expect![
                "could not read the run's journal: it doesn't begin with the opening of a run (is its start missing?)"
            ],
        );
        check(
            [opened(), finished(), interrupted()],
            expect![
                "could not read the run's journal: entry 2 can't stand where it is (is it of another run?)"
            ],
        );
        check(
            [opened(), opened()],
            expect![
                "could not read the run's journal: entry 1 can't stand where it is (is it of another run?)"
            ],
        );
        let mut holed = entries([opened(), interrupted(), interrupted()]);
        holed.remove(1);
        assert_eq!(
            RunState::fold(&holed),
            Err(FoldError::Gap {
                wanted: 1,
                found: 2
            })
        );
    }
}
