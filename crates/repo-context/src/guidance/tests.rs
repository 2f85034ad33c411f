//! Which guidance is nearest, how much of it is shown, and what is never shown.

use expect_test::{Expect, expect};
use testkit::FolderWorkspace;

use super::*;

fn shown(files: &[(&str, &[u8])], near: &[&str]) -> (String, Vec<Guide>) {
    let work = FolderWorkspace::new(files.iter().copied());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let looked = runtime.expect("a runtime can be made").block_on(async {
        let base = work.base_files().await?;
        nearest_to(&work, &base, near).await
    });
    let (text, guides) = looked.expect("a folder can be read");
    let text = text.unwrap_or_default();
    assert!(text.len() <= GUIDANCE_BYTES_MAX, "{} bytes", text.len());
    (text, guides)
}

#[track_caller]
fn check(files: &[(&str, &[u8])], near: &[&str], want: &Expect) {
    let (text, guides) = shown(files, near);
    let listed: Vec<String> = guides
        .iter()
        .map(|it| format!("{} {:?}", it.path, it.shown))
        .collect();
    let begins: Vec<String> = text.lines().map(|it| in_one_line(it, 40)).collect();
    want.assert_eq(&format!(
        "{}\n---\n{}\n",
        listed.join("\n"),
        begins.join("\n")
    ));
}

#[test]
fn the_nearest_comes_first_and_the_root_last() {
    check(
        &[
            ("AGENTS.md", b"Of the root."),
            ("CLAUDE.md", b"Of the root, too."),
            ("pkg/AGENTS.md", b"Of pkg."),
            ("pkg/inner/CLAUDE.md", b"Of inner."),
            ("other/AGENTS.md", b"Of other."),
            ("far/AGENTS.md", b"Of far."),
            ("docs/OLD_AGENTS.md", b"No such name."),
        ],
        &["pkg/inner/a.py", "other/b.py", "pkg/c.py"],
        &expect![[r#"
            pkg/inner/CLAUDE.md Whole
            pkg/AGENTS.md Whole
            other/AGENTS.md Whole
            AGENTS.md Whole
            CLAUDE.md Whole
            ---
            pkg/inner/CLAUDE.md:

            Of inner.

            pkg/AGENTS.md:

            Of pkg.

            other/AGENTS.md:

            Of other.

            AGENTS.md:

            Of the root.

            CLAUDE.md:

            Of the root, too.
        "#]],
    );
}

#[test]
fn the_same_text_is_shown_once() {
    check(
        &[
            ("AGENTS.md", b"Same."),
            ("CLAUDE.md", b"Same."),
            ("a/AGENTS.md", b"Same."),
        ],
        &["a/b.py"],
        &expect![[r#"
            a/AGENTS.md Whole
            ---
            a/AGENTS.md:

            Same.
        "#]],
    );
}

#[test]
fn what_is_no_text_or_too_large_is_not_shown() {
    let huge = vec![b'x'; (1 << 20) + 1];
    check(
        &[
            ("a/AGENTS.md", b"\xff\xfe"),
            ("b/AGENTS.md", b"text\0"),
            ("c/AGENTS.md", &huge),
            ("d/AGENTS.md", b" \n"),
            ("AGENTS.md", b"\xef\xbb\xbfKept.\r\nHidden: \xe2\x80\xae."),
        ],
        &["a/a.py", "b/b.py", "c/c.py", "d/d.py"],
        &expect![[r#"
            a/AGENTS.md Nothing
            b/AGENTS.md Nothing
            c/AGENTS.md Nothing
            d/AGENTS.md Nothing
            AGENTS.md Whole
            ---
            AGENTS.md:

            Kept.
            Hidden: \u{202e}.
        "#]],
    );
}

#[test]
fn a_long_file_is_shown_up_to_the_limit() {
    let long = "A line of sensible length.\n".repeat(400);
    check(
        &[
            ("a/AGENTS.md", &long.as_bytes()[..5_000]),
            ("AGENTS.md", long.as_bytes()),
            ("CLAUDE.md", b"Nothing fits any more."),
        ],
        &["a/a.py"],
        &expect![[r#"
            a/AGENTS.md Whole
            AGENTS.md Beginning
            CLAUDE.md Nothing
            ---
            a/AGENTS.md:

            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A lin

            AGENTS.md:

            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            A line of sensible length.
            [… 9882 more bytes left out …]
        "#]],
    );
}

#[test]
fn a_link_is_not_followed() {
    let work = FolderWorkspace::new([("a.py", "")]);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let looked = runtime.expect("a runtime can be made").block_on(async {
        let place = work.root().join("AGENTS.md");
        std::os::unix::fs::symlink("/etc/passwd", place).expect("a link can be made");
        let base = work.base_files().await?;
        nearest_to(&work, &base, &["a.py"]).await
    });
    assert_eq!(looked.expect("a folder can be read"), (None, Vec::new()));
}

#[test]
fn there_are_not_too_many() {
    let paths: Vec<String> = (0..30).map(|it| format!("f{it}/AGENTS.md")).collect();
    let near: Vec<String> = (0..30).map(|it| format!("f{it}/a.py")).collect();
    let texts: Vec<String> = (0..30).map(|it| format!("Guide {it}.")).collect();
    let files: Vec<(&str, &[u8])> = paths
        .iter()
        .zip(&texts)
        .map(|(path, text)| (&**path, text.as_bytes()))
        .collect();
    let near: Vec<&str> = near.iter().map(|it| &**it).collect();
    let (_, guides) = shown(&files, &near);
    assert_eq!(guides.len(), GUIDES_MAX);
}
