//! The encodings of Python's that are known, and where their codecs differ from the tables of the Encoding Standard.

use encoding_rs::{
    EUC_JP, EUC_KR, GBK, IBM866, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6,
    ISO_8859_7, ISO_8859_8, ISO_8859_10, ISO_8859_13, ISO_8859_14, ISO_8859_15, ISO_8859_16,
    KOI8_R, MACINTOSH, SHIFT_JIS, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252,
    WINDOWS_1253, WINDOWS_1254, WINDOWS_1255, WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
    X_MAC_CYRILLIC,
};

/// One encoding of Python's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Python's names of it, as `plain` writes them; the first one is shown.
    pub(super) names: &'static [&'static str],
    pub(super) form: Form,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    Utf8,
    Ascii,
    /// As the Encoding Standard has it.
    Table(&'static encoding_rs::Encoding, Differs),
}

/// Where Python's codec differs from the table of the Encoding Standard. Measured over all sequences of one and two
/// bytes with CPython 3.11; the tests compare both again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Differs {
    /// In nothing that comes back as the same bytes.
    Nowhere,
    /// The bytes 0x80 to 0x9f are control characters, not the letters of Windows.
    Controls,
    /// Bytes that Windows leaves out are no text, not control characters.
    Gaps,
    /// Characters that have two places are written at the other one, and so left out.
    Cp932,
    EucJp,
    EucKr,
    Gbk,
    ShiftJis,
}

const fn known(names: &'static [&'static str], form: Form) -> Known {
    Known { names, form }
}

/// Others are left out because their codecs differ too much (`big5`, `gb18030`), or because code in them isn't what it
/// looks like (`utf-7`, `unicode_escape`).
pub(super) static KNOWN: &[Known] = &[
    known(
        &["utf-8", "utf8", "u8", "utf", "utf-8-sig", "cp65001"],
        Form::Utf8,
    ),
    known(
        &["ascii", "us-ascii", "646", "ansi-x3.4-1968", "iso646-us"],
        Form::Ascii,
    ),
    known(
        &[
            "iso-8859-1",
            "latin-1",
            "latin1",
            "latin",
            "l1",
            "iso8859-1",
            "iso-latin-1",
            "8859",
            "cp819",
        ],
        Form::Table(WINDOWS_1252, Differs::Controls),
    ),
    known(
        &["iso-8859-2", "iso8859-2", "latin2", "l2"],
        Form::Table(ISO_8859_2, Differs::Nowhere),
    ),
    known(
        &["iso-8859-3", "iso8859-3", "latin3", "l3"],
        Form::Table(ISO_8859_3, Differs::Nowhere),
    ),
    known(
        &["iso-8859-4", "iso8859-4", "latin4", "l4"],
        Form::Table(ISO_8859_4, Differs::Nowhere),
    ),
    known(
        &["iso-8859-5", "iso8859-5", "cyrillic"],
        Form::Table(ISO_8859_5, Differs::Nowhere),
    ),
    known(
        &["iso-8859-6", "iso8859-6", "arabic"],
        Form::Table(ISO_8859_6, Differs::Nowhere),
    ),
    known(
        &["iso-8859-7", "iso8859-7", "greek", "greek8"],
        Form::Table(ISO_8859_7, Differs::Nowhere),
    ),
    known(
        &["iso-8859-8", "iso8859-8", "hebrew"],
        Form::Table(ISO_8859_8, Differs::Nowhere),
    ),
    known(
        &["iso-8859-9", "iso8859-9", "latin5", "l5"],
        Form::Table(WINDOWS_1254, Differs::Controls),
    ),
    known(
        &["iso-8859-10", "iso8859-10", "latin6", "l6"],
        Form::Table(ISO_8859_10, Differs::Nowhere),
    ),
    known(
        &["iso-8859-11", "iso8859-11", "thai"],
        Form::Table(WINDOWS_874, Differs::Controls),
    ),
    known(
        &["iso-8859-13", "iso8859-13", "latin7", "l7"],
        Form::Table(ISO_8859_13, Differs::Nowhere),
    ),
    known(
        &["iso-8859-14", "iso8859-14", "latin8", "l8"],
        Form::Table(ISO_8859_14, Differs::Nowhere),
    ),
    known(
        &["iso-8859-15", "iso8859-15", "latin9", "l9"],
        Form::Table(ISO_8859_15, Differs::Nowhere),
    ),
    known(
        &["iso-8859-16", "iso8859-16", "latin10", "l10"],
        Form::Table(ISO_8859_16, Differs::Nowhere),
    ),
    known(
        &["cp1250", "windows-1250", "1250"],
        Form::Table(WINDOWS_1250, Differs::Gaps),
    ),
    known(
        &["cp1251", "windows-1251", "1251"],
        Form::Table(WINDOWS_1251, Differs::Gaps),
    ),
    known(
        &["cp1252", "windows-1252", "1252"],
        Form::Table(WINDOWS_1252, Differs::Gaps),
    ),
    known(
        &["cp1253", "windows-1253", "1253"],
        Form::Table(WINDOWS_1253, Differs::Gaps),
    ),
    known(
        &["cp1254", "windows-1254", "1254"],
        Form::Table(WINDOWS_1254, Differs::Gaps),
    ),
    known(
        &["cp1255", "windows-1255", "1255"],
        Form::Table(WINDOWS_1255, Differs::Gaps),
    ),
    known(
        &["cp1256", "windows-1256", "1256"],
        Form::Table(WINDOWS_1256, Differs::Gaps),
    ),
    known(
        &["cp1257", "windows-1257", "1257"],
        Form::Table(WINDOWS_1257, Differs::Gaps),
    ),
    known(
        &["cp1258", "windows-1258", "1258"],
        Form::Table(WINDOWS_1258, Differs::Gaps),
    ),
    known(&["cp874"], Form::Table(WINDOWS_874, Differs::Gaps)),
    known(
        &["cp866", "866", "ibm866"],
        Form::Table(IBM866, Differs::Nowhere),
    ),
    known(&["koi8-r"], Form::Table(KOI8_R, Differs::Nowhere)),
    known(
        &["mac-roman", "macroman", "macintosh"],
        Form::Table(MACINTOSH, Differs::Nowhere),
    ),
    known(
        &["mac-cyrillic", "maccyrillic"],
        Form::Table(X_MAC_CYRILLIC, Differs::Nowhere),
    ),
    known(
        &["shift-jis", "shiftjis", "sjis", "s-jis", "csshiftjis"],
        Form::Table(SHIFT_JIS, Differs::ShiftJis),
    ),
    known(
        &[
            "cp932",
            "932",
            "ms932",
            "mskanji",
            "ms-kanji",
            "windows-31j",
        ],
        Form::Table(SHIFT_JIS, Differs::Cp932),
    ),
    known(
        &["euc-jp", "eucjp", "ujis", "u-jis"],
        Form::Table(EUC_JP, Differs::EucJp),
    ),
    known(
        &[
            "euc-kr",
            "euckr",
            "korean",
            "ksc5601",
            "ks-c-5601",
            "ks-c-5601-1987",
            "ksx1001",
            "ks-x-1001",
        ],
        Form::Table(EUC_KR, Differs::EucKr),
    ),
    known(
        &["cp949", "949", "ms949", "uhc"],
        Form::Table(EUC_KR, Differs::Nowhere),
    ),
    known(
        &["gbk", "cp936", "936", "ms936"],
        Form::Table(GBK, Differs::Gbk),
    ),
];

/// Characters of Japanese codecs, and those that Windows has at the same bytes.
const JAPANESE: [(char, char); 6] = [
    ('\u{301c}', '\u{ff5e}'),
    ('\u{2016}', '\u{2225}'),
    ('\u{2212}', '\u{ff0d}'),
    ('\u{a2}', '\u{ffe0}'),
    ('\u{a3}', '\u{ffe1}'),
    ('\u{ac}', '\u{ffe2}'),
];

impl Differs {
    /// Python's character for one of the table, and the other way round: an exchange, so that the table's own have no bytes.
    pub(super) fn exchanged(self, character: char) -> char {
        if !matches!(self, Differs::EucJp | Differs::ShiftJis) {
            return character;
        }
        let exchange = |(a, b): &(char, char)| match character {
            it if it == *a => Some(*b),
            it if it == *b => Some(*a),
            _ => None,
        };
        JAPANESE.iter().find_map(exchange).unwrap_or(character)
    }

    /// Whether Python reads these bytes of one character beyond ASCII as that character.
    pub(super) fn leaves(self, character: char, bytes: &[u8]) -> bool {
        // Characters that everybody may give a meaning of their own are no text to show.
        if ('\u{e000}'..='\u{f8ff}').contains(&character) {
            return false;
        }
        match (self, bytes) {
            (Differs::Nowhere, _) => true,
            (Differs::Controls, _) => !matches!(bytes, [0x80..0xa0]),
            (Differs::Gaps, _) => {
                // The last one is a vowel of Hebrew that Python's table is too old for.
                let is_gap = ('\u{80}'..'\u{a0}').contains(&character) || character == '\u{5ba}';
                !is_gap
            }
            (Differs::Cp932, [lead, ..]) => !matches!(lead, 0xed | 0xee | 0xfa..=0xfc),
            (Differs::EucJp, [lead, ..]) => !matches!(lead, 0xad | 0xf9..=0xfc),
            (Differs::ShiftJis, [lead, ..]) => !matches!(lead, 0x80 | 0x87 | 0xfa..=0xfc),
            // Python composes syllables around the filler.
            (Differs::EucKr, [lead, trail]) => {
                0xa1 <= *lead && 0xa1 <= *trail && character != '\u{3164}'
            }
            (Differs::Gbk, [lead, trail]) => {
                let is_later = match lead {
                    0xa6 => matches!(trail, 0xd9..=0xdf | 0xec | 0xed | 0xf3),
                    0xa8 => matches!(trail, 0xbc | 0xbf),
                    0xa9 => (0x89..=0x95).contains(trail),
                    0xfe => 0x50 <= *trail && !matches!(trail, 0x51..=0x53 | 0x6c | 0x76 | 0x91),
                    _ => false,
                };
                !is_later
            }
            (
                Differs::Cp932 | Differs::EucKr | Differs::Gbk | Differs::EucJp | Differs::ShiftJis,
                _,
            ) => false,
        }
    }
}
