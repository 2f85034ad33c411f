//! A draft's diff as hunks that can be taken back one by one.

use std::iter::Peekable;
use std::str::SplitInclusive;

use protocol::patch_names;

/// One place of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hunk {
    /// The file.
    pub(crate) path: String,
    /// As in `@@ -3,4 +3,5 @@`; empty for a file that git takes for binary.
    pub(crate) header: String,
    /// What happened to the file.
    kind: Kind,
    /// Index of its first line in the new file.
    start: usize,
    /// Its lines before, context included, each with its end.
    old: Vec<String>,
    /// Its lines now.
    new: Vec<String>,
}

/// What a draft does to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Changed,
    Added,
    Deleted,
    Binary,
}

/// A file without one of its hunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// It then says this.
    Text(String),
    /// It then isn't there.
    Gone,
}

impl Hunk {
    /// Whether there is text in it at all.
    pub(crate) fn is_binary(&self) -> bool {
        self.kind == Kind::Binary
    }

    /// The file without this hunk; `now` is its text with the whole change, none when it is gone. None when the hunk
    /// isn't in that text.
    pub(crate) fn taken_back(&self, now: Option<&str>) -> Option<Without> {
        let plainly = self.taken_back_plainly(now);
        let Some(windows) = now.filter(|it| plainly.is_none() && it.contains("\r\n")) else {
            return plainly;
        };
        // Git keeps plain line feeds of a file that is laid out with the line ends of Windows.
        match self.taken_back_plainly(Some(&windows.replace("\r\n", "\n")))? {
            Without::Text(text) => Some(Without::Text(text.replace('\n', "\r\n"))),
            Without::Gone => Some(Without::Gone),
        }
    }

    fn taken_back_plainly(&self, now: Option<&str>) -> Option<Without> {
        match (self.kind, now) {
            (Kind::Added, Some(now)) => (now == self.new.concat()).then_some(Without::Gone),
            (Kind::Deleted, None) => Some(Without::Text(self.old.concat())),
            (Kind::Changed, Some(now)) => {
                let lines: Vec<&str> = now.split_inclusive('\n').collect();
                let end = self.start.checked_add(self.new.len())?;
                if lines.get(self.start..end)? != self.new {
                    return None;
                }
                let old: String = self.old.concat();
                Some(Without::Text(
                    lines[..self.start].concat() + &old + &lines[end..].concat(),
                ))
            }
            (Kind::Added | Kind::Changed, None) | (Kind::Deleted, Some(_)) | (Kind::Binary, _) => {
                None
            }
        }
    }
}

/// The hunks of a diff as git writes it, in its order. What can't be read is left out.
pub(crate) fn hunks(patch: &str) -> Vec<Hunk> {
    let mut found = Vec::new();
    let mut lines = patch.split_inclusive('\n').peekable();
    let (mut path, mut kind) = (String::new(), Kind::default());
    while let Some(line) = lines.next() {
        let line = line.trim_end_matches(['\n', '\r']);
        if let Some(names) = line.strip_prefix("diff --git ") {
            path = patch_names(names).map_or_else(|| names.to_owned(), |it| it.1);
            kind = Kind::default();
        } else if line.starts_with("new file mode") {
            kind = Kind::Added;
        } else if line.starts_with("deleted file mode") {
            kind = Kind::Deleted;
        } else if line.starts_with("Binary files ") || line == "GIT binary patch" {
            found.push(Hunk {
                path: path.clone(),
                header: String::new(),
                kind: Kind::Binary,
                start: 0,
                old: Vec::new(),
                new: Vec::new(),
            });
        } else if let Some((old, new)) = ranges(line) {
            found.push(read_hunk(&mut lines, &path, kind, (old, new)));
        }
    }
    found
}

/// First line and number of lines of one side.
type Range = (usize, usize);

fn read_hunk(
    lines: &mut Peekable<SplitInclusive<'_, char>>,
    path: &str,
    kind: Kind,
    (before, after): (Range, Range),
) -> Hunk {
    let (mut old, mut new): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    while old.len() < before.1 || new.len() < after.1 {
        let Some(line) = lines.next() else { break };
        // git writes an empty line of context without its blank only where somebody stripped the diff.
        let (mark, rest) = match line.as_bytes().first() {
            Some(b'+' | b'-' | b' ') => line.split_at(1),
            _ => (" ", line),
        };
        if mark != "+" {
            old.push(rest.to_owned());
        }
        if mark != "-" {
            new.push(rest.to_owned());
        }
        if lines.peek().is_some_and(|it| it.starts_with('\\')) {
            lines.next();
            let without_end = |side: &mut Vec<String>| {
                if let Some(last) = side.last_mut() {
                    *last = last.strip_suffix('\n').unwrap_or(last).to_owned();
                }
            };
            if mark != "+" {
                without_end(&mut old);
            }
            if mark != "-" {
                without_end(&mut new);
            }
        }
    }
    Hunk {
        path: path.to_owned(),
        header: format!("@@ -{} +{} @@", shown(before), shown(after)),
        kind,
        // A side without lines is told by the line before it.
        start: if after.1 == 0 {
            after.0
        } else {
            after.0.saturating_sub(1)
        },
        old,
        new,
    }
}

fn shown((first, count): Range) -> String {
    if count == 1 {
        first.to_string()
    } else {
        format!("{first},{count}")
    }
}

/// `@@ -3,4 +3,5 @@ def f():` as two ranges.
fn ranges(line: &str) -> Option<(Range, Range)> {
    let (old, rest) = line.strip_prefix("@@ -")?.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| -> Option<Range> {
        match text.split_once(',') {
            Some((first, count)) => Some((first.parse().ok()?, count.parse().ok()?)),
            None => Some((text.parse().ok()?, 1)),
        }
    };
    Some((range(old)?, range(new)?))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::Workspace;
    use testkit::FolderWorkspace;

    use super::*;

    /// Makes the change, and shows the file without each of its hunks. `None` is no file.
    async fn check(before: Option<&str>, after: Option<&str>, want: Expect) {
        let path = "a dir/ä.py";
        let work = FolderWorkspace::new(before.map(|it| (path, it)));
        match after {
            Some(text) => work.write(path, text.as_bytes()).await,
            None => work.delete(path).await,
        }
        .expect("the folder can be written");
        let patch = work.change().await.expect("it is a change").patch;
        let mut shown = String::new();
        for hunk in hunks(&patch) {
            assert_eq!(hunk.path, path);
            let without = match hunk.taken_back(after) {
                Some(Without::Text(text)) => format!("{text:?}"),
                Some(Without::Gone) => "gone".to_owned(),
                None => "not in the text".to_owned(),
            };
            shown += &format!("{} {without}\n", hunk.header);
        }
        want.assert_eq(&shown);
    }

    #[tokio::test]
    async fn each_hunk_is_taken_back_alone() {
        check(
            Some("1\n2\n3\n4\n5\n6\n7\n8\n9\n"),
            Some("one\n2\n3\n4\n5\n6\n7\n8\n9\nten\n"),
            expect![[r#"
                @@ -1,4 +1,4 @@ "1\n2\n3\n4\n5\n6\n7\n8\n9\nten\n"
                @@ -7,3 +7,4 @@ "one\n2\n3\n4\n5\n6\n7\n8\n9\n"
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn ends_of_lines_and_of_files_come_back_as_they_were() {
        check(
            Some("a\r\nb"),
            Some("a\r\nb\nc"),
            expect![[r#"
                @@ -1,2 +1,3 @@ "a\r\nb"
            "#]],
        )
        .await;
        check(
            Some("a\n-- b\n"),
            Some("a\n++ b"),
            expect![[r#"
                @@ -1,2 +1,2 @@ "a\n-- b\n"
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn a_new_file_goes_and_a_deleted_one_comes_back() {
        check(
            None,
            Some("a\nb"),
            expect![[r#"
            @@ -0,0 +1,2 @@ gone
        "#]],
        )
        .await;
        check(
            Some("a\n"),
            None,
            expect![[r#"
            @@ -1 +0,0 @@ "a\n"
        "#]],
        )
        .await;
        check(
            Some("a\n"),
            Some(""),
            expect![[r#"
            @@ -1 +0,0 @@ "a\n"
        "#]],
        )
        .await;
    }

    #[test]
    fn a_hunk_that_is_not_in_the_text_is_not_taken_back() {
        let patch =
            "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@ def f():\n-1\n+2\n";
        let hunk = hunks(patch).remove(0);
        assert_eq!(hunk.header, "@@ -1 +1 @@");
        assert_eq!(
            hunk.taken_back(Some("2\n")),
            Some(Without::Text("1\n".into()))
        );
        assert_eq!(hunk.taken_back(Some("3\n")), None);
        assert_eq!(hunk.taken_back(Some("")), None);
        assert_eq!(hunk.taken_back(None), None);
    }

    #[test]
    fn a_file_with_the_line_ends_of_windows_keeps_them() {
        let patch =
            "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n";
        let without = hunks(patch).remove(0).taken_back(Some("1\r\n3\r\n"));
        assert_eq!(without, Some(Without::Text("1\r\n2\r\n".into())));
    }

    #[test]
    fn names_and_binary_files_are_read_as_git_writes_them() {
        let patch = "diff --git \"a/\\303\\244 \\\"b\\\".png\" \"b/\\303\\244 \\\"b\\\".png\"\nindex 1..2 100644\n\
                     GIT binary patch\nliteral 1\nIc${M\n\nliteral 0\nHcmV?d00001\n\n\
                     diff --git a/x.sh b/x.sh\nold mode 100644\nnew mode 100755\n";
        let found = hunks(patch);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "ä \"b\".png");
        assert!(found[0].is_binary());
    }
}
