//! Test files that nobody may change any more, by their hash.

use protocol::{TestFile, Workspace, WorkspaceError, sha256};

/// Freezes a file.
pub fn freeze(path: String, text: String) -> TestFile {
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

/// Writes files that are still what was frozen.
///
/// # Errors
/// [`WorkspaceError::Protected`] when a file isn't what was frozen any more, others when it can't be written.
pub async fn write(tree: &dyn Workspace, files: &[TestFile]) -> Result<(), WorkspaceError> {
    for file in files {
        if !holds(file) {
            return Err(WorkspaceError::Protected {
                path: file.path.clone(),
                why: "its content isn't what was frozen (was the journal edited?)".to_owned(),
            });
        }
        tree.write(&file.path, file.text.as_bytes()).await?;
    }
    Ok(())
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
            freeze("t.py".to_owned(), String::new()).sha256,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
