//! Files of a checkout: read, written, listed and searched, and never anything outside.

use std::path::Path;

use expect_test::{Expect, expect};
use protocol::{Command, ListQuery, SearchQuery, Workspace, WorkspaceError};
use serde::Deserialize;
use workspace::checkout::Checkout;

use crate::world::{World, put};

const SECRET: &str = "S3CR3T-MARK-7d1f";

/// One row of `fixtures/cases/paths.jsonl`.
#[derive(Deserialize)]
struct Row {
    id: String,
    path: String,
    op: String,
    allow: bool,
    #[serde(default)]
    setup: Vec<String>,
}

/// A checkout at `{WS}`, a folder beside it with a secret at `{OUT}`.
struct Beside {
    world: World,
    checkout: Checkout,
}

impl Beside {
    async fn new() -> Beside {
        let world = World::with(&[
            ("src/app.py", "print(1)\n"),
            ("README.md", "x\n"),
            ("tests/test_a.py", "def test(): pass\n"),
        ]);
        let checkout = world.checkout().await;
        let beside = Beside { world, checkout };
        put(&beside.out(), "secret.txt", SECRET.as_bytes());
        beside
    }

    /// Beside the tree, so that `../out` leads there.
    fn out(&self) -> std::path::PathBuf {
        self.checkout.path().with_file_name("out")
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{WS}", &self.checkout.path().display().to_string())
            .replace("{OUT}", &self.out().display().to_string())
            .replace(
                "{SECRET}",
                &self.out().join("secret.txt").display().to_string(),
            )
    }

    async fn run(&self, line: &str) {
        let command = Command::new(["bash", "-c", line], 60);
        let ended = self.checkout.run(&command).await.unwrap();
        assert!(ended.succeeded(), "{line}: {}", ended.tail());
    }

    async fn use_path(&self, op: &str, path: &str) -> Result<(), WorkspaceError> {
        match op {
            "write" => self.checkout.write(path, b"new").await,
            "delete" => self.checkout.delete(path).await,
            "read" => {
                let bytes = self.checkout.read(path).await?;
                assert_ne!(bytes, SECRET.as_bytes(), "{path}");
                Ok(())
            }
            "list" => {
                let query = ListQuery {
                    path: path.to_owned(),
                    glob: None,
                    items_max: 10,
                };
                self.checkout.list(&query).await.map(drop)
            }
            other => panic!("no such operation: {other}"),
        }
    }

    /// All names beside the tree, with sizes: nothing of it may change.
    fn outside(&self) -> String {
        let line = format!(
            "cd {} && find out -printf '%p %s %l\\n' | sort",
            self.out().parent().unwrap().display()
        );
        self.world.shell("out", &line).0
    }
}

#[tokio::test]
async fn every_path_of_the_cases_is_judged_as_the_case_says() {
    let rows = include_str!("../../../../fixtures/cases/paths.jsonl");
    let mut wrong = Vec::new();
    let shared = Beside::new().await;
    for line in rows.lines() {
        let row: Row = serde_json::from_str(line).unwrap();
        // No file tool unpacks archives.
        if row.op == "extract" {
            continue;
        }
        let own;
        let beside = match row.setup.is_empty() {
            true => &shared,
            false => {
                own = Beside::new().await;
                &own
            }
        };
        for line in &row.setup {
            beside.run(&beside.fill(line)).await;
        }
        let before = beside.outside();
        let judged = beside.use_path(&row.op, &beside.fill(&row.path)).await;
        let fault = match &judged {
            Ok(()) => true,
            Err(error) => error.is_the_callers_fault(),
        };
        if judged.is_ok() != row.allow || !fault {
            wrong.push(format!("{}: {judged:?}", row.id));
        }
        assert_eq!(
            beside.outside(),
            before,
            "{}: something changed outside",
            row.id
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs `line` in the tree, uses a path, and shows what comes of it.
async fn check(line: &str, op: &str, path: &str, want: Expect) {
    let beside = Beside::new().await;
    beside.run(&beside.fill(line)).await;
    let before = beside.outside();
    let shown = match beside.use_path(op, path).await {
        Ok(()) => "done".to_owned(),
        Err(error) => format!("cannot {error}"),
    };
    want.assert_eq(&shown);
    assert_eq!(beside.outside(), before);
}

#[tokio::test]
async fn a_link_that_stays_inside_may_be_read_and_never_be_written_through() {
    check("ln -s src/app.py link", "read", "link", expect!["done"]).await;
    check("ln -s src dir", "read", "dir/app.py", expect!["done"]).await;
    check(
        "ln -s src/app.py link",
        "write",
        "link",
        expect![
            "cannot use `link`: it is outside the repository or passes through a symbolic link"
        ],
    )
    .await;
    check("ln -s src dir", "write", "dir/new.py", expect!["cannot use `dir/new.py`: it is outside the repository or passes through a symbolic link"]).await;
    check("ln -s src dir", "delete", "dir/app.py", expect!["cannot use `dir/app.py`: it is outside the repository or passes through a symbolic link"]).await;
    check(
        "ln -s src dir",
        "list",
        "dir",
        expect!["cannot use `dir`: it is outside the repository or passes through a symbolic link"],
    )
    .await;
}

#[tokio::test]
async fn a_link_that_leads_out_is_never_followed() {
    check(
        "ln -s {OUT}/secret.txt link",
        "read",
        "link",
        expect![
            "cannot use `link`: it is outside the repository or passes through a symbolic link"
        ],
    )
    .await;
    check(
        "ln -s ../out/secret.txt link",
        "read",
        "link",
        expect![
            "cannot use `link`: it is outside the repository or passes through a symbolic link"
        ],
    )
    .await;
    check(
        "ln -s {OUT} dir; ln -s dir/secret.txt link",
        "read",
        "link",
        expect![
            "cannot use `link`: it is outside the repository or passes through a symbolic link"
        ],
    )
    .await;
    check("ln -s /proc/self/root{OUT} dir", "read", "dir/secret.txt", expect!["cannot use `dir/secret.txt`: it is outside the repository or passes through a symbolic link"]).await;
    check(
        "ln -s {OUT} dir",
        "list",
        "dir",
        expect!["cannot use `dir`: it is outside the repository or passes through a symbolic link"],
    )
    .await;
    check("ln -s {OUT} dir", "delete", "dir/secret.txt", expect!["cannot use `dir/secret.txt`: it is outside the repository or passes through a symbolic link"]).await;
    check(
        "ln -s {OUT}/secret.txt link",
        "delete",
        "link",
        expect!["done"],
    )
    .await;
    check(
        "ln -s loop loop",
        "read",
        "loop",
        expect![
            "cannot use `loop`: it is outside the repository or passes through a symbolic link"
        ],
    )
    .await;
}

#[tokio::test]
async fn the_control_folder_is_not_reached_through_a_link_either() {
    check(
        "ln -s .git/config link",
        "read",
        "link",
        expect![
            "cannot use `link`: it is outside the repository or passes through a symbolic link"
        ],
    )
    .await;
    check("ln -s .git dir", "read", "dir/config", expect!["cannot use `dir/config`: it is outside the repository or passes through a symbolic link"]).await;
    check(
        "true",
        "list",
        ".git",
        expect!["cannot use `.git`: it belongs to git"],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_file_is_said() {
    check(
        "true",
        "read",
        "nosuch.py",
        expect!["cannot find `nosuch.py` in the repository"],
    )
    .await;
    check(
        "true",
        "read",
        "src",
        expect!["cannot use `src`: it is a folder"],
    )
    .await;
    check(
        "true",
        "read",
        "src/app.py/x",
        expect!["cannot use `src/app.py/x`: a part of it is a file, not a folder"],
    )
    .await;
    check(
        "true",
        "write",
        "src",
        expect!["cannot use `src`: it is a folder"],
    )
    .await;
    check(
        "true",
        "delete",
        "src",
        expect!["cannot use `src`: it is a folder; delete its files"],
    )
    .await;
    check(
        "mkfifo pipe",
        "write",
        "pipe",
        expect!["cannot use `pipe`: it is neither a file nor a folder"],
    )
    .await;
}

async fn listed(checkout: &Checkout, path: &str, glob: Option<&str>, items_max: usize) -> String {
    let query = ListQuery {
        path: path.to_owned(),
        glob: glob.map(str::to_owned),
        items_max,
    };
    match checkout.list(&query).await {
        Ok(it) => format!("{} (+{})", it.items.join(" "), it.left_out),
        Err(error) => format!("cannot {error}"),
    }
}

#[tokio::test]
async fn lists_leave_out_what_is_ignored_and_show_what_is_hidden() {
    let world = World::with(&[
        (".gitignore", "*.log\n/build/\n"),
        (".github/ci.yml", "on: push\n"),
        ("a.py", ""),
        ("src/.gitignore", "secret.py\n"),
        ("src/b.py", ""),
        ("src/deep/c.py", ""),
        ("src/secret.py", ""),
        ("README.md", ""),
    ]);
    world.shell(
        "repo",
        "echo > kept.log; git add -f kept.log; git commit -qm log",
    );
    let checkout = world.checkout().await;
    // Answered from git before the files are there, and from the files afterwards: it must be the same.
    let both = async || {
        let all = listed(&checkout, "", None, 100).await;
        let some = listed(&checkout, "src", Some("*.py"), 1).await;
        format!("{all}\n{some}")
    };
    let before = both().await;
    expect![[r#"
        .github/ci.yml .gitignore README.md a.py kept.log src/.gitignore src/b.py src/deep/c.py (+0)
        src/b.py (+1)"#]]
    .assert_eq(&before);
    checkout.write("src/deep/new.py", b"").await.unwrap();
    checkout.delete("src/deep/new.py").await.unwrap();
    assert_eq!(both().await, before);
    let command = Command::new(
        [
            "bash",
            "-c",
            "mkdir -p build .venv/lib src/__pycache__ .git2; touch build/x y.log .venv/lib/z.py src/__pycache__/b.pyc src/secret2.py",
        ],
        60,
    );
    checkout.run(&command).await.unwrap();
    checkout.write("asked.log", b"").await.unwrap();
    expect![".github/ci.yml .gitignore README.md a.py asked.log kept.log src/.gitignore src/b.py src/deep/c.py src/secret2.py (+0)"].assert_eq(&listed(&checkout, "", None, 100).await);
    expect!["src/b.py src/deep/c.py src/secret2.py (+0)"]
        .assert_eq(&listed(&checkout, "src/", Some("**/*.py"), 100).await);
    expect!["cannot find `nosuch` in the repository"]
        .assert_eq(&listed(&checkout, "nosuch", None, 100).await);
    expect!["cannot understand the pattern `a[`: unclosed character class; missing ']'"]
        .assert_eq(&listed(&checkout, "", Some("a["), 100).await);
    expect!["a.py (+0)"].assert_eq(&listed(&checkout, "a.py", None, 100).await);
}

async fn found(checkout: &Checkout, pattern: &str, path: &str, items_max: usize) -> String {
    let query = SearchQuery {
        pattern: pattern.to_owned(),
        path: path.to_owned(),
        glob: None,
        items_max,
    };
    match checkout.search(&query).await {
        Ok(it) => format!("{} (+{})", it.items.join(" | "), it.left_out),
        Err(error) => format!("cannot {error}"),
    }
}

#[tokio::test]
async fn searches_show_path_line_and_text() {
    let world = World::with(&[
        ("a.py", "import os\nx = 1\n"),
        ("b/c.py", "y = 2\r\nimport os\n"),
        ("ignored.log", "import os\n"),
        (".gitignore", "*.log\n"),
    ]);
    put(&world.repo(), "bytes.bin", b"import os\0\n");
    put(&world.repo(), "latin.py", b"# caf\xe9 import\n");
    put(
        &world.repo(),
        "declared.py",
        b"# coding: latin-1\n# caf\xe9 dans la ville\n",
    );
    put(
        &world.repo(),
        "long.py",
        format!("{}import\n", "x".repeat(1000)).as_bytes(),
    );
    world.shell("repo", "ln -s a.py link.py; ln -s /etc out");
    world.commit("more");
    let checkout = world.checkout().await;
    expect!["a.py:1: import os | b/c.py:2: import os (+0)"]
        .assert_eq(&found(&checkout, "^import", "", 100).await);
    expect!["latin.py:1: # caf� import | long.py:1: [300 x]… (+0)"].assert_eq(
        &found(&checkout, "import$", "", 100)
            .await
            .replace(&"x".repeat(300), "[300 x]"),
    );
    expect!["declared.py:2: # café dans la ville (+0)"]
        .assert_eq(&found(&checkout, "café dans", "", 100).await);
    expect!["b/c.py:1: y = 2 (+0)"].assert_eq(&found(&checkout, r"[xy] = \d", "b", 100).await);
    expect!["a.py:1: import os (+3)"].assert_eq(&found(&checkout, "import", "", 1).await);
    expect!["a.py:1: import os (+0)"].assert_eq(&found(&checkout, "import", "a.py", 100).await);
    expect!["cannot use `out`: it is outside the repository or passes through a symbolic link"]
        .assert_eq(&found(&checkout, "root", "out", 100).await);
    expect![[r#"
        cannot understand the pattern `a(`: regex parse error:
            (?:a()
            ^
        error: unclosed group"#]]
    .assert_eq(&found(&checkout, "a(", "", 100).await);
}

#[tokio::test]
async fn a_file_is_written_whole_or_not_at_all() {
    let beside = Beside::new().await;
    let big = vec![b'x'; (1 << 20) + 1];
    put(beside.checkout.path(), "big", &big);
    let error = beside.checkout.read("big").await.unwrap_err();
    expect!["use `big`: it is larger than 1048576 bytes"].assert_eq(&error.to_string());
    let error = beside.checkout.write("README.md", &big).await.unwrap_err();
    expect!["use `README.md`: it would be larger than 1048576 bytes"].assert_eq(&error.to_string());
    assert_eq!(beside.checkout.read("README.md").await.unwrap(), b"x\n");
    beside
        .checkout
        .write("new/deep/a.py", b"\xff\0")
        .await
        .unwrap();
    assert_eq!(
        beside.checkout.read("new/deep/a.py").await.unwrap(),
        b"\xff\0"
    );
    beside.checkout.delete("new/deep/a.py").await.unwrap();
    assert!(
        !Path::new(beside.checkout.path()).join("new").exists(),
        "empty folders stay"
    );
}
