//! Puts a completed change on a branch of its own.

use std::path::Path;

use protocol::{Entry, RunId, Status};
use workspace::git::{Branch, Delivered, Identity, Store, commit_to_branch};

use crate::error::DeliveryError;
use crate::message::{branch_name, message_of};
use crate::record::Record;

/// Who signs the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signers {
    /// Who is named as the author of the change.
    pub author: Identity,
    /// Who made the commit.
    pub committer: Identity,
}

/// Commits the change of a completed run to a new branch of the repository in `target`.
///
/// `store` holds the run's trees. Only objects and the branch are added: what is checked out in `target`, its index
/// and its other branches stay as they are. The same run delivered twice gives the same branch. Blocks while it reads
/// and writes.
///
/// # Errors
///
/// When the run isn't completed, when it changed nothing, or when git refuses; nothing is lost then.
pub fn commit_change(
    store: &Store,
    target: &Path,
    run: &RunId,
    history: &[Entry],
    signers: &Signers,
) -> Result<Delivered, DeliveryError> {
    let record = Record::read(run, history)?;
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

fn refusal(run: &RunId, why: &str) -> DeliveryError {
    DeliveryError::NotDeliverable {
        run: run.0.clone(),
        why: why.to_owned(),
    }
}
