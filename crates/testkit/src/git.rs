//! Real git repositories for tests, made by the git program in a closed world.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A fixed moment, so that the same files always make the same commit.
const MOMENT: &str = "2026-01-01T00:00:00Z";

/// Runs git in a folder and returns its standard output. No configuration of the user or the system is read.
///
/// # Panics
///
/// When git is missing or fails.
#[expect(
    clippy::disallowed_methods,
    reason = "tests need repositories that the real git made; no stranger's file is involved"
)]
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.org")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.org")
        .env("GIT_AUTHOR_DATE", MOMENT)
        .env("GIT_COMMITTER_DATE", MOMENT)
        .output()
        .unwrap_or_else(|error| panic!("start git (is it installed?): {error}"));
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Makes a repository of these files, all in one commit on the branch `main`; returns the commit.
///
/// # Panics
///
/// When a file can't be written, or git fails.
pub fn repository(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> String {
    for (path, bytes) in files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, bytes))
            .unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
    }
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
    git(folder, &["add", "--all", "--force"]);
    git(
        folder,
        &["commit", "--quiet", "--allow-empty", "--message=As it was"],
    );
    git(folder, &["rev-parse", "HEAD"])
}
