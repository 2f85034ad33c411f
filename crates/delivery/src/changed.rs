//! Which files a patch changes, and by how many lines.

use serde::Serialize;

/// One file of a patch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path as the patch writes it: quoted when it holds unusual bytes.
    pub path: String,
    /// `added`, `modified`, `deleted` or `mode changed`.
    pub kind: &'static str,
    /// New lines.
    pub added: usize,
    /// Lines that are gone.
    pub removed: usize,
    /// Whether git takes it for binary.
    pub binary: bool,
}

/// Reads git's unified diff. Hunks are counted by their headers, so a content line that looks like a header isn't
/// taken for one.
pub fn changed_files(patch: &str) -> Vec<FileChange> {
    let mut files: Vec<FileChange> = Vec::new();
    // Old and new lines that the current hunk still holds.
    let mut left = (0_usize, 0_usize);
    for line in patch.lines() {
        if left != (0, 0) {
            let Some(file) = files.last_mut() else {
                break;
            };
            match line.as_bytes().first() {
                Some(b'+') => {
                    file.added += 1;
                    left.1 = left.1.saturating_sub(1);
                }
                Some(b'-') => {
                    file.removed += 1;
                    left.0 = left.0.saturating_sub(1);
                }
                Some(b'\\') => {}
                _ => left = (left.0.saturating_sub(1), left.1.saturating_sub(1)),
            }
        } else if let Some(names) = line.strip_prefix("diff --git ") {
            files.push(FileChange {
                path: new_name(names),
                kind: "modified",
                ..FileChange::default()
            });
        } else if let Some(file) = files.last_mut() {
            if line.starts_with("new file mode") {
                file.kind = "added";
            } else if line.starts_with("deleted file mode") {
                file.kind = "deleted";
            } else if line.starts_with("new mode") {
                file.kind = "mode changed";
            } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
                file.binary = true;
            } else if line.starts_with("@@ ") {
                if file.kind == "mode changed" {
                    file.kind = "modified";
                }
                left = hunk_lengths(line);
            }
        }
    }
    files
}

/// The new name in `a/NAME b/NAME`. Both are the same in our patches, which know no renames.
fn new_name(names: &str) -> String {
    if let Some(quoted) = names.strip_prefix('"') {
        let end = quoted.find("\" ").unwrap_or(quoted.len());
        let name = quoted[..end].strip_prefix("a/").unwrap_or(&quoted[..end]);
        return format!("\"{name}\"");
    }
    // `a/` + name + ` b/` + name: the name is half of what remains, whatever spaces it holds.
    let half = names.len().saturating_sub(1) / 2;
    let name = names.get(..half).unwrap_or(names);
    name.strip_prefix("a/").unwrap_or(name).to_owned()
}

/// The old and the new length of `@@ -1,2 +3,4 @@`; a length that isn't written is 1.
fn hunk_lengths(header: &str) -> (usize, usize) {
    let mut ranges = header.split(' ').skip(1).map(|range| {
        let length = range.split_once(',').map_or("1", |it| it.1);
        length.parse::<usize>().unwrap_or(0)
    });
    (ranges.next().unwrap_or(0), ranges.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(patch: &str, want: Expect) {
        let lines: Vec<String> = changed_files(patch)
            .iter()
            .map(|it| {
                let binary = if it.binary { " binary" } else { "" };
                format!(
                    "{} {} +{} -{}{binary}",
                    it.path, it.kind, it.added, it.removed
                )
            })
            .collect();
        want.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn lines_are_counted_by_the_hunks_headers() {
        check(
            "diff --git a/src/a b.py b/src/a b.py\nindex 1..2 100644\n--- a/src/a b.py\n+++ b/src/a b.py\n\
             @@ -1,3 +1,3 @@\n x\n--- a/other\n+++ b/other\n y\n@@ -9 +9,2 @@ def f():\n-a\n+b\n+c\n\\ No newline at end of file\n",
            expect!["src/a b.py modified +3 -2"],
        );
    }

    #[test]
    fn new_gone_binary_and_mode_changes_are_told_apart() {
        check(
            "diff --git a/n.py b/n.py\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/n.py\n@@ -0,0 +1 @@\n+x\n\
             diff --git a/o.py b/o.py\ndeleted file mode 100644\n--- a/o.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-x\n-y\n\
             diff --git a/i.png b/i.png\nindex 1..2\nGIT binary patch\nliteral 3\nabc\n\n\
             diff --git a/run b/run\nold mode 100644\nnew mode 100755\n\
             diff --git \"a/\\303\\244.py\" \"b/\\303\\244.py\"\n--- \"a/\\303\\244.py\"\n+++ \"b/\\303\\244.py\"\n@@ -1 +1 @@\n-x\n+y\n",
            expect![[r#"
                n.py added +1 -0
                o.py deleted +0 -2
                i.png modified +0 -0 binary
                run mode changed +0 -0
                "\303\244.py" modified +1 -1"#]],
        );
    }

    #[test]
    fn what_is_no_patch_changes_no_file() {
        check("", expect![""]);
        check("@@ -1,5 +1,5 @@\n+x\n", expect![""]);
    }
}
