//! Patterns for names, and lines that match a regular expression.

use globset::{GlobBuilder, GlobMatcher};
use grep_regex::RegexMatcherBuilder;
use grep_searcher::sinks::Lossy;
use grep_searcher::{BinaryDetection, SearcherBuilder};
use protocol::{Listing, WorkspaceError};

use super::{Folder, TreePath};

/// Longest part of a line that is shown, in characters.
const LINE_CHARS_MAX: usize = 300;

/// Longest line that is held in memory, in bytes; a file with a longer one is left out.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Largest compiled expression, in bytes.
const EXPRESSION_BYTES_MAX: usize = 10 * 1024 * 1024;

/// A pattern for paths. One without `/` is compared with the name alone, at any depth.
pub(crate) struct Glob {
    matcher: Option<GlobMatcher>,
    names_only: bool,
}

impl Glob {
    pub(crate) fn new(pattern: Option<&str>) -> Result<Glob, WorkspaceError> {
        let Some(pattern) = pattern else {
            return Ok(Glob {
                matcher: None,
                names_only: false,
            });
        };
        let trimmed = pattern.strip_prefix("./").unwrap_or(pattern);
        let matcher = GlobBuilder::new(trimmed)
            .literal_separator(true)
            .build()
            .map_err(|error| WorkspaceError::Pattern {
                pattern: pattern.to_owned(),
                why: error.kind().to_string(),
            })?
            .compile_matcher();
        Ok(Glob {
            matcher: Some(matcher),
            names_only: !trimmed.contains('/'),
        })
    }

    /// Whether a path fits, as seen from the root or from the folder that was asked about.
    pub(crate) fn fits(&self, path: &TreePath, folder: &TreePath) -> bool {
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
pub(crate) fn search(
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
        if let Err(error) = searcher.search_file(&matcher, &file, sink) {
            tracing::debug!(path = %shown, %error, "left a file out of a search");
        }
    }
    Ok(listing)
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
