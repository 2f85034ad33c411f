//! Replies in prose, and which files they hold.

use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(text: &str, want: &Expect) {
    let shown = match edits_in(text) {
        None => "nothing".to_owned(),
        Some(edits) => edits.iter().map(|it| format!("{it:?}\n")).collect(),
    };
    want.assert_eq(&shown);
}

#[test]
fn the_first_line_of_a_fence_names_the_file() {
    check(
        "Here:\n```python src/a.py\nx = 1\n```\n",
        &expect![[r#"
        Write { path: "src/a.py", text: "x = 1\n" }
    "#]],
    );
    check(
        "```src/a.py\nx = 1\n\ny = 2\n```",
        &expect![[r#"
        Write { path: "src/a.py", text: "x = 1\n\ny = 2\n" }
    "#]],
    );
    check(
        "```python title=\"a.py\"\nx = 1\n```",
        &expect![[r#"
        Write { path: "a.py", text: "x = 1\n" }
    "#]],
    );
    check(
        "~~~~py:a.py\n```\n~~~~",
        &expect![[r#"
        Write { path: "a.py", text: "```\n" }
    "#]],
    );
}

#[test]
fn the_line_above_a_fence_names_the_file() {
    check(
        "I changed it.\n\n**`src/a.py`**:\n\n```python\nx = 1\n```",
        &expect![[r#"
        Write { path: "src/a.py", text: "x = 1\n" }
    "#]],
    );
    check(
        "### File: a.py\n```python\nx = 1\n```\n\n### b.py\n```\ny\n```",
        &expect![[r#"
        Write { path: "a.py", text: "x = 1\n" }
        Write { path: "b.py", text: "y\n" }
    "#]],
    );
}

#[test]
fn a_snippet_in_an_explanation_is_not_a_file() {
    check(
        "In `a.py` you could write:\n```python\nx = 1\n```",
        &expect!["nothing"],
    );
    check("```\nx = 1\n```", &expect!["nothing"]);
    check("no code at all, e.g. nothing", &expect!["nothing"]);
}

#[test]
fn a_fence_that_was_cut_off_is_not_a_file() {
    check("```python a.py\nx = 1\n", &expect!["nothing"]);
}

#[test]
fn an_object_of_paths_is_files() {
    check(
        r#"{"src/a.py": "x = 1\n", "b.py": "y"}"#,
        &expect![[r#"
        Write { path: "src/a.py", text: "x = 1\n" }
        Write { path: "b.py", text: "y" }
    "#]],
    );
    check(
        "Here you are:\n```json\n{\"files\": {\"a.py\": \"x\"}}\n```",
        &expect![[r#"
        Write { path: "a.py", text: "x" }
    "#]],
    );
}

#[test]
fn another_object_is_not_files() {
    check(r#"{"verdict": "pass"}"#, &expect!["nothing"]);
    check(r#"{"a.py": 1}"#, &expect!["nothing"]);
    check(r#"{"a.py": "x"#, &expect!["nothing"]);
    check("{}", &expect!["nothing"]);
}

#[test]
fn a_patch_in_prose_is_understood() {
    check(
        "I would do this:\n```\n*** Begin Patch\n*** Delete File: a.py\n*** End Patch\n```\n",
        &expect![[r#"
            Delete { path: "a.py" }
        "#]],
    );
}
