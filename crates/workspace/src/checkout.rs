//! A private checkout of a repository, as agents are handed it: files, search, snapshots, programs.

mod findings;
mod open;
mod run;
mod shown;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use git2::Oid;
use protocol::{
    Base, BaseFile, Change, Command, Confinement, ContentId, Environment, Execution, Limits,
    ListQuery, Listing, Place, Places, SearchQuery, TreeId, Workspace, WorkspaceError,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub use git::BaseTree;
pub use open::{Opening, Origin};
pub use python::{Environments, Ready, SystemPrograms};

use findings::{Findings, Key};
use git::Lock;
use git::{GitError, Mode, Store, Tracked, parse_id};
use sandbox::command::{Bounds, Door};
use tree::{LaidTree, Plan};

/// A private checkout. Its folder is gone when it is dropped; what was kept with `snapshot` stays in the run's
/// folder, and can be opened again from there.
pub struct Checkout {
    tree: Arc<LaidTree>,
    shared: Arc<Shared>,
}

/// What a checkout and all its forks have in common.
struct Shared {
    base: Base,
    base_commit: Oid,
    base_tree: Oid,
    base_files: Arc<Tracked>,
    store: Store,
    trees: PathBuf,
    scratch: Arc<Path>,
    door: Arc<Door>,
    limits: Limits,
    environments: Arc<dyn Environments>,
    ready: OnceCell<Ready>,
    findings: Findings,
    /// Places of the user that no file of a repository names.
    users_places: Vec<Place>,
    /// The user's home folder.
    home: Vec<Place>,
    /// Places of the run, once its environment is ready.
    places_ready: OnceLock<Places>,
    /// Held by the tree that is laid out before anybody needs it.
    early_turns: Arc<Mutex<()>>,
    /// Nobody else may work in the run's folder.
    _lock: Lock,
}

impl Checkout {
    /// The run's objects, for delivery.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Where the files are.
    pub fn path(&self) -> &Path {
        self.tree.path()
    }

    /// The tree that the base becomes with `patch`; an error when the patch doesn't fit the base.
    pub async fn applied_to_base(&self, patch: &str) -> Result<TreeId, GitError> {
        let shared = &self.shared;
        let bounds = Bounds::of(&shared.limits, shared.limits.command_seconds_max);
        let (door, scratch, tree) = (&shared.door, &shared.scratch, &shared.base.tree);
        shared
            .store
            .applied(door, bounds, scratch, tree, patch)
            .await
    }

    /// A checkout of `tree` that starts to lay itself out at once, in the background.
    fn of(shared: Arc<Shared>, tree: Oid, files: Arc<Tracked>) -> Result<Checkout, GitError> {
        let plan = Plan {
            store: shared.store.clone(),
            base_commit: shared.base_commit,
            base_files: shared.base_files.clone(),
            tree,
            files,
            scratch: shared.scratch.clone(),
            file_bytes_max: shared.limits.file_bytes_max,
        };
        let tree = Arc::new(LaidTree::new(plan, &shared.trees)?);
        let (early, turns) = (tree.clone(), shared.early_turns.clone());
        tokio::task::spawn_blocking(move || {
            // One after the other: what nobody waits for yet must not hold up what somebody does.
            let _turn = turns.lock().unwrap_or_else(PoisonError::into_inner);
            early.lay_out_early();
        });
        Ok(Checkout { tree, shared })
    }

    /// What a finding of this name is about: the tree says what was measured, the environment with what.
    async fn key_of(&self, name: &str) -> Result<Key, WorkspaceError> {
        let base = &self.shared.base;
        let ready = self.ready().await?;
        Ok(Key::of(&[
            &base.repository,
            &base.tree.0,
            &ready.environment.key,
            &ready.installation,
            name,
        ]))
    }

    /// What a finding of this name is about that holds for every base of the repository.
    fn lasting_key_of(&self, name: &str) -> Key {
        Key::of(&[&self.shared.base.repository, name])
    }

    async fn keep(&self, key: Key, bytes: &[u8]) -> Result<(), WorkspaceError> {
        let (findings, bytes) = (self.shared.findings.clone(), bytes.to_vec());
        self.with_files(move |_| {
            findings
                .remember(&key, &bytes)
                .map_err(|it| WorkspaceError::failed("keep a finding for later runs", it))
        })
        .await
    }

    /// Works on the files on a thread that may block.
    async fn with_files<T: Send + 'static>(
        &self,
        work: impl FnOnce(&LaidTree) -> Result<T, WorkspaceError> + Send + 'static,
    ) -> Result<T, WorkspaceError> {
        let tree = self.tree.clone();
        tokio::task::spawn_blocking(move || work(&tree))
            .await
            .map_err(|it| WorkspaceError::failed("finish the work on the files", it))?
    }
}

#[async_trait]
impl Workspace for Checkout {
    fn base(&self) -> &Base {
        &self.shared.base
    }

    fn confinement(&self) -> &Confinement {
        self.shared.door.confinement()
    }

    async fn set_up(&self) -> Result<Environment, WorkspaceError> {
        let ready = self.ready().await?;
        Ok(ready.environment.clone())
    }

    async fn list(&self, query: &ListQuery) -> Result<Listing, WorkspaceError> {
        let query = query.clone();
        self.with_files(move |tree| tree.list(&query)).await
    }

    async fn search(&self, query: &SearchQuery) -> Result<Listing, WorkspaceError> {
        let query = query.clone();
        self.with_files(move |tree| tree.search(&query)).await
    }

    async fn read(&self, path: &str) -> Result<Vec<u8>, WorkspaceError> {
        let path = path.to_owned();
        self.with_files(move |tree| tree.read(&path)).await
    }

    async fn base_files(&self) -> Result<Vec<BaseFile>, WorkspaceError> {
        Ok(plain_files(&self.shared.base_files))
    }

    async fn contents(
        &self,
        of: &[ContentId],
        bytes_max: u64,
    ) -> Result<Vec<Option<Vec<u8>>>, WorkspaceError> {
        let (store, of) = (self.shared.store.clone(), of.to_vec());
        self.with_files(move |_| {
            contents(&store, &of, bytes_max)
                .map_err(|it| WorkspaceError::failed("read files of the base", it))
        })
        .await
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), WorkspaceError> {
        let (path, bytes) = (path.to_owned(), bytes.to_vec());
        self.with_files(move |tree| tree.write(&path, &bytes)).await
    }

    async fn delete(&self, path: &str) -> Result<(), WorkspaceError> {
        let path = path.to_owned();
        self.with_files(move |tree| tree.delete(&path)).await
    }

    async fn snapshot(&self) -> Result<TreeId, WorkspaceError> {
        let id = self.with_files(LaidTree::keep).await?;
        Ok(TreeId(id.to_string()))
    }

    async fn restore(&self, tree: &TreeId) -> Result<(), WorkspaceError> {
        let id = known(tree)?;
        self.with_files(move |tree| tree.restore(id)).await
    }

    async fn change(&self) -> Result<Change, WorkspaceError> {
        let shared = self.shared.clone();
        self.with_files(move |tree| {
            let now = tree.keep()?;
            shared
                .store
                .difference(shared.base_tree, now)
                .map_err(|it| WorkspaceError::failed("compare the tree with its base", it))
        })
        .await
    }

    async fn fork(&self, tree: &TreeId) -> Result<Arc<dyn Workspace>, WorkspaceError> {
        let id = known(tree)?;
        let shared = self.shared.clone();
        let files = if id == shared.base_tree {
            shared.base_files.clone()
        } else {
            let read = move |_: &LaidTree| {
                let files = shared.store.read_tree(id).map_err(forking)?;
                Ok(Arc::new(files))
            };
            self.with_files(read).await?
        };
        let fork = Checkout::of(self.shared.clone(), id, files).map_err(forking)?;
        Ok(Arc::new(fork))
    }

    async fn run(&self, command: &Command) -> Result<Execution, WorkspaceError> {
        self.run_command(command, &mut |_| {})
            .await
            .map(|it| self.named(it))
    }

    async fn run_watched(
        &self,
        command: &Command,
        on_report: &mut (dyn for<'b> FnMut(&'b [u8]) + Send),
    ) -> Result<Execution, WorkspaceError> {
        self.run_command(command, on_report)
            .await
            .map(|it| self.named(it))
    }

    fn places(&self) -> Places {
        self.own_places()
    }

    fn steady(&self, output: &str) -> String {
        self.steady_words(output)
    }

    async fn recall(&self, name: &str) -> Result<Option<Vec<u8>>, WorkspaceError> {
        let (findings, key) = (self.shared.findings.clone(), self.key_of(name).await?);
        self.with_files(move |_| Ok(findings.recall(&key))).await
    }

    async fn remember(&self, name: &str, bytes: &[u8]) -> Result<(), WorkspaceError> {
        self.keep(self.key_of(name).await?, bytes).await
    }

    async fn recall_for_repository(&self, name: &str) -> Result<Option<Vec<u8>>, WorkspaceError> {
        let (findings, key) = (self.shared.findings.clone(), self.lasting_key_of(name));
        self.with_files(move |_| Ok(findings.recall(&key))).await
    }

    async fn remember_for_repository(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), WorkspaceError> {
        self.keep(self.lasting_key_of(name), bytes).await
    }

    async fn run_line(&self, line: &str, seconds_max: u64) -> Result<Execution, WorkspaceError> {
        self.run_shell_line(line, seconds_max).await
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        self.tree.abandon();
    }
}

impl std::fmt::Debug for Checkout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkout")
            .field("path", &self.path())
            .field("base", &self.shared.base)
            .finish_non_exhaustive()
    }
}

/// Ordinary files, executable or not. A path that is no text can't be shown to anybody, and stays out.
fn plain_files(tracked: &Tracked) -> Vec<BaseFile> {
    let plain = tracked
        .iter()
        .filter(|(_, it)| matches!(it.mode, Mode::File | Mode::Executable));
    plain
        .filter_map(|(path, entry)| {
            Some(BaseFile {
                path: String::from_utf8(path.clone()).ok()?,
                content: ContentId(entry.id.to_string()),
            })
        })
        .collect()
}

fn contents(
    store: &Store,
    of: &[ContentId],
    bytes_max: u64,
) -> Result<Vec<Option<Vec<u8>>>, GitError> {
    let reading = |it| GitError::git("read a file")(it);
    let repository = store.repository()?;
    let objects = repository.odb().map_err(reading)?;
    let read = |it: &ContentId| {
        let id = parse_id(&it.0)?;
        // Its size first: what is too large is never held.
        let (bytes, _) = objects.read_header(id).map_err(reading)?;
        if bytes_max < bytes as u64 {
            return Ok(None);
        }
        let object = objects.read(id).map_err(reading)?;
        Ok(Some(object.data().to_vec()))
    };
    of.iter().map(read).collect()
}

/// The identifier of a tree that we kept.
fn known(tree: &TreeId) -> Result<Oid, WorkspaceError> {
    parse_id(&tree.0).map_err(|it| WorkspaceError::failed("find a kept tree", it))
}

fn forking(error: GitError) -> WorkspaceError {
    WorkspaceError::failed("make another checkout", error)
}

/// A folder of the run's own, for one command.
fn private_folder(shared: &Shared) -> Result<TempDir, WorkspaceError> {
    tempfile::tempdir_in(&shared.scratch)
        .map_err(|it| WorkspaceError::failed("make a folder for a command's tools", it))
}
