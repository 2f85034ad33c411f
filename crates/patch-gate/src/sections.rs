//! A unified diff of git as data: for each file its modes, its new lines and, for a link, its target.

use protocol::patch_names;

/// What the patch says about one path. A file that becomes a link, or the other way round, has two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    /// The path, as it is on disk.
    pub(crate) path: String,
    /// Mode before, in octal as git writes it; none where there was nothing, or the mode stays.
    pub(crate) old_mode: Option<String>,
    /// Mode afterwards; none where nothing is left, or the mode stays.
    pub(crate) new_mode: Option<String>,
    /// New lines without their mark, with their number in the new file.
    pub(crate) added: Vec<(u32, String)>,
}

/// Reads a patch as [`protocol::Change::patch`] has it: without renames, both names of a file are the same.
pub(crate) fn of_patch(patch: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut next_line = None;
    // Not `lines`: a carriage return before the line feed belongs to the line.
    for line in patch.split('\n') {
        if let Some(names) = line.strip_prefix("diff --git ") {
            sections.push(Section {
                path: patch_names(names).map_or_else(|| names.to_owned(), |it| it.0),
                ..Section::default()
            });
            next_line = None;
            continue;
        }
        let Some(section) = sections.last_mut() else {
            continue;
        };
        match &mut next_line {
            _ if line.starts_with("@@ ") => next_line = first_new_line(line),
            None => read_mode(section, line),
            Some(number) => match line.split_at_checked(1) {
                Some(("+", text)) => {
                    section.added.push((*number, text.to_owned()));
                    *number += 1;
                }
                Some((" ", _)) => *number += 1,
                _ => {}
            },
        }
    }
    sections
}

/// Header lines are `new file mode 120000`, `old mode 100644` and the like.
fn read_mode(section: &mut Section, line: &str) {
    let mode_after = |words: &str| line.strip_prefix(words).map(str::to_owned);
    if let Some(mode) = mode_after("new file mode ").or_else(|| mode_after("new mode ")) {
        section.new_mode = Some(mode);
    } else if let Some(mode) = mode_after("deleted file mode ").or_else(|| mode_after("old mode "))
    {
        section.old_mode = Some(mode);
    }
}

/// `@@ -1,2 +3,4 @@` is 3.
fn first_new_line(header: &str) -> Option<u32> {
    let (_, new) = header.split_once(" +")?;
    let end = new.find(|it: char| !it.is_ascii_digit())?;
    new[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(patch: &str, want: Expect) {
        let shown: Vec<String> = of_patch(patch).iter().map(|it| format!("{it:?}")).collect();
        want.assert_eq(&shown.join("\n"));
    }

    #[test]
    fn lines_have_the_numbers_of_the_new_file() {
        check(
            "diff --git a/a b.py b/a b.py\nindex 1..2 100644\n--- a/a b.py\n+++ b/a b.py\n\
             @@ -1,3 +1,3 @@ def a():\n one\n-+++ two\n+--- 2\n three\n@@ -9 +9,2 @@\n nine\n+ten\n\\ No newline at end of file\n",
            expect![[
                r#"Section { path: "a b.py", old_mode: None, new_mode: None, added: [(2, "--- 2"), (10, "ten")] }"#
            ]],
        );
    }

    #[test]
    fn modes_and_quoted_names_are_read() {
        check(
            "diff --git \"a/\\303\\274 \\\"b\\\".py\" \"b/\\303\\274 \\\"b\\\".py\"\nold mode 100644\nnew mode 100755\n\
             diff --git a/link b/link\nnew file mode 120000\nindex 0..1\n--- /dev/null\n+++ b/link\n@@ -0,0 +1 @@\n+/etc\n\
             diff --git a/gone b/gone\ndeleted file mode 100644\n",
            expect![[r#"
                Section { path: "ü \"b\".py", old_mode: Some("100644"), new_mode: Some("100755"), added: [] }
                Section { path: "link", old_mode: None, new_mode: Some("120000"), added: [(1, "/etc")] }
                Section { path: "gone", old_mode: Some("100644"), new_mode: None, added: [] }"#]],
        );
    }
}
