//! The folders a command line may be in, and the paths that are inside the repository from each of them.

use std::path::{Component, Path};

/// Folders a line may be in at one place, as parts below the root of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directories {
    root: String,
    below: Vec<Vec<String>>,
}

/// Folders a line may be in at once; more come from no honest line.
const PLACES_MAX: usize = 64;

impl Directories {
    /// The root itself.
    pub(super) fn start(root: &Path) -> Directories {
        Directories {
            root: root.to_string_lossy().trim_end_matches('/').to_owned(),
            below: vec![Vec::new()],
        }
    }

    /// These or those.
    pub(super) fn or(mut self, others: &Directories) -> Directories {
        for other in &others.below {
            if !self.below.contains(other) {
                self.below.push(other.clone());
            }
        }
        self
    }

    /// Where a successful `cd` leads.
    pub(super) fn enter(&self, folder: &str) -> Result<Directories, String> {
        let mut below = Vec::new();
        for from in &self.below {
            let to = self.resolve(from, folder)?;
            if !below.contains(&to) {
                below.push(to);
            }
        }
        if PLACES_MAX < below.len() {
            return Err("it changes folders too often; use paths from the root".to_owned());
        }
        Ok(Directories {
            root: self.root.clone(),
            below,
        })
    }

    /// Whether a path stays inside the repository, wherever the line is.
    pub(super) fn judge_path(&self, path: &str) -> Result<(), String> {
        for from in &self.below {
            self.resolve(from, path)?;
        }
        Ok(())
    }

    fn resolve(&self, from: &[String], path: &str) -> Result<Vec<String>, String> {
        let outside = || {
            format!("`{path}` is outside the repository; use paths inside it, relative to its root")
        };
        let mut parts = from.to_vec();
        let mut relative = path;
        if path.starts_with('/') {
            parts.clear();
            relative = path
                .strip_prefix(&self.root)
                .filter(|it| !self.root.is_empty() && (it.is_empty() || it.starts_with('/')))
                .ok_or_else(outside)?
                .trim_start_matches('/');
        }
        for part in Path::new(relative).components() {
            match part {
                Component::CurDir => {}
                Component::Normal(name) => {
                    let name = name.to_string_lossy();
                    // A pattern such as `.?` can stand for the parent folder.
                    if name.starts_with('.') && name.contains(['*', '?', '[']) {
                        parts.pop().ok_or_else(outside)?;
                    } else {
                        parts.push(name.into_owned());
                    }
                }
                Component::ParentDir => {
                    parts.pop().ok_or_else(outside)?;
                }
                Component::RootDir | Component::Prefix(_) => return Err(outside()),
            }
        }
        if parts.first().is_some_and(|it| it == ".git") {
            return Err(
                "`.git` is not for editing; ask `git status`, `git log` or `git diff`".to_owned(),
            );
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Directories;

    #[track_caller]
    fn check(at: &str, path: &str, inside: bool) {
        let here = Directories::start(Path::new("/w/tree"))
            .enter(at)
            .expect("the folder is inside");
        assert_eq!(here.judge_path(path).is_ok(), inside, "{path} from {at}");
    }

    #[test]
    fn paths_that_stay_inside_are_taken_and_others_refused() {
        check(".", "src/a.py", true);
        check(".", "src/../README.md", true);
        check(".", "/w/tree/src", true);
        check("src", "../README.md", true);
        check(".", "..", false);
        check(".", "src/../../x", false);
        check(".", "/w/tree2", false);
        check(".", "/w/tree/../x", false);
        check(".", "/etc/passwd", false);
        check("src", "../../x", false);
        check(".", ".?/x", false);
        check(".", ".git/config", false);
        check("src", "../.git", false);
        check(".", ".github/workflows", true);
    }
}
