//! Branches of a remote repository: what is at their end, and pushing to it. Never by force.

use std::path::Path;

use git2::{Oid, Repository};
use sandbox::command::{Spawn, View};

use super::mirror::{Mirrors, blocking};
use super::refusal::{explain, shortened};
use super::{Address, GitError, check_reference, environment, parse_id};

/// What is known of the commit at the end of a remote branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The commit, in hexadecimal.
    pub commit: String,
    /// Its tree, in hexadecimal.
    pub tree: String,
    /// Its message.
    pub message: String,
    /// Who made it, as in `Ada <ada@example.org>`.
    pub committer: String,
}

/// What git's words about a refused push mean.
const MEANINGS: &[(&[&str], &str)] = &[
    (
        &[
            "non-fast-forward",
            "fetch first",
            "stale info",
            "cannot lock ref",
        ],
        "somebody pushed to the branch meanwhile (deliver again)",
    ),
    (
        &["shallow update not allowed"],
        "the repository lacks the commit that the run started from (push that first)",
    ),
    (
        &[
            "protected branch",
            "pre-receive hook declined",
            "hook declined",
            "gh006",
            "gh013",
        ],
        "a rule of the repository forbids it (allow branches named `pipeline/…`, or ask who may)",
    ),
    (
        &["archived", "read-only"],
        "the repository takes no changes any more",
    ),
    (
        &["write access", "denied to", "error: 403", "not granted"],
        "the token may not write there (it needs `Contents: write`, or the scope `repo`)",
    ),
    (
        &["workflow` scope", "workflows` permission"],
        "the change touches a workflow, which the token may not",
    ),
];

impl Mirrors {
    /// The commit at the end of a branch of a remote repository, which is fetched into `repository` without its history; none
    /// where there is no such branch.
    ///
    /// # Errors
    ///
    /// When the repository can't be reached or read.
    pub async fn tip(
        &self,
        repository: &Path,
        address: &Address,
        branch: &str,
    ) -> Result<Option<Tip>, GitError> {
        check_reference(branch)?;
        let name = format!("refs/heads/{branch}");
        let spawn = self.remote_command(
            repository,
            address,
            &["ls-remote", "--quiet", "--heads"],
            &[&name],
        );
        let ended = self.run_spawn(&spawn).await?;
        if !ended.succeeded() {
            let said = self.scrubbed(&ended.stderr.text);
            return Err(explain(
                address,
                None,
                ended.exit,
                &said,
                self.fetch_seconds_max(),
            ));
        }
        let listed = ended.stdout.text;
        let mut lines = listed.lines().filter_map(|it| it.split_once('\t'));
        if !lines.any(|(_, it)| it == name) {
            return Ok(None);
        }
        let local = "refs/pipeline/tip";
        let what = format!("+{name}:{local}");
        let spawn = self.fetch_into(repository, address, &["--depth=1", "--no-tags"], &what);
        let ended = self.run_spawn(&spawn).await?;
        if !ended.succeeded() {
            let said = self.scrubbed(&ended.stderr.text);
            let seconds_max = self.fetch_seconds_max();
            return Err(explain(
                address,
                Some(branch),
                ended.exit,
                &said,
                seconds_max,
            ));
        }
        let repository = repository.to_owned();
        blocking(move || tip_of(&repository, local).map(Some)).await
    }

    /// Makes `commit` the end of a branch of a remote repository, which must be there already at `before`, or not at all.
    ///
    /// # Errors
    ///
    /// [`GitError::Push`] when the remote refuses, among other things because the branch has moved on; nothing is overwritten.
    pub async fn push(
        &self,
        repository: &Path,
        address: &Address,
        branch: &str,
        commit: &str,
        before: Option<&str>,
    ) -> Result<(), GitError> {
        check_reference(branch)?;
        parse_id(commit)?;
        let lease = format!(
            "--force-with-lease=refs/heads/{branch}:{}",
            before.unwrap_or_default()
        );
        if let Some(before) = before {
            self.refuse_to_overwrite(repository, commit, before).await?;
        }
        let how = [
            "push",
            "--quiet",
            "--porcelain",
            "--no-verify",
            "--no-signed",
            "--recurse-submodules=no",
            &lease,
        ];
        let what = format!("{commit}:refs/heads/{branch}");
        let spawn = self.remote_command(repository, address, &how, &[&what]);
        let ended = self.run_spawn(&spawn).await?;
        if ended.succeeded() {
            return Ok(());
        }
        let said = format!("{}\n{}", ended.stdout.text, ended.stderr.text);
        let said = self.scrubbed(&said);
        let lower = said.to_lowercase();
        let meaning = MEANINGS
            .iter()
            .find(|(words, _)| words.iter().any(|it| lower.contains(it)));
        match meaning {
            Some((_, why)) => Err(GitError::Push {
                repository: address.to_string(),
                branch: branch.to_owned(),
                why: format!("{why}: {}", shortened(&said, ended.exit)),
            }),
            None => match explain(
                address,
                Some(branch),
                ended.exit,
                &said,
                self.fetch_seconds_max(),
            ) {
                GitError::Fetch { repository, said } => Err(GitError::Push {
                    repository,
                    branch: branch.to_owned(),
                    why: said,
                }),
                known => Err(known),
            },
        }
    }

    /// A lease alone would let git replace what it names: the new end must have the old one behind it.
    async fn refuse_to_overwrite(
        &self,
        repository: &Path,
        commit: &str,
        before: &str,
    ) -> Result<(), GitError> {
        let (folder, new, old) = (repository.to_owned(), parse_id(commit)?, parse_id(before)?);
        blocking(move || {
            let git = GitError::git;
            let open = Repository::open_bare(&folder).map_err(git("open the repository"))?;
            let new = open.find_commit(new).map_err(git("read a commit"))?;
            match new.id() == old || new.parent_ids().any(|it| it == old) {
                true => Ok(()),
                false => Err(GitError::NotOnTop {
                    commit: new.id().to_string(),
                    before: old.to_string(),
                }),
            }
        })
        .await
    }

    fn remote_command(
        &self,
        repository: &Path,
        address: &Address,
        how: &[&str],
        what: &[&str],
    ) -> Spawn {
        let mut spawn = self.fetch_into(repository, address, &[], "");
        let folder = format!("--git-dir={}", repository.display());
        let (before, after) = (["git", folder.as_str()], ["--", address.as_str()]);
        let parts: [&[&str]; 4] = [&before, how, &after, what];
        spawn.argv = parts.concat().iter().map(|it| (*it).to_owned()).collect();
        spawn.env = environment::for_pushing(address, self.access(), self.search_path());
        spawn.view = View::Bounded;
        spawn
    }
}

fn tip_of(repository: &Path, name: &str) -> Result<Tip, GitError> {
    let git = GitError::git;
    let open = Repository::open_bare(repository).map_err(git("open the repository"))?;
    let found = open
        .find_reference(name)
        .and_then(|it| it.peel_to_commit())
        .map_err(git("read the end of the remote branch"))?;
    let committer = found.committer();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Tip {
        commit: found.id().to_string(),
        tree: found.tree_id().to_string(),
        message: text(found.message_bytes()),
        committer: format!(
            "{} <{}>",
            text(committer.name_bytes()),
            text(committer.email_bytes())
        ),
    })
}

/// Writes a commit of `tree` on top of these parents into a repository of ours, all of which it holds already.
///
/// # Errors
///
/// When one of them isn't there, or an identity can't sign.
pub fn commit_on_top(
    repository: &Path,
    parents: &[&str],
    tree: &str,
    message: &str,
    author: &super::Identity,
    committer: &super::Identity,
) -> Result<String, GitError> {
    let git = GitError::git;
    let open = Repository::open_bare(repository).map_err(git("open the repository"))?;
    let tree = open
        .find_tree(parse_id(tree)?)
        .map_err(git("read a tree"))?;
    let parents: Vec<Oid> = parents
        .iter()
        .map(|it| parse_id(it))
        .collect::<Result<_, _>>()?;
    let parents: Vec<git2::Commit<'_>> = parents
        .into_iter()
        .map(|it| open.find_commit(it).map_err(git("read a commit")))
        .collect::<Result<_, _>>()?;
    let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
    open.commit(
        None,
        &author.sign_now()?,
        &committer.sign_now()?,
        &format!("{}\n", message.trim()),
        &tree,
        &parents,
    )
    .map(|it| it.to_string())
    .map_err(git("write a commit"))
}
