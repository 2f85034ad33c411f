//! Puts a completed change on a branch of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use git::{Branch, Delivered, Store, commit_to_branch};
use protocol::{Destination, Entry, RunId, Status, TreeId};

use crate::changed::changed_files;
use crate::error::DeliveryError;
use crate::message::{branch_name, message_of};
use crate::record::Record;
use crate::targets::{Change, Signers, Target, blocking};

/// Most names in one message.
const NAMES_MAX: usize = 10;

/// A new branch of a repository on this machine.
#[derive(Clone, Debug)]
pub struct LocalBranch {
    /// The repository's folder; a bare one is made where none is.
    pub repository: PathBuf,
}

#[async_trait]
impl Target for LocalBranch {
    fn destination(&self) -> Destination {
        Destination::Branch {
            repository: self.repository.display().to_string(),
        }
    }

    /// The branch and its commit, as in `pipeline/last-page@3f2a…`.
    async fn hand_over(&self, change: &Change) -> Result<String, DeliveryError> {
        let (target, change) = (self.repository.clone(), change.clone());
        blocking(move || {
            let made = commit_change(
                &change.trees,
                &target,
                &change.run,
                &change.history,
                &change.signers,
            )?;
            Ok(format!("{}@{}", made.branch, made.commit))
        })
        .await
    }
}

/// Commits the change of a completed run to a new branch of the repository in `target`.
///
/// `store` holds the run's trees. Only objects and the branch are added: what is checked out in `target`, its index
/// and its other branches stay as they are. The same run delivered twice gives the same branch. Blocks while it reads
/// and writes.
///
/// # Errors
///
/// When the run isn't completed, when it changed nothing, when the tree differs from its base in another file than those of
/// the change, or when git refuses; nothing is lost then.
pub fn commit_change(
    store: &Store,
    target: &Path,
    run: &RunId,
    history: &[Entry],
    signers: &Signers,
) -> Result<Delivered, DeliveryError> {
    let record = Record::read(run, history)?;
    let tree = final_tree(store, run, &record)?;
    let branch = Branch {
        name: branch_name(&record.task, run),
        message: message_of(&record),
        author: signers.author.clone(),
        committer: signers.committer.clone(),
    };
    Ok(commit_to_branch(
        store,
        target,
        &record.base,
        tree,
        &branch,
    )?)
}

/// The tree that is delivered, after it was compared with what was reviewed.
///
/// # Errors
///
/// When the run isn't completed, changed nothing, or its tree differs from its base in another file than its patch.
pub(crate) fn final_tree<'a>(
    store: &Store,
    run: &RunId,
    record: &'a Record,
) -> Result<&'a TreeId, DeliveryError> {
    let tree = match (record.state.status, &record.final_tree) {
        (Status::Completed, Some(tree)) => tree,
        (Status::Failed, _) => {
            return Err(refusal(
                run,
                "failed (its last draft is in its patch and its bundle)",
            ));
        }
        _ => return Err(refusal(run, "isn't at its end (resume it first)")),
    };
    if record.state.proposed_code.trim().is_empty() {
        return Err(DeliveryError::NothingToDeliver { run: run.0.clone() });
    }
    refuse_what_is_outside(store, run, record, tree)?;
    Ok(tree)
}

/// Compares the tree with its base once more: what was reviewed is what is delivered, and nothing beside it.
fn refuse_what_is_outside(
    store: &Store,
    run: &RunId,
    record: &Record,
    tree: &TreeId,
) -> Result<(), DeliveryError> {
    let paths = |patch: &str| -> BTreeSet<String> {
        changed_files(patch).into_iter().map(|it| it.path).collect()
    };
    let change = store.change_between(&record.base.tree, tree)?;
    let (now, told) = (paths(&change.patch), paths(&record.state.proposed_code));
    let outside = now.symmetric_difference(&told);
    let names: Vec<String> = outside.map(|it| format!("`{it}`")).collect();
    if names.is_empty() {
        return Ok(());
    }
    let paths = match names.split_at_checked(NAMES_MAX) {
        Some((first, rest @ [_, ..])) => format!("{} and {} more", first.join(", "), rest.len()),
        _ => names.join(", "),
    };
    Err(DeliveryError::OutsideTheChange {
        run: run.0.clone(),
        paths,
    })
}

fn refusal(run: &RunId, why: &str) -> DeliveryError {
    DeliveryError::NotDeliverable {
        run: run.0.clone(),
        why: why.to_owned(),
    }
}
