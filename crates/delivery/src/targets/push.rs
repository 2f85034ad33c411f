//! A branch of a remote repository: found or made, appended to, never overwritten.

use std::path::PathBuf;

use async_trait::async_trait;
use git::{Address, GitError, Mirrors, Tip, commit_on_top};
use protocol::Destination;

use crate::error::DeliveryError;
use crate::message::message_of;
use crate::record::Record;
use crate::targets::branch::final_tree;
use crate::targets::{Change, Target, blocking};

/// The tree that our commit holds, so that one which somebody amended is known.
const TREE: &str = "Pipeline-Tree: ";
/// The run.
const RUN: &str = "Pipeline-Run: ";
/// The commit that the run started from.
const BASE: &str = "Pipeline-Base: ";

/// A branch of a remote repository.
#[derive(Clone, Debug)]
pub struct RemoteBranch {
    /// The repository.
    pub address: Address,
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// Where the commit is made: a bare repository of ours, which may not be there yet.
    pub work: PathBuf,
    /// What reaches the repository.
    pub mirrors: Mirrors,
}

#[async_trait]
impl Target for RemoteBranch {
    fn destination(&self) -> Destination {
        Destination::Push {
            repository: self.address.to_string(),
            branch: self.branch.clone(),
        }
    }

    /// The commit.
    async fn hand_over(&self, change: &Change) -> Result<String, DeliveryError> {
        if let Some(commit) = &change.delivered {
            return Ok(commit.clone());
        }
        let (work, all) = (self.work.clone(), change.clone());
        let (record, tree) = blocking(move || {
            let record = Record::read(&all.run, &all.history)?;
            let tree = final_tree(&all.trees, &all.run, &record)?.clone();
            if record.base.uncommitted {
                return Err(DeliveryError::UncommittedBase {
                    run: all.run.0.clone(),
                });
            }
            git::bring(&all.trees, &work, &record.base, &tree)?;
            Ok((record, tree))
        })
        .await?;
        let tip = self
            .mirrors
            .tip(&self.work, &self.address, &self.branch)
            .await
            .map_err(DeliveryError::Remote)?;
        let base = record.base.commit.as_str();
        let parents = match &tip {
            None => vec![base.to_owned()],
            Some(tip) if tip.tree == tree.0 => return Ok(tip.commit.clone()),
            Some(tip) => self.on_top_of(tip, base)?,
        };
        let message = format!("{}{BASE}{base}\n{TREE}{}\n", message_of(&record), tree.0);
        let (work, signers) = (self.work.clone(), change.signers.clone());
        let commit = blocking(move || {
            let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
            let (author, committer) = (&signers.author, &signers.committer);
            Ok(commit_on_top(
                &work, &parents, &tree.0, &message, author, committer,
            )?)
        })
        .await?;
        let before = tip.as_ref().map(|it| it.commit.as_str());
        self.mirrors
            .push(&self.work, &self.address, &self.branch, &commit, before)
            .await
            .map_err(DeliveryError::Remote)?;
        Ok(commit)
    }
}

impl RemoteBranch {
    /// What a commit on top of ours has behind it: ours, and the base when that is another one than it was.
    fn on_top_of(&self, tip: &Tip, base: &str) -> Result<Vec<String>, DeliveryError> {
        let said = |name: &str| trailer(&tip.message, name);
        if !is_ours(&tip.message, &tip.tree) {
            return Err(DeliveryError::ForeignCommit {
                branch: self.branch.clone(),
                commit: tip.commit.clone(),
                committer: protocol::visible(&tip.committer).into_owned(),
            });
        }
        let mut parents = vec![tip.commit.clone()];
        if said(BASE) != Some(base) && base != tip.commit {
            parents.push(base.to_owned());
        }
        Ok(parents)
    }
}

/// Whether a commit is as this program made it: it names its run, and the tree that it really holds.
pub fn is_ours(message: &str, tree: &str) -> bool {
    trailer(message, TREE) == Some(tree) && trailer(message, RUN).is_some()
}

/// What a line of the last paragraph of a message says.
fn trailer<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let last = message.trim_end().rsplit("\n\n").next()?;
    last.lines().find_map(|it| it.strip_prefix(name))
}

/// Where a local repository is pushed to: the address of its `origin`, if it has one that may be pushed to.
///
/// # Errors
///
/// When the folder isn't a repository, or its address can't be used.
pub fn origin_of(folder: &std::path::Path) -> Result<Option<Address>, GitError> {
    git::remote_address(folder, "origin")
}
