//! One word of a command line: what bash makes of its quotes, or why nobody can tell beforehand.

/// A word whose value is known before it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// Its value, quotes removed. A pattern stays as it is written.
    pub(super) text: String,
    /// Whether bash may replace it by the names of files.
    pub(super) is_pattern: bool,
}

/// Reads a word as it stands in the line; `Err` says what can't be decided about it.
pub(super) fn read(raw: &str) -> Result<Word, String> {
    let mut word = Word::default();
    let mut rest = raw.chars().peekable();
    let mut braces = false;
    while let Some(character) = rest.next() {
        match character {
            '\'' => loop {
                match rest.next() {
                    Some('\'') => break,
                    Some(other) => word.text.push(other),
                    None => return Err(format!("`{raw}` is not closed")),
                }
            },
            '"' => read_double_quoted(raw, &mut rest, &mut word.text)?,
            '\\' => match rest.next() {
                // A line that goes on.
                Some('\n') => {}
                Some(other) => word.text.push(other),
                None => return Err(format!("`{raw}` ends in a backslash")),
            },
            '`' => return Err(undecided(raw)),
            '$' if expands(rest.peek().copied()) || matches!(rest.peek(), Some('\'' | '"')) => {
                return Err(undecided(raw));
            }
            '~' if word.text.is_empty() || word.text.ends_with(['=', ':']) => {
                return Err(format!(
                    "`{raw}` leads to a home folder; use paths inside the repository"
                ));
            }
            // Outside quotes these end a word or begin a substitution; one that holds them was misread.
            '<' | '>' | '(' | ')' | '|' | '&' | ';' | ' ' | '\t' | '\n' => {
                return Err(undecided(raw));
            }
            '*' | '?' | '[' => {
                word.is_pattern = true;
                word.text.push(character);
            }
            '{' => {
                braces = true;
                word.text.push(character);
            }
            ',' if braces => {
                return Err(format!("`{raw}` is several words; write each one out"));
            }
            '.' if braces && rest.peek() == Some(&'.') => {
                return Err(format!("`{raw}` is several words; write each one out"));
            }
            other => word.text.push(other),
        }
    }
    Ok(word)
}

/// The part after an opening double quote, up to its closing one.
fn read_double_quoted(
    raw: &str,
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    text: &mut String,
) -> Result<(), String> {
    loop {
        match rest.next() {
            Some('"') => return Ok(()),
            Some('\\') => match rest.next() {
                Some('\n') => {}
                Some(escaped @ ('$' | '`' | '"' | '\\')) => text.push(escaped),
                Some(other) => {
                    text.push('\\');
                    text.push(other);
                }
                None => return Err(format!("`{raw}` is not closed")),
            },
            Some('`') => return Err(undecided(raw)),
            Some('$') if expands(rest.peek().copied()) => return Err(undecided(raw)),
            Some(other) => text.push(other),
            None => return Err(format!("`{raw}` is not closed")),
        }
    }
}

/// Whether a dollar sign before this character means anything to bash.
fn expands(next: Option<char>) -> bool {
    next.is_some_and(|it| it.is_alphanumeric() || "_{([@*#?$!-".contains(it))
}

fn undecided(raw: &str) -> String {
    format!(
        "what `{raw}` becomes is only known when it runs; write the value itself, and put text in single quotes"
    )
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(raw: &str, expected: Expect) {
        let shown = match super::read(raw) {
            Ok(word) if word.is_pattern => format!("pattern {}", word.text),
            Ok(word) => word.text,
            Err(why) => format!("undecided: {why}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn quotes_and_backslashes_are_removed_as_bash_does() {
        check(r#"p''y"te"st"#, expect!["pytest"]);
        check(r#"r\m"#, expect!["rm"]);
        check(r#"'a\b$(c)`d`'"#, expect![[r#"a\b$(c)`d`"#]]);
        check(
            r#""a\b \$(c) \`d\` \"e\"""#,
            expect![[r#"a\b $(c) `d` "e""#]],
        );
        check("a\\\nb", expect!["ab"]);
        check(r#""x$""#, expect!["x$"]);
        check(r#""^a$|b$ ""#, expect!["^a$|b$ "]);
        check("HEAD~1", expect!["HEAD~1"]);
        check("@{u}", expect!["@{u}"]);
    }

    #[test]
    fn file_patterns_are_marked() {
        check("tests/test_*.py", expect!["pattern tests/test_*.py"]);
        check("'*.py'", expect!["*.py"]);
        check(r"\*.py", expect!["*.py"]);
    }

    #[test]
    fn what_only_bash_knows_is_undecided() {
        for raw in [
            "$X", "${X}", "$(x)", "`x`", "\"$X\"", "\"`x`\"", "$'a'", "$\"a\"", "$((1))", "~/x",
            "--a=~/x", "{a,b}", "{1..3}", "$@rm", "'x", "\"x", "x\\",
        ] {
            assert!(super::read(raw).is_err(), "{raw} is taken for decided");
        }
    }
}
