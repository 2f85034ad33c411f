//! Paths that a model or a program gives us, judged before any file is touched.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use protocol::WorkspaceError;

use crate::is_control_folder;

/// Longest path, as the system allows it.
const BYTES_MAX: usize = 4096;

/// Most folders above a file.
const DEPTH_MAX: usize = 100;

/// A path inside the tree: relative, without `.` and `..`, never git's own folder. Empty for the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreePath(Vec<u8>);

impl TreePath {
    /// Takes a path as it was given: relative to `root`, or absolute and below it. `..` is taken back step by step
    /// as written; links play no part in it, because they are refused or checked when the path is used.
    pub fn parse(text: &str, root: &Path) -> Result<TreePath, WorkspaceError> {
        let outside = || WorkspaceError::Outside {
            path: text.to_owned(),
        };
        let unusable = |why: &str| WorkspaceError::Unusable {
            path: shortened(text),
            why: why.to_owned(),
        };
        if text.contains('\0') {
            return Err(unusable("it contains a NUL character"));
        }
        if text.len() > BYTES_MAX {
            return Err(unusable("it is longer than 4096 bytes"));
        }
        if text.contains('\\') {
            return Err(unusable(
                "it contains a backslash; folders are separated by `/`",
            ));
        }
        // No shell reads the path, but who writes it means a home folder.
        if text.starts_with('~') {
            return Err(outside());
        }
        let relative = match text.starts_with('/') {
            true => Path::new(text).strip_prefix(root).map_err(|_| outside())?,
            false => Path::new(text),
        };
        let mut parts: Vec<&OsStr> = Vec::new();
        for part in relative.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    parts.pop().ok_or_else(outside)?;
                }
                Component::Normal(name) if is_control_folder(&name.to_string_lossy()) => {
                    return Err(unusable("it belongs to git"));
                }
                Component::Normal(name) => parts.push(name),
                Component::RootDir | Component::Prefix(_) => return Err(outside()),
            }
        }
        if parts.len() > DEPTH_MAX {
            return Err(unusable("it is more than 100 folders deep"));
        }
        Ok(TreePath(parts.join(OsStr::new("/")).as_bytes().to_vec()))
    }

    /// A path as git gave it, whose parts were checked when its tree was read.
    pub fn from_tracked(path: &[u8]) -> TreePath {
        TreePath(path.to_vec())
    }

    /// The path as bytes, with `/` between its parts.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As a path below the folder of its tree.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// For messages.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// Whether it is the tree itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `other` is this path or lies below it.
    pub fn contains(&self, other: &[u8]) -> bool {
        other
            .strip_prefix(self.0.as_slice())
            .is_some_and(|rest| self.is_root() || rest.is_empty() || rest.starts_with(b"/"))
    }

    /// Folder and name; none for the root.
    pub fn split(&self) -> Option<(Vec<&OsStr>, &OsStr)> {
        let mut parts: Vec<&OsStr> = self.as_path().iter().collect();
        parts.pop().map(|name| (parts, name))
    }

    /// Refuses to write what steers Python, pip or git behind the back of whoever reads the change.
    pub fn check_writable(&self, given: &str) -> Result<(), WorkspaceError> {
        if self.is_root() || given.ends_with('/') {
            return Err(WorkspaceError::Unusable {
                path: given.to_owned(),
                why: "it names a folder, not a file".to_owned(),
            });
        }
        for name in self.as_path().iter() {
            let name = name.to_string_lossy().to_lowercase();
            let why = match name.as_str() {
                ".gitmodules" => "submodules aren't fetched",
                "pip.conf" | "pip.ini" => "it would choose another package index",
                "sitecustomize.py" | "usercustomize.py" => "Python would run it before any test",
                "__pycache__" => "compiled code may differ from its source",
                it if it.ends_with(".pyc") || it.ends_with(".pyo") => {
                    "compiled code may differ from its source"
                }
                it if it.ends_with(".pth") => "Python would run it before any test",
                _ => continue,
            };
            return Err(WorkspaceError::Protected {
                path: given.to_owned(),
                why: why.to_owned(),
            });
        }
        Ok(())
    }
}

/// A path that is too long must not fill a whole message.
fn shortened(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 80;
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, want: Expect) {
        let shown = match TreePath::parse(text, Path::new("/run/tree")) {
            Ok(path) => format!("[{}]", path.shown()),
            Err(error) => format!("cannot {error}"),
        };
        want.assert_eq(&shown);
    }

    #[test]
    fn paths_are_made_relative_and_plain() {
        check("src/a.py", expect!["[src/a.py]"]);
        check("./src//a.py", expect!["[src/a.py]"]);
        check("src/../new.py", expect!["[new.py]"]);
        check("", expect!["[]"]);
        check(".", expect!["[]"]);
        check("/run/tree/src/a.py", expect!["[src/a.py]"]);
        check("/run/tree", expect!["[]"]);
        check(
            "\u{fc}n\u{ef}code $(x) 'a'.py",
            expect!["[ünïcode $(x) 'a'.py]"],
        );
    }

    #[test]
    fn paths_that_leave_the_tree_are_refused() {
        check(
            "../x",
            expect![
                "cannot use `../x`: it is outside the repository or passes through a symbolic link"
            ],
        );
        check(
            "a/../../x",
            expect![
                "cannot use `a/../../x`: it is outside the repository or passes through a symbolic link"
            ],
        );
        check(
            "/run/tree2/x",
            expect![
                "cannot use `/run/tree2/x`: it is outside the repository or passes through a symbolic link"
            ],
        );
        check(
            "/run/tree/../x",
            expect![
                "cannot use `/run/tree/../x`: it is outside the repository or passes through a symbolic link"
            ],
        );
        check(
            "~/.bashrc",
            expect![
                "cannot use `~/.bashrc`: it is outside the repository or passes through a symbolic link"
            ],
        );
    }

    #[test]
    fn the_control_folder_is_nobodys_in_any_spelling() {
        for text in [
            ".git",
            ".git/config",
            "a/.GIT/x",
            ".git /config",
            "git~1/config",
            "a/../.git/x",
        ] {
            let refused = TreePath::parse(text, Path::new("/t"));
            assert!(
                matches!(refused, Err(WorkspaceError::Unusable { .. })),
                "{text}"
            );
        }
    }
}
