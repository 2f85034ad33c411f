//! What whoever reads the outcomes must know about an environment, though nothing failed.

use std::collections::BTreeMap;

use git::BaseTree;

use super::scm::FromGit;
use super::statements::is_statement;

/// Paths that one remark names.
const PATHS_MAX: usize = 3;

/// The remarks about the base itself: what it declares and doesn't hold. Blocks.
pub(super) fn about(
    base: &BaseTree,
    files: &BTreeMap<String, String>,
    from_git: &FromGit,
) -> Vec<String> {
    let mut notes = Vec::new();
    if from_git.is_missing() {
        notes.push(
            "the version comes from git, and no tag leads to the base: packages of the repository are built as 0.0.0 (push or fetch its tags)"
                .to_owned(),
        );
    }
    let submodules = base.submodules();
    if !submodules.is_empty() {
        notes.push(format!(
            "submodules aren't fetched, and their folders are empty: {} (tests that need them can't pass here; `[tool.pipeline] install_command` can install what they hold from the package index)",
            named(&submodules)
        ));
    }
    let pointers = base.lfs_pointers(PATHS_MAX + 1);
    if !pointers.is_empty() {
        notes.push(format!(
            "files that Git LFS keeps elsewhere aren't fetched, and their pointers stand in their place: {}",
            named(&pointers)
        ));
    }
    if let Some(file) = conda_file(base)
        && files.keys().all(|it| is_statement(it))
    {
        notes.push(format!(
            "`{file}` asks for conda, which isn't used here, and nothing else declares what the code needs (write what to install into `[tool.pipeline] install_command`, for instance \"uv pip install numpy pytest\")"
        ));
    }
    notes
}

fn conda_file(base: &BaseTree) -> Option<String> {
    let names = [
        "environment.yml",
        "environment.yaml",
        "conda.yml",
        "meta.yaml",
        "conda-lock.yml",
    ];
    base.paths().find(|path| names.contains(&path.as_str()))
}

fn named(paths: &[String]) -> String {
    let mut text: Vec<String> = paths
        .iter()
        .take(PATHS_MAX)
        .map(|it| format!("`{it}`"))
        .collect();
    if PATHS_MAX < paths.len() {
        text.push("…".to_owned());
    }
    text.join(", ")
}
