//! What a reader of a change doesn't see: hidden characters, names in letters that look like others, and an encoding in
//! which the same bytes are other code.

use std::collections::BTreeSet;

use protocol::declared_encoding;
use unicode_normalization::UnicodeNormalization;

use crate::{identifiers, names};

/// Ends of files that are prose: there, characters that join or part letters of many scripts are spelling.
const PROSE_ENDS: &[&str] = &[
    ".md", ".rst", ".txt", ".po", ".pot", ".html", ".xml", ".svg", ".csv", ".json",
];

/// Soft hyphen, zero width non-joiner and joiner, left-to-right and right-to-left mark.
const SPELLING: &[char] = &['\u{ad}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}'];

/// What was found, in words after "line N", and what to do about it.
pub(crate) struct Hidden {
    pub(crate) line: u32,
    pub(crate) words: String,
    pub(crate) remedy: &'static str,
}

/// What to do about characters and names.
const PLAINLY: &str = "Write plain characters there; a string that needs such a character gets its escape, as in `\\u200b`.";
/// What to do about an encoding.
const IN_UTF_8: &str = "Leave the declaration out: files are UTF-8.";

/// The first hidden character in the new lines of a file. Those that the file had before stay allowed.
pub(crate) fn character(path: &str, before: &str, added: &[(u32, String)]) -> Option<Hidden> {
    let lower = path.to_lowercase();
    let is_prose = PROSE_ENDS.iter().any(|it| lower.ends_with(it));
    // A carriage return is hidden where it isn't half of a line's end: Python begins a new line there.
    let before = before.replace("\r\n", "\n");
    let is_fine = |character: char| {
        // A form feed parts the pages of old sources.
        character == '\u{c}'
            || (is_prose && SPELLING.contains(&character))
            || before.contains(character)
    };
    added.iter().find_map(|(line, text)| {
        let text = text.strip_suffix('\r').unwrap_or(text);
        let found = text.chars().find(|it| names::hides(*it) && !is_fine(*it))?;
        Some(Hidden {
            line: *line,
            words: format!("holds the hidden character {}", names::code(found)),
            remedy: PLAINLY,
        })
    })
}

/// The first name in the new lines of Python code that looks like another one, or that Python takes for another.
pub(crate) fn look_alike(before: &str, now: &str, added: &[(u32, String)]) -> Option<Hidden> {
    if added.iter().all(|(_, it)| it.is_ascii()) {
        return None;
    }
    let lines: BTreeSet<u32> = added.iter().map(|(line, _)| *line).collect();
    identifiers::all(now)
        .into_iter()
        .filter(|(line, name)| lines.contains(line) && !name.is_ascii() && !before.contains(name))
        .find_map(|(line, name)| {
            let taken_for: String = name.nfkc().collect();
            let foreign = name.chars().find(|it| !it.is_ascii()).map(names::code)?;
            let words = if taken_for != name {
                format!("has the name `{name}`, which Python takes for `{taken_for}` ({foreign})")
            } else if names::looks_ascii(name) {
                format!("has the name `{name}`, whose letter {foreign} looks like another one")
            } else {
                return None;
            };
            Some(Hidden {
                line,
                words,
                remedy: PLAINLY,
            })
        })
}

/// A declared encoding that makes Python read something else than what everybody is shown, as `utf-7` and
/// `unicode_escape` make code of a comment. One that the file declared before stays allowed.
pub(crate) fn encoding(before: &str, now: &str) -> Option<Hidden> {
    let (line, name) = declared_encoding(now)?;
    let as_shown = ["utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii"];
    let plain = name.to_lowercase().replace('_', "-");
    let is_as_before = || declared_encoding(before).is_some_and(|it| it.1 == name);
    if as_shown.contains(&plain.as_str()) || is_as_before() {
        return None;
    }
    Some(Hidden {
        line,
        words: format!(
            "declares the encoding `{name}`, so Python reads other code than what is shown"
        ),
        remedy: IN_UTF_8,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(path: &str, before: &str, now: &str, want: Expect) {
        let added: Vec<(u32, String)> = (1..).zip(now.split('\n').map(str::to_owned)).collect();
        let found = character(path, before, &added)
            .or_else(|| encoding(before, now))
            .or_else(|| look_alike(before, now, &added));
        let shown = found.map(|it| format!("line {} {}", it.line, it.words));
        want.assert_eq(&shown.unwrap_or_default());
    }

    #[test]
    fn what_is_not_seen_is_named() {
        check(
            "a.py",
            "",
            "x = 1\nlevel = 'user\u{202e} \u{2066}# admin'\n",
            expect!["line 2 holds the hidden character U+202E"],
        );
        check(
            "a.py",
            "",
            "fu\u{200b}n = 1\n",
            expect!["line 1 holds the hidden character U+200B"],
        );
        check(
            "a.md",
            "",
            "tag\u{e0041}\n",
            expect!["line 1 holds the hidden character U+E0041"],
        );
        check(
            "a.py",
            "",
            "x = '\u{1b}[2J'\n",
            expect!["line 1 holds the hidden character U+001B"],
        );
        check(
            "a.py",
            "",
            "a\rb = 1\n",
            expect!["line 1 holds the hidden character U+000D"],
        );
        // The ends of lines that a file has are no such character.
        check(
            "a.py",
            "a = 1\r\n",
            "a = 1\r\n# b\rimport os\r\n",
            expect!["line 2 holds the hidden character U+000D"],
        );
    }

    #[test]
    fn names_that_are_not_what_they_look_like_are_named() {
        check(
            "a.py",
            "",
            "def \u{430}dd(a, b): ...\n",
            expect!["line 1 has the name `аdd`, whose letter U+0430 looks like another one"],
        );
        check(
            "a.py",
            "",
            "x = \u{1d41a}dmin\n",
            expect!["line 1 has the name `𝐚dmin`, which Python takes for `admin` (U+1D41A)"],
        );
    }

    #[test]
    fn code_that_python_reads_in_another_encoding_is_named() {
        check(
            "a.py",
            "x = 1\n",
            "# -*- coding: unicode_escape -*-\nx = 1  # \\u000aimport os\n",
            expect![
                "line 1 declares the encoding `unicode_escape`, so Python reads other code than what is shown"
            ],
        );
        check(
            "a.py",
            "#!/bin/sh\n#\n# vim: set fileencoding=utf-7 :\n",
            "#!/bin/sh\n# vim: set fileencoding=utf-7 :\n# +AAo-import os\n",
            expect![
                "line 2 declares the encoding `utf-7`, so Python reads other code than what is shown"
            ],
        );
        check(
            "a.py",
            "# coding: latin-1\n",
            "\n  # decoding: no, coding= cp037\n",
            expect![
                "line 2 declares the encoding `no`, so Python reads other code than what is shown"
            ],
        );
        check(
            "a.py",
            "\rx = 1\r",
            "\r# coding: utf-7\rx = 1\r",
            expect![
                "line 2 declares the encoding `utf-7`, so Python reads other code than what is shown"
            ],
        );
        for as_shown in [
            "# coding: UTF_8\n",
            "# -*- coding: utf-8 -*-\n",
            "\"\"\"coding: utf-7\"\"\"\n",
            "x = 1\n# coding: utf-7\n",
            "#\n#\n# coding: utf-7\n",
            "# about coding: \n",
            "# encoding\n",
        ] {
            check("a.py", "", as_shown, expect![""]);
        }
        check(
            "a.py",
            "# coding: latin-1\n",
            "# coding: latin-1\nx = 1\n",
            expect![""],
        );
    }

    #[test]
    fn what_is_seen_or_was_there_is_taken() {
        check(
            "a.py",
            "",
            "x = 'caf\u{e9} \u{2713} \u{6f22}'\r\n\u{c}\r\n",
            expect![""],
        );
        check(
            "a.py",
            "",
            "\u{394}t = \u{444}\u{443}\u{43d}\u{43a}\u{446}\u{438}\u{44f}(caf\u{e9})\n",
            expect![""],
        );
        check(
            "a.py",
            "",
            "# \u{430} is the Cyrillic letter\n",
            expect![""],
        );
        check("a.py", "\u{feff}x = 1\n", "\u{feff}x = 2\n", expect![""]);
        check(
            "fa.md",
            "",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}\n",
            expect![""],
        );
    }
}
