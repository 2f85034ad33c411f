//! The names in a `diff --git` line, as git writes them.

/// The old and the new name of a file, from what follows `diff --git `: `a/x b/x`, each in quotes where it has unusual bytes.
/// None where these are no two names.
///
/// The quotes are those of `core.quotePath` in git-config(1): the escapes of C, with bytes as three octal digits.
pub fn patch_names(names: &str) -> Option<(String, String)> {
    let (old, new) = if let Some(rest) = names.strip_prefix('"') {
        let (old, rest) = until_quote(rest)?;
        let rest = rest.strip_prefix(' ')?;
        let new = match rest.strip_prefix('"') {
            Some(quoted) => until_quote(quoted)?.0,
            None => rest.to_owned(),
        };
        (old, new)
    } else if let Some((old, quoted)) = names.split_once(" \"") {
        (old.to_owned(), until_quote(quoted)?.0)
    } else {
        let (old, new) = halves(names).or_else(|| {
            let at = names.rfind(" b/")?;
            Some((&names[..at], &names[at + 1..]))
        })?;
        (old.to_owned(), new.to_owned())
    };
    let without = |name: &str, side: &str| name.strip_prefix(side).unwrap_or(name).to_owned();
    Some((without(&old, "a/"), without(&new, "b/")))
}

/// Names may contain blanks, and without a rename both are the same: then the blank in the middle parts them.
fn halves(names: &str) -> Option<(&str, &str)> {
    let (old, new) = names.split_at_checked(names.len() / 2)?;
    let new = new.strip_prefix(' ')?;
    (old.strip_prefix("a/")? == new.strip_prefix("b/")?).then_some((old, new))
}

/// The text up to the closing quote, without its escapes, and what follows.
fn until_quote(text: &str) -> Option<(String, &str)> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => break,
            b'\\' => {
                let (value, length) = escaped(rest)?;
                bytes.push(value);
                rest = &rest[length..];
            }
            byte => bytes.push(byte),
        }
    }
    let after = &text[text.len() - rest.len()..];
    Some((String::from_utf8_lossy(&bytes).into_owned(), after))
}

/// The byte that an escape stands for, from what follows the backslash, and the length of that.
fn escaped(text: &[u8]) -> Option<(u8, usize)> {
    if let Some(digits) = text.get(..3)
        && let Ok(digits) = std::str::from_utf8(digits)
        && let Ok(byte) = u8::from_str_radix(digits, 8)
    {
        return Some((byte, 3));
    }
    let byte = match text.first()? {
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        other => *other,
    };
    Some((byte, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &str, want: Option<(&str, &str)>) {
        let found = patch_names(names);
        let found = found.as_ref().map(|it| (it.0.as_str(), it.1.as_str()));
        assert_eq!(found, want, "{names}");
    }

    #[test]
    fn names_are_read_with_blanks_renames_and_quotes() {
        check("a/x.py b/x.py", Some(("x.py", "x.py")));
        check("a/a b.py b/a b.py", Some(("a b.py", "a b.py")));
        check("a/old.py b/new.py", Some(("old.py", "new.py")));
        check("a/b/x b/b/x", Some(("b/x", "b/x")));
        check(
            r#""a/\303\274 \"b\".py" "b/\303\274 \"b\".py""#,
            Some(("ü \"b\".py", "ü \"b\".py")),
        );
        check(r#"a/x.py "b/\tx\\.py""#, Some(("x.py", "\tx\\.py")));
        check(r#""a/\tx.py" b/x y.py"#, Some(("\tx.py", "x y.py")));
    }

    #[test]
    fn what_are_no_two_names_is_nothing() {
        for names in ["", "a/x.py", "\"a/x", "\"a/x\"", "\"a/x\\", "ä"] {
            check(names, None);
        }
    }
}
