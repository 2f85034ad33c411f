//! The task that comes with the program: its repository and what its scripted models say.

use include_dir::{Dir, include_dir};
use llm::Role;
use protocol::Task;
use serde::Deserialize;

use crate::failure::Failure;

/// `fixtures/demo`, as it was when the program was built.
static DEMO: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../fixtures/demo");

/// What was asked. The rest of the file is for the tests.
#[derive(Deserialize)]
struct TaskFile {
    title: String,
    body: String,
}

/// The task.
pub(crate) fn task() -> Result<Task, Failure> {
    let text = DEMO
        .get_file("task.toml")
        .and_then(|it| it.contents_utf8())
        .unwrap_or_default();
    let file: TaskFile = toml::from_str(text)
        .map_err(|it| Failure::broken("read the demo that comes with the program", it))?;
    Ok(Task {
        title: file.title,
        body: file.body.trim().to_owned(),
        ..Task::default()
    })
}

/// The repository's files, before.
pub(crate) fn files() -> Vec<(String, &'static [u8])> {
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
