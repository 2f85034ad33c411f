//! Which tests a coder may dispute in a visit, and the one dispute it has.

use protocol::{Evidence, RunState, TestOrigin, Workspace, WorkspaceError};

use crate::answer::Answer;
use crate::refusal::Refusal;
use crate::tools::dispute_test::Claim;

/// Shortest quote, so that it is words and not a word.
const QUOTE_CHARS_MIN: usize = 8;
/// Longest words of a dispute that are kept.
const WORDS_BYTES_MAX: usize = 4 << 10;

/// What may be disputed after a rejection.
pub(crate) struct Disputes {
    /// The task's whole text.
    task: String,
    feedback: String,
    /// The acceptance tests.
    acceptance: Vec<String>,
    /// What was disputed.
    claim: Option<Claim>,
}

impl Disputes {
    /// None when nothing may be disputed: nothing was sent back yet, a dispute was decided or is under way, or there
    /// is nobody who could decide.
    pub(crate) fn of(state: &RunState) -> Option<Disputes> {
        let feedback = state.feedback.clone()?;
        let no_author = |it: &Evidence| {
            it.missing()
                .is_some_and(|it| it.0 == Evidence::ACCEPTANCE_TESTS)
        };
        let open = match state.acceptance_tests() {
            Some(tests) => tests.origin == TestOrigin::Author && tests.amendment.is_none(),
            // An author who had nothing to hand in can still judge.
            None => state.evidence.iter().any(no_author),
        };
        let under_way = state
            .evidence
            .iter()
            .any(|it| matches!(it, Evidence::Dispute(_)));
        let tests = state.acceptance_tests();
        (open && !under_way).then(|| Disputes {
            task: state.task.as_markdown(),
            feedback,
            acceptance: tests
                .into_iter()
                .flat_map(|it| &it.on_base)
                .map(|it| it.id.clone())
                .collect(),
            claim: None,
        })
    }

    /// Takes a claim that can be checked, once.
    pub(crate) async fn take(
        &mut self,
        claim: &Claim,
        base: &dyn Workspace,
    ) -> Result<Answer, Refusal> {
        let refused = |why: &str| {
            Err(Refusal::Dispute {
                why: why.to_owned(),
            })
        };
        if self.claim.is_some() {
            return refused("one test is disputed already, and there is one dispute in a run");
        }
        if !quoted(&claim.quote, &self.task) {
            return refused(
                "the quote is no line of the task (copy it word for word, from one line)",
            );
        }
        if claim.words.is_empty() {
            return refused(
                "the words are missing (say what the test expects and what the task says)",
            );
        }
        if !self.is_acceptance_test(&claim.test) {
            let Some((path, _)) = claim.test.split_once("::") else {
                return refused(
                    "the test is no test's name (write it as in tests/test_a.py::test_b)",
                );
            };
            if path.is_empty() || !self.feedback.contains(path) {
                return refused("the feedback names no such test");
            }
            match base.read(path).await {
                Ok(_) => {}
                Err(WorkspaceError::NotFound { .. }) => {
                    return refused(
                        "the repository has no such test (one that your change brought in is yours to change)",
                    );
                }
                Err(error) => return Err(error.into()),
            }
        }
        let kept = claim.words.floor_char_boundary(WORDS_BYTES_MAX);
        self.claim = Some(Claim {
            words: claim.words[..kept].to_owned(),
            ..claim.clone()
        });
        Ok(Answer::says(
            "noted: the author of the tests decides when your draft is tested. Leave the test as it is, and make the \
             change that the task asks for",
        ))
    }

    /// What was disputed in this visit.
    pub(crate) fn claim(self) -> Option<Claim> {
        self.claim
    }

    /// Whether it is an acceptance test, named whole or without its parameters.
    fn is_acceptance_test(&self, test: &str) -> bool {
        self.acceptance.iter().any(|id| {
            id.strip_prefix(test)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        })
    }
}

/// Whether words stand in one line of a text, whatever the blanks between them.
fn quoted(words: &str, text: &str) -> bool {
    let plain = |it: &str| it.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = plain(words);
    QUOTE_CHARS_MIN <= words.chars().count() && text.lines().any(|it| plain(it).contains(&words))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::{AcceptanceTests, Amendment, Dispute, Task, TestOutcome, TestResult};
    use testkit::FolderWorkspace;

    use super::*;

    fn tests() -> AcceptanceTests {
        AcceptanceTests {
            on_base: vec![TestResult {
                id: "tests/test_new.py::test_sum[1]".into(),
                outcome: TestOutcome::Failed,
                phase: "call".into(),
                exception: String::new(),
                message: String::new(),
            }],
            ..AcceptanceTests::default()
        }
    }

    fn sent_back(evidence: Vec<Evidence>) -> RunState {
        RunState {
            feedback: Some("tests/test_old.py::test_sum failed; app.py; tests/test_mine.py".into()),
            evidence,
            ..RunState::new(Task::from_text(
                "Sums\n\n- The sum of nothing is 0.\n- Else add.",
            ))
        }
    }

    async fn check(claims: &[[&str; 3]], want: Expect) {
        let base = FolderWorkspace::new([("tests/test_old.py", "")]);
        let state = sent_back(vec![Evidence::AcceptanceTests(tests())]);
        let mut disputes = Disputes::of(&state).expect("the author is there");
        let mut shown = String::new();
        for [test, quote, words] in claims {
            let claim = Claim {
                test: (*test).into(),
                quote: (*quote).into(),
                words: (*words).into(),
            };
            shown += &match disputes.take(&claim, &base).await {
                Ok(answer) => format!("{}\n", answer.text.split(':').next().unwrap_or("")),
                Err(refusal) => format!("could not {refusal}\n"),
            };
        }
        let claim = disputes.claim().map(|it| it.test);
        want.assert_eq(&format!("{shown}{claim:?}"));
    }

    #[tokio::test]
    async fn a_claim_names_a_test_and_quotes_the_task() {
        let quote = "The sum of  nothing is 0.";
        check(
            &[["tests/test_new.py::test_sum[1]", quote, "w"]],
            expect![[r#"
                noted
                Some("tests/test_new.py::test_sum[1]")"#]],
        )
        .await;
        check(
            &[["tests/test_new.py::test_sum", quote, "w"]],
            expect![[r#"
                noted
                Some("tests/test_new.py::test_sum")"#]],
        )
        .await;
        check(
            &[["tests/test_old.py::test_sum", quote, "w"]],
            expect![[r#"
                noted
                Some("tests/test_old.py::test_sum")"#]],
        )
        .await;
        check(
            &[
                ["tests/test_old.py::test_sum", "The sum of one is 0.", "w"],
                ["tests/test_old.py::test_sum", "0", "w"],
                ["tests/test_old.py::test_sum", quote, ""],
                ["tests/test_other.py::test_sum", quote, "w"],
                ["tests/test_mine.py::test_sum", quote, "w"],
                ["", quote, "w"],
                ["tests/test_old.py::test_sum", quote, "w"],
                ["tests/test_new.py::test_sum", quote, "w"],
            ],
            expect![[r#"
                could not dispute a test: the quote is no line of the task (copy it word for word, from one line)
                could not dispute a test: the quote is no line of the task (copy it word for word, from one line)
                could not dispute a test: the words are missing (say what the test expects and what the task says)
                could not dispute a test: the feedback names no such test
                could not dispute a test: the repository has no such test (one that your change brought in is yours to change)
                could not dispute a test: the test is no test's name (write it as in tests/test_a.py::test_b)
                noted
                could not dispute a test: one test is disputed already, and there is one dispute in a run
                Some("tests/test_old.py::test_sum")"#]],
        )
        .await;
    }

    #[test]
    fn there_is_one_dispute_and_somebody_must_be_there_to_decide() {
        let check = |evidence: Vec<Evidence>, open: bool| {
            assert_eq!(Disputes::of(&sent_back(evidence)).is_some(), open);
        };
        let acceptance = |tests| Evidence::AcceptanceTests(tests);
        let missing = |what: &str| Evidence::Missing {
            what: what.into(),
            why: String::new(),
        };
        let dispute = Dispute {
            agent: "drafter".into(),
            test: "t".into(),
            quote: "q".into(),
            words: "w".into(),
        };
        check(vec![acceptance(tests())], true);
        check(vec![missing(Evidence::ACCEPTANCE_TESTS)], true);
        check(vec![missing("review")], false);
        check(vec![], false);
        check(
            vec![acceptance(tests()), Evidence::Dispute(dispute.clone())],
            false,
        );
        let users = AcceptanceTests {
            origin: TestOrigin::User,
            ..tests()
        };
        check(vec![acceptance(users)], false);
        let decided = AcceptanceTests {
            amendment: Some(Box::new(Amendment {
                dispute,
                granted: false,
                answer: String::new(),
                files: Vec::new(),
            })),
            ..tests()
        };
        check(vec![acceptance(tests()), acceptance(decided)], false);
        let mut first = sent_back(vec![acceptance(tests())]);
        first.feedback = None;
        assert!(Disputes::of(&first).is_none());
    }
}
