//! Facts as bytes, so that a later run need not read files that it has seen before.

use std::collections::HashMap;

use protocol::ContentId;

use crate::facts::{Counts, Facts, Import};

/// Changed whenever files are read in another way, so that old facts don't count. A test sees to it.
pub(crate) const FORMAT: &str = "facts 1";

/// Facts by the name of the content that they are of.
pub(crate) type Kept = HashMap<ContentId, Facts>;

/// Writes facts down, in the order in which they are given.
pub(crate) fn write<'f>(
    facts: impl ExactSizeIterator<Item = (&'f ContentId, &'f Facts)>,
) -> Vec<u8> {
    let mut writer = Writer(Vec::new());
    writer.text(FORMAT);
    writer.number(facts.len());
    for (content, facts) in facts {
        writer.text(&content.0);
        writer.counts(&facts.words);
        writer.counts(&facts.defined);
        writer.ascending(facts.names.iter().copied(), facts.names.len());
        writer.number(facts.imports.len());
        for import in &facts.imports {
            writer.number(import.level.into());
            writer.text(&import.module);
            writer.number(import.names.len());
            import.names.iter().for_each(|it| writer.text(it));
        }
        writer.number(facts.holds_tests.into());
    }
    writer.0
}

/// Reads what [`write`] wrote; nothing of what isn't whole, or in another format.
pub(crate) fn read(bytes: &[u8]) -> Option<Kept> {
    let mut reader = Reader(bytes);
    if reader.text()? != FORMAT {
        return None;
    }
    let mut kept = Kept::new();
    for _ in 0..reader.number()? {
        let content = ContentId(reader.text()?.to_owned());
        kept.insert(content, reader.facts()?);
    }
    reader.0.is_empty().then_some(kept)
}

struct Writer(Vec<u8>);

impl Writer {
    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    fn number(&mut self, mut number: usize) {
        while 0x80 <= number {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn ascending(&mut self, numbers: impl Iterator<Item = u32>, count: usize) {
        self.number(count);
        let mut last = 0;
        for number in numbers {
            self.number((number - last) as usize);
            last = number;
        }
    }

    fn counts(&mut self, counts: &Counts) {
        self.ascending(counts.iter().map(|it| it.0), counts.len());
        counts.iter().for_each(|it| self.number(it.1.into()));
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn number(&mut self) -> Option<usize> {
        let mut number = 0_usize;
        for shift in (0..usize::BITS).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        str::from_utf8(text).ok()
    }

    /// A list of as many items as it says it has.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        // Each takes a byte at least; a wrong number must not reserve memory.
        let mut list = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            list.push(item(self)?);
        }
        Some(list)
    }

    fn ascending(&mut self) -> Option<Vec<u32>> {
        let mut last = 0_u32;
        self.list(|it| {
            last = last.checked_add(u32::try_from(it.number()?).ok()?)?;
            Some(last)
        })
    }

    fn counts(&mut self) -> Option<Counts> {
        let terms = self.ascending()?;
        let mut counts = Counts::with_capacity(terms.len());
        for term in terms {
            counts.push((term, u16::try_from(self.number()?).ok()?));
        }
        Some(counts)
    }

    fn facts(&mut self) -> Option<Facts> {
        Some(Facts {
            words: self.counts()?,
            defined: self.counts()?,
            names: self.ascending()?,
            imports: self.list(Reader::import)?,
            holds_tests: self.number()? != 0,
        })
    }

    fn import(&mut self) -> Option<Import> {
        Some(Import {
            level: u8::try_from(self.number()?).ok()?,
            module: self.text()?.to_owned(),
            names: self.list(|it| it.text().map(str::to_owned))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::words::term;

    const TEXT: &str = "import a.b\nfrom ..c import (d as e, f)\n\nclass SQLCompiler(Base):\n    '''Compiles queries.'''\n\n    \
                        def as_sql2(self, url='utf-8'):  # Twice, twice.\n        return self.as_sql2()\n";

    fn kept() -> (Vec<u8>, Kept) {
        let facts = [
            (ContentId("1".into()), Facts::of(TEXT)),
            (ContentId("2".into()), Facts::of("def test_a(): ...\n")),
        ];
        let bytes = write(facts.iter().map(|(id, facts)| (id, facts)));
        (bytes, Kept::from(facts))
    }

    #[test]
    fn facts_come_back_as_they_were() {
        let (bytes, kept) = kept();
        assert_eq!(read(&bytes), Some(kept));
    }

    #[test]
    fn what_is_not_whole_is_nothing() {
        let (bytes, _) = kept();
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), None, "{end} bytes");
        }
        let longer = [&bytes[..], b"\0"].concat();
        assert_eq!(read(&longer), None);
        let mut other = bytes;
        other[FORMAT.len()] = b'0';
        assert_eq!(read(&other), None, "another format");
        let huge = [&[7][..], FORMAT.as_bytes(), &[0xff; 9], &[1]].concat();
        assert_eq!(read(&huge), None, "more than there is");
    }

    #[test]
    fn the_format_is_counted_on_when_files_are_read_in_another_way() {
        // When this changes, old facts are wrong: count the number of `FORMAT` on.
        let (bytes, _) = kept();
        let shown = format!("{:08x}", term(&format!("{bytes:?}")));
        expect!["6ea49c72"].assert_eq(&shown);
    }
}
