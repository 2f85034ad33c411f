//! Ruff's findings, and which of them a change brought in.

use std::collections::HashMap;

use serde::Deserialize;

/// What Ruff calls text that isn't Python.
pub(crate) const SYNTAX_ERROR: &str = "invalid-syntax";

/// One finding, with the words of the line it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// As in `F401`.
    pub(crate) rule: String,
    pub(crate) path: String,
    /// Counted from 1.
    pub(crate) line: u32,
    pub(crate) message: String,
    /// The flagged line without its indentation.
    pub(crate) content: String,
    /// Edits that Ruff calls safe; empty where there are none.
    pub(crate) fix: Vec<Edit>,
}

/// One replacement.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Edit {
    pub(crate) content: String,
    #[serde(rename = "location")]
    pub(crate) start: Place,
    #[serde(rename = "end_location")]
    pub(crate) end: Place,
}

/// A place in a text: line and character, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Place {
    pub(crate) row: u32,
    pub(crate) column: u32,
}

/// A finding in Ruff's own JSON.
#[derive(Deserialize)]
struct Raw {
    code: Option<String>,
    filename: String,
    location: Option<Place>,
    message: String,
    fix: Option<RawFix>,
}

#[derive(Deserialize)]
struct RawFix {
    applicability: String,
    edits: Vec<Edit>,
}

/// Reads Ruff's JSON. `texts` are the files it looked at; its absolute file names are matched to them.
pub(crate) fn read(
    json: &[u8],
    texts: &HashMap<String, String>,
) -> Result<Vec<Found>, serde_json::Error> {
    let raw: Vec<Raw> = serde_json::from_slice(json)?;
    let found = raw.into_iter().map(|raw| {
        let path = path_of(&raw.filename, texts);
        let line = raw.location.map_or(1, |it| it.row);
        let content = texts.get(&path).and_then(|text| nth_line(text, line));
        Found {
            rule: raw.code.unwrap_or_else(|| SYNTAX_ERROR.to_owned()),
            line,
            content: content.unwrap_or_default().trim().to_owned(),
            message: raw.message,
            fix: raw
                .fix
                .filter(|it| it.applicability == "safe")
                .map_or_else(Vec::new, |it| it.edits),
            path,
        }
    });
    Ok(found.collect())
}

/// The longest of our paths that the file name ends with.
fn path_of(filename: &str, texts: &HashMap<String, String>) -> String {
    texts
        .keys()
        .filter(|path| {
            filename
                .strip_suffix(path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        })
        .max_by_key(|path| path.len())
        .cloned()
        .unwrap_or_else(|| filename.to_owned())
}

fn nth_line(text: &str, line: u32) -> Option<&str> {
    let index = usize::try_from(line).ok()?.checked_sub(1)?;
    text.lines().nth(index)
}

/// The findings of the change that the base didn't have.
///
/// They are told apart by rule, file and the words of the line, because line numbers move with every edit. A
/// finding in a new file may have come along from a file that is gone. A line that was edited keeps the finding it
/// had: the same rule said the same of a line of that file that isn't there any more.
pub(crate) fn brought_in(before: &[Found], now: &[Found], added: &[String]) -> Vec<Found> {
    let mut known: HashMap<Key<'_>, usize> = HashMap::new();
    for it in before {
        *known.entry((&it.rule, &it.path, &it.content)).or_default() += 1;
    }
    let still_there: Vec<&str> = now.iter().map(|it| it.path.as_str()).collect();
    let gone: Vec<&str> = before
        .iter()
        .map(|it| it.path.as_str())
        .filter(|path| !still_there.contains(path))
        .collect();
    let mut left: Vec<&Found> = now
        .iter()
        .filter(|it| {
            let moved = added.contains(&it.path)
                && gone
                    .iter()
                    .any(|path| take(&mut known, (&it.rule, path, &it.content)));
            !moved && !take(&mut known, (&it.rule, &it.path, &it.content))
        })
        .collect();
    let mut edited: HashMap<Key<'_>, usize> = HashMap::new();
    for it in before {
        if take(&mut known, (&it.rule, &it.path, &it.content)) {
            *edited.entry((&it.rule, &it.path, &it.message)).or_default() += 1;
        }
    }
    left.retain(|it| !take(&mut edited, (&it.rule, &it.path, &it.message)));
    left.into_iter().cloned().collect()
}

/// Rule, file, words of the line or of the finding.
type Key<'a> = (&'a str, &'a str, &'a str);

/// Strikes one such finding off the list, if there is one left.
fn take<'a>(known: &mut HashMap<Key<'a>, usize>, key: Key<'a>) -> bool {
    match known.get_mut(&key) {
        Some(left) if 0 < *left => {
            *left -= 1;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(list: &[(&str, &str, &str)]) -> Vec<Found> {
        (1..)
            .zip(list)
            .map(|(line, (rule, path, content))| Found {
                rule: (*rule).to_owned(),
                path: (*path).to_owned(),
                line,
                message: String::new(),
                content: (*content).to_owned(),
                fix: Vec::new(),
            })
            .collect()
    }

    #[track_caller]
    fn check(before: &[(&str, &str, &str)], now: &[(&str, &str, &str)], want: &[&str]) {
        let added = ["new.py".to_owned()];
        let got: Vec<String> = brought_in(&found(before), &found(now), &added)
            .iter()
            .map(|it| format!("{} {} {}", it.rule, it.path, it.content))
            .collect();
        assert_eq!(got, want);
    }

    #[test]
    fn a_finding_that_moved_with_its_line_is_not_new() {
        check(
            &[("F401", "a.py", "import os")],
            &[("E741", "a.py", "l = 1"), ("F401", "a.py", "import os")],
            &["E741 a.py l = 1"],
        );
    }

    #[test]
    fn the_same_words_once_more_are_new() {
        check(
            &[("F841", "a.py", "x = 1")],
            &[("F841", "a.py", "x = 1"), ("F841", "a.py", "x = 1")],
            &["F841 a.py x = 1"],
        );
    }

    #[test]
    fn another_file_or_rule_is_another_finding() {
        check(
            &[("F401", "a.py", "import os")],
            &[("F401", "b.py", "import os"), ("I001", "a.py", "import os")],
            &["F401 b.py import os", "I001 a.py import os"],
        );
    }

    #[test]
    fn a_finding_that_came_along_with_a_moved_file_is_not_new() {
        check(
            &[("F401", "old.py", "import os")],
            &[
                ("F401", "new.py", "import os"),
                ("F401", "new.py", "import re"),
            ],
            &["F401 new.py import re"],
        );
    }

    #[test]
    fn an_edited_line_keeps_its_finding() {
        let said = |path: &str, content: &str, message: &str| Found {
            message: message.to_owned(),
            ..found(&[("F401", path, content)]).remove(0)
        };
        let before = [said("a.py", "from m import x, y", "`y` unused")];
        let edited = said("a.py", "from m import x, y, z", "`y` unused");
        let of = |now: &[Found]| brought_in(&before, now, &[]).len();
        assert_eq!(of(std::slice::from_ref(&edited)), 0);
        assert_eq!(of(&[edited.clone(), edited.clone()]), 1, "once more is new");
        let still = said("a.py", "from m import x, y", "`y` unused");
        assert_eq!(of(&[still, edited]), 1, "the line it had is still there");
        let another = said("a.py", "from m import x, z", "`z` unused");
        assert_eq!(of(&[another]), 1, "it says another thing");
        let elsewhere = said("b.py", "from m import x, y, z", "`y` unused");
        assert_eq!(of(&[elsewhere]), 1, "another file");
    }

    #[test]
    fn absolute_names_are_matched_to_the_longest_path() {
        let texts: HashMap<String, String> = [("a.py", "x\n"), ("src/a.py", "x\n  y\n")]
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into();
        let json =
            br#"[{"code": null, "filename": "/tree/src/a.py", "location": {"row": 2, "column": 1},
            "message": "m", "fix": null}]"#;
        let found = read(json, &texts).expect("it is Ruff's JSON");
        assert_eq!(found[0].path, "src/a.py");
        assert_eq!(found[0].content, "y");
        assert_eq!(found[0].rule, SYNTAX_ERROR);
        assert!(read(b"[{", &texts).is_err());
    }
}
