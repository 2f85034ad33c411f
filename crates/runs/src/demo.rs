//! The task that comes with the program: its repository and what its scripted models say.

use std::path::{Path, PathBuf};

use git::Identity;
use include_dir::{Dir, include_dir};
use llm::Role;
use protocol::Task;
use serde::Deserialize;

use crate::error::RunsError;

/// `fixtures/demo`, as it was when the program was built.
static DEMO: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../fixtures/demo");

/// What was asked. The rest of the file is for the tests.
#[derive(Deserialize)]
struct TaskFile {
    title: String,
    body: String,
}

/// The task.
///
/// # Errors
/// [`RunsError::Demo`] when the program was built of damaged files.
pub fn task() -> Result<Task, RunsError> {
    let text = DEMO
        .get_file("task.toml")
        .and_then(|it| it.contents_utf8())
        .unwrap_or_default();
    let file: TaskFile = toml::from_str(text).map_err(RunsError::Demo)?;
    Ok(Task {
        title: file.title,
        body: file.body.trim().to_owned(),
        ..Task::default()
    })
}

/// Makes the demonstration's repository in a folder, unless it is there; the folder.
///
/// # Errors
/// [`RunsError::Plant`].
pub fn plant(folder: &Path, author: &Identity) -> Result<PathBuf, RunsError> {
    if folder.join(".git").exists() {
        return Ok(folder.to_owned());
    }
    let files = files();
    let files = files.iter().map(|(path, bytes)| (path.as_str(), *bytes));
    git::plant(folder, files, "Spans of time, as people write them", author)
        .map(|_| folder.to_owned())
        .map_err(|source| RunsError::Plant {
            folder: folder.to_owned(),
            source,
        })
}

/// The repository's files, before.
fn files() -> Vec<(String, &'static [u8])> {
    let mut found = Vec::new();
    if let Some(folder) = DEMO.get_dir("before") {
        collect(folder, &mut found);
    }
    found
}

fn collect(folder: &'static Dir<'_>, found: &mut Vec<(String, &'static [u8])>) {
    for file in folder.files() {
        let path = file.path().strip_prefix("before").unwrap_or(file.path());
        found.push((path.display().to_string(), file.contents()));
    }
    for inner in folder.dirs() {
        collect(inner, found);
    }
}

/// The replies of a role, by file name.
pub(crate) fn replies(role: Role) -> Vec<(String, String)> {
    let folder = DEMO.get_dir(format!("replies/{}", role.name()));
    folder
        .into_iter()
        .flat_map(Dir::files)
        .map(|file| {
            let name = file.path().file_name().unwrap_or_default();
            (
                name.to_string_lossy().into_owned(),
                file.contents_utf8().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}
