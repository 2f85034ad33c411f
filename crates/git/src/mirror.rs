//! The cache of bare mirrors: one for each repository, so that a second run fetches only what is new.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use git2::{Oid, Repository};
use protocol::{Log, Note, sha256};
use sandbox::command::{Bounds, Door, Spawn, View};

use super::refusal::explain;
use super::store::init_bare;
use super::{Access, Address, GitError, check_reference, environment};
use crate::lock::{Lock, LockError};

/// How much a fetch may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorLimits {
    /// Wall time of one fetch.
    pub fetch_seconds_max: u64,
    /// How long to wait while another run fetches the same repository.
    pub lock_seconds_max: u64,
    /// Largest pack that is taken.
    pub pack_bytes_max: u64,
    /// Address space of git while it unpacks.
    pub memory_bytes_max: u64,
}

/// The cache of bare mirrors. Several processes may use it at once.
#[derive(Clone, Debug)]
pub struct Mirrors {
    folder: PathBuf,
    door: Arc<Door>,
    access: Access,
    search_path: String,
    limits: MirrorLimits,
}

/// A base in a mirror, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The bare repository that holds it.
    pub mirror: PathBuf,
    /// The base commit.
    pub commit: Oid,
    /// Its tree, or what uncommitted changes made of it.
    pub tree: Oid,
    /// Whether there were any.
    pub uncommitted: bool,
}

/// How often a fetch in flight is looked at for its progress.
const GLANCE: Duration = Duration::from_millis(250);

/// Output kept of git.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

impl Mirrors {
    /// A cache in `folder`, which is created when needed. Git and ssh are looked up on `search_path`.
    pub fn new(
        folder: PathBuf,
        door: Arc<Door>,
        access: Access,
        search_path: String,
        limits: MirrorLimits,
    ) -> Mirrors {
        Mirrors {
            folder,
            door,
            access,
            search_path,
            limits,
        }
    }

    /// Fetches one commit, without its history: `reference`, or the head of the remote's default branch.
    pub async fn fetch(
        &self,
        address: &Address,
        reference: Option<&str>,
        log: &dyn Log,
    ) -> Result<Source, GitError> {
        if let Some(reference) = reference {
            check_reference(reference)?;
        }
        let (mirror, _lock) = self.hold(address.as_str(), log).await?;
        if let Some(source) = reference.and_then(|it| pinned(&mirror, it)) {
            return Ok(source);
        }
        let name = local_name(reference);
        let spawn = self.fetch_command(&mirror, address, reference.unwrap_or("HEAD"), &name);
        let ended = self
            .run_with_progress(&spawn, address, &mirror, log)
            .await?;
        if !ended.succeeded() {
            let said = self.scrubbed(&ended.stderr.text);
            let seconds_max = self.limits.fetch_seconds_max;
            return Err(explain(address, reference, ended.exit, &said, seconds_max));
        }
        let named = reference.unwrap_or("HEAD").to_owned();
        let repository = address.to_string();
        blocking(move || pin(&mirror, &name, &named, &repository)).await
    }

    /// The mirror for a key, locked against everybody else who would write to it.
    pub async fn hold(&self, key: &str, log: &dyn Log) -> Result<(PathBuf, Lock), GitError> {
        fs::create_dir_all(&self.folder).map_err(GitError::files(
            "create the folder of mirrors",
            &self.folder,
        ))?;
        let name = format!("{:.32}", sha256(key));
        let path = self.folder.join(format!("{name}.lock"));
        let lock = match Lock::take(&path, 0).await {
            Err(LockError::Busy { .. }) => {
                log.note(Note::Progress {
                    what: "fetch".to_owned(),
                    how_far: "waiting for another run on the same repository".to_owned(),
                });
                Lock::take(&path, self.limits.lock_seconds_max).await
            }
            at_once => at_once,
        };
        let lock = lock?;
        let mirror = self.folder.join(format!("{name}.git"));
        let made = mirror.clone();
        blocking(move || init_bare(&made).map(drop)).await?;
        Ok((mirror, lock))
    }

    /// Where git and ssh are looked up.
    pub fn search_path(&self) -> &str {
        &self.search_path
    }

    /// Runs git on a folder, with this view of the machine.
    pub async fn run(
        &self,
        argv: &[&str],
        folder: &Path,
        env: BTreeMap<String, String>,
        view: View,
    ) -> Result<protocol::Execution, GitError> {
        let spawn = Spawn {
            argv: argv.iter().map(|it| (*it).to_owned()).collect(),
            directory: folder.to_owned(),
            env,
            stdin: Vec::new(),
            view,
            bounds: self.bounds(),
            report: false,
        };
        self.run_spawn(&spawn).await
    }

    /// Runs a prepared git.
    pub(crate) async fn run_spawn(&self, spawn: &Spawn) -> Result<protocol::Execution, GitError> {
        self.door.run(spawn).await.map_err(GitError::Program)
    }

    /// How git reaches remote hosts.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            wall_seconds_max: self.limits.fetch_seconds_max,
            cpu_seconds_max: self.limits.fetch_seconds_max,
            memory_bytes_max: self.limits.memory_bytes_max,
            file_bytes_max: self.limits.pack_bytes_max,
            processes_max: 4096,
            output_bytes_max: OUTPUT_BYTES_MAX,
            output_flood_bytes_max: 64 * OUTPUT_BYTES_MAX as u64,
        }
    }

    fn fetch_command(&self, mirror: &Path, address: &Address, remote: &str, name: &str) -> Spawn {
        let how = ["--depth=1", "--no-tags"];
        self.fetch_into(mirror, address, &how, &format!("+{remote}:{name}"))
    }

    /// A fetch of one revision in a way of its own.
    pub fn fetch_into(&self, mirror: &Path, address: &Address, how: &[&str], what: &str) -> Spawn {
        let folder = format!("--git-dir={}", mirror.display());
        let always = [
            "--quiet",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--force",
        ];
        let (before, after) = (["git", &folder, "fetch"], ["--", address.as_str(), what]);
        let parts: [&[&str]; 4] = [&before, &always, how, &after];
        Spawn {
            argv: parts.concat().iter().map(|it| (*it).to_owned()).collect(),
            directory: mirror.to_owned(),
            env: environment::for_fetching(address, &self.access, &self.search_path),
            stdin: Vec::new(),
            view: View::Bounded,
            bounds: self.bounds(),
            report: false,
        }
    }

    /// Git tells how far it is only to a terminal or in the stream that we keep for its errors, so we look at
    /// what has arrived instead.
    pub async fn run_with_progress(
        &self,
        spawn: &Spawn,
        address: &Address,
        mirror: &Path,
        log: &dyn Log,
    ) -> Result<protocol::Execution, GitError> {
        let what = format!("fetch {address}");
        let packs = mirror.join("objects/pack");
        let before = bytes_in(&packs);
        let run = self.door.run(spawn);
        tokio::pin!(run);
        let mut glance = tokio::time::interval(GLANCE);
        // Bounded by the wall time of the fetch itself.
        loop {
            tokio::select! {
                ended = &mut run => return ended.map_err(GitError::Program),
                _ = glance.tick() => {
                    let bytes = bytes_in(&packs).saturating_sub(before);
                    let how_far = format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0));
                    log.note(Note::Progress { what: what.clone(), how_far });
                }
            }
        }
    }

    /// Wall time of one fetch.
    pub fn fetch_seconds_max(&self) -> u64 {
        self.limits.fetch_seconds_max
    }

    /// What git said, without the credential.
    pub fn scrubbed(&self, said: &str) -> String {
        use secrecy::ExposeSecret;
        match &self.access.credential {
            Some(credential) => {
                let header = credential.header.expose_secret();
                let value = header.rsplit(' ').next().unwrap_or(header);
                said.replace(header, "[REDACTED]")
                    .replace(value, "[REDACTED]")
            }
            None => said.to_owned(),
        }
    }
}

/// Runs work that blocks on a thread that may.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
) -> Result<T, GitError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(GitError::Job)?
}

/// The name a fetched revision gets in the mirror, so that two that are fetched at different times don't collide.
fn local_name(reference: Option<&str>) -> String {
    match reference {
        None => "refs/fetched/default".to_owned(),
        Some(reference) => {
            format!("refs/fetched/{:.16}", sha256(reference))
        }
    }
}

/// A commit named in full that was fetched whole before: it can't have changed, so nobody needs to be asked.
fn pinned(mirror: &Path, reference: &str) -> Option<Source> {
    if reference.len() != 40 {
        return None;
    }
    let repository = Repository::open_bare(mirror).ok()?;
    let pin = repository.find_reference(&pin_name(reference)).ok()?;
    let commit = pin.peel_to_commit().ok()?;
    Some(Source {
        mirror: mirror.to_owned(),
        commit: commit.id(),
        tree: commit.tree_id(),
        uncommitted: false,
    })
}

/// Names the commit in the mirror once all of it is there.
fn pin(mirror: &Path, name: &str, named: &str, repository: &str) -> Result<Source, GitError> {
    let open = Repository::open_bare(mirror).map_err(GitError::git("open the mirror"))?;
    let found = open
        .find_reference(name)
        .map_err(GitError::git("find the fetched revision"))?;
    let commit = found
        .peel_to_commit()
        .map_err(|_| GitError::NoSuchReference {
            reference: named.to_owned(),
            repository: repository.to_owned(),
        })?;
    pin_commit(&open, commit.id())?;
    Ok(Source {
        mirror: mirror.to_owned(),
        commit: commit.id(),
        tree: commit.tree_id(),
        uncommitted: false,
    })
}

/// Says that a commit is in the mirror with all of its tree.
pub(crate) fn pin_commit(mirror: &Repository, commit: Oid) -> Result<(), GitError> {
    mirror
        .reference(&pin_name(&commit.to_string()), commit, true, "fetched")
        .map(drop)
        .map_err(GitError::git("name the base commit in the mirror"))
}

fn pin_name(commit: &str) -> String {
    format!("refs/whole/{}", commit.to_ascii_lowercase())
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|it| it.metadata().ok())
        .map(|it| it.len())
        .sum()
}
