//! `.gitattributes` files, read and applied in git's order, as far as they speak of the ends of lines.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The attributes that are read; `crlf` is an older name of `text`.
const READ: [&str; 3] = ["text", "crlf", "eol"];
/// Lines of one file that are read.
const LINES_MAX: usize = 10_000;
/// Macros within macros.
const DEPTH_MAX: usize = 10;

/// What is said about an attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing, or that nothing is said (`!text`).
    #[default]
    Unspecified,
    /// `text`.
    Set,
    /// `-text`.
    Unset,
    /// `text=auto`.
    Value(String),
}

/// What a line says, in its order.
type States = Vec<(String, State)>;

/// What macros stand for.
#[derive(Debug)]
pub(super) struct Macros(BTreeMap<String, States>);

impl Default for Macros {
    fn default() -> Macros {
        // The one that git has by itself, as far as it is of interest.
        let binary = vec![("text".to_owned(), State::Unset)];
        Macros(BTreeMap::from([("binary".to_owned(), binary)]))
    }
}

impl Macros {
    fn are_asked(&self, name: &str) -> bool {
        READ.contains(&name) || self.0.contains_key(name)
    }
}

/// The patterns of one file, in its order.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<(Gitignore, States)>);

impl Attributes {
    /// Reads a file. Macros are defined `at_top` only.
    pub(super) fn read(text: &str, macros: &mut Macros, at_top: bool) -> Attributes {
        let mut lines = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines().take(LINES_MAX) {
            let Some((pattern, words)) = parted(line) else {
                continue;
            };
            let states = words.split_ascii_whitespace().map(state_of).collect();
            match pattern.strip_prefix("[attr]") {
                Some(name) if at_top => {
                    macros.0.insert(name.to_owned(), states);
                }
                Some(_) => {}
                None => lines.extend(matcher(&pattern).map(|it| (it, states))),
            }
        }
        Attributes(lines)
    }

    /// Leaves out what says nothing about the ends of lines.
    pub(super) fn keep_what_is_asked(&mut self, macros: &Macros) {
        let Attributes(lines) = self;
        lines.retain(|(_, states)| states.iter().any(|(name, _)| macros.are_asked(name)));
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is known of one file so far: whoever speaks first is heard, so the strongest come first.
#[derive(Debug)]
pub(super) struct Heard<'m> {
    macros: &'m Macros,
    known: BTreeMap<&'m str, &'m State>,
}

impl<'m> Heard<'m> {
    pub(super) fn new(macros: &'m Macros) -> Heard<'m> {
        Heard {
            macros,
            known: BTreeMap::new(),
        }
    }

    /// What a file of attributes says about a path below its folder.
    pub(super) fn hear(&mut self, attributes: &'m Attributes, path: &[u8]) {
        let path = Path::new(OsStr::from_bytes(path));
        for (matcher, states) in attributes.0.iter().rev() {
            if matcher.matched(path, false).is_ignore() {
                self.hear_line(states, 0);
            }
        }
    }

    fn hear_line(&mut self, states: &'m States, depth: usize) {
        for (name, state) in states.iter().rev() {
            if self.known.contains_key(name.as_str()) || DEPTH_MAX < depth {
                continue;
            }
            self.known.insert(name, state);
            if let (State::Set, Some(stands_for)) = (state, self.macros.0.get(name)) {
                self.hear_line(stands_for, depth + 1);
            }
        }
    }

    pub(super) fn state(&self, attribute: &str) -> State {
        let known = self.known.get(attribute);
        known.map(|it| (*it).clone()).unwrap_or_default()
    }
}

/// Git takes no pattern that turns another one around, and one that can't be read fits nothing.
fn matcher(pattern: &str) -> Option<Gitignore> {
    if pattern.starts_with('!') {
        return None;
    }
    let mut builder = GitignoreBuilder::new("");
    builder.add_line(None, pattern).ok()?;
    builder.build().ok()
}

/// The pattern of a line, and what follows it.
fn parted(line: &str) -> Option<(String, &str)> {
    let line = line.trim_start_matches([' ', '\t']);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    if let Some(quoted) = line.strip_prefix('"') {
        let mut pattern = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => return Some((pattern, &quoted[at + 1..])),
                '\\' => pattern.push(characters.next()?.1),
                other => pattern.push(other),
            }
        }
        return None;
    }
    let (pattern, words) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    Some((pattern.trim_end().to_owned(), words))
}

fn state_of(word: &str) -> (String, State) {
    if let Some(name) = word.strip_prefix('-') {
        (name.to_owned(), State::Unset)
    } else if let Some(name) = word.strip_prefix('!') {
        (name.to_owned(), State::Unspecified)
    } else if let Some((name, value)) = word.split_once('=') {
        (name.to_owned(), State::Value(value.to_owned()))
    } else {
        (word.to_owned(), State::Set)
    }
}
