//! What delivery could not do.

use std::io;
use std::path::PathBuf;

use forge::ForgeError;
use git::GitError;
use protocol::FoldError;

/// The change or its evidence could not be handed over. The run itself keeps both; delivery can be tried again.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The journal tells no run.
    #[error("tell the run from its journal")]
    Journal(#[from] FoldError),
    /// Something could not be put into its file's format.
    #[error("write `{name}` as JSON")]
    Json {
        /// The file of the bundle.
        name: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// The page could not be filled; a fault of ours.
    #[error("fill the page of `report.html`")]
    Page(#[from] minijinja::Error),
    /// The program ends.
    #[error("hand the change over: the program is being ended (resume the run)")]
    Stopped,
    /// There is no change.
    #[error("deliver the change of run {run}: it changed nothing")]
    NothingToDeliver {
        /// The run.
        run: String,
    },
    /// The run has no end yet, or none that allows this kind of delivery.
    #[error("deliver the change of run {run}: it {why}")]
    NotDeliverable {
        /// The run.
        run: String,
        /// What stands against it, and what to do.
        why: String,
    },
    /// The tree that would be delivered isn't the change that was reviewed; a fault of ours, or of whoever touched the
    /// run's folder.
    #[error(
        "deliver the change of run {run}: its tree and its patch differ in {paths} (nothing was written; the patch in its bundle is what was reviewed)"
    )]
    OutsideTheChange {
        /// The run.
        run: String,
        /// The files, or the first of them.
        paths: String,
    },
    /// A remote doesn't have what only the user's folder has.
    #[error(
        "push the change of run {run}: it started from uncommitted changes, which no remote has (commit them, and run the task again)"
    )]
    UncommittedBase {
        /// The run.
        run: String,
    },
    /// Somebody has worked on our branch.
    #[error(
        "push to `{branch}`: its last commit, {commit}, is by {committer} and not as this program made it, and nobody's work is overwritten (merge or close what is there and delete the branch, or take that commit back, then deliver again)"
    )]
    ForeignCommit {
        /// The branch.
        branch: String,
        /// The commit.
        commit: String,
        /// Who made it.
        committer: String,
    },
    /// Somebody else asks for our branch to be merged.
    #[error("give {address} its text: somebody else opened it (close it, and deliver again)")]
    ForeignRequest {
        /// The request's page.
        address: String,
    },
    /// No request is made of such a change.
    #[error(
        "ask for the change of run {run} to be merged: {why} (its patch and its evidence are kept; --push pushes it without a request)"
    )]
    NoRequest {
        /// The run.
        run: String,
        /// Why.
        why: String,
    },
    /// There are enough requests of ours.
    #[error(
        "open a pull request in {repository}: {open} of ours are open (merge or close some, or raise `open_max` of [pull_request], then deliver again)"
    )]
    TooManyRequests {
        /// The repository.
        repository: String,
        /// How many are open.
        open: usize,
    },
    /// The host or the tracker refused.
    #[error(transparent)]
    Forge(Box<ForgeError>),
    /// A folder that holds something that isn't ours.
    #[error(
        "write the bundle to `{}`: it holds {found} (choose an empty or a new folder)",
        folder.display()
    )]
    ForeignFolder {
        /// The folder.
        folder: PathBuf,
        /// What isn't ours about it.
        found: String,
    },
    /// A folder that is no bundle.
    #[error("read `{}` as an evidence bundle: it has no bundle.json of ours", folder.display())]
    NoBundle {
        /// The folder.
        folder: PathBuf,
    },
    /// A file that is no patch.
    #[error(
        "write the patch to `{}`: there is a file already that is no patch (choose another name)",
        file.display()
    )]
    ForeignFile {
        /// The file.
        file: PathBuf,
    },
    /// A path in the journal that leaves the bundle.
    #[error("put the acceptance test `{path}` into the bundle: its path leaves the folder")]
    TestPath {
        /// The path.
        path: String,
    },
    /// Git refused.
    #[error("commit the change")]
    Git(#[from] GitError),
    /// A remote repository can't be reached, or takes no push.
    #[error(transparent)]
    Remote(GitError),
    /// The change doesn't go into a user's files.
    #[error(transparent)]
    Apply(GitError),
    /// A folder that isn't there is more often a slip of the pen than a wish.
    #[error("write the patch to `{}`: there is no such folder (make it, or choose another)", file.display())]
    NoFolder {
        /// The file.
        file: PathBuf,
    },
    /// The operating system refused.
    #[error("{doing} `{}` (is there space, and may you write there?)", path.display())]
    File {
        /// What was being done, as in `write`.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file, or the files of a bundle together, are larger than they may be.
    #[error("read `{}`: it is larger than {bytes_max} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound.
        bytes_max: u64,
    },
    /// A file of a bundle isn't what was written.
    #[error("trust `{file}` of the bundle: {why}")]
    Changed {
        /// The file, below the bundle's folder.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A line of a bundle's journal isn't what was written.
    #[error("trust line {line} of the bundle's journal: {why}")]
    Chain {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

impl From<ForgeError> for DeliveryError {
    fn from(error: ForgeError) -> DeliveryError {
        DeliveryError::Forge(Box::new(error))
    }
}

impl DeliveryError {
    /// Wraps what the operating system said with what was being done.
    pub(crate) fn file(
        doing: &'static str,
        path: impl Into<PathBuf>,
        source: io::Error,
    ) -> DeliveryError {
        DeliveryError::File {
            doing,
            path: path.into(),
            source,
        }
    }
}
