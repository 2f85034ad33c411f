//! End-of-line settings: what git lays out we lay out, and what it stores we keep. Real git says what is right.

use protocol::{Command, Workspace};

use crate::world::{World, put};

/// Files whose bytes git has been handed as they are.
const FILES: [(&str, &[u8]); 9] = [
    ("a.csv", b"1,2\n3,4\n"),
    ("windows.csv", b"1,2\r\n3,4\r\n"),
    ("mixed.csv", b"1,2\r\n3,4\n"),
    ("a.py", b"x = 1\ny = 2\n"),
    ("windows.py", b"x = 1\r\ny = 2\r\n"),
    ("deep/er/b.csv", b"5\n"),
    ("deep/er/old.py", b"a\rb\n"),
    ("a b.csv", b"6\n"),
    ("picture.png", b"\x89PNG\r\n\x00\n\n"),
];

/// What `.gitattributes` says, at the top and in `deep`.
const SETTINGS: &[(&str, &str)] = &[
    ("", ""),
    ("*.csv text eol=crlf\n", ""),
    ("*.csv eol=crlf\n", ""),
    ("* text=auto\n", ""),
    ("* text=auto eol=crlf\n", ""),
    ("* text\n*.png -text\n", ""),
    ("* text eol=crlf\n*.png binary\n*.py !eol\n", ""),
    ("* -text eol=crlf\n", ""),
    ("*.csv crlf=input\n*.py -crlf\n", ""),
    (
        "# none\n  \"a b.csv\" eol=crlf\n/a.py text eol=crlf\ndeep/** eol=crlf\ndeep/ text\n",
        "",
    ),
    (
        "* text eol=crlf\n*.png -text\n",
        "*.csv eol=lf\ner/*.py -text\n",
    ),
    (
        "[attr]dos text eol=crlf\n*.csv dos\n*.py filter=evil ident\n",
        "*.csv -dos\n",
    ),
    (
        "*.csv text eol=crlf\n*.csv -text\na.csv text\n",
        "b.csv text=auto\n",
    ),
    ("!*.csv eol=crlf\n[ text\n*.py text=input\n", ""),
];

/// A repository of the files, and what git makes of it in a second folder.
fn world(top: &str, deep: &str) -> World {
    let world = World::with(&[]);
    for (name, bytes) in FILES {
        put(&world.repo(), name, bytes);
    }
    // No attribute is there yet, so git stores what it is handed.
    world.commit("files");
    for (name, text) in [(".gitattributes", top), ("deep/.gitattributes", deep)] {
        if !text.is_empty() {
            put(&world.repo(), name, text.as_bytes());
        }
    }
    world.commit("settings");
    // A user's own settings are nobody else's business.
    world.git("repo", &["config", "core.autocrlf", "true"]);
    world.shell("", "git clone -q repo theirs");
    // What lies there doesn't matter to another commit.
    world.git("repo", &["checkout", "-q", "-f", "--orphan", "other"]);
    world.commit("another");
    world
}

fn files_of(folder: &std::path::Path) -> Vec<(&'static str, Vec<u8>)> {
    let read = |name: &str| std::fs::read(folder.join(name)).expect("it is laid out");
    FILES.iter().map(|(name, _)| (*name, read(name))).collect()
}

#[tokio::test]
async fn files_are_laid_out_as_git_checks_them_out() {
    for (top, deep) in SETTINGS {
        let world = world(top, deep);
        let theirs = files_of(&world.path("theirs"));
        let checkout = world
            .open(Some("main"), false)
            .await
            .expect("it can be opened");
        // Read before anything is laid out, and afterwards.
        for (name, bytes) in &theirs {
            let read = checkout.read(name).await.expect("it is there");
            assert_eq!(
                read.escape_ascii().to_string(),
                bytes.escape_ascii().to_string(),
                "{top}{deep}{name}"
            );
        }
        let ended = checkout.run(&Command::new(["true"], 60)).await;
        assert!(ended.expect("it runs").succeeded());
        let ours = files_of(checkout.path());
        assert_eq!(ours, theirs, "{top}{deep}");
    }
}

#[tokio::test]
async fn changed_files_are_kept_as_git_stores_them_and_the_others_as_they_were() {
    for (top, deep) in SETTINGS {
        let world = world(top, deep);
        let checkout = world
            .open(Some("main"), false)
            .await
            .expect("it can be opened");
        let base = checkout.snapshot().await.expect("it can be kept");
        // Every stamp is another one, and no byte is.
        let touched = Command::new(
            [
                "bash",
                "-c",
                "find . -type f -not -path './.git/*' -exec touch -d 2001-01-01 {} +",
            ],
            60,
        );
        assert!(checkout.run(&touched).await.expect("it runs").succeeded());
        assert_eq!(
            checkout.snapshot().await.expect("it can be kept"),
            base,
            "{top}{deep}"
        );
        let edit = "printf '7\\r\\n8\\n' >> a.csv; printf '7\\r\\n' >> windows.csv; printf 'z\\n' >> deep/er/b.csv; \
                    printf 'z\\r\\n' >> windows.py; printf 'z\\r\\n' > new.csv";
        let ended = checkout.run(&Command::new(["bash", "-c", edit], 60)).await;
        assert!(ended.expect("it runs").succeeded());
        let ours = checkout.snapshot().await.expect("it can be kept");
        let (said, succeeded) = world.shell("theirs", &format!("{edit}; git add a.csv windows.csv deep/er/b.csv windows.py new.csv 2>/dev/null && git write-tree 2>/dev/null"));
        assert!(succeeded, "{said}");
        let theirs = said.lines().last().unwrap_or_default();
        assert_eq!(ours.0, theirs, "{top}{deep}");
        // Put back, everything lies as it did.
        checkout.restore(&base).await.expect("it can be put back");
        let there = files_of(checkout.path());
        world.shell("theirs", "git reset -q --hard");
        let theirs = files_of(&world.path("theirs"));
        assert_eq!(there, theirs, "{top}{deep}");
        assert_eq!(
            checkout.snapshot().await.expect("it can be kept"),
            base,
            "{top}{deep}"
        );
    }
}

#[tokio::test]
async fn uncommitted_changes_are_taken_along_as_git_would_store_them() {
    let world = World::with(&[
        ("a.csv", "1\n2\n"),
        (".gitattributes", "*.csv text eol=crlf\n"),
    ]);
    put(&world.repo(), "a.csv", b"1\r\n3\r\n");
    let checkout = world.open(None, true).await.expect("it can be opened");
    world.git("repo", &["add", "-A"]);
    let theirs = world.git("repo", &["write-tree"]);
    assert_eq!(checkout.base().tree.0, theirs.trim());
    assert_eq!(
        checkout.read("a.csv").await.expect("it is there"),
        b"1\r\n3\r\n"
    );
}

#[tokio::test]
async fn no_filter_runs() {
    let world = World::with(&[("a.txt", "x\n"), (".gitattributes", "*.txt filter=evil\n")]);
    let evil = "git config filter.evil.smudge 'touch /tmp/never; cat'; git config filter.evil.clean 'echo evil'; git config filter.evil.required true";
    assert!(
        world
            .shell("repo", &evil.replace("/tmp/never", "../out/never"))
            .1
    );
    let checkout = world.checkout().await;
    assert_eq!(checkout.read("a.txt").await.expect("it is there"), b"x\n");
    checkout
        .write("a.txt", b"y\n")
        .await
        .expect("it can be written");
    let change = checkout.change().await.expect("it is a change");
    assert!(change.patch.contains("\n+y\n"), "{}", change.patch);
    assert!(!world.path("out/never").exists());
}
