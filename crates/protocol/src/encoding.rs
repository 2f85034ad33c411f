//! In which encoding the bytes of a source file are text, as Python reads them: UTF-8, or what the file declares (PEP 263).

mod known;

use known::{Differs, Form, KNOWN, Known};

/// What a byte order mark looks like once decoded.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// Bytes in which the first two lines of a file are looked for.
const DECLARED_WITHIN_BYTES: usize = 4096;

/// An encoding that Python knows and that texts can be read from and written to here, byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding(&'static Known);

impl Encoding {
    /// What Python takes a file for that declares nothing.
    pub const UTF_8: Encoding = Encoding(&KNOWN[0]);

    /// The encoding of this name, by Python's rules for names.
    pub fn by_name(name: &str) -> Option<Encoding> {
        let name = plain(name);
        // As Python's tokenizer has it, so that `latin-1-unix` of an editor is what it looks like.
        let begins = |with: &str| name == with || name.starts_with(&format!("{with}-"));
        let name = match &*name {
            _ if begins("utf-8") => "utf-8",
            _ if ["latin-1", "iso-8859-1", "iso-latin-1"]
                .iter()
                .any(|it| begins(it)) =>
            {
                "latin-1"
            }
            other => other,
        };
        let found = KNOWN.iter().find(|it| it.names.contains(&name));
        found.map(Encoding)
    }

    /// The encoding of a file: UTF-8 below a byte order mark, or else what its first two lines declare. What isn't known
    /// here counts as UTF-8, as a file does that declares nothing.
    pub fn of_bytes(bytes: &[u8]) -> Encoding {
        let head = &bytes[..bytes.len().min(DECLARED_WITHIN_BYTES)];
        // A declaration is ASCII, whatever stands around it.
        Encoding::of_text(&String::from_utf8_lossy(head))
    }

    /// The encoding in which a text is to be written.
    pub fn of_text(text: &str) -> Encoding {
        if text.starts_with(BYTE_ORDER_MARK) {
            return Encoding::UTF_8;
        }
        let declared = declared_encoding(text);
        declared
            .and_then(|(_, name)| Encoding::by_name(&name))
            .unwrap_or(Encoding::UTF_8)
    }

    /// As in `iso-8859-1`.
    pub fn name(self) -> &'static str {
        self.0.names[0]
    }

    /// The text of these bytes, a byte order mark included; none when they aren't text in this encoding, or when writing
    /// the text would give other bytes.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        let text = match self.0.form {
            Form::Utf8 => return String::from_utf8(bytes.to_vec()).ok(),
            Form::Ascii if bytes.is_ascii() => return String::from_utf8(bytes.to_vec()).ok(),
            Form::Ascii => return None,
            Form::Table(table, Differs::Controls) => by_controls(table, bytes)?,
            Form::Table(table, differs) => table
                .decode_without_bom_handling_and_without_replacement(bytes)?
                .chars()
                .map(|it| differs.exchanged(it))
                .collect(),
        };
        let again = self.encode(&text).ok()?;
        (again == bytes).then_some(text)
    }

    /// The bytes of a text.
    ///
    /// # Errors
    ///
    /// The first character that this encoding can't hold.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, char> {
        let Form::Table(table, differs) = self.0.form else {
            let is_held = |it: &char| self.0.form == Form::Utf8 || it.is_ascii();
            return match text.chars().find(|it| !is_held(it)) {
                Some(foreign) => Err(foreign),
                None => Ok(text.as_bytes().to_vec()),
            };
        };
        let mut bytes = Vec::with_capacity(text.len());
        for character in text.chars() {
            if let Ok(byte @ ..0x80) = u8::try_from(character) {
                bytes.push(byte);
                continue;
            }
            if let (Differs::Controls, Ok(byte @ 0x80..0xa0)) = (differs, u8::try_from(character)) {
                bytes.push(byte);
                continue;
            }
            let mut utf_8 = [0; 4];
            let (encoded, _, is_foreign) =
                table.encode(differs.exchanged(character).encode_utf8(&mut utf_8));
            if is_foreign || !differs.leaves(character, &encoded) {
                return Err(character);
            }
            bytes.extend_from_slice(&encoded);
        }
        Ok(bytes)
    }
}

/// The text where the bytes 0x80 to 0x9f stand for themselves.
fn by_controls(table: &'static encoding_rs::Encoding, bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    let is_control = |it: &u8| (0x80..0xa0).contains(it);
    for run in bytes.chunk_by(|a, b| is_control(a) == is_control(b)) {
        match run.first().is_some_and(is_control) {
            true => text.extend(run.iter().map(|it| char::from(*it))),
            false => text += &table.decode_without_bom_handling_and_without_replacement(run)?,
        }
    }
    Some(text)
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace(['_', ' '], "-")
}

/// The text of a source file, in the encoding that it declares; none when it is something else.
pub fn source_text(bytes: &[u8]) -> Option<String> {
    Encoding::of_bytes(bytes).decode(bytes)
}

/// The line, counted from 1, and the name of the encoding that Python source declares (PEP 263): in a comment on the first
/// line, or on the second if the first is a comment or blank.
pub fn declared_encoding(text: &str) -> Option<(u32, String)> {
    let indents = [' ', '\t', '\u{c}'];
    let text = text.trim_start_matches(BYTE_ORDER_MARK);
    let mut rest = text;
    for number in 1..=2 {
        // Python ends lines with `\n`, `\r\n` and `\r`.
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let line = rest[..end].trim_start_matches(indents);
        if !line.is_empty() && !line.starts_with('#') {
            return None;
        }
        let names = line.match_indices("coding").filter_map(|(at, word)| {
            let rest = line[at + word.len()..].strip_prefix([':', '='])?;
            let rest = rest.trim_start_matches([' ', '\t']);
            let is_of_name = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
            let end = rest.find(|it| !is_of_name(it)).unwrap_or(rest.len());
            Some(&rest[..end]).filter(|it| !it.is_empty())
        });
        if let Some(name) = names.into_iter().next() {
            return Some((number, name.to_owned()));
        }
        let after = &rest[end..];
        rest = after
            .strip_prefix("\r\n")
            .or_else(|| after.strip_prefix(['\n', '\r']))
            .unwrap_or("");
    }
    None
}

#[cfg(test)]
mod tests;
