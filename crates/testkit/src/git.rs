//! Real git repositories for tests, made by the git program in a closed world.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

/// A fixed moment, so that the same files always make the same commit.
const MOMENT: &str = "2026-01-01T00:00:00Z";

/// Runs git in a folder and returns its standard output. No configuration of the user or the system is read.
///
/// # Panics
///
/// When git is missing or fails.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    git_at(folder, arguments, MOMENT)
}

/// The same, at another moment.
#[expect(
    clippy::disallowed_methods,
    reason = "tests need repositories that the real git made; no stranger's file is involved"
)]
fn git_at(folder: &Path, arguments: &[&str], moment: &str) -> String {
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
        .env("GIT_AUTHOR_DATE", moment)
        .env("GIT_COMMITTER_DATE", moment)
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
    repository_of(folder, files, &History::default())
}

/// What a repository says of itself beside its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The tag of its commit.
    pub tag: Option<String>,
    /// The day of its commit, as in `2021-05-03`.
    pub day: Option<String>,
}

/// As [`repository`], of another day and with a tag.
///
/// # Panics
///
/// When a file can't be written, or git fails.
pub fn repository_of(
    folder: &Path,
    files: &BTreeMap<String, Vec<u8>>,
    history: &History,
) -> String {
    for (path, bytes) in files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, bytes))
            .unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
    }
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
    git(folder, &["add", "--all", "--force"]);
    let commit = ["commit", "--quiet", "--allow-empty", "--message=As it was"];
    match &history.day {
        Some(day) => git_at(folder, &commit, &format!("{day}T00:00:00Z")),
        None => git(folder, &commit),
    };
    if let Some(tag) = &history.tag {
        git(folder, &["tag", tag]);
    }
    git(folder, &["rev-parse", "HEAD"])
}

/// What git's own `http-backend` writes to a request that these variables describe (CGI, RFC 3875), for the repositories below a
/// folder.
///
/// # Panics
///
/// When git can't be started.
#[expect(
    clippy::disallowed_methods,
    reason = "a fake host of repositories runs the real git; no stranger's file is involved"
)]
pub(crate) fn http_backend(folder: &Path, variables: &[(&str, &str)], body: Vec<u8>) -> Vec<u8> {
    let mut child = std::process::Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap_or_else(|error| panic!("start git (is it installed?): {error}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    let writing = std::thread::spawn(move || {
        // Git may stop reading; what it says then is its answer.
        let _ = stdin.write_all(&body);
    });
    let output = child.wait_with_output().expect("git ends");
    let _ = writing.join();
    output.stdout
}
