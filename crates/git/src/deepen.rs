//! Fetches the commits between a base and its nearest tag, without their trees, into a repository beside the mirror.
//!
//! It is another repository because git takes a commit that it holds for one that it holds with all its files, and
//! would leave these out of a later fetch.

use std::path::Path;

use git2::{Oid, Repository};
use protocol::Log;

use super::history::{Counts, is_enough, open_fetched};
use super::mirror::blocking;
use super::refusal::explain;
use super::{Address, GitError, Mirrors, init_bare};

/// How many commits are asked for, one try after the other until a tag is among them.
const DEPTHS: [&str; 3] = ["--depth=100", "--depth=2000", "--depth=20000"];

impl Mirrors {
    /// Fetches as much of the history of `commit` as it takes to find a tag that `counts` takes. `reference` is how
    /// the commit was named, for servers that give out no commit by its identifier.
    pub async fn fetch_history(
        &self,
        address: &Address,
        reference: Option<&str>,
        commit: Oid,
        counts: &Counts,
        log: &dyn Log,
    ) -> Result<Repository, GitError> {
        let (mirror, _lock) = self.hold(address.as_str(), log).await?;
        let folder = mirror.with_extension("history.git");
        let made = folder.clone();
        blocking(move || init_bare_anew(&made)).await?;
        for depth in DEPTHS {
            let (at, counts) = (folder.clone(), counts.clone());
            if blocking(move || holds_enough(&at, commit, &counts)).await? {
                break;
            }
            let name = format!("refs/heads/{commit}");
            // Tags that lead to what is fetched come along by themselves.
            let how = ["--filter=tree:0", depth];
            let by_commit = self.fetch_into(&folder, address, &how, &format!("+{commit}:{name}"));
            let mut ended = self
                .run_with_progress(&by_commit, address, &folder, log)
                .await?;
            if !ended.succeeded() {
                let named = format!("+{}:{name}", reference.unwrap_or("HEAD"));
                let by_name = self.fetch_into(&folder, address, &how, &named);
                ended = self
                    .run_with_progress(&by_name, address, &folder, log)
                    .await?;
            }
            if !ended.succeeded() {
                let said = self.scrubbed(&ended.stderr.text);
                let seconds_max = self.fetch_seconds_max();
                return Err(explain(address, reference, ended.exit, &said, seconds_max));
            }
        }
        blocking(move || open_fetched(&folder)).await
    }
}

/// Makes the repository; the one that is there is read as a plain one.
fn init_bare_anew(folder: &Path) -> Result<(), GitError> {
    if folder.join("HEAD").exists() {
        return open_fetched(folder).map(drop);
    }
    init_bare(folder).map(drop)
}

fn holds_enough(folder: &Path, commit: Oid, counts: &Counts) -> Result<bool, GitError> {
    let repository = open_fetched(folder)?;
    if repository.find_commit(commit).is_err() {
        return Ok(false);
    }
    is_enough(&repository, commit, counts)
}
