//! Git for untrusted repositories: the git program for the network only, libgit2 for everything local.
//!
//! No program ever runs on a repository that a user or a stranger configured, but behind walls: what comes over the network
//! goes into a bare mirror of our own, and a local repository is read through libgit2, which starts nothing. What libgit2 can't
//! read git does, in the sandbox.

mod address;
mod apply;
mod base_tree;
mod branch;
mod by_program;
mod commit;
mod copy;
mod deepen;
mod describe;
mod difference;
mod endings;
mod environment;
mod error;
mod history;
pub mod kept;
pub mod layout;
mod local;
mod lock;
mod mirror;
pub mod picture;
mod plant;
mod push;
mod refusal;
mod store;
mod tree;
mod work_files;

pub use address::{Access, Address, Credential, check_reference};
pub use branch::{Branch, Delivered, bring, commit_to_branch};
pub use commit::{Committed, commit_paths};
pub use difference::{Texts, difference_between};
pub use error::GitError;
pub use history::Described;
pub use mirror::{MirrorLimits, Mirrors};
pub use plant::plant;
pub use push::{Tip, commit_on_top};
pub use store::Store;
pub use work_files::apply_to_files;

pub use base_tree::BaseTree;
pub use by_program::{fetch as fetch_by_program, folder_address, is_unknown_form};
pub use endings::Endings;
pub use history::{Counts, History, describe, history, keep};
pub use local::{open_local, remote_address, take};
pub use lock::{Lock, LockError};
pub use mirror::{Source, blocking};
pub use store::{init_bare, parse_id};
pub use tree::{Changes, Entry, Mode, Tracked};

/// Who signs a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// As in `Ada Lovelace`.
    pub name: String,
    /// As in `ada@example.org`.
    pub email: String,
}

impl Identity {
    fn sign_now(&self) -> Result<git2::Signature<'static>, GitError> {
        git2::Signature::now(&self.name, &self.email).map_err(|_| GitError::BadIdentity {
            name: self.name.clone(),
            email: self.email.clone(),
        })
    }
}
