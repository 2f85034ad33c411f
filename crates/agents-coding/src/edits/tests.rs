//! Edits of real files, and why some are refused.

use expect_test::{Expect, expect};
use testkit::FolderWorkspace;

use super::*;

/// Makes the edits in a tree of one file `a.py`, and shows the answer and the files that changed.
#[track_caller]
fn check(before: &str, edits: Vec<FileEdit>, want: &Expect) {
    let work = FolderWorkspace::new([("a.py", before)]);
    let done = to_its_end(apply(&work, &edits));
    let answer = match done {
        Ok(answer) => answer,
        Err(refusal) => Answer::refuses(&refusal),
    };
    let change = to_its_end(work.change()).expect("a folder has a difference");
    let mut shown = answer.text;
    for file in change.files {
        let bytes = std::fs::read(work.root().join(&file.path)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        shown += &format!("\n{}: {:?}: {text:?}", file.path, file.kind);
    }
    want.assert_eq(&shown);
}

fn to_its_end<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime can be made")
        .block_on(work)
}

fn replace(old: &str, new: &str) -> Vec<FileEdit> {
    vec![FileEdit::Replace {
        path: "a.py".to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
    }]
}

fn insert(below_line: usize, text: &str) -> Vec<FileEdit> {
    vec![FileEdit::Insert {
        path: "a.py".to_owned(),
        below_line,
        text: text.to_owned(),
    }]
}

fn write(path: &str, text: &str) -> FileEdit {
    FileEdit::Write {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn an_anchor_that_occurs_once_is_replaced() {
    check(
        "x = 1\ny = 2\n",
        replace("y = 2", "y = 3"),
        &expect![[r#"
        edited a.py
        a.py: Modified: "x = 1\ny = 3\n""#]],
    );
}

#[test]
fn windows_line_ends_and_the_mark_are_kept() {
    check(
        "\u{feff}x = 1\r\ny = 2\r\n",
        replace("x = 1\ny = 2", "x = 1\nz = 0\ny = 3"),
        &expect![[r#"
            edited a.py
            a.py: Modified: "\u{feff}x = 1\r\nz = 0\r\ny = 3\r\n""#]],
    );
}

#[test]
fn an_anchor_that_is_missing_is_refused_with_the_nearest_lines() {
    check(
        "def total(items):\n    return sum(items)\n",
        replace("def total(values):\n    return sum(values)\n", "pass\n"),
        &expect![[r#"
            could not edit `a.py`: the old text does not occur in it (copy it exactly, indentation included, without line numbers)
            The nearest lines are:
            1	def total(items):
            2	    return sum(items)"#]],
    );
}

#[test]
fn an_anchor_that_occurs_twice_is_refused_with_its_lines() {
    check(
        "x = 1\ny = 2\nx = 1\n",
        replace("x = 1", "x = 2"),
        &expect![
            "could not edit `a.py`: the old text occurs 2 times, at lines 1, 3 (add neighbouring lines until it occurs once)"
        ],
    );
}

#[test]
fn an_empty_anchor_is_refused() {
    check(
        "x = 1\n",
        replace("", "x = 2"),
        &expect![
            "could not edit `a.py`: the old text is empty (give the lines to replace; a new file is written whole)"
        ],
    );
}

#[test]
fn an_edit_that_changes_nothing_is_refused() {
    check(
        "x = 1\n",
        replace("x = 1", "x = 1"),
        &expect!["could not edit `a.py`: the new text is the same as the old"],
    );
}

#[test]
fn an_anchor_may_hold_the_escapes_that_a_model_was_shown() {
    check(
        "x = 'a\u{200b}b'\n",
        replace("x = 'a\\u{200b}b'", "x = 'ab'"),
        &expect![[r#"
            edited a.py
            a.py: Modified: "x = 'ab'\n""#]],
    );
}

#[test]
fn code_that_no_longer_parses_is_pointed_out() {
    check(
        "x = (1)\n",
        replace("(1)", "(1"),
        &expect![[r#"
        edited a.py
        Note: a.py is not valid Python now, see around line 1
        a.py: Modified: "x = (1\n""#]],
    );
}

#[test]
fn lines_are_inserted_anywhere() {
    check(
        "x = 1\ny = 2\n",
        insert(0, "import os\n"),
        &expect![[r#"
        edited a.py
        a.py: Modified: "import os\nx = 1\ny = 2\n""#]],
    );
    check(
        "x = 1\ny = 2\n",
        insert(1, "z = 0"),
        &expect![[r#"
        edited a.py
        a.py: Modified: "x = 1\nz = 0\ny = 2\n""#]],
    );
    check(
        "x = 1",
        insert(1, "y = 2\n"),
        &expect![[r#"
        edited a.py
        a.py: Modified: "x = 1\ny = 2""#]],
    );
}

#[test]
fn a_line_beyond_the_end_is_refused() {
    check(
        "x = 1\n",
        insert(5, "y = 2\n"),
        &expect!["could not use line 5 of `a.py`: it has 1"],
    );
}

#[test]
fn a_file_is_written_anew_and_keeps_its_line_ends() {
    check(
        "x = 1\r\n",
        vec![write("a.py", "x = 2\ny = 3")],
        &expect![[r#"
        edited a.py
        a.py: Modified: "x = 2\r\ny = 3\r\n""#]],
    );
}

#[test]
fn several_edits_of_one_call_see_each_other() {
    let mut edits = replace("x = 1", "x = 2");
    edits.extend(replace("x = 2", "x = 3"));
    edits.push(write("pkg/b.py", "y = 1\n"));
    check(
        "x = 1\n",
        edits,
        &expect![[r#"
        edited a.py
        created pkg/b.py
        a.py: Modified: "x = 3\n"
        pkg/b.py: Added: "y = 1\n""#]],
    );
}

#[test]
fn when_one_edit_is_refused_none_is_made() {
    let edits = vec![write("b.py", "y = 1\n"), write("../c.py", "z = 1\n")];
    check(
        "x = 1\n",
        edits,
        &expect![
            "could not use `../c.py`: it is outside the repository or passes through a symbolic link (paths start at the root of the repository, as in `src/app.py`)"
        ],
    );
    let edits = vec![
        write("b.py", "y = 1\n"),
        write(".git/hooks/pre-commit", "z\n"),
    ];
    check(
        "x = 1\n",
        edits,
        &expect!["could not write `.git/hooks/pre-commit`: it belongs to git"],
    );
}

#[test]
fn binary_is_refused_in_and_out() {
    check(
        "x\0y\n",
        replace("x", "y"),
        &expect![
            "could not use `a.py` as text: it is binary, or not in UTF-8 nor in the encoding that it declares"
        ],
    );
    check(
        "x\0y\n",
        vec![write("a.py", "new\n")],
        &expect![
            "could not use `a.py` as text: it is binary, or not in UTF-8 nor in the encoding that it declares"
        ],
    );
    check(
        "x = 1\n",
        vec![write("b.bin", "a\0b")],
        &expect!["could not write `b.bin`: the text contains a NUL character"],
    );
}

#[test]
fn too_much_is_refused() {
    let text = "x".repeat(FILE_BYTES_MAX + 1);
    check(
        "x = 1\n",
        vec![write("a.py", &text)],
        &expect![
            "could not use `a.py`: its 4194305 bytes are more than the 4194304 that a tool takes"
        ],
    );
}

#[test]
fn a_file_is_deleted_and_a_missing_one_is_not() {
    let delete = |path: &str| FileEdit::Delete {
        path: path.to_owned(),
    };
    check(
        "x = 1\n",
        vec![delete("a.py")],
        &expect![[r#"
        deleted a.py
        a.py: Deleted: """#]],
    );
    check(
        "x = 1\n",
        vec![delete("b.py")],
        &expect!["could not find `b.py` in the repository"],
    );
    check(
        "x = 1\n",
        vec![delete("a.py"), delete("a.py")],
        &expect!["could not find `a.py` in the repository"],
    );
}

/// Makes the edits in a file of these bytes, and shows the answer and the bytes afterwards.
#[track_caller]
fn check_bytes(before: &[u8], edits: &[FileEdit], want: &str, after: &[u8]) {
    let work = FolderWorkspace::new([("a.py", before)]);
    let answer = match to_its_end(apply(&work, edits)) {
        Ok(answer) => answer,
        Err(refusal) => Answer::refuses(&refusal),
    };
    assert_eq!(answer.text, want);
    let bytes = to_its_end(work.read("a.py")).expect("it is there");
    assert_eq!(bytes, after, "{}", bytes.escape_ascii());
}

#[test]
fn a_file_in_a_declared_encoding_is_edited_in_it() {
    let latin = b"# -*- coding: latin-1 -*-\r\nx = '\xe9\x85'\r\ny = 1\r\n";
    check_bytes(
        latin,
        &replace("x = '\u{e9}", "z = '\u{f1}'\nx = '\u{e8}"),
        "edited a.py",
        b"# -*- coding: latin-1 -*-\r\nz = '\xf1'\r\nx = '\xe8\x85'\r\ny = 1\r\n",
    );
    check_bytes(
        latin,
        &insert(3, "z = '\u{fc}'\n"),
        "edited a.py",
        b"# -*- coding: latin-1 -*-\r\nx = '\xe9\x85'\r\ny = 1\r\nz = '\xfc'\r\n",
    );
    let patch = "*** Begin Patch\n*** Update File: a.py\n@@\n-y = 1\n+y = '\u{e0}'\n*** End Patch";
    check_bytes(
        latin,
        &crate::dialect::apply_patch::parse(patch).expect("it is a patch"),
        "edited a.py",
        b"# -*- coding: latin-1 -*-\r\nx = '\xe9\x85'\r\ny = '\xe0'\r\n",
    );
    // Plain ASCII so far, but not UTF-8 any more.
    check_bytes(
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1251 :\nx = 1\n",
        &replace("x = 1", "x = '\u{439}'"),
        "edited a.py",
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1251 :\nx = '\xe9'\n",
    );
    check_bytes(
        latin,
        &[write("a.py", "# -*- coding: latin-1 -*-\nx = '\u{e9}'\n")],
        "edited a.py",
        b"# -*- coding: latin-1 -*-\r\nx = '\xe9'\r\n",
    );
    // Without the declaration it is UTF-8.
    check_bytes(
        b"# coding: latin-1\nx = '\xe9'\n",
        &replace("# coding: latin-1\n", ""),
        "edited a.py",
        b"x = '\xc3\xa9'\n",
    );
}

#[test]
fn what_the_declared_encoding_cannot_hold_is_refused() {
    let refused = "could not write `a.py`: its encoding `iso-8859-1`, which it declares, has no '\u{20ac}' (U+20AC) (use an \
                   escape in a string, or other words)";
    let latin = b"# coding: latin-1\nx = '\xe9'\n";
    check_bytes(latin, &replace("x", "# 1 \u{20ac}\nx"), refused, latin);
    check_bytes(
        latin,
        &[write("a.py", "# coding: latin-1\n# \u{20ac}\n")],
        refused,
        latin,
    );
    let neither = "could not use `a.py` as text: it is binary, or not in UTF-8 nor in the encoding that it declares";
    check_bytes(
        b"# caf\xe9\n",
        &replace("caf", "x"),
        neither,
        b"# caf\xe9\n",
    );
    let gap = b"# coding: cp1252\n# \x81\n";
    check_bytes(gap, &replace("coding", "x"), neither, gap);
}
