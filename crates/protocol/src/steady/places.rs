//! Places of this machine and this run, by their values, and the names under which they are known to a model.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    path: String,
    /// Whether one more folder, whose name is another one each time, belongs to it.
    random_below: bool,
    /// What follows after that folder.
    then: &'static str,
    name: String,
}

impl Place {
    /// A path and its name. An empty name is that of the repository's root: what lies below it is relative.
    pub fn new(path: &Path, name: &str) -> Place {
        let path = path.to_string_lossy();
        Place {
            path: path.trim_end_matches('/').to_owned(),
            random_below: false,
            then: "",
            name: name.to_owned(),
        }
    }

    /// The folders in a folder, whose names are made up by chance, and `then` below each, as in `/tmp` or nothing.
    pub fn each_below(folder: &Path, then: &'static str, name: &str) -> Place {
        Place {
            random_below: true,
            then,
            ..Place::new(folder, name)
        }
    }

    /// Under which name it is known.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of this place at the beginning of a text; none when it is another place, longer by a part of a name.
    fn length_in(&self, text: &str) -> Option<usize> {
        let mut rest = text.strip_prefix(self.path.as_str())?;
        if self.random_below {
            rest = rest.strip_prefix('/')?;
            let chance = rest.strip_prefix('.').unwrap_or(rest);
            let end = chance.find(|it| !is_of_a_word(it)).unwrap_or(chance.len());
            rest = (0 < end).then(|| &chance[end..])?;
            rest = rest.strip_prefix(self.then)?;
        }
        ends_here(rest).then(|| text.len() - rest.len())
    }
}

/// Places with their names.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<[Place]>);

impl Places {
    /// These places. Of two that begin alike the longer is taken.
    pub fn new(places: impl IntoIterator<Item = Place>) -> Places {
        // What is shorter is no place of anybody: `/`, or a folder that every machine has.
        const BYTES_MIN: usize = 3;
        let mut places: Vec<Place> = places.into_iter().collect();
        places.retain(|it| BYTES_MIN <= it.path.len() && it.path.starts_with('/'));
        let length = |it: &Place| (it.path.len(), it.then.len(), it.random_below);
        places.sort_by_key(|it| std::cmp::Reverse(length(it)));
        Places(places.into())
    }

    /// These and more.
    #[must_use]
    pub fn and(&self, more: impl IntoIterator<Item = Place>) -> Places {
        Places::new(self.0.iter().cloned().chain(more))
    }

    /// The text with every place under its name.
    pub fn named<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(mut found) = self.next_in(text, 0) else {
            return Cow::Borrowed(text);
        };
        let mut named = String::with_capacity(text.len());
        let mut done = 0;
        loop {
            let (at, length, place) = found;
            named += &text[done..at];
            done = at + length;
            match (place.name.as_str(), text[done..].starts_with('/')) {
                ("", true) => done += 1,
                ("", false) => named.push('.'),
                (name, _) => named += name,
            }
            match self.next_in(text, done) {
                Some(next) => found = next,
                None => break,
            }
        }
        Cow::Owned(named + &text[done..])
    }

    /// The first place that a text names, as it stands there.
    pub fn first_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        let (at, length, _) = self.next_in(text, 0)?;
        Some(&text[at..at + length])
    }

    /// The next place from here on: where it begins, its length, and which one it is.
    fn next_in(&self, text: &str, from: usize) -> Option<(usize, usize, &Place)> {
        let slashes = text[from..].match_indices('/').map(|(at, _)| from + at);
        let found = |at: usize| {
            let here = &text[at..];
            self.0
                .iter()
                .find_map(|it| Some((at, it.length_in(here)?, it)))
        };
        if self.0.is_empty() {
            return None;
        }
        slashes.into_iter().find_map(found)
    }
}

/// Whether a path ends before this text: what follows isn't the rest of a longer name.
fn ends_here(rest: &str) -> bool {
    let mut characters = rest.chars();
    match characters.next() {
        None => true,
        // A full stop ends a sentence, or begins an ending.
        Some('.') => !characters.next().is_some_and(is_of_a_word),
        Some(it) => !is_of_a_word(it),
    }
}

fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places::new([
            Place::new(Path::new("/home/ada"), "~"),
            Place::each_below(Path::new("/home/ada/state/runs/r1/trees"), "", ""),
            Place::each_below(Path::new("/home/ada/cache/scratch"), "/home", "/home/agent"),
            Place::each_below(Path::new("/home/ada/cache/scratch"), "/tmp", "/tmp"),
            Place::new(Path::new("/home/ada/cache"), "/cache"),
            Place::new(Path::new("/"), "the root"),
        ])
    }

    #[track_caller]
    fn check(text: &str, want: &str) {
        assert_eq!(places().named(text), want);
        let again = places();
        assert_eq!(again.first_in(text).is_some(), text != want, "{text}");
        assert_eq!(again.first_in(want), None, "{want}");
    }

    #[test]
    fn a_tree_is_the_root_and_what_is_in_it_relative() {
        let tree = "/home/ada/state/runs/r1/trees/tree-Ab3_9x";
        check(
            &format!("File \"{tree}/pages.py\", line 3"),
            "File \"pages.py\", line 3",
        );
        check(&format!("rootdir: {tree}\n"), "rootdir: .\n");
        check(&format!("{tree}/a:{tree}/b and {tree}."), "a:b and ..");
    }

    #[test]
    fn what_is_lent_has_the_names_of_a_private_view() {
        check(
            "/home/ada/cache/scratch/home-Xy12/tmp/pytest-0/x",
            "/tmp/pytest-0/x",
        );
        check(
            "HOME=/home/ada/cache/scratch/home-Xy12/home",
            "HOME=/home/agent",
        );
        check(
            "/home/ada/cache/scratch/home-Xy12/other",
            "/cache/scratch/home-Xy12/other",
        );
    }

    #[test]
    fn a_longer_name_is_another_place() {
        check("/home/adam/x", "/home/adam/x");
        check(
            "/home/ada-old and /home/ada.bak",
            "/home/ada-old and /home/ada.bak",
        );
        check("/home/ada.", "~.");
        check("file:///home/ada/x and '/home/ada'", "file://~/x and '~'");
        check("/home/ada/state/runs/r1/trees", "~/state/runs/r1/trees");
        check("/ and /usr/bin", "/ and /usr/bin");
        check("ünï /home/ada/ünï", "ünï ~/ünï");
    }
}
