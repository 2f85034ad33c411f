//! Whether a task speaks of something beside what the change is about: only then may the change do what a cheat would.

use std::collections::HashSet;

use super::file::File;

/// Lines around a word in which something must stand that is named in the change.
const LINES_AROUND: usize = 3;
/// Shorter names stand in any text.
const NAME_CHARS_MIN: usize = 3;

/// Names of what is changed, in lower case: files, and what they define.
pub(crate) fn names_of(files: &[File]) -> HashSet<String> {
    let mut names = HashSet::new();
    for file in files {
        let path = file.path.strip_suffix(".py").unwrap_or(&file.path);
        names.extend(path.split('/').map(str::to_owned));
        for text in [&file.base, &file.now].into_iter().flatten() {
            names.extend(text.lines().filter_map(defined).map(str::to_owned));
        }
    }
    names.retain(|it| NAME_CHARS_MIN <= it.chars().count());
    names.iter().map(|it| it.to_lowercase()).collect()
}

/// The name of a function or a class that a line begins.
fn defined(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    let rest = line
        .strip_prefix("def ")
        .or_else(|| line.strip_prefix("class "))?;
    rest.split(|it: char| !is_of_a_word(it)).next()
}

/// Whether a text has each word of a name as a whole word, and something of the change within a few lines: there a
/// sentence may begin with it.
pub(crate) fn is_asked_for(task: &str, name: &str, of_the_change: &HashSet<String>) -> bool {
    let lines: Vec<&str> = task.lines().filter(|it| !it.trim().is_empty()).collect();
    let is_said = |word: &str| lines.iter().any(|line| has_word(line, word));
    if name.is_empty() || !name.split(' ').all(is_said) {
        return false;
    }
    // Once a line: a long task may have a word in each, and a large change many names.
    let is_about_it: Vec<bool> = lines
        .iter()
        .map(|line| line.to_lowercase())
        .map(|line| of_the_change.iter().any(|it| has_word(&line, it)))
        .collect();
    name.split(' ').all(|word| {
        (0..lines.len()).any(|at| {
            let first = at.saturating_sub(LINES_AROUND);
            let last = (at + LINES_AROUND + 1).min(lines.len());
            has_word(lines[at], word) && is_about_it[first..last].contains(&true)
        })
    })
}

/// Whether a word stands in a line with nothing of a word around it.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let ends = |it: Option<char>| it.is_none_or(|it| !is_of_a_word(it));
        let begins_inside = word.starts_with(is_of_a_word);
        let ends_inside = word.ends_with(is_of_a_word);
        (!begins_inside || ends(before)) && (!ends_inside || ends(after))
    })
}

fn is_of_a_word(it: char) -> bool {
    it.is_alphanumeric() || it == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_word_beside_a_name_of_the_change_asks_for_it() {
        let files = [File {
            path: "pkg/pages.py".to_owned(),
            base: Some("class Book:\n    def page_count(self):\n".to_owned()),
            now: None,
        }];
        let names = names_of(&files);
        let check = |task: &str, name: &str, want: bool| {
            assert_eq!(is_asked_for(task, name, &names), want, "{task}");
        };
        check("`page_count` must not use exec", "exec", true);
        check("When I execute `page_count(1)` it fails", "exec", false);
        check("Something else uses exec", "exec", false);
        check("`Book` compares with\n`sys.modules`.", "sys.modules", true);
        check("`Book` and sys.modules_of", "sys.modules", false);
        check(
            "`pages.py` should ask `__eq__` always",
            "__eq__ always",
            true,
        );
        check("`pages.py` should ask `__eq__`", "__eq__ always", false);
        check("the books and the bookpages: exec", "exec", false);
    }
}
