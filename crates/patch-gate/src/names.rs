//! Paths that are not what they look like.

use std::borrow::Cow;
use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

/// Why a path can't be taken, after "its name"; none for a plain one.
pub(crate) fn trouble(path: &str) -> Option<String> {
    if let Some(character) = path
        .chars()
        .find(|it| hides(*it) || *it == '\n' || *it == '\t')
    {
        return Some(format!("holds the hidden character {}", code(character)));
    }
    let leaves = path.starts_with('/') || path.contains('\\');
    for part in path.split('/') {
        if leaves || matches!(part, "" | "." | "..") {
            return Some("is not a plain path inside the repository".to_owned());
        }
        // Windows and macOS take more spellings for it, but those that matter hold hidden characters or a tilde.
        if part.eq_ignore_ascii_case(".git") || part.eq_ignore_ascii_case("git~1") {
            return Some("belongs to git itself".to_owned());
        }
        if part.starts_with('-') {
            return Some("begins like an option of a program".to_owned());
        }
    }
    None
}

/// Why a new path would be taken for another one, after "its name"; none for most. `now` are all paths of the tree.
pub(crate) fn twin(path: &str, now: &BTreeSet<String>) -> Option<String> {
    let lower = path.to_lowercase();
    if let Some(other) = now
        .iter()
        .find(|it| *it != path && it.to_lowercase() == lower)
    {
        return Some(format!("differs from `{other}` in case only"));
    }
    if path.is_ascii() {
        return None;
    }
    let composed: String = path.nfkc().collect();
    if composed != path {
        return Some(format!("is another spelling of `{composed}`"));
    }
    let shape: String = skeleton(path).collect();
    if let Some(other) = now
        .iter()
        .find(|it| *it != path && skeleton(it).eq(shape.chars()))
    {
        return Some(format!("looks like `{other}`"));
    }
    let foreign = path.split('/').find(|it| looks_ascii(it))?;
    let characters: Vec<String> = foreign
        .chars()
        .filter(|it| !it.is_ascii())
        .map(code)
        .collect();
    Some(format!(
        "looks as if it were plain letters, but holds {}",
        characters.join(", ")
    ))
}

/// Whether a name holds letters of another script that all look like plain ones.
pub(crate) fn looks_ascii(name: &str) -> bool {
    !name.is_ascii() && skeleton(name).all(|it| it.is_ascii())
}

/// Whether a character is invisible or changes how its neighbours are shown.
pub(crate) fn hides(character: char) -> bool {
    let mut bytes = [0; 4];
    matches!(
        protocol::visible(character.encode_utf8(&mut bytes)),
        Cow::Owned(_)
    )
}

/// As in `U+200B`.
pub(crate) fn code(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(path: &str, want: Expect) {
        let now = ["src/pages.py", "README.md", path].map(str::to_owned);
        let found = trouble(path).or_else(|| twin(path, &BTreeSet::from(now)));
        want.assert_eq(&found.unwrap_or_default());
    }

    #[test]
    fn plain_names_of_any_language_are_taken() {
        for path in [
            "src/new.py",
            "\u{fc}n\u{ef}code.py",
            "emoji-\u{2713}.md",
            "src/\u{434}\u{430}\u{43d}\u{43d}\u{44b}\u{435}.py",
            "$(x).py",
            ".gitignore",
            "a b's.py",
        ] {
            check(path, expect![""]);
        }
    }

    #[test]
    fn names_that_leave_or_hide_are_named() {
        check(
            "../x.py",
            expect!["is not a plain path inside the repository"],
        );
        check(
            "/etc/x",
            expect!["is not a plain path inside the repository"],
        );
        check(
            "a\\b.py",
            expect!["is not a plain path inside the repository"],
        );
        check("vendor/.GIT/config", expect!["belongs to git itself"]);
        check(
            "--output=x.py",
            expect!["begins like an option of a program"],
        );
        check(
            "pa\u{200b}ges.py",
            expect!["holds the hidden character U+200B"],
        );
        check(
            "a\u{202e}yp.py",
            expect!["holds the hidden character U+202E"],
        );
        check("a.py\nx", expect!["holds the hidden character U+000A"]);
    }

    #[test]
    fn names_that_look_like_others_are_named() {
        check(
            "src/Pages.py",
            expect!["differs from `src/pages.py` in case only"],
        );
        check("src/p\u{430}ges.py", expect!["looks like `src/pages.py`"]);
        check(
            "src/\u{440}\u{430}.py",
            expect!["looks as if it were plain letters, but holds U+0440, U+0430"],
        );
        check(
            "src/\u{fb01}le.py",
            expect!["is another spelling of `src/file.py`"],
        );
        check(
            "src/u\u{308}.py",
            expect!["is another spelling of `src/ü.py`"],
        );
    }
}
