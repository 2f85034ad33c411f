//! Why a task or a repository can't be had.

use std::path::PathBuf;

/// Why a task or a repository can't be had.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// There is nothing in it.
    #[error("find a task in {place}: it is empty (say what should change)")]
    Empty {
        /// Where we looked.
        place: String,
    },
    /// A task file can't be read.
    #[error("read the task file `{}` (is the path right, and may this user read it?)", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A task isn't text.
    #[error("read {place} as text: byte {at} isn't UTF-8 (is it the right file?)")]
    NotText {
        /// Where it came from.
        place: String,
        /// The first byte that doesn't fit, counted from 0.
        at: usize,
    },
    /// A task is too long to be one.
    #[error("read {place}: it has more than {bytes_max} bytes (is it the right file?)")]
    TooLong {
        /// Where it came from.
        place: String,
        /// The longest allowed.
        bytes_max: usize,
    },
    /// Tests that the user gave can't be taken.
    #[error("take `{given}` for the tests: {why}")]
    Tests {
        /// What was given, made visible.
        given: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A repository's address can't be used.
    #[error("use `{text}` as a repository: {why}")]
    Repository {
        /// The address, made visible, without credentials.
        text: String,
        /// What is wrong, and what to do.
        why: String,
    },
}

impl IntakeError {
    /// Whether the task is what is wrong, so that the run needs better input; otherwise it is the repository's address.
    pub fn is_about_the_task(&self) -> bool {
        !matches!(self, IntakeError::Repository { .. })
    }
}
