//! Keys with which our plugin seals what it reports: made for one run, handed over standard input, kept nowhere.

use hmac::{Hmac, KeyInit, Mac};
use protocol::{DjangoProject, WorkspaceError, hexadecimal};
use serde::Serialize;
use sha2::Sha256;

use crate::unguessable;

/// Sessions of pytest that a repository's own command may start and that each get a key of their own.
const SESSIONS_MAX: usize = 16;
/// Digits of the length before each record. The name in `plugin/pipeline_pytest.py` is `LENGTH_DIGITS`.
const LENGTH_DIGITS: usize = 8;

/// What a session is told besides its key.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Handed<'a> {
    /// The module with the canaries.
    pub(crate) canaries: &'a str,
    /// Whether pytest is started by the repository's own command.
    pub(crate) own_command: bool,
    /// What pytest is asked, where it is we who start it.
    pub(crate) arguments: &'a [String],
    /// The acceptance test files.
    pub(crate) acceptance: &'a [String],
    /// Files in which nothing is a test.
    pub(crate) left_out: &'a [String],
    /// The only files in which something is a test.
    pub(crate) only: Option<&'a [String]>,
    /// How many folders below the root of the tree the tests are run.
    pub(crate) folders: usize,
    /// Modules that the base has where Python looks for modules.
    pub(crate) modules: &'a [String],
    /// The Django project whose tests these are.
    pub(crate) django: Option<&'a DjangoProject>,
}

#[derive(Serialize)]
struct Record<'a> {
    session: usize,
    key: String,
    #[serde(flatten)]
    handed: &'a Handed<'a>,
}

/// The keys of one test run. Never shown, never journaled.
pub(crate) struct Seal {
    keys: Vec<[u8; 32]>,
    /// The last key is for sessions that find nothing on their standard input. Tests could read it.
    has_spare: bool,
}

/// A line whose seal holds.
pub(crate) struct Opened<'a> {
    /// The session, which is the number of its key.
    pub(crate) session: usize,
    /// The line's number in its session, from 0.
    pub(crate) number: u64,
    /// What it says.
    pub(crate) body: &'a [u8],
}

impl Seal {
    /// New keys: one for a session that we start, several for a repository's own command.
    pub(crate) fn new(own_command: bool) -> Result<Seal, WorkspaceError> {
        let count = if own_command { SESSIONS_MAX + 1 } else { 1 };
        let keys: Result<Vec<_>, _> = (0..count).map(|_| unguessable::bytes()).collect();
        Ok(Seal {
            keys: keys?,
            has_spare: own_command,
        })
    }

    /// The number of the spare key.
    pub(crate) fn spare(&self) -> Option<usize> {
        self.has_spare.then(|| self.keys.len() - 1)
    }

    /// What goes to standard input.
    pub(crate) fn input(&self, handed: &Handed<'_>) -> Vec<u8> {
        let sessions = 0..self.spare().unwrap_or(self.keys.len());
        sessions
            .flat_map(|session| {
                let record = self.record(session, handed);
                let length = record.len();
                format!("{length:0LENGTH_DIGITS$}{record}").into_bytes()
            })
            .collect()
    }

    /// What goes to the spare file, if there is to be one.
    pub(crate) fn spare_record(&self, handed: &Handed<'_>) -> Option<String> {
        self.spare().map(|session| self.record(session, handed))
    }

    fn record(&self, session: usize, handed: &Handed<'_>) -> String {
        let record = Record {
            session,
            key: hexadecimal(&self.keys[session]),
            handed,
        };
        // The plugin counts bytes and reads ASCII.
        ascii(&serde_json::json!(record).to_string())
    }

    /// A line of the report, without its end; none where its seal doesn't hold.
    pub(crate) fn open<'a>(&self, line: &'a [u8]) -> Option<Opened<'a>> {
        let (seal, sealed) = split_at_space(line)?;
        let (session, rest) = split_at_space(sealed)?;
        let (number, body) = split_at_space(rest)?;
        let session = std::str::from_utf8(session).ok()?.parse().ok()?;
        let number = std::str::from_utf8(number).ok()?.parse().ok()?;
        let key: &[u8; 32] = self.keys.get(session)?;
        let mut expected = Hmac::<Sha256>::new_from_slice(key).ok()?;
        expected.update(sealed);
        expected.verify_slice(&unhex(seal)?).ok()?;
        Some(Opened {
            session,
            number,
            body,
        })
    }

    /// Seals a line as the plugin does.
    #[cfg(test)]
    pub(crate) fn seal(&self, session: usize, number: u64, body: &str) -> String {
        let sealed = format!("{session} {number} {body}");
        let mut seal = Hmac::<Sha256>::new_from_slice(&self.keys[session]).expect("any length");
        seal.update(sealed.as_bytes());
        format!("{} {sealed}\n", hexadecimal(&seal.finalize().into_bytes()))
    }
}

/// What a line says, without a look at its seal: for whoever only watches.
pub(crate) fn body_of(line: &[u8]) -> Option<&[u8]> {
    let (_, sealed) = split_at_space(line)?;
    let (_, rest) = split_at_space(sealed)?;
    split_at_space(rest).map(|(_, body)| body)
}

fn split_at_space(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|it| *it == b' ')?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digits = std::str::from_utf8(digits).ok()?;
    if !digits.is_ascii() {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}

/// JSON in which every other character is an escape.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                text += &format!("\\u{unit:04x}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_with_the_sessions_own_key_is_opened() {
        let seal = Seal::new(true).expect("there are random bytes");
        let other = Seal::new(true).expect("there are random bytes");
        let line = seal.seal(2, 7, "{\"event\": \"é\"}");
        let check = |seal: &Seal, line: &str, want: bool| {
            assert_eq!(
                seal.open(line.trim_end().as_bytes()).is_some(),
                want,
                "{line}"
            );
        };
        check(&seal, &line, true);
        check(&other, &line, false);
        check(&seal, &line.replace(" 2 7 ", " 2 8 "), false);
        check(&seal, &line.replace(" 2 7 ", " 3 7 "), false);
        check(&seal, &line.replace(" 2 7 ", " 99 7 "), false);
        check(&seal, &line.replace('é', "e"), false);
        check(&seal, "", false);
        check(&seal, "é 0 0 {}", false);
        let opened = seal
            .open(line.trim_end().as_bytes())
            .expect("it was sealed");
        assert_eq!((opened.session, opened.number), (2, 7));
        assert_eq!(opened.body, "{\"event\": \"é\"}".as_bytes());
        assert_eq!(body_of(line.trim_end().as_bytes()), Some(opened.body));
    }

    #[test]
    fn the_seal_is_the_published_one() {
        // RFC 4231, test case 2.
        let mut seal = Hmac::<Sha256>::new_from_slice(b"Jefe").expect("any length");
        seal.update(b"what do ya want for nothing?");
        assert_eq!(
            hexadecimal(&seal.finalize().into_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn what_is_handed_over_is_counted_in_bytes() {
        let acceptance = ["tests/test_é😀.py".to_owned()];
        let handed = Handed {
            canaries: "case_1",
            own_command: false,
            arguments: &[],
            acceptance: &acceptance,
            left_out: &[],
            only: None,
            folders: 0,
            modules: &[],
            django: None,
        };
        let seal = Seal::new(false).expect("there are random bytes");
        let input = String::from_utf8(seal.input(&handed)).expect("ASCII");
        let (length, record) = input.split_at(LENGTH_DIGITS);
        assert_eq!(length.parse(), Ok(record.len()));
        assert!(
            record.contains(r"tests/test_\u00e9\ud83d\ude00.py"),
            "{record}"
        );
        assert_eq!(seal.spare_record(&handed), None);
    }
}
