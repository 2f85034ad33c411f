//! Runs the base's own suite for somebody who wants to know how it stands, without any task or model.

use std::collections::BTreeSet;
use std::path::Path;

use protocol::{Limits, Log, TestRun, Workspace, WorkspaceError};

use crate::baseline::{is_blocked, seconds_max};
use crate::ids::file_of;
use crate::pytest;
use crate::settings::Settings;
use crate::targets::Targets;
use crate::test_tree::TestTree;

/// How the suite of a base is run, and what became of it.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The command, as a person would type it.
    pub command: String,
    /// The folder in which it is run; empty for the root.
    pub folder: String,
    /// The configuration of pytest that it obeys, relative to the root, if there is one.
    pub config: Option<String>,
    /// What became of the tests.
    pub run: TestRun,
}

/// Runs the suite on a copy of the base, or of it only what stands in these files and folders; a test's id means its file,
/// and only results of that id are given.
///
/// # Errors
/// [`WorkspaceError::Blocked`] when the environment can't be set up or nothing of the suite can be collected.
pub async fn survey(
    base: &dyn Workspace,
    only: &[String],
    limits: &Limits,
    log: &dyn Log,
) -> Result<Survey, WorkspaceError> {
    let settings = Settings::read(base).await?;
    let tree = TestTree::of_base(base, &settings).await?;
    let files: BTreeSet<String> = only.iter().map(|it| file_of(it).to_owned()).collect();
    let files = Vec::from_iter(files);
    let targets = match files.is_empty() {
        true => Targets::Suite,
        false => Targets::Files(&files),
    };
    let mut run = tree.run(targets, seconds_max(limits), log).await?;
    let ids: Vec<&String> = only.iter().filter(|it| it.contains("::")).collect();
    if !ids.is_empty() {
        let wanted = |it: &str| {
            let under = |id: &&String| {
                it.strip_prefix(id.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', ':']))
            };
            let inside = |path: &&String| {
                let file = file_of(it);
                file == *path || Path::new(file).starts_with(path)
            };
            ids.iter().any(under) || only.iter().any(|it| inside(&it))
        };
        run.results.retain(|it| wanted(&it.id));
        run.collected.retain(|it| wanted(it));
    }
    let command = pytest::shown(&settings).to_owned();
    if is_blocked(&run) {
        return Err(WorkspaceError::Blocked {
            command,
            tail: run.tail,
        });
    }
    Ok(Survey {
        command,
        folder: settings.folder,
        config: settings.config,
        run,
    })
}
