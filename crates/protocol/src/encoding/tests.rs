//! Every encoding against the codec of CPython, and what is said of texts that one can't hold.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::*;

/// What CPython's codec of a name does: `high` has the character of each byte from 0x80, U+FFFD where there is none;
/// `pairs_sha256` is over a line `hex character` for each two bytes that are one character and come back as the same two. Left out are characters
/// for private use, and the rows of `cp932` whose characters have another place too.
#[derive(Deserialize)]
struct Codec {
    name: String,
    high: String,
    #[serde(default)]
    pairs: usize,
    #[serde(default)]
    pairs_sha256: String,
}

fn one_character(encoding: Encoding, bytes: &[u8]) -> Option<char> {
    let text = encoding.decode(bytes)?;
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

#[test]
fn every_encoding_reads_what_pythons_codec_reads() {
    let rows = include_str!("../../../../fixtures/cases/encodings.jsonl");
    let mut seen = vec![Encoding::UTF_8.name()];
    for row in rows.lines() {
        let codec: Codec = serde_json::from_str(row).expect("each line is a codec");
        let encoding = Encoding::by_name(&codec.name).unwrap_or_else(|| panic!("{}", codec.name));
        seen.push(encoding.name());
        let high: String = (0x80..=0xff_u8)
            .map(|it| one_character(encoding, &[it]).unwrap_or('\u{fffd}'))
            .collect();
        assert_eq!(high, codec.high, "{}", codec.name);
        if codec.pairs == 0 {
            continue;
        }
        let (mut lines, mut pairs) = (Sha256::new(), 0);
        for pair in (0x8000..=0xffff_u16).map(u16::to_be_bytes) {
            if let Some(it) = one_character(encoding, &pair) {
                pairs += 1;
                lines.update(format!("{:02x}{:02x} {it}\n", pair[0], pair[1]));
            }
        }
        assert_eq!(pairs, codec.pairs, "{}", codec.name);
        if 0 < pairs {
            let digest: String = lines
                .finalize()
                .iter()
                .map(|it| format!("{it:02x}"))
                .collect();
            assert_eq!(digest, codec.pairs_sha256, "{}", codec.name);
        }
    }
    let known: Vec<&str> = KNOWN.iter().map(|it| it.names[0]).collect();
    seen.sort_unstable();
    let mut sorted = known.clone();
    sorted.sort_unstable();
    assert_eq!(seen, sorted, "each has been compared");
}

#[test]
fn all_bytes_of_latin_1_come_back() {
    let bytes: Vec<u8> = (0..=255).collect();
    let latin_1 = Encoding::by_name("latin-1").expect("it is known");
    let text = latin_1.decode(&bytes).expect("all of them are text");
    assert!(
        text.chars()
            .zip(0_u32..)
            .all(|(it, code)| u32::from(it) == code)
    );
    assert_eq!(latin_1.encode(&text), Ok(bytes));
}

#[test]
fn what_an_encoding_cannot_hold_is_named() {
    let check = |name: &str, text: &str, want: Result<&[u8], char>| {
        let encoding = Encoding::by_name(name).expect("it is known");
        assert_eq!(
            encoding.encode(text),
            want.map(<[u8]>::to_vec),
            "{name} {text}"
        );
    };
    check("latin-1", "caf\u{e9}", Ok(b"caf\xe9"));
    // A letter of Windows, at a byte where Python's latin-1 has a control character.
    check("latin-1", "1 €", Err('€'));
    check("cp1252", "1 €", Ok(b"1 \x80"));
    check("iso-8859-15", "1 €", Ok(b"1 \xa4"));
    check("ascii", "caf\u{e9}", Err('\u{e9}'));
    check("koi8-r", "Привет", Ok(b"\xf0\xd2\xc9\xd7\xc5\xd4"));
    check("koi8-r", "\u{e9}", Err('\u{e9}'));
    check("shift_jis", "表～", Err('～'));
    check("utf-8", "€", Ok("€".as_bytes()));
}

#[test]
fn names_are_pythons() {
    let check = |name, want: Option<&str>| {
        assert_eq!(Encoding::by_name(name).map(Encoding::name), want, "{name}");
    };
    check("Latin_1", Some("iso-8859-1"));
    check("latin-1-unix", Some("iso-8859-1"));
    check("UTF-8-DOS", Some("utf-8"));
    check("ISO-8859-15", Some("iso-8859-15"));
    check("Windows-1252", Some("cp1252"));
    check("utf-7", None);
    check("unicode_escape", None);
    check("big5", None);
}

#[test]
fn a_file_says_its_encoding_in_its_first_two_lines() {
    let check = |bytes: &[u8], want: &str, text: Option<&str>| {
        assert_eq!(Encoding::of_bytes(bytes).name(), want, "{bytes:?}");
        assert_eq!(source_text(bytes).as_deref(), text, "{bytes:?}");
    };
    check(
        b"# coding: latin-1\n# \xe9\n",
        "iso-8859-1",
        Some("# coding: latin-1\n# é\n"),
    );
    check(
        b"#!/bin/x\r\n# vim: fileencoding=cp1251 :\r\n# \xe9\n",
        "cp1251",
        Some("#!/bin/x\r\n# vim: fileencoding=cp1251 :\r\n# й\n"),
    );
    check(
        b"\xef\xbb\xbf# coding: latin-1\n",
        "utf-8",
        Some("\u{feff}# coding: latin-1\n"),
    );
    check(b"x = 1\n# coding: latin-1\n# \xe9\n", "utf-8", None);
    check(b"# coding: utf-7\n", "utf-8", Some("# coding: utf-7\n"));
    check(b"# coding: cp1252\n# \x81\n", "cp1252", None);
    check(b"# coding: ascii\n# \xe9\n", "ascii", None);
    // Bytes above do not hide what stands below.
    check(
        b"# \xe9 \xff\n# coding: latin-1\n",
        "iso-8859-1",
        Some("# é ÿ\n# coding: latin-1\n"),
    );
}
