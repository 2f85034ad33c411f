//! An overview of the repository for the first message: its size, and what its most likely files define.
//!
//! The same tree and task always give the same text. Only a bounded number of files is read, so a large repository
//! costs no more than a listing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use protocol::{ListQuery, SearchQuery, Workspace, WorkspaceError};

use crate::answer::glimpse;
use crate::syntax::definitions;
use crate::text_file::TextFile;

/// Longest overview.
pub(crate) const OVERVIEW_BYTES_MAX: usize = 4 << 10;
/// Files that are looked at by name.
const FILES_MAX: usize = 20_000;
/// Most files of a repository that is searched for the names a task speaks of; a larger one would take too long.
const SEARCHED_FILES_MAX: usize = 3_000;
/// Names that are searched for.
const NAMES_MAX: usize = 8;
/// Definitions that a search may find.
const DEFINITIONS_MAX: usize = 40;
/// Files that are read.
const READ_FILES_MAX: usize = 40;
/// Bytes that are parsed, all files together.
const PARSED_BYTES_MAX: usize = 96 << 10;
/// Largest file that is parsed.
const FILE_BYTES_MAX: usize = 48 << 10;
/// Folders that are named with their number of files.
const FOLDERS_MAX: usize = 12;
/// Characters of one line of the overview.
const LINE_CHARS_MAX: usize = 300;

/// The overview, or none when there is nothing to show.
pub(crate) async fn overview(
    work: &dyn Workspace,
    task: &str,
    bytes_max: usize,
) -> Result<Option<String>, WorkspaceError> {
    let listing = work
        .list(&ListQuery {
            path: String::new(),
            glob: None,
            items_max: FILES_MAX,
        })
        .await?;
    if listing.items.is_empty() {
        return Ok(None);
    }
    let mut text = summary(&listing.items, listing.left_out);
    let defining = match listing.items.len() {
        ..=SEARCHED_FILES_MAX => files_defining(work, &names_of(task)).await?,
        _ => BTreeSet::new(),
    };
    let ranked = ranked(&listing.items, task, &defining);
    let mut parsed_bytes = 0;
    for path in ranked.into_iter().take(READ_FILES_MAX) {
        let names = match work.read(path).await {
            Ok(bytes) if bytes.len() <= FILE_BYTES_MAX.min(PARSED_BYTES_MAX - parsed_bytes) => {
                parsed_bytes += bytes.len();
                TextFile::read(&bytes).map_or_else(Vec::new, |it| definitions(&it.text()))
            }
            // Too large, or nothing a tool may read: its name alone may help.
            Ok(_) => Vec::new(),
            Err(error) if error.is_the_callers_fault() => Vec::new(),
            Err(error) => return Err(error),
        };
        let line = match names.is_empty() {
            true => path.to_owned(),
            false => format!("{path}: {}", names.join(" ")),
        };
        let line = glimpse(&line, LINE_CHARS_MAX);
        if bytes_max < text.len() + line.len() + 1 {
            break;
        }
        text += &format!("{line}\n");
    }
    Ok(Some(text))
}

/// The files that define one of these names.
async fn files_defining(
    work: &dyn Workspace,
    names: &BTreeSet<&str>,
) -> Result<BTreeSet<String>, WorkspaceError> {
    if names.is_empty() {
        return Ok(BTreeSet::new());
    }
    let names: Vec<&str> = names.iter().copied().collect();
    let found = work
        .search(&SearchQuery {
            pattern: format!(r"^[ \t]*(async +def|def|class) +({})\b", names.join("|")),
            path: String::new(),
            glob: Some("**/*.py".to_owned()),
            items_max: DEFINITIONS_MAX,
        })
        .await;
    let found = match found {
        Ok(found) => found,
        // The overview is a convenience: what can't be searched is left out of it.
        Err(error) if error.is_the_callers_fault() => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    let path = |it: &String| it.split_once(':').map(|(path, _)| path.to_owned());
    Ok(found.items.iter().filter_map(path).collect())
}

/// The names of a text that look like code: quoted, called, or in the style of code.
fn names_of(task: &str) -> BTreeSet<&str> {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let mut names = BTreeSet::new();
    let mut rest = task;
    while let Some(start) = rest.find(is_part) {
        let before = rest[..start].chars().next_back();
        let word = &rest[start..];
        let length = word.find(|it| !is_part(it)).unwrap_or(word.len());
        let (name, after) = word.split_at(length);
        let quoted = before == Some('`') || after.starts_with('`');
        let called = after.starts_with('(');
        let has_lower = name.contains(|it: char| it.is_ascii_lowercase());
        let camel = has_lower && name[1..].contains(|it: char| it.is_ascii_uppercase());
        let code = quoted || called || camel || name.trim_matches('_').contains('_');
        if code && 2 < name.len() && !name.starts_with(|it: char| it.is_ascii_digit()) {
            names.insert(name);
        }
        if names.len() == NAMES_MAX {
            break;
        }
        rest = after;
    }
    names
}

/// How many files there are, and where.
fn summary(paths: &[String], left_out: usize) -> String {
    let python = paths.iter().filter(|it| it.ends_with(".py")).count();
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for path in paths {
        let folder = path.split_once('/').map_or(".", |(folder, _)| folder);
        *folders.entry(folder).or_default() += 1;
    }
    let mut folders: Vec<(&str, usize)> = folders.into_iter().collect();
    folders.sort_by_key(|(folder, files)| (Reverse(*files), *folder));
    let named: Vec<String> = folders
        .iter()
        .take(FOLDERS_MAX)
        .map(|(folder, files)| format!("{} {files}", glimpse(folder, 60)))
        .collect();
    let more = if left_out == 0 { "" } else { " or more" };
    format!(
        "{}{more} files, {python} of them Python. Files by folder: {}.\n",
        paths.len() + left_out,
        named.join(", ")
    )
}

/// Python files, the ones that the task speaks of first, then those near the root, tests last.
fn ranked<'p>(paths: &'p [String], task: &str, defining: &BTreeSet<String>) -> Vec<&'p str> {
    let words = words_of(task);
    let mut files: Vec<(Reverse<usize>, bool, usize, &str)> = paths
        .iter()
        .filter(|it| it.ends_with(".py"))
        .map(|path| {
            let defines = if defining.contains(path) { 60 } else { 0 };
            let mentions = mentions(path, task, &words) + defines;
            let depth = path.matches('/').count();
            (Reverse(mentions), is_test(path), depth, &**path)
        })
        .collect();
    files.sort_unstable();
    files.into_iter().map(|(_, _, _, path)| path).collect()
}

/// How clearly a task speaks of a file: by its path, its name, or words its path is made of.
fn mentions(path: &str, task: &str, words: &BTreeSet<String>) -> usize {
    let module = path.trim_end_matches(".py").trim_end_matches("/__init__");
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = module.rsplit('/').next().unwrap_or(module).to_lowercase();
    if task.contains(path) || module.contains('/') && task.contains(&module.replace('/', ".")) {
        return 100;
    }
    // `__init__.py` and the like name no file in particular.
    if task.contains(name) && !name.starts_with("__") {
        return 50;
    }
    if words.contains(&stem) {
        return 20;
    }
    let parts = stem.split('_').filter(|it| 3 < it.len());
    parts.filter(|it| words.contains(*it)).count()
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|it| {
        let stem = it.trim_end_matches(".py");
        matches!(
            stem,
            "tests" | "test" | "testing" | "conftest" | "docs" | "examples"
        ) || stem.starts_with("test_")
            || stem.ends_with("_test")
    })
}

/// The words of a text in lower case, and the parts of its compound names.
fn words_of(task: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for word in task.split(|it: char| !it.is_alphanumeric() && it != '_') {
        let word = word.to_lowercase();
        words.extend(word.split('_').map(str::to_owned));
        words.insert(word);
    }
    words.remove("");
    words
}

#[cfg(test)]
mod tests;
