//! Reads Python source token by token: its names, its words, what it defines and what it imports.
//!
//! It never fails: a file that isn't valid Python, or Python of another age, gives what can be read of it.

/// What is told while a file is read, in the order of the file.
pub(crate) trait Listener {
    /// A name outside of strings and comments, keywords and literals' suffixes included.
    fn name(&mut self, name: &str);
    /// The inside of a string or a comment.
    fn text(&mut self, text: &str);
    /// A function or a class begins.
    fn definition(&mut self, definition: Definition<'_>);
    /// A whole import statement in one line, without comments and brackets, from `import` or `from` to its end.
    fn import(&mut self, statement: &str);
    /// A line of code begins after this many columns of space, outside of brackets.
    fn line(&mut self, indent: u32) {
        let _ = indent;
    }
}

/// A function or a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Definition<'t> {
    pub(crate) name: &'t str,
    pub(crate) is_class: bool,
    /// Columns before it.
    pub(crate) indent: u32,
    /// Counted from 1.
    pub(crate) line: u32,
}

/// Longest import statement; the rest of a longer one is not told.
const IMPORT_BYTES_MAX: usize = 16 << 10;
/// Columns of a tab.
const TAB_COLUMNS: u32 = 8;

/// Reads a whole file.
pub(crate) fn read(text: &str, listener: &mut impl Listener) {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        line: 1,
        depth: 0,
        indent: 0,
        place: Place::LineStart,
    };
    while reader.step(listener) {}
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    line: u32,
    /// Open brackets.
    depth: u32,
    /// Columns of space at the beginning of the line.
    indent: u32,
    place: Place,
}

/// What came before on the line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Space.
    LineStart,
    /// Space and `async`.
    Async,
    /// The end of a statement, or the colon before one.
    Separator,
    Inside,
}

impl Reader<'_> {
    fn step(&mut self, listener: &mut impl Listener) -> bool {
        let Some(&byte) = self.bytes.get(self.at) else {
            return false;
        };
        match byte {
            b'\n' => {
                self.at += 1;
                self.line += 1;
                self.indent = 0;
                self.place = Place::LineStart;
            }
            b' ' | b'\t' | b'\r' | b'\x0c' => {
                self.at += 1;
                if self.place == Place::LineStart {
                    self.indent += if byte == b'\t' { TAB_COLUMNS } else { 1 };
                }
            }
            b'#' => {
                let from = self.at + 1;
                self.at = self.end_of(from, |it| it != b'\n');
                listener.text(&self.text[from..self.at]);
            }
            b'"' | b'\'' => self.string(listener),
            _ if is_name_start(byte) => self.word(listener),
            b'0'..=b'9' => {
                self.at = self.end_of(self.at, is_name_part);
                self.place = Place::Inside;
            }
            _ => self.sign(byte),
        }
        true
    }

    fn sign(&mut self, byte: u8) {
        self.at += 1;
        self.place = Place::Inside;
        match byte {
            b'(' | b'[' | b'{' => self.depth += 1,
            b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            b';' | b':' => self.place = Place::Separator,
            _ => {}
        }
    }

    fn end_of(&self, from: usize, goes_on: fn(u8) -> bool) -> usize {
        let rest = &self.bytes[from..];
        from + rest.iter().take_while(|it| goes_on(**it)).count()
    }

    fn word(&mut self, listener: &mut impl Listener) {
        let (from, end) = (self.at, self.end_of(self.at, is_name_part));
        let word = &self.text[from..end];
        self.at = end;
        if matches!(self.bytes.get(end), Some(b'"' | b'\'')) && is_prefix(word) {
            return self.string(listener);
        }
        let place = std::mem::replace(&mut self.place, Place::Inside);
        if place == Place::LineStart && self.depth == 0 {
            listener.line(self.indent);
        }
        match (word, place) {
            ("async", Place::LineStart) => self.place = Place::Async,
            // No bracket holds such a word; one that is never closed must not swallow the rest of the file.
            ("def" | "class", Place::LineStart | Place::Async) => {
                self.depth = 0;
                self.definition(word == "class", listener);
            }
            ("import" | "from", Place::LineStart | Place::Separator) if self.depth == 0 => {
                self.at = from;
                listener.import(&self.statement());
            }
            _ => listener.name(word),
        }
    }

    fn definition(&mut self, is_class: bool, listener: &mut impl Listener) {
        let from = self.end_of(self.at, |it| matches!(it, b' ' | b'\t'));
        let end = self.end_of(from, is_name_part);
        if from == self.at || end == from {
            return;
        }
        self.at = end;
        listener.definition(Definition {
            name: &self.text[from..end],
            is_class,
            indent: self.indent,
            line: self.line,
        });
    }

    /// Reads an import to its end.
    fn statement(&mut self) -> String {
        let mut statement = String::new();
        let mut depth = 0_u32;
        while let Some(it) = self.text[self.at..].chars().next() {
            match it {
                '\n' | ';' if depth == 0 => break,
                '#' => {
                    self.at = self.end_of(self.at, |it| it != b'\n');
                    continue;
                }
                '\\' if self.text[self.at + 1..]
                    .trim_start_matches('\r')
                    .starts_with('\n') =>
                {
                    self.at = self.end_of(self.at, |it| it != b'\n');
                    statement.push(' ');
                }
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.line += u32::from(self.bytes.get(self.at) == Some(&b'\n'));
            let fits = statement.len() < IMPORT_BYTES_MAX;
            match it {
                '(' | ')' | '\\' | '\n' | '\r' => statement.push(' '),
                other if fits => statement.push(other),
                _ => {}
            }
            self.at += self.text[self.at..]
                .chars()
                .next()
                .map_or(1, char::len_utf8);
        }
        statement
    }

    fn string(&mut self, listener: &mut impl Listener) {
        self.place = Place::Inside;
        let quote = self.bytes[self.at];
        let is_triple = self.bytes[self.at..].starts_with(&[quote; 3]);
        let width = if is_triple { 3 } else { 1 };
        let from = self.at + width;
        let mut at = from;
        let closing = loop {
            match self.bytes.get(at) {
                None => break 0,
                // A string in one line that isn't closed is a mistake of that line.
                Some(b'\n') if !is_triple => break 0,
                Some(b'\n') => self.line += 1,
                Some(b'\\') => {
                    at += 1;
                    self.line += u32::from(self.bytes.get(at) == Some(&b'\n'));
                }
                Some(it) if *it == quote => {
                    if self.bytes[at..].starts_with(&[quote; 3][..width]) {
                        break width;
                    }
                }
                Some(_) => {}
            }
            at += 1;
        };
        // The end of the file may follow on a backslash.
        let end = at.min(self.bytes.len());
        listener.text(&self.text[from..end]);
        self.at = end + closing;
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn is_name_part(byte: u8) -> bool {
    is_name_start(byte) || byte.is_ascii_digit()
}

/// What may stand before a string: `r`, `b`, `f`, `u`, `t` and their pairs.
fn is_prefix(word: &str) -> bool {
    word.len() <= 2 && word.bytes().all(|it| b"rbfutRBFUT".contains(&it))
}

#[cfg(test)]
mod tests;
