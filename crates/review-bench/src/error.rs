//! What can go wrong before a reviewer is asked.

use git::GitError;

/// The cases, or the figures of earlier benches, can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file of the cases isn't what it should be.
    #[error("use the case `{path}`: {why}")]
    Case {
        /// Which file or folder, below the cases.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A change can't be laid out.
    #[error("lay out the change of the case `{case}`")]
    Change {
        /// Which case.
        case: String,
        /// Why not.
        #[source]
        source: GitError,
    },
    /// There is no folder to lay out changes in.
    #[error("make a folder for the changes")]
    Folder(#[source] std::io::Error),
    /// The figures can't be read.
    #[error("read the figures of reviewers in {place}")]
    Figures {
        /// Which file.
        place: String,
        /// Why not.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The figures can't be written.
    #[error("write down the figure of a reviewer")]
    Written(#[from] toml::ser::Error),
}
