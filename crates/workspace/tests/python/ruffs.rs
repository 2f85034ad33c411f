//! Configurations that were written for another Ruff get it, or it is said why not.

use protocol::Workspace;

use crate::world::{World, says};

/// The version that runs in a repository of these files, and the last note about its environment.
async fn check(files: &[(&str, &str)], version: &str, note: &str) {
    let mut all = vec![("a.py", "x = 1\n"), ("test_a.py", "def test_a(): pass\n")];
    all.extend_from_slice(files);
    let world = World::with(&all).await;
    let checkout = world.checkout("one", world.environments().await).await;
    let environment = checkout.set_up().await.expect("it can be set up");
    let said = says(&checkout, &["ruff", "--version"]).await;
    assert_eq!(said, format!("ruff {version}"), "{:?}", environment.notes);
    let last = environment.notes.last().map(String::as_str);
    assert_eq!(last.unwrap_or_default(), note);
    if !note.contains("failed") {
        says(&checkout, &["ruff", "check", "--no-cache", "a.py"]).await;
    }
}

#[tokio::test]
async fn an_option_that_is_gone_gets_the_pinned_ruff_or_the_last_one_that_reads_it() {
    let hook = "repos:\n- repo: https://example.org/astral-sh/ruff-pre-commit\n  rev: v0.3.0\n  hooks:\n  - id: ruff\n";
    check(
        &[
            ("pyproject.toml", "[tool.ruff]\nshow-source = true\n"),
            (".pre-commit-config.yaml", hook),
        ],
        "0.3.0",
        "formatted by `ruff==0.3.0` instead of 0.17.5: `pyproject.toml` has `show-source`, which Ruff 0.5.0 removed, and its \
         hook is pinned to 0.3.0",
    )
    .await;
    check(
        &[("ruff.toml", "tab-size = 2\n")],
        "0.4.10",
        "formatted by `ruff<0.5.0` instead of 0.17.5: `ruff.toml` has `tab-size`, which Ruff 0.5.0 removed",
    )
    .await;
}

#[tokio::test]
async fn a_required_version_that_is_nowhere_leaves_the_usual_one() {
    check(
        &[("ruff.toml", "required-version = '==0.0.1'\n")],
        "0.17.5",
        "`uv pip install ruff==0.0.1` failed, so Ruff 0.17.5 is used: `ruff.toml` requires it",
    )
    .await;
    check(
        &[("ruff.toml", "required-version = '>=0.1'\n")],
        "0.17.5",
        "",
    )
    .await;
}
