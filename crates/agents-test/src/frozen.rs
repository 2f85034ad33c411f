//! Test files that nobody may change any more, by their hash.

use protocol::TestFile;
use sha2::{Digest, Sha256};

/// Freezes a file.
pub(crate) fn freeze(path: String, text: String) -> TestFile {
    TestFile {
        sha256: sha256(&text),
        path,
        text,
    }
}

/// Whether a frozen file is still what was frozen.
pub(crate) fn holds(file: &TestFile) -> bool {
    sha256(&file.text) == file.sha256
}

/// In hexadecimal.
fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_changed_character_breaks_the_seal() {
        let mut file = freeze("tests/test_a.py".to_owned(), "def test_a(): ...".to_owned());
        assert!(holds(&file));
        file.text.push(' ');
        assert!(!holds(&file));
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // FIPS 180-4, the example of the empty message.
        assert_eq!(
            sha256(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
