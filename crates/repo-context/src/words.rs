//! Words of texts and parts of names, in the form in which they are counted and compared.

/// A word as it is counted: a hash, the same on every machine.
pub(crate) type Term = u32;

/// Longest name that counts; more is data.
const NAME_BYTES_MAX: usize = 64;
/// Endings that a word is counted without, the longest of those that fit. Both sides lose the same, so a stem need
/// not be a word.
const ENDINGS: [&str; 12] = [
    "ations", "ation", "ings", "ing", "ies", "ers", "ed", "es", "er", "s", "e", "y",
];
/// What must be left of a word without its ending.
const STEM_BYTES_MIN: usize = 3;

/// The whole word, whatever the case of its letters (FNV-1a).
pub(crate) fn term(word: &str) -> Term {
    word.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    })
}

/// The whole name, with its letters as they are.
pub(crate) fn exact(name: &str) -> Term {
    name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// The terms of a name: the stems of its parts, and the whole of it where it has several.
pub(crate) fn terms_of_name(name: &str, each: &mut impl FnMut(Term)) {
    let name = name.trim_matches('_');
    if NAME_BYTES_MAX < name.len() || !name.is_ascii() {
        return;
    }
    let mut parts = 0;
    for part in parts_of(name) {
        parts += 1;
        if let Some(stem) = stem_of(part) {
            each(term(stem));
        }
    }
    if 1 < parts {
        each(term(name));
    }
}

/// The terms of every name in a text.
pub(crate) fn terms_of_text(text: &str, each: &mut impl FnMut(Term)) {
    for name in names_in(text) {
        terms_of_name(name, each);
    }
}

/// Everything in a text that could be a name.
pub(crate) fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !it.is_alphanumeric() && it != '_')
        .filter(|it| !it.is_empty())
}

/// Whether a name is written as only code is: `snake_case`, `CamelCase`, `_private`, `__dunder__`.
pub(crate) fn looks_like_code(name: &str) -> bool {
    let inner = name.trim_matches('_');
    let mut letters = inner.chars();
    letters.next();
    let is_camel = inner.contains(|it: char| it.is_ascii_lowercase())
        && letters
            .as_str()
            .contains(|it: char| it.is_ascii_uppercase());
    1 < inner.len() && (is_camel || inner.contains('_') || name.starts_with('_'))
}

/// The parts of a name: between underscores, at a change to upper case, around digits.
fn parts_of(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches('_');
        if rest.is_empty() {
            return None;
        }
        let (part, after) = rest.split_at(end_of_part(rest.as_bytes()));
        rest = after;
        Some(part)
    })
}

fn end_of_part(bytes: &[u8]) -> usize {
    let at = |place: usize| bytes.get(place).copied().unwrap_or(b'_');
    let run = |from: usize, fits: fn(&u8) -> bool| {
        let rest = &bytes[from..];
        from + rest.iter().take_while(|it| fits(it)).count()
    };
    if at(0).is_ascii_digit() {
        return run(0, u8::is_ascii_digit);
    }
    let capitals = run(0, u8::is_ascii_uppercase);
    match capitals {
        0 | 1 => run(1, u8::is_ascii_lowercase),
        // `URLs` is one word.
        _ if at(capitals) == b's' && !at(capitals + 1).is_ascii_lowercase() => capitals + 1,
        // The last capital of `SQLCompiler` begins the next part.
        _ if at(capitals).is_ascii_lowercase() => capitals - 1,
        _ => capitals,
    }
}

/// A word without its endings; none for one that says nothing.
fn stem_of(word: &str) -> Option<&str> {
    let is_number = || word.bytes().all(|it| it.is_ascii_digit());
    if word.len() < 2 || word.len() < 3 && is_number() {
        return None;
    }
    // `filterings` has two.
    Some(without_ending(without_ending(word)))
}

fn without_ending(word: &str) -> &str {
    if word.ends_with("ss") {
        return word;
    }
    let kept = |ending: &&str| {
        let kept = word.len().checked_sub(ending.len())?;
        let fits = word.as_bytes()[kept..].eq_ignore_ascii_case(ending.as_bytes());
        (STEM_BYTES_MIN <= kept && fits).then_some(kept)
    };
    &word[..ENDINGS.iter().find_map(kept).unwrap_or(word.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_parts() {
        let check = |name: &str, want: &str| {
            let parts: Vec<&str> = parts_of(name).collect();
            assert_eq!(parts.join(" "), want, "{name}");
        };
        check("get_order_by", "get order by");
        check("SQLCompiler", "SQL Compiler");
        check("asSQL", "as SQL");
        check("HTTPResponse2xx", "HTTP Response 2 xx");
        check("parseURLs", "parse URLs");
        check("utf8", "utf 8");
        check("__init__", "init");
        check("___", "");
        check("A", "A");
    }

    #[test]
    fn words_of_one_stem_count_alike() {
        let check = |one: &str, other: &str| assert_eq!(stem_of(one), stem_of(other));
        check("compile", "compiled");
        check("compiler", "compiles");
        check("query", "queries");
        check("filter", "filtering");
        check("serialize", "serializers");
        assert_eq!(stem_of("class"), Some("class"));
        assert_eq!(stem_of("bed"), Some("bed"));
        assert_eq!(stem_of("x"), None);
        assert_eq!(stem_of("12"), None);
        assert_eq!(stem_of("404"), Some("404"));
    }

    #[test]
    fn case_makes_no_difference_to_a_term() {
        let mut found = Vec::new();
        terms_of_name("HttpError", &mut |it| found.push(it));
        assert_eq!(found, [term("http"), term("error"), term("httperror")]);
    }

    #[test]
    fn code_is_told_from_prose() {
        let check = |name, want| assert_eq!(looks_like_code(name), want, "{name}");
        check("get_name", true);
        check("QuerySet", true);
        check("_meta", true);
        check("__str__", true);
        check("iPhone", true);
        check("Error", false);
        check("HTTP", false);
        check("word", false);
        check("é", false);
    }
}
