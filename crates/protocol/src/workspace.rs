//! What a private checkout offers to agents: files, search, snapshots, the difference to the base, programs.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::command::{Command, Execution};
use crate::steady::Places;

/// A private checkout. Nothing outside it can be read or written through this trait.
///
/// Paths are relative to its root, with `/` between their parts. A path that leaves the tree, by `..`, by an
/// absolute name or through a symbolic link, is [`WorkspaceError::Outside`].
#[async_trait]
pub trait Workspace: Send + Sync {
    /// What the tree started from.
    fn base(&self) -> &Base;

    /// Which walls stand around the programs that run here.
    fn confinement(&self) -> &Confinement;

    /// Installs the Python environment of the base commit, or finds it in the cache. Shared by all forks.
    async fn set_up(&self) -> Result<Environment, WorkspaceError>;

    /// Files in the tree, ignored ones left out, sorted.
    async fn list(&self, query: &ListQuery) -> Result<Listing, WorkspaceError>;

    /// Lines that match a regular expression.
    async fn search(&self, query: &SearchQuery) -> Result<Listing, WorkspaceError>;

    /// A file's bytes.
    async fn read(&self, path: &str) -> Result<Vec<u8>, WorkspaceError>;

    /// The plain files of the base, sorted by path, whatever the tree has become since. Links, and what belongs to a
    /// submodule, are not among them.
    async fn base_files(&self) -> Result<Vec<BaseFile>, WorkspaceError>;

    /// The bytes of contents that [`Workspace::base_files`] named, in the same order; none for one that is larger than
    /// `bytes_max`.
    async fn contents(
        &self,
        of: &[ContentId],
        bytes_max: u64,
    ) -> Result<Vec<Option<Vec<u8>>>, WorkspaceError>;

    /// Creates or replaces a file, with the folders it needs. Keeps the executable bit of a file it replaces.
    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), WorkspaceError>;

    /// Deletes a file.
    async fn delete(&self, path: &str) -> Result<(), WorkspaceError>;

    /// Keeps the tree as it is now.
    async fn snapshot(&self) -> Result<TreeId, WorkspaceError>;

    /// Makes the tree what it was at a snapshot.
    async fn restore(&self, tree: &TreeId) -> Result<(), WorkspaceError>;

    /// The difference between the base and the tree as it is now.
    async fn change(&self) -> Result<Change, WorkspaceError>;

    /// Another private checkout, of a snapshot, with the same base and environment. Gone when dropped.
    async fn fork(&self, tree: &TreeId) -> Result<Arc<dyn Workspace>, WorkspaceError>;

    /// Runs a program, confined and bounded.
    async fn run(&self, command: &Command) -> Result<Execution, WorkspaceError>;

    /// As [`Workspace::run`]; `on_report` sees the bytes of the report pipe as they come, in pieces of any length.
    async fn run_watched(
        &self,
        command: &Command,
        on_report: &mut (dyn for<'b> FnMut(&'b [u8]) + Send),
    ) -> Result<Execution, WorkspaceError> {
        let ended = self.run(command).await?;
        on_report(&ended.report);
        Ok(ended)
    }

    /// What was kept under this name for this base and environment by an earlier run, if anything was. What it holds
    /// saves work; losing it costs time only.
    async fn recall(&self, name: &str) -> Result<Option<Vec<u8>>, WorkspaceError> {
        let _ = name;
        Ok(None)
    }

    /// Keeps bytes for later runs on the same base and environment.
    async fn remember(&self, name: &str, bytes: &[u8]) -> Result<(), WorkspaceError> {
        let _ = (name, bytes);
        Ok(())
    }

    /// As [`Workspace::recall`], but whatever the base and its environment: what is kept here must itself say which
    /// contents it is about.
    async fn recall_for_repository(&self, name: &str) -> Result<Option<Vec<u8>>, WorkspaceError> {
        let _ = name;
        Ok(None)
    }

    /// Keeps bytes for later runs on the same repository.
    async fn remember_for_repository(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), WorkspaceError> {
        let _ = (name, bytes);
        Ok(())
    }

    /// Places of this run and this machine that no file of a repository can name, with the names that a model knows them
    /// by. What [`Workspace::run`] gives of a program's streams has these names already; what comes through the report
    /// pipe has not.
    fn places(&self) -> Places;

    /// The words of a program that just ran here as a model may be shown them: the same in every run and on every machine.
    /// See [`crate::steady`]. They are made so before they are kept, because the time of day belongs to it.
    fn steady(&self, output: &str) -> String;

    /// Runs a command line that a model wrote, if the policy allows it. Its streams are steady, as that model sees them.
    async fn run_line(&self, line: &str, seconds_max: u64) -> Result<Execution, WorkspaceError>;
}

/// What a tree started from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The repository's address or path, without credentials.
    pub repository: String,
    /// The base commit, in hexadecimal.
    pub commit: String,
    /// Its tree; with uncommitted changes taken along, the tree that contains them.
    pub tree: TreeId,
    /// Whether the tree contains uncommitted changes, so that the commit alone doesn't give it.
    #[serde(default, skip_serializing_if = "<&bool as std::ops::Not>::not")]
    pub uncommitted: bool,
}

/// A plain file of the base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseFile {
    /// Its path.
    pub path: String,
    /// Its bytes, by name.
    pub content: ContentId,
}

/// The name of a file's bytes: a git blob's identifier in hexadecimal. The same bytes have the same name in every tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(pub String);

/// The name of a kept tree: a git tree's identifier in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TreeId(pub String);

/// The walls around programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// The layers that are active, strongest first, as in `bubblewrap`, `landlock`, `seccomp`, `rlimits`.
    /// Empty only when the user asked for `--unconfined`.
    pub layers: Vec<String>,
    /// What doesn't hold here and a reader of the report should know.
    pub gaps: Vec<String>,
}

/// A Python environment that is ready for use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Hash of everything that went into it.
    pub key: String,
    /// As in `3.11.7`.
    pub python_version: String,
    /// What declared its packages: `uv.lock`, `pyproject.toml [test]`, `requirements-dev.txt` …
    pub sources: Vec<String>,
    /// Whether it was there already.
    pub cached: bool,
    /// How long it took to get ready, in milliseconds.
    pub wall_ms: u64,
    /// The folder in which the tests are run, relative to the root: that of the only project that has tests. Empty for the
    /// root itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub test_folder: String,
    /// What whoever reads the outcomes must know about it: what was tried, left out or assumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Which files to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Folder to look in; empty for the root.
    pub path: String,
    /// Pattern such as `**/*.py`; none takes all.
    pub glob: Option<String>,
    /// Longest list.
    pub items_max: usize,
}

/// What to search for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    /// Regular expression, in the syntax of Rust's `regex` crate.
    pub pattern: String,
    /// Folder or file to look in; empty for the root.
    pub path: String,
    /// Pattern such as `**/*.py`; none takes all.
    pub glob: Option<String>,
    /// Longest list.
    pub items_max: usize,
}

/// A list that may have been cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Paths, or `path:line: text` for a search.
    pub items: Vec<String>,
    /// Items that were left out.
    pub left_out: usize,
}

/// A difference between the base and the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Unified diff that `git apply` takes; binary files as git's binary patches.
    pub patch: String,
    /// The files in it, sorted by path.
    pub files: Vec<ChangedFile>,
}

/// One file of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Its path.
    pub path: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Whether git takes it for binary.
    pub binary: bool,
    /// Whether it is a symbolic link after the change.
    pub symlink: bool,
    /// The new lines, by number in the new file.
    pub lines: Vec<LineRange>,
}

/// What happened to a file. A rename is a deletion and an addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its content or its mode changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// Lines of a file, counted from 1, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRange {
    /// First line.
    pub first: u32,
    /// Last line.
    pub last: u32,
}

/// The workspace refused or could not do something.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// A path that isn't in the tree.
    #[error("use `{path}`: it is outside the repository or passes through a symbolic link")]
    Outside {
        /// The path as it was given.
        path: String,
    },
    /// A path that nobody may write through an agent.
    #[error("write `{path}`: {why}")]
    Protected {
        /// The path.
        path: String,
        /// Why not.
        why: String,
    },
    /// There is no such file.
    #[error("find `{path}` in the repository")]
    NotFound {
        /// The path.
        path: String,
    },
    /// The thing at a path can't be used that way: a folder, a device, a file that is too large.
    #[error("use `{path}`: {why}")]
    Unusable {
        /// The path.
        path: String,
        /// What it is instead.
        why: String,
    },
    /// A pattern that can't be understood.
    #[error("understand the pattern `{pattern}`: {why}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// The policy refused a command line.
    #[error("run `{line}`: {why}")]
    Denied {
        /// The line.
        line: String,
        /// The rule it broke, and what to use instead.
        why: String,
    },
    /// The environment of the repository can't be set up.
    #[error("set up the repository's Python environment: `{command}` failed:\n{tail}")]
    Blocked {
        /// The command that failed.
        command: String,
        /// The end of its output.
        tail: String,
    },
    /// Anything the operating system or git refused.
    #[error("{doing}")]
    Failed {
        /// What was being done, as in `write the tree`.
        doing: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl WorkspaceError {
    /// Wraps a cause with what was being done.
    pub fn failed(
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> WorkspaceError {
        WorkspaceError::Failed {
            doing: doing.into(),
            source: source.into(),
        }
    }

    /// Whether a model could do better with other arguments, so that the error is an answer to it rather than
    /// the end of the run.
    pub fn is_the_callers_fault(&self) -> bool {
        !matches!(
            self,
            WorkspaceError::Failed { .. } | WorkspaceError::Blocked { .. }
        )
    }
}
