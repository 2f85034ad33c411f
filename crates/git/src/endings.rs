//! End-of-line settings of `.gitattributes`: which files are laid out with the line ends of Windows, and how git keeps
//! them. Nobody's configuration has a say (`core.autocrlf`, `core.eol`), and no filter runs.

mod attributes;

use std::borrow::Cow;
use std::collections::BTreeMap;

use git2::{Oid, Repository};

use self::attributes::{Attributes, Heard, Macros, State};
use super::GitError;
use super::tree::{Entry, Mode, Tracked};

/// Largest `.gitattributes` that is read; a larger one says nothing.
const ATTRIBUTES_BYTES_MAX: usize = 1 << 20;
/// Most files of that name that are read in one tree.
const ATTRIBUTES_FILES_MAX: usize = 1000;

/// The end-of-line settings of one tree.
#[derive(Debug, Default)]
pub struct Endings {
    /// By folder, with its last slash.
    folders: BTreeMap<Vec<u8>, Attributes>,
    macros: Macros,
    /// Where they were read.
    sources: Vec<(Vec<u8>, Oid)>,
}

/// What git does with a file, as its `convert.c` decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Action {
    /// Only if the content looks like text (`text=auto`).
    guesses: bool,
    /// Laid out with the line ends of Windows.
    windows: bool,
}

impl Endings {
    /// The settings that a tree holds.
    pub fn of(repository: &Repository, tracked: &Tracked) -> Result<Endings, GitError> {
        let is_one = |(path, entry): &(&Vec<u8>, &Entry)| {
            let name = path.rsplit(|it| *it == b'/').next();
            name == Some(b".gitattributes") && matches!(entry.mode, Mode::File | Mode::Executable)
        };
        let mut endings = Endings::default();
        for (path, entry) in tracked.iter().filter(is_one).take(ATTRIBUTES_FILES_MAX) {
            let reading = GitError::git("read the attributes of the tree");
            let blob = repository.find_blob(entry.id).map_err(reading)?;
            endings.sources.push((path.clone(), entry.id));
            if ATTRIBUTES_BYTES_MAX < blob.size() {
                continue;
            }
            let folder = &path[..path.len() - b".gitattributes".len()];
            let text = String::from_utf8_lossy(blob.content());
            let read = Attributes::read(&text, &mut endings.macros, folder.is_empty());
            endings.folders.insert(folder.to_vec(), read);
        }
        for attributes in endings.folders.values_mut() {
            attributes.keep_what_is_asked(&endings.macros);
        }
        endings.folders.retain(|_, it| !it.is_empty());
        Ok(endings)
    }

    /// Whether two trees say the same.
    pub fn is_as(&self, other: &Endings) -> bool {
        self.sources == other.sources
    }

    /// What lies on disk of a file that git keeps as `blob`.
    pub fn laid_out<'b>(&self, path: &[u8], blob: &'b [u8]) -> Cow<'b, [u8]> {
        let Some(action) = self.action(path).filter(|it| it.windows) else {
            return Cow::Borrowed(blob);
        };
        let stats = Stats::of(blob);
        let is_left = action.guesses && (stats.has_carriage_returns() || stats.is_binary());
        if stats.lone_line_feeds == 0 || is_left {
            return Cow::Borrowed(blob);
        }
        let mut bytes = Vec::with_capacity(blob.len() + stats.lone_line_feeds);
        let mut before = 0;
        for byte in blob {
            if *byte == b'\n' && before != b'\r' {
                bytes.push(b'\r');
            }
            bytes.push(*byte);
            before = *byte;
        }
        Cow::Owned(bytes)
    }

    /// What git keeps of a file with these bytes on disk; `was` is what it kept before.
    pub fn kept<'b>(
        &self,
        path: &[u8],
        bytes: &'b [u8],
        was: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Cow<'b, [u8]> {
        let Some(action) = self.action(path) else {
            return Cow::Borrowed(bytes);
        };
        let stats = Stats::of(bytes);
        if stats.line_ends_of_windows == 0 || (action.guesses && stats.is_binary()) {
            return Cow::Borrowed(bytes);
        }
        if let Some(was) = was() {
            // What nobody changed stays, also where it was never kept by the rules.
            if *self.laid_out(path, &was) == *bytes {
                return Cow::Owned(was);
            }
            if action.guesses && Stats::of(&was).line_ends_of_windows != 0 {
                return Cow::Borrowed(bytes);
            }
        }
        let mut kept = Vec::with_capacity(bytes.len());
        for (at, byte) in bytes.iter().enumerate() {
            if *byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
                kept.push(*byte);
            }
        }
        Cow::Owned(kept)
    }

    /// What is done with a file; none when its bytes are git's.
    fn action(&self, path: &[u8]) -> Option<Action> {
        if self.folders.is_empty() {
            return None;
        }
        let heard = self.heard(path);
        let text = match heard.state("text") {
            State::Unspecified => heard.state("crlf"),
            text => text,
        };
        let value = |state: &State, wanted: &str| matches!(state, State::Value(it) if it == wanted);
        if text == State::Unset {
            return None;
        }
        let eol = heard.state("eol");
        let windows = value(&eol, "crlf");
        let guesses = value(&text, "auto");
        let is_text = text == State::Set || guesses || value(&text, "input");
        (is_text || windows || value(&eol, "lf")).then_some(Action { guesses, windows })
    }

    /// The nearest folder speaks first.
    fn heard(&self, path: &[u8]) -> Heard<'_> {
        let mut heard = Heard::new(&self.macros);
        let slashes = path.iter().enumerate().rev();
        let ends = slashes.filter(|(_, it)| **it == b'/').map(|(at, _)| at + 1);
        for end in ends.chain([0]) {
            if let Some(attributes) = self.folders.get(&path[..end]) {
                heard.hear(attributes, &path[end..]);
            }
        }
        heard
    }
}

/// What git counts in a file to tell whether it is text.
#[derive(Debug, Default)]
struct Stats {
    lone_line_feeds: usize,
    lone_carriage_returns: usize,
    line_ends_of_windows: usize,
    nul: usize,
    printable: usize,
    other: usize,
}

impl Stats {
    fn of(bytes: &[u8]) -> Stats {
        let mut stats = Stats::default();
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'\r' if after.first() == Some(&b'\n') => {
                    stats.line_ends_of_windows += 1;
                    rest = &after[1..];
                }
                b'\r' => stats.lone_carriage_returns += 1,
                b'\n' => stats.lone_line_feeds += 1,
                0 => {
                    stats.nul += 1;
                    stats.other += 1;
                }
                // Backspace, tab, form feed and escape.
                0x08 | b'\t' | 0x0c | 0x1b => stats.printable += 1,
                0x01..0x20 | 0x7f => stats.other += 1,
                _ => stats.printable += 1,
            }
        }
        // The mark of DOS for the end of a file.
        if bytes.last() == Some(&0x1a) {
            stats.other -= 1;
        }
        stats
    }

    fn has_carriage_returns(&self) -> bool {
        self.lone_carriage_returns != 0 || self.line_ends_of_windows != 0
    }

    fn is_binary(&self) -> bool {
        self.lone_carriage_returns != 0 || self.nul != 0 || self.printable >> 7 < self.other
    }
}
