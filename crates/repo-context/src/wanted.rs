//! What a task says that can be looked for in a repository: words, names, dotted names, paths, places in stack traces.

use std::collections::BTreeMap;

use crate::words::{Term, exact, looks_like_code, names_in, terms_of_name};

/// Bytes of a task that are read.
const TASK_BYTES_MAX: usize = 64 << 10;
/// Paths and dotted names that are looked for.
const PLACES_MAX: usize = 200;
/// What stands between the words of a line.
const BETWEEN: &str = "()[]{}<>,;\"'=`|";

/// What a task says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    /// Its words, with how loudly each is said.
    pub(crate) words: BTreeMap<Term, f64>,
    /// Whole names that look like code, likewise.
    pub(crate) names: BTreeMap<Term, f64>,
    /// Paths and ends of paths, in the order of the text.
    pub(crate) paths: Vec<String>,
    /// Dotted names, in the order of the text.
    pub(crate) dotted: Vec<String>,
}

/// Where a word stands, which says how much it means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Title,
    Prose,
    /// Between backticks.
    Quoted,
    /// In a block of code.
    Code,
}

impl Tone {
    fn weight(self) -> f64 {
        match self {
            Tone::Title | Tone::Quoted => 2.0,
            Tone::Prose => 1.0,
            Tone::Code => 0.7,
        }
    }
}

/// What a name weighs at least that is written as only code is.
const CODE_WEIGHT: f64 = 2.0;

impl Wanted {
    /// Reads a task in Markdown.
    pub(crate) fn of(task: &str) -> Wanted {
        let mut wanted = Wanted::default();
        let mut fence: Option<&str> = None;
        let mut in_comment = false;
        let mut before_title = true;
        for line in task[..task.floor_char_boundary(TASK_BYTES_MAX)].lines() {
            let words = line.trim_start();
            if let Some(mark) = ["```", "~~~"].into_iter().find(|it| words.starts_with(it)) {
                match fence {
                    None => fence = Some(mark),
                    Some(open) if open == mark => fence = None,
                    Some(_) => {}
                }
                continue;
            }
            // What a form says to whoever fills it in.
            if in_comment || fence.is_none() && words.starts_with("<!--") {
                in_comment = !line.contains("-->");
                continue;
            }
            if words.is_empty() || wanted.take_frame(words) {
                continue;
            }
            if fence.is_some() || line.starts_with("    ") || words.starts_with(">>>") {
                wanted.say(line, Tone::Code);
                continue;
            }
            let tone = match std::mem::take(&mut before_title) {
                true => Tone::Title,
                false => Tone::Prose,
            };
            // Every second piece stands between backticks.
            for (number, piece) in line.split('`').enumerate() {
                wanted.say(piece, if number % 2 == 1 { Tone::Quoted } else { tone });
            }
        }
        wanted
    }

    /// A line of a stack trace, as in `File "a/b.py", line 1, in c`.
    fn take_frame(&mut self, line: &str) -> bool {
        let frame = line
            .strip_prefix("File \"")
            .and_then(|it| it.split_once('"'));
        let Some((path, rest)) = frame else {
            return false;
        };
        self.take_path(path);
        if let Some((_, function)) = rest.split_once(", in ") {
            self.say(function, Tone::Code);
        }
        true
    }

    fn say(&mut self, text: &str, tone: Tone) {
        let pieces = text.split(|it: char| it.is_whitespace() || BETWEEN.contains(it));
        for piece in pieces {
            let piece = piece.trim_matches(['.', ':', '!', '?', '*']);
            self.take_place(piece);
            // An address names files, but its words are about something else.
            if piece.contains("://") {
                continue;
            }
            for name in names_in(piece) {
                self.take_name(name, tone);
            }
        }
    }

    fn take_name(&mut self, name: &str, tone: Tone) {
        let (is_code, weight) = (looks_like_code(name), tone.weight());
        let whole = match tone {
            _ if is_code => weight.max(1.0),
            Tone::Quoted => weight,
            Tone::Code => weight / 2.0,
            // As a class is written, and any word at the beginning of a sentence.
            _ if name.starts_with(|it: char| it.is_ascii_uppercase()) => weight,
            Tone::Title | Tone::Prose => 0.0,
        };
        if 0.0 < whole {
            *self.names.entry(exact(name)).or_default() += whole;
        }
        let weight = if is_code {
            weight.max(CODE_WEIGHT)
        } else {
            weight
        };
        terms_of_name(name, &mut |it| *self.words.entry(it).or_default() += weight);
    }

    /// A path or a dotted name, if it is one.
    fn take_place(&mut self, piece: &str) {
        // `a.py::test_b`, `a.py#L12`, `a.py:12`
        let piece = piece.split(['#', '?']).next().unwrap_or(piece);
        let piece = match piece.find(".py:") {
            Some(at) => &piece[..at + 3],
            None => piece,
        };
        let name = piece.rsplit(['/', '\\']).next().unwrap_or(piece);
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let is_short = |it: &str| {
            (1..=4).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_alphanumeric())
        };
        let is_path = matches!(ending, "py" | "pyi" | "pyx") || name != piece && is_short(ending);
        let is_dotted = || {
            let is_name = |it: &str| {
                it.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
                    && it
                        .bytes()
                        .all(|it| it.is_ascii_alphanumeric() || it == b'_')
            };
            piece.contains('.') && piece.split('.').all(is_name)
        };
        if is_path {
            self.take_path(piece);
        } else if is_dotted() && self.dotted.len() < PLACES_MAX {
            self.dotted.push(piece.to_owned());
        }
    }

    fn take_path(&mut self, path: &str) {
        if self.paths.len() < PLACES_MAX {
            self.paths.push(path.replace('\\', "/"));
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(task: &str, want: &Expect) {
        let wanted = Wanted::of(task);
        want.assert_eq(&format!(
            "paths: {}\ndotted: {}",
            wanted.paths.join(" "),
            wanted.dotted.join(" ")
        ));
    }

    #[test]
    fn paths_and_dotted_names_are_found_in_any_dress() {
        check(
            "In `src/a.py` and b/c.py:12, see https://x.org/o/r/blob/main/d/e.py#L3-L9 (f.py).\n\
             Call pkg.mod.Name.method() or `self.x`; version 1.2.3, e.g. 3.x, `tests/g.py::test_h`, w\\i.pyx, t/x.html.",
            &expect![[r#"
                paths: src/a.py b/c.py https://x.org/o/r/blob/main/d/e.py f.py tests/g.py w/i.pyx t/x.html
                dotted: pkg.mod.Name.method self.x e.g"#]],
        );
    }

    #[test]
    fn frames_of_stack_traces_are_paths() {
        check(
            "It fails\n```\nTraceback (most recent call last):\n  File \"/x/site-packages/a/b.py\", line 3, in call\n    c.d()\nValueError\n```",
            &expect![[r#"
                paths: /x/site-packages/a/b.py
                dotted: c.d"#]],
        );
    }

    #[test]
    fn what_is_quoted_or_code_weighs_more() {
        let wanted = Wanted::of(
            "# Title\n\nprose `quoted` snake_case\n<!-- form\nform -->\n```py\ncode\n```\n",
        );
        let weight = |word: &str| {
            let mut weight = 0.0_f64;
            terms_of_name(word, &mut |it| {
                weight = weight.max(wanted.words.get(&it).copied().unwrap_or(0.0));
            });
            weight
        };
        let weights = ["Title", "prose", "quoted", "snake_case", "code", "form"].map(weight);
        assert_eq!(weights, [2.0, 1.0, 2.0, 2.0, 0.7, 0.0]);
        let names: Vec<bool> = ["quoted", "snake_case", "code", "prose", "Title"]
            .map(|it| wanted.names.contains_key(&exact(it)))
            .to_vec();
        assert_eq!(names, [true, true, true, false, true]);
    }
}
