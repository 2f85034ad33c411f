//! Text of strangers, with every character that hides something shown as an escape.

use std::borrow::Cow;

/// The text with control, zero-width, direction-changing and tag characters shown as `\u{…}`.
///
/// Line feeds and tabs stay. The classes are those of Unicode Technical Report 36 (security considerations) and of
/// "Trojan Source" (CVE-2021-42574): what a person doesn't see must not reach a terminal, a report or a reviewer.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hides) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if hides(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Whether a character is invisible or changes how its neighbours are shown.
fn hides(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_is_shown_and_the_rest_stays() {
        let check = |text: &str, want: &str| assert_eq!(visible(text), want);
        check("plain\ttext\nünïcödé ✓ 漢字", "plain\ttext\nünïcödé ✓ 漢字");
        check("a\u{202e}b", "a\\u{202e}b");
        check("zero\u{200b}width", "zero\\u{200b}width");
        check("\u{1b}[2J", "\\u{1b}[2J");
        check("cr\r\n", "cr\\u{d}\n");
        check("tag\u{e0041}", "tag\\u{e0041}");
    }
}
