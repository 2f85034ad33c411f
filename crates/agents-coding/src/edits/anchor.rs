//! Finds the one place of a file that an edit means.

use protocol::visible;

use crate::nearest::nearest_lines;
use crate::refusal::Refusal;
use crate::text_file::Splice;

/// Places that are named when an anchor is not the only one.
const NAMED_PLACES_MAX: usize = 10;

/// The replacement of `old`, which must occur exactly once.
pub(super) fn replace(path: &str, text: &str, old: &str, new: &str) -> Result<Splice, Refusal> {
    let (old, new) = (old.replace("\r\n", "\n"), new.replace("\r\n", "\n"));
    if old.is_empty() {
        return Err(Refusal::EmptyAnchor {
            path: path.to_owned(),
        });
    }
    // Characters that hide something are shown to the model as escapes, so its anchor may hold these.
    let escapes = !text.contains(&old);
    let (old, new) = if escapes {
        (without_escapes(&old), without_escapes(&new))
    } else {
        (old, new)
    };
    if old == new {
        return Err(Refusal::Unchanged {
            path: path.to_owned(),
        });
    }
    let places: Vec<usize> = text.match_indices(&old).map(|(at, _)| at).collect();
    match places[..] {
        [start] => Ok(Splice {
            range: start..start + old.len(),
            new,
        }),
        [] => Err(Refusal::AnchorMissing {
            path: path.to_owned(),
            nearest: nearest_lines(text, &old),
        }),
        _ => {
            let line = |at: &usize| text[..*at].matches('\n').count() + 1;
            Err(Refusal::AnchorRepeated {
                path: path.to_owned(),
                times: places.len(),
                lines: named(places.iter().map(line)),
            })
        }
    }
}

/// The first numbers of some, for a person.
pub(super) fn named(numbers: impl Iterator<Item = usize>) -> String {
    let numbers: Vec<String> = numbers
        .take(NAMED_PLACES_MAX + 1)
        .map(|it| it.to_string())
        .collect();
    match numbers.get(..NAMED_PLACES_MAX) {
        Some(first) if NAMED_PLACES_MAX < numbers.len() => format!("{} …", first.join(", ")),
        _ => numbers.join(", "),
    }
}

/// The text with `\u{…}` turned back into the character, where that is one we show so.
fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\u{") {
        plain += before;
        let escaped = after.split_once('}').and_then(|(digits, left)| {
            let character = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            let text = character.to_string();
            (visible(&text) != text).then_some((character, left))
        });
        match escaped {
            Some((character, left)) => {
                plain.push(character);
                rest = left;
            }
            None => {
                plain += "\\u{";
                rest = after;
            }
        }
    }
    plain + rest
}
