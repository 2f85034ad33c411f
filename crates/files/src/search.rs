//! Patterns for names, and lines that match a regular expression.

use std::fs::File;
use std::os::unix::fs::FileExt;

use globset::{GlobBuilder, GlobSet};
use grep_regex::RegexMatcherBuilder;
use grep_searcher::sinks::Lossy;
use grep_searcher::{BinaryDetection, SearcherBuilder};
use protocol::{Encoding, Listing, WorkspaceError};

use super::{Folder, TreePath};

/// Longest part of a line that is shown, in characters.
const LINE_CHARS_MAX: usize = 300;

/// Longest line that is held in memory, in bytes; a file with a longer one is left out.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The part of a file that may declare its encoding, in bytes.
const HEAD_BYTES: usize = 1024;

/// Largest compiled expression, in bytes.
const EXPRESSION_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Longest pattern for paths, in bytes: braces within braces are followed by recursion.
const GLOB_BYTES_MAX: usize = 1024;

/// A pattern for paths. One without `/` is compared with the name alone, at any depth.
pub struct Glob {
    matcher: Option<GlobSet>,
    names_only: bool,
}

impl Glob {
    /// A pattern as in `src/**/*.py`; none matches everything.
    ///
    /// # Errors
    /// When it is no pattern.
    pub fn new(pattern: Option<&str>) -> Result<Glob, WorkspaceError> {
        let Some(pattern) = pattern else {
            return Ok(Glob {
                matcher: None,
                names_only: false,
            });
        };
        if GLOB_BYTES_MAX < pattern.len() {
            return Err(WorkspaceError::Pattern {
                pattern: pattern.chars().take(40).chain(['…']).collect(),
                why: format!("it is longer than {GLOB_BYTES_MAX} bytes"),
            });
        }
        let trimmed = pattern.strip_prefix("./").unwrap_or(pattern);
        // A set of one: a single matcher panics when its expression is too deep or too large.
        let matcher = GlobBuilder::new(trimmed)
            .literal_separator(true)
            .build()
            .and_then(|it| GlobSet::builder().add(it).build())
            .map_err(|error| WorkspaceError::Pattern {
                pattern: pattern.to_owned(),
                why: error.kind().to_string(),
            })?;
        Ok(Glob {
            matcher: Some(matcher),
            names_only: !trimmed.contains('/'),
        })
    }

    /// Whether a path fits, as seen from the root or from the folder that was asked about.
    pub fn fits(&self, path: &TreePath, folder: &TreePath) -> bool {
        let Some(matcher) = &self.matcher else {
            return true;
        };
        let path = path.as_path();
        if self.names_only {
            return path.file_name().is_some_and(|it| matcher.is_match(it));
        }
        let inside = path.strip_prefix(folder.as_path()).unwrap_or(path);
        matcher.is_match(path) || matcher.is_match(inside)
    }
}

/// Lines of these files that match, as `path:line: text`, in the order of the files. Binary files are left out.
pub fn search(
    folder: &Folder,
    files: &[TreePath],
    pattern: &str,
    items_max: usize,
) -> Result<Listing, WorkspaceError> {
    let matcher = RegexMatcherBuilder::new()
        .line_terminator(Some(b'\n'))
        .size_limit(EXPRESSION_BYTES_MAX)
        .build(pattern)
        .map_err(|error| WorkspaceError::Pattern {
            pattern: pattern.to_owned(),
            why: error.to_string(),
        })?;
    let mut searcher = SearcherBuilder::new()
        .line_number(true)
        .binary_detection(BinaryDetection::quit(0))
        .heap_limit(Some(LINE_BYTES_MAX))
        .build();
    let mut listing = Listing::default();
    for path in files {
        // Links, pipes and files that have just gone have no lines.
        let Ok(file) = folder.open_plain(path) else {
            continue;
        };
        if !file.metadata().is_ok_and(|it| it.is_file()) {
            continue;
        }
        let shown = path.shown();
        let sink = Lossy(|number, line| {
            if listing.items.len() < items_max {
                listing
                    .items
                    .push(format!("{shown}:{number}: {}", cut(line)));
            } else {
                listing.left_out += 1;
            }
            Ok(true)
        });
        let searched = match decoded(&file) {
            Some(text) => searcher.search_slice(&matcher, text.as_bytes(), sink),
            None => searcher.search_file(&matcher, &file, sink),
        };
        if let Err(error) = searched {
            tracing::debug!(path = %shown, %error, "left a file out of a search");
        }
    }
    Ok(listing)
}

/// The text of a file that declares another encoding than UTF-8; none where its bytes are searched as they are.
fn decoded(file: &File) -> Option<String> {
    let mut head = vec![0; HEAD_BYTES];
    let read = file.read_at(&mut head, 0).ok()?;
    let encoding = Encoding::of_bytes(&head[..read]);
    let bytes = usize::try_from(file.metadata().ok()?.len()).ok()?;
    if encoding == Encoding::UTF_8 || LINE_BYTES_MAX < bytes {
        return None;
    }
    let mut whole = vec![0; bytes];
    file.read_exact_at(&mut whole, 0).ok()?;
    encoding.decode(&whole)
}

fn cut(line: &str) -> String {
    let line = line.trim_end_matches(['\n', '\r']);
    match line.char_indices().nth(LINE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_nested_beyond_reason_is_refused_and_overflows_nothing() {
        let deep = format!("{}a{}", "{".repeat(50_000), "}".repeat(50_000));
        let refused = Glob::new(Some(&deep));
        assert!(matches!(refused, Err(WorkspaceError::Pattern { .. })));
        let within = format!("{}a{}", "{".repeat(400), "}".repeat(400));
        let refused = Glob::new(Some(&within));
        assert!(matches!(refused, Err(WorkspaceError::Pattern { .. })));
    }

    #[test]
    fn a_pattern_without_a_slash_is_for_names_and_one_with_is_for_paths() {
        let fits = |pattern: &str, path: &str, folder: &str| {
            let path = TreePath::from_tracked(path.as_bytes());
            let folder = TreePath::from_tracked(folder.as_bytes());
            Glob::new(Some(pattern)).unwrap().fits(&path, &folder)
        };
        assert!(fits("*.py", "src/deep/a.py", ""));
        assert!(fits("**/*.py", "a.py", ""));
        assert!(fits("src/*.py", "src/a.py", ""));
        assert!(!fits("src/*.py", "src/deep/a.py", ""));
        assert!(fits("deep/*.py", "src/deep/a.py", "src"));
        assert!(fits("*.{py,toml}", "pyproject.toml", ""));
        assert!(!fits("*.py", "a.pyc", ""));
        assert!(Glob::new(Some("a[")).is_err());
    }
}
