//! A checkout that is made for one test run, and how tests are run in it.

use std::sync::Arc;

use protocol::{
    AgentContext, AgentError, Log, RunState, TestFile, TestRun, TreeId, Workspace, WorkspaceError,
};

use crate::pytest::{self, Ran};
use crate::settings::Settings;
use crate::targets::{Files, Targets};
use crate::until_first_failure::{Said, run_until_noticed};
use crate::{configuration, frozen, own_tests};

/// A fork of a tree that nobody needs after the tests ran: they write where they like.
pub struct TestTree {
    tree: Arc<dyn Workspace>,
    settings: Settings,
}

impl TestTree {
    /// A tree as it is, in which tests are run as these settings say.
    ///
    /// # Errors
    /// [`WorkspaceError`] when the tree can't be laid out.
    pub async fn of(
        side: &dyn Workspace,
        tree: &TreeId,
        settings: &Settings,
    ) -> Result<TestTree, WorkspaceError> {
        Ok(TestTree {
            tree: side.fork(tree).await?,
            settings: settings.clone(),
        })
    }

    /// The base as it is, in which tests are run as these settings say.
    ///
    /// # Errors
    /// [`WorkspaceError`] when the base can't be laid out.
    pub async fn of_base(
        base: &dyn Workspace,
        settings: &Settings,
    ) -> Result<TestTree, WorkspaceError> {
        TestTree::of(base, &base.base().tree, settings).await
    }

    /// The whole change, the tests that it brings along included, run as the base says.
    ///
    /// # Errors
    /// [`AgentError`] when the tree can't be laid out.
    pub async fn of_draft(
        cx: &AgentContext<'_>,
        state: &RunState,
        tree: &TreeId,
    ) -> Result<TestTree, AgentError> {
        let tree = cx.work.fork(tree).await?;
        let settings = configuration::put_back(cx, state, &*tree).await?;
        Ok(TestTree { tree, settings })
    }

    /// The change, or a part of it, as its judges see it: with the frozen tests in it, without what the draft adds to the
    /// tests, and run as the base says, because a change must not choose its own judge.
    ///
    /// # Errors
    /// [`AgentError`] when the tree can't be laid out, or a frozen file isn't what was frozen any more.
    pub async fn of_change(
        cx: &AgentContext<'_>,
        state: &RunState,
        tree: &TreeId,
    ) -> Result<TestTree, AgentError> {
        let of_draft = TestTree::of_draft(cx, state, tree).await?;
        for path in &own_tests::added(cx, state).await?.of_the_tests {
            match of_draft.tree.delete(path).await {
                // It may have been put back already.
                Err(error) if !error.is_the_callers_fault() => return Err(error.into()),
                _ => {}
            }
        }
        let acceptance = state.acceptance_tests();
        let frozen = acceptance.map_or(&[][..], |it| &it.files);
        Ok(of_draft.with_frozen(frozen).await?)
    }

    /// The same with files that are still what was frozen.
    ///
    /// # Errors
    /// [`WorkspaceError`] when a file isn't what was frozen any more, or can't be written.
    pub async fn with_frozen(self, files: &[TestFile]) -> Result<TestTree, WorkspaceError> {
        frozen::write(&*self.tree, files).await?;
        Ok(self)
    }

    /// Its files, and what else runs in it.
    pub fn workspace(&self) -> &dyn Workspace {
        &*self.tree
    }

    /// Runs tests.
    ///
    /// # Errors
    /// [`WorkspaceError`] when pytest can't be started; failing tests are none.
    pub async fn run(
        &self,
        targets: Targets<'_>,
        seconds_max: u64,
        log: &dyn Log,
    ) -> Result<TestRun, WorkspaceError> {
        self.run_dealt(targets, &[], seconds_max, log, 0).await
    }

    /// As [`TestTree::run`], with everything dealt otherwise that Python and pytest's plugins deal by chance, such as the
    /// order of sets. The same `deal` is the same each time; 0 is that of all other runs. Of the files that were `written`
    /// for the task, nothing is a test but their test functions.
    ///
    /// # Errors
    /// [`WorkspaceError`] when pytest can't be started; failing tests are none.
    pub async fn run_dealt(
        &self,
        targets: Targets<'_>,
        written: &[String],
        seconds_max: u64,
        log: &dyn Log,
        deal: u32,
    ) -> Result<TestRun, WorkspaceError> {
        let (tree, settings) = (self.workspace(), &self.settings);
        pytest::run_dealt(tree, settings, targets, written, seconds_max, log, deal).await
    }

    /// As [`TestTree::run`], and says whether it can be believed.
    ///
    /// # Errors
    /// [`WorkspaceError`] when pytest can't be started; failing tests are none.
    pub async fn watch(
        &self,
        targets: Targets<'_>,
        files: Files<'_>,
        seconds_max: u64,
        log: &dyn Log,
    ) -> Result<Ran, WorkspaceError> {
        let (tree, settings) = (self.workspace(), &self.settings);
        pytest::watch(tree, settings, targets, files, seconds_max, log).await
    }

    /// Runs tests until one of `passing` fails or can't be collected; whatever else fails says nothing.
    ///
    /// # Errors
    /// [`WorkspaceError`] when pytest can't be started; failing tests are none.
    pub async fn run_until_noticed(
        &self,
        targets: Targets<'_>,
        seconds_max: u64,
        passing: &[String],
    ) -> Result<Said, WorkspaceError> {
        run_until_noticed(
            self.workspace(),
            &self.settings,
            targets,
            seconds_max,
            passing,
        )
        .await
    }
}
