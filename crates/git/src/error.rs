//! What can go wrong between an address or a folder and a commit.

use std::io;
use std::path::PathBuf;

use sandbox::error::CommandError;

use crate::lock::LockError;

/// Git could not do something. The words of a remote or of git itself are kept in `said`.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The text isn't an address that may be cloned.
    #[error("use `{address}` as the address of a repository: {why}")]
    BadAddress {
        /// The address, without anything secret.
        address: String,
        /// What is wrong with it, and what to do.
        why: &'static str,
    },
    /// The text can't name a branch, tag or commit.
    #[error("use `{reference}` as a branch, tag or commit: {why}")]
    BadReference {
        /// The name as it was given.
        reference: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A name or e-mail address that git can't write into a commit.
    #[error(
        "sign a commit as `{name} <{email}>` (both must be there, without `<`, `>` and line breaks)"
    )]
    BadIdentity {
        /// The name.
        name: String,
        /// The e-mail address.
        email: String,
    },
    /// There is no folder there.
    #[error("find the repository folder `{path}` (is the path right?)")]
    NoSuchFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The folder isn't the top of a repository.
    #[error("open `{path}` as a git repository: {why}")]
    NotARepository {
        /// The folder.
        path: PathBuf,
        /// What it is instead, and what to do.
        why: String,
    },
    /// The repository has no commit to start from.
    #[error("start from `{repository}`: it has no commit yet (commit something first)")]
    Empty {
        /// The repository.
        repository: String,
    },
    /// The user's checkout has changes that no commit holds.
    #[error(
        "start from `{}`: it has changes that aren't committed: {}{} (commit or stash them, or take them along with --include-dirty)",
        .path.display(), .files.join(", "), and_more(.left_out)
    )]
    Uncommitted {
        /// The repository.
        path: PathBuf,
        /// The first of them, sorted.
        files: Vec<String>,
        /// How many more there are.
        left_out: usize,
    },
    /// Uncommitted changes belong to the commit that is checked out, not to another one.
    #[error(
        "take uncommitted changes along from `{reference}`: only the commit that is checked out has any (leave the base out)"
    )]
    DirtyElsewhere {
        /// The base that was asked for.
        reference: String,
    },
    /// A clone that was made without all files, and lacks some of this commit.
    #[error(
        "read the commit {commit} from `{}`: it is a partial clone, and some files of that commit were never fetched (check the \
         commit out there once, or give the address that it was cloned from)",
        path.display()
    )]
    PartialClone {
        /// Where it is.
        path: PathBuf,
        /// The commit, in hexadecimal.
        commit: String,
    },
    /// A tree from which files are gone that were never in the folder it was made of.
    #[error(
        "write the uncommitted changes as a commit: it would take `{path}` away, which the sparse checkout leaves out \
         (nothing was written)"
    )]
    OutsideTheFolder {
        /// The first such file.
        path: String,
    },
    /// Uncommitted changes of a repository that only the git program can read.
    #[error(
        "take uncommitted changes of `{path}` along: its repository is in a form from which only commits can be taken (commit them)"
    )]
    DirtyForm {
        /// The folder.
        path: PathBuf,
    },
    /// The repository has no such branch, tag or commit.
    #[error("find the branch, tag or commit `{reference}` in `{repository}`")]
    NoSuchReference {
        /// The name.
        reference: String,
        /// The repository.
        repository: String,
    },
    /// Nobody serves a repository at the address, or not to us.
    #[error(
        "find a repository at `{repository}` (is the address right, and may you read it?): {said}"
    )]
    NoSuchRepository {
        /// The address.
        repository: String,
        /// The end of git's output.
        said: String,
    },
    /// The host wants other credentials.
    #[error(
        "read `{repository}`: the host refused (is the right token or key set for it?): {said}"
    )]
    Refused {
        /// The address.
        repository: String,
        /// The end of git's output.
        said: String,
    },
    /// The host can't be reached.
    #[error(
        "reach the host of `{repository}` (is the network up, and the host's name right?): {said}"
    )]
    Unreachable {
        /// The address.
        repository: String,
        /// The end of git's output.
        said: String,
    },
    /// The remote takes no push.
    #[error("push `{branch}` to `{repository}`: {why}")]
    Push {
        /// The repository.
        repository: String,
        /// The branch.
        branch: String,
        /// What stands against it, what to do, and git's own words.
        why: String,
    },
    /// A commit that would take the place of another one; a fault of ours.
    #[error("push {commit}: {before}, which is there now, isn't behind it")]
    NotOnTop {
        /// The new commit.
        commit: String,
        /// The old one.
        before: String,
    },
    /// Git failed in another way.
    #[error("fetch `{repository}`: {said}")]
    Fetch {
        /// The address.
        repository: String,
        /// The end of git's output.
        said: String,
    },
    /// The fetch took too long.
    #[error("fetch `{repository}` within {seconds_max} seconds")]
    TooSlow {
        /// The address.
        repository: String,
        /// The limit.
        seconds_max: u64,
    },
    /// Another process holds something for longer than we wait.
    #[error("get hold of `{path}` within {seconds_max} seconds (another run uses it)")]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long we waited.
        seconds_max: u64,
    },
    /// The repository contains a name that would be written outside its folder or into its control folder.
    #[error(
        "lay out the entry `{name}` of the repository: no file may have that name (the repository is damaged or hostile)"
    )]
    UnsafeEntry {
        /// The name.
        name: String,
    },
    /// The repository has more than we lay out.
    #[error("lay out the repository: it has more than {entries_max} files")]
    TooManyEntries {
        /// The limit.
        entries_max: usize,
    },
    /// The patch doesn't fit the tree it was made for.
    #[error("apply the patch to the base: {said}")]
    PatchDoesNotApply {
        /// What git said.
        said: String,
    },
    /// The patch doesn't fit the user's own files.
    #[error("apply the change in `{}`: {why} (nothing was changed; has the file changed since the run's base?)", .folder.display())]
    DoesNotFit {
        /// The top of the repository.
        folder: PathBuf,
        /// What stands against it.
        why: String,
    },
    /// The branch is there already and holds something else.
    #[error(
        "create the branch `{branch}` in `{repository}`: it and {tries_max} numbered names after it exist already"
    )]
    BranchExists {
        /// The branch.
        branch: String,
        /// The repository.
        repository: PathBuf,
        /// How many names were tried.
        tries_max: u32,
    },
    /// A path that can't be committed.
    #[error("commit `{path}`: {why}")]
    Uncommittable {
        /// The path as it was given.
        path: String,
        /// Why not, and what to do.
        why: String,
    },
    /// The repository is in the middle of something that a commit of single paths would spoil.
    #[error("commit in `{repository}`: {why}")]
    Unfinished {
        /// The repository.
        repository: PathBuf,
        /// What is unfinished.
        why: String,
    },
    /// The paths are as they were in the last commit.
    #[error("commit the given paths: nothing about them has changed since the last commit")]
    NothingToCommit,
    /// The message has no words.
    #[error("commit without a message (say with -m what the commit does)")]
    NoMessage,
    /// The git program could not be run.
    #[error("run git (is it installed?)")]
    Program(#[source] CommandError),
    /// Git refused something.
    #[error("{doing}")]
    Git {
        /// What was being done.
        doing: &'static str,
        /// What git said.
        #[source]
        source: git2::Error,
    },
    /// The system refused something.
    #[error("{doing} `{}`", .path.display())]
    Files {
        /// What was being done, before the path.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A job on another thread broke.
    #[error("finish the work on the repository")]
    Job(#[source] tokio::task::JoinError),
}

impl GitError {
    /// For `map_err`: git refused something while `doing`.
    pub fn git(doing: &'static str) -> impl FnOnce(git2::Error) -> GitError {
        move |source| GitError::Git { doing, source }
    }

    /// For `map_err`: the system refused something while `doing` at `path`.
    pub fn files<E: Into<io::Error>>(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> GitError {
        let path = path.into();
        move |source| GitError::Files {
            doing,
            path,
            source: source.into(),
        }
    }
}

impl From<LockError> for GitError {
    fn from(error: LockError) -> GitError {
        match error {
            LockError::Busy { path, seconds_max } => GitError::Busy { path, seconds_max },
            LockError::Files { path, source } => GitError::Files {
                doing: "lock",
                path,
                source,
            },
        }
    }
}

fn and_more(left_out: &usize) -> String {
    match left_out {
        0 => String::new(),
        n => format!(" and {n} more"),
    }
}
