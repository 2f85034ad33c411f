//! Scripts of sed: only commands that neither start programs nor write files are let through.

use super::arguments;
use super::directory::Directories;
use super::programs::Program;
use super::word::Word;

/// Judges `sed [-nEi] SCRIPT [FILE…]`.
pub(super) fn judge(program: &Program, arguments: &[Word], at: &Directories) -> Result<(), String> {
    let mut scripts: Vec<&str> = Vec::new();
    let mut others: Vec<Word> = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.text.as_str();
        let next = match text {
            "-e" | "--expression" => rest.next().map(|it| it.text.as_str()),
            _ => text.strip_prefix("--expression="),
        };
        if text == "--" {
            others.extend(rest.by_ref().cloned());
        } else if word.is_pattern && others.iter().all(|it| is_known_option(&it.text)) {
            return Err("put the script of sed in single quotes".to_owned());
        } else if let Some(script) = next {
            scripts.push(script);
        } else if is_known_option(text) || !text.starts_with('-') {
            others.push(word.clone());
        } else {
            return Err(format!(
                "`sed {text}` isn't allowed; there are -n, -E, -r, -s, -i and -e SCRIPT, each on its own"
            ));
        }
    }
    let mut files: Vec<Word> = others
        .iter()
        .filter(|it| !is_known_option(&it.text))
        .cloned()
        .collect();
    if scripts.is_empty() {
        if files.is_empty() {
            return Err("`sed` needs a script".to_owned());
        }
        let script = files.remove(0);
        judge_script(&script.text)?;
    }
    for script in scripts {
        judge_script(script)?;
    }
    arguments::judge(program, &files, at).map(drop)
}

fn is_known_option(text: &str) -> bool {
    matches!(
        text,
        "-n" | "-E"
            | "-r"
            | "-s"
            | "-i"
            | "-z"
            | "-u"
            | "-nE"
            | "-En"
            | "-nr"
            | "-iE"
            | "-Ei"
            | "-ni"
            | "--quiet"
            | "--silent"
            | "--regexp-extended"
            | "--in-place"
            | "--version"
            | "--help"
    )
}

/// Reads a script command by command; whatever isn't known is refused.
fn judge_script(script: &str) -> Result<(), String> {
    let mut rest = Scanner { rest: script };
    loop {
        rest.skip(|it| it.is_whitespace() || it == ';' || it == '}');
        if rest.rest.is_empty() {
            return Ok(());
        }
        rest.address()?;
        rest.skip(|it| it == ' ' || it == '!');
        match rest.next() {
            Some(
                '{' | 'p' | 'd' | 'D' | 'P' | 'n' | 'N' | 'g' | 'G' | 'h' | 'H' | 'x' | '=' | 'l'
                | 'z',
            ) => {}
            // With or without a number.
            Some('q' | 'Q') => rest.skip(|it| it == ' ' || it.is_ascii_digit()),
            Some(':' | 'b' | 't' | 'T') => {
                rest.skip(|it| it == ' ' || it.is_alphanumeric() || it == '_')
            }
            Some('#') => rest.skip(|it| it != '\n'),
            // Text up to the end of the line; a backslash takes the next line along.
            Some('a' | 'i' | 'c') => rest.text(),
            Some('s') => {
                rest.delimited(2)?;
                rest.flags()?;
            }
            Some('y') => rest.delimited(2)?,
            Some(other) => {
                return Err(format!(
                    "`{other}` in the script of sed can't be judged or may run programs and write files; use p, d, s, q, a, i or c"
                ));
            }
            None => return Err("the script of sed ends in an address".to_owned()),
        }
    }
}

/// What is left of a script.
struct Scanner<'a> {
    rest: &'a str,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<char> {
        let first = self.rest.chars().next()?;
        self.rest = &self.rest[first.len_utf8()..];
        Some(first)
    }

    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(unwanted);
    }

    /// `12`, `$`, `/re/`, `\%re%`, two of them, steps.
    fn address(&mut self) -> Result<(), String> {
        loop {
            match self.rest.chars().next() {
                Some('/') => self.delimited(1)?,
                Some('\\') => {
                    self.next();
                    self.delimited(1)?;
                }
                Some(it) if it.is_ascii_digit() || "$,~+".contains(it) => {
                    self.next();
                    continue;
                }
                _ => return Ok(()),
            }
            // Flags of a pattern address.
            self.skip(|it| it == 'I' || it == 'M');
        }
    }

    /// `/one/two/`: as many parts as asked for, each ended by the first character.
    fn delimited(&mut self, parts: usize) -> Result<(), String> {
        let unclosed = || "a pattern in the script of sed isn't closed".to_owned();
        let mark = self.next().ok_or_else(unclosed)?;
        if mark == '\n' || mark == '\\' || mark.is_alphanumeric() {
            return Err(unclosed());
        }
        let mut closed = 0;
        while closed < parts {
            match self.next() {
                // In brackets a mark is still a mark for sed; the shorter reading is the careful one.
                Some(it) if it == mark => closed += 1,
                Some('\\') => {
                    self.next();
                }
                Some(_) => {}
                None => return Err(unclosed()),
            }
        }
        Ok(())
    }

    fn flags(&mut self) -> Result<(), String> {
        self.skip(|it| "gpiIm0123456789".contains(it));
        match self.rest.chars().next() {
            None | Some(';' | '\n' | '}' | ' ') => Ok(()),
            Some(other) => Err(format!(
                "the flag `{other}` of `s` in sed may run programs or write files; use g, p, i, m or a number"
            )),
        }
    }

    fn text(&mut self) {
        while let Some(character) = self.next() {
            match character {
                '\\' => {
                    self.next();
                }
                '\n' => return,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn check(script: &str, allowed: bool) {
        let judged = super::judge_script(script);
        assert_eq!(judged.is_ok(), allowed, "{script}: {judged:?}");
    }

    #[test]
    fn scripts_that_only_change_text_are_taken() {
        for script in [
            "10,20p",
            "$p",
            "/def f/,/return/p",
            "s/a/b/",
            "s|/usr/bin|/opt|g",
            "s/e/w/2gp; s/x/y/",
            "/a/d;/b/!p",
            "1~2d",
            "/x/{s/a/b/;p}",
            "1i\\\nhello e w",
            "$ a text; e rm",
            "y/abc/xyz/",
            "5q",
            r"\%a/b%d",
            r"s/a\/b/c/",
            "/a/,+3p",
            ":a;N;$!ba;s/\\n/ /g",
        ] {
            check(script, true);
        }
    }

    #[test]
    fn scripts_that_run_or_write_are_refused() {
        for script in [
            "e",
            "e rm x",
            "1e rm x",
            "s/x/rm y/e",
            "s/x/y/ge",
            "s/x/y/w out",
            "w /tmp/x",
            "1,3w out",
            "/a/W out",
            "r /etc/passwd",
            "R x",
            "p;e",
            "{e rm x}",
            "s/a/b/;w out",
            "/x/{s/a/b/;e\n}",
            "F",
            "v",
            "1i\\\nx\ne rm x",
            "s/a/b",
            "12",
            "a text\ne rm",
        ] {
            check(script, false);
        }
    }
}
