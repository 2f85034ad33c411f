//! The overview as text: the files that a task is most likely about, the best with their most likely definitions.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use protocol::visible;

use crate::definitions::Defined;

/// Bytes in which the best files stand with their definitions; about a thousand tokens at the three bytes that a token
/// of paths and names has at worst. What comes after are paths alone.
pub(crate) const CLOSE_BYTES_MAX: usize = 3_000;
/// The share of these bytes, in hundredths, that is kept for paths.
const PATHS_SHARE: usize = 60;
/// Bytes of definitions of one file: of the first, of the next, of the others.
const DEFINITIONS_BYTES_MAX: [(usize, usize); 3] = [(5, 160), (15, 80), (usize::MAX, 50)];
/// Definitions shown of one file.
const DEFINITIONS_MAX: usize = 12;
/// Folders that are named with their number of files.
const FOLDERS_MAX: usize = 8;
/// Bytes of the tests' paths.
const TESTS_BYTES_MAX: usize = 320;
/// Longest path that is shown.
const PATH_CHARS_MAX: usize = 200;
/// Longest name that is shown.
const NAME_CHARS_MAX: usize = 60;

/// What an overview is made of.
pub(crate) struct Parts<'p> {
    /// Every file of the repository.
    pub(crate) all: Vec<&'p str>,
    /// Its own code, the best files first.
    pub(crate) files: Vec<(usize, &'p str)>,
    /// Definitions by the number of their file.
    pub(crate) definitions: HashMap<usize, Vec<Defined>>,
    /// Tests, the likeliest first.
    pub(crate) tests: Vec<&'p str>,
}

/// The text, or none when there is nothing to show.
pub(crate) fn render(parts: &Parts<'_>, bytes_max: usize) -> Option<String> {
    if parts.all.is_empty() {
        return None;
    }
    let tests = tests_line(&parts.tests, TESTS_BYTES_MAX.min(bytes_max / 8));
    let mut text = summary(&parts.all);
    if bytes_max < text.len() {
        return None;
    }
    let close_bytes_max = CLOSE_BYTES_MAX.min(bytes_max - tests.len().min(bytes_max));
    let paths: Vec<String> = parts.files.iter().map(|it| path_shown(it.1)).collect();
    let mut free = close_bytes_max.saturating_sub(text.len());
    let shown = how_many(&paths, free * PATHS_SHARE / 100);
    free -= paths[..shown].iter().map(|it| it.len() + 1).sum::<usize>();
    for (number, path) in paths[..shown].iter().enumerate() {
        let room = DEFINITIONS_BYTES_MAX.iter().find(|(end, _)| number < *end);
        let room = room.map_or(0, |(_, bytes)| *bytes).min(free);
        let defined = parts.definitions.get(&parts.files[number].0);
        let defined = defined.map_or_else(String::new, |it| shortlist(it, room.saturating_sub(2)));
        text += path;
        if !defined.is_empty() {
            free -= defined.len() + 2;
            text += &format!(": {defined}");
        }
        text.push('\n');
    }
    let rest = &paths[shown..];
    let more = how_many(rest, bytes_max.saturating_sub(text.len() + tests.len()));
    for path in &rest[..more] {
        text += path;
        text.push('\n');
    }
    Some(text + &tests)
}

/// How many of these lines fit.
fn how_many(lines: &[String], bytes_max: usize) -> usize {
    let mut bytes = 0;
    let fits = |it: &&String| {
        bytes += it.len() + 1;
        bytes <= bytes_max
    };
    lines.iter().take_while(fits).count()
}

/// How many files there are, and where.
fn summary(paths: &[&str]) -> String {
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
        .map(|(folder, files)| format!("{} {files}", in_one_line(folder, NAME_CHARS_MAX)))
        .collect();
    format!(
        "{} files, {python} of them Python. Files by folder: {}.\n",
        paths.len(),
        named.join(", ")
    )
}

fn tests_line(tests: &[&str], bytes_max: usize) -> String {
    let tests: Vec<String> = tests.iter().map(|it| path_shown(it)).collect();
    let begins = "Tests:";
    match how_many(&tests, bytes_max.saturating_sub(begins.len() + 1)) {
        0 => String::new(),
        count => format!("{begins} {}\n", tests[..count].join(" ")),
    }
}

/// The definitions that the task speaks of most, as many as fit, in the order of the file: `Class:1(method:2) function:9`.
fn shortlist(defined: &[Defined], bytes_max: usize) -> String {
    let is_inside_a_function = |it: &Defined| it.within.is_some_and(|it| !defined[it].is_class);
    let mut best: Vec<usize> = (0..defined.len())
        .filter(|it| !is_inside_a_function(&defined[*it]))
        .collect();
    best.sort_by(|a, b| {
        let (one, other) = (&defined[*a], &defined[*b]);
        let by_score = other.score.total_cmp(&one.score);
        by_score.then_with(|| (one.within.is_some(), a).cmp(&(other.within.is_some(), b)))
    });
    let mut chosen: Vec<usize> = Vec::new();
    let mut text = String::new();
    for candidate in best {
        let mut with = chosen.clone();
        with.push(candidate);
        with.sort_unstable();
        let longer = listed(defined, &with);
        if longer.len() <= bytes_max {
            (chosen, text) = (with, longer);
        }
        if chosen.len() == DEFINITIONS_MAX {
            break;
        }
    }
    text
}

/// These definitions in order, each in brackets behind its class.
fn listed(defined: &[Defined], chosen: &[usize]) -> String {
    let mut text = String::new();
    // The classes whose brackets are open.
    let mut open: Vec<usize> = Vec::new();
    let around = |at: usize| {
        let mut around: Vec<usize> =
            std::iter::successors(defined[at].within, |it| defined[*it].within).collect();
        around.reverse();
        around
    };
    for at in chosen {
        let classes = around(*at);
        while !classes.starts_with(&open) {
            open.pop();
            text.push(')');
        }
        for class in &classes[open.len()..] {
            // A class that was chosen itself stands there already.
            if !(chosen.contains(class) && text.ends_with(&shown(&defined[*class]))) {
                space(&mut text);
                text += &in_one_line(&defined[*class].name, NAME_CHARS_MAX);
            }
            text.push('(');
            open.push(*class);
        }
        space(&mut text);
        text += &shown(&defined[*at]);
    }
    text + &")".repeat(open.len())
}

fn space(text: &mut String) {
    if !text.is_empty() && !text.ends_with('(') {
        text.push(' ');
    }
}

fn shown(it: &Defined) -> String {
    format!("{}:{}", in_one_line(&it.name, NAME_CHARS_MAX), it.line)
}

/// A path as it is shown everywhere, so that its end is not lost first.
fn path_shown(path: &str) -> String {
    in_one_line(path, PATH_CHARS_MAX)
}

/// The beginning of a text, in one line and with nothing hidden in it.
pub(crate) fn in_one_line(text: &str, chars_max: usize) -> String {
    let line = visible(text).replace(['\n', '\t', '\r'], " ");
    match line.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn defined(name: &str, line: u32, within: Option<usize>, score: f64) -> Defined {
        Defined {
            name: name.to_owned(),
            line,
            is_class: name.starts_with(|it: char| it.is_ascii_uppercase()),
            within,
            score,
        }
    }

    #[test]
    fn methods_stand_behind_their_class() {
        let all = [
            defined("a", 1, None, 1.0),
            defined("B", 2, None, 0.0),
            defined("c", 3, Some(1), 3.0),
            defined("D", 4, Some(1), 2.0),
            defined("e", 5, Some(3), 4.0),
            defined("inner", 6, Some(2), 9.0),
            defined("f", 7, Some(1), 0.5),
            defined("g", 8, None, 0.0),
        ];
        let check = |bytes_max, want: &expect_test::Expect| {
            let text = shortlist(&all, bytes_max);
            assert!(text.len() <= bytes_max, "{text}");
            want.assert_eq(&text);
        };
        check(100, &expect![["a:1 B:2(c:3 D:4(e:5) f:7) g:8"]]);
        check(18, &expect!["B:2(c:3 D:4(e:5))"]);
        check(9, &expect!["B(D(e:5))"]);
        check(4, &expect!["a:1"]);
        check(0, &expect![""]);
    }

    #[test]
    fn the_best_files_come_with_definitions_and_the_others_follow() {
        let paths: Vec<String> = (0..400)
            .map(|it| format!("shop/module_{it:03}.py"))
            .collect();
        let files: Vec<(usize, &str)> = paths.iter().map(|it| &**it).enumerate().collect();
        let definitions = (0..60).map(|it| (it, vec![defined("function", 7, None, 1.0); 40]));
        let parts = Parts {
            all: paths.iter().map(|it| &**it).collect(),
            files,
            definitions: definitions.collect(),
            tests: vec!["tests/test_a.py", "tests/test_b.py"],
        };
        let text = render(&parts, 6_000).expect("there are files");
        assert!(text.len() <= 6_000, "{}", text.len());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "400 files, 400 of them Python. Files by folder: shop 400."
        );
        let functions = |it: &str| it.matches("function:7").count();
        assert_eq!([lines[1], lines[6], lines[16]].map(functions), [12, 7, 0]);
        let place = |it: &str| text.find(it).unwrap_or(usize::MAX);
        assert!(place("module_070") < CLOSE_BYTES_MAX, "{text}");
        assert!(place("module_190") < 6_000, "{text}");
        assert_eq!(
            lines.last(),
            Some(&"Tests: tests/test_a.py tests/test_b.py")
        );
    }
}
