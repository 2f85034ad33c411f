//! The test author: writes tests from the task and the base alone, before anybody has seen a change.

use async_trait::async_trait;
use protocol::{
    Agent, AgentContext, AgentError, Evidence, Prepared, Report, RunState, Task, visible,
};
use repo_context::{Orientation, SHORT_OVERVIEW_BYTES_MAX};

use crate::author_visit::{AuthorVisit, Handed};
use crate::dispute;
use crate::talk::NAME;

/// Writes acceptance tests beside the drafting, runs them on the base at once, and freezes them.
///
/// It is asked for nothing later: whoever runs the tests finds them in the evidence.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestAuthor;

impl TestAuthor {
    /// A test author.
    pub fn new() -> TestAuthor {
        TestAuthor
    }
}

#[async_trait]
impl Agent for TestAuthor {
    fn name(&self) -> &str {
        NAME
    }

    async fn prepare(&self, cx: &AgentContext<'_>, task: &Task) -> Result<Prepared, AgentError> {
        let oriented = Orientation::for_visit(cx, task, SHORT_OVERVIEW_BYTES_MAX).await?;
        let evidence = match AuthorVisit::new(cx, task, &oriented).await?.work().await? {
            Handed::In(tests) => Evidence::AcceptanceTests(tests),
            Handed::Nothing(why) => Evidence::Missing {
                what: Evidence::ACCEPTANCE_TESTS.to_owned(),
                why,
            },
        };
        let shown = oriented.evidence(NAME);
        Ok(Prepared {
            evidence: shown.into_iter().chain([evidence]).collect(),
        })
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        if let Some(disputed) = dispute::open(state) {
            let tests = dispute::decide(cx, state, disputed).await?;
            let granted = tests.amendment.as_ref().is_some_and(|it| it.granted);
            let words = if granted { "changed" } else { "stands" };
            let summary = format!("{} was disputed and {words}", visible(&disputed.test));
            return Ok(Report::passed(summary).with(Evidence::AcceptanceTests(tests)));
        }
        Ok(Report::passed(match state.acceptance_tests() {
            Some(tests) => format!(
                "{} acceptance tests were written before the change was seen, {} of them red on the base",
                tests.on_base.len(),
                tests.red_on_base.len()
            ),
            None => "there are no acceptance tests".to_owned(),
        }))
    }
}
