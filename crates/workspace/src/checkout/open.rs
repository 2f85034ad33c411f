//! From an address or a folder to a checkout: the base is fetched or copied, and a work tree laid out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use git::Lock;
use git::layout::lay_out;
use git::{
    Address, Endings, GitError, Mirrors, Source, Store, blocking, fetch_by_program, folder_address,
    init_bare, is_unknown_form, keep, open_local, parse_id, take,
};
use git2::Oid;
use protocol::{Base, Limits, Log, Place, TreeId};
use python::scm;
use sandbox::command::Door;
use tokio::sync::OnceCell;

use crate::checkout::findings::Findings;
use crate::checkout::{Checkout, Environments, Shared};

/// Where a task's repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somewhere else.
    Address(Address),
    /// The top of a repository on this machine. It is only read.
    Folder(PathBuf),
    /// Nowhere: the task starts from nothing.
    Nothing,
}

/// Everything a checkout is opened with.
pub struct Opening {
    /// A folder of this run alone, which is created when missing. Kept trees stay in it.
    pub run_folder: PathBuf,
    /// Where fetched repositories are kept for all runs.
    pub mirrors: Mirrors,
    /// Starts programs.
    pub door: Arc<Door>,
    /// Bounds for files and commands.
    pub limits: Limits,
    /// Where runs keep what they found out about a base, for later runs of the same user. Created when needed.
    pub findings: PathBuf,
    /// Makes the Python environment.
    pub environments: Arc<dyn Environments>,
    /// Places of the user that no file of a repository names, with the names that a model is told instead: caches.
    pub places: Vec<Place>,
    /// The user's home folder in the same form. It is taken out of what programs print, and stays in files.
    pub home: Vec<Place>,
}

/// Where a run's trees are kept, in its folder.
const KEPT: &str = "kept.git";

impl Checkout {
    /// Opens the repository at `origin`.
    ///
    /// `reference` is a branch, tag or commit; none means the remote's default branch, or what is checked out in
    /// a folder. Uncommitted changes in a folder are an error, unless `include_dirty` takes them along.
    pub async fn open(
        opening: Opening,
        origin: &Origin,
        reference: Option<&str>,
        include_dirty: bool,
        log: &dyn Log,
    ) -> Result<Checkout, GitError> {
        let lock = prepare(&opening.run_folder).await?;
        let source = match origin {
            Origin::Address(address) => Some(opening.mirrors.fetch(address, reference, log).await?),
            Origin::Folder(folder) => {
                Some(copy(&opening.mirrors, folder, reference, include_dirty, log).await?)
            }
            Origin::Nothing => None,
        };
        let folder = opening.run_folder.join(KEPT);
        let name = match origin {
            Origin::Address(address) => address.to_string(),
            Origin::Folder(folder) => folder.display().to_string(),
            Origin::Nothing => String::new(),
        };
        let (store, base) = blocking(move || found(&folder, source.as_ref(), name)).await?;
        if let Err(error) = keep_history(&opening, origin, reference, &store, &base, log).await {
            // Whether anybody misses it is seen, and said, when the environment is made.
            tracing::warn!(%error, "left out the history that versions are made from");
        }
        start(opening, lock, store, base).await
    }

    /// The trees that a run kept in its folder, for delivery.
    pub fn kept_in(run_folder: &Path) -> Result<Store, GitError> {
        let folder = run_folder.join(KEPT);
        if !folder.exists() {
            return Err(GitError::NoSuchFolder { path: folder });
        }
        Store::open(&folder, None)
    }

    /// Writes the files of a kept tree into a folder that isn't there yet, for whoever wants them without git. Blocks.
    pub fn lay_out_kept(store: &Store, tree: &TreeId, folder: &Path) -> Result<(), GitError> {
        fs::create_dir_all(folder).map_err(GitError::files("create the folder", folder))?;
        let tracked = store.read_tree(parse_id(&tree.0)?)?;
        let endings = Endings::of(&store.repository()?, &tracked)?;
        lay_out(store, folder, &tracked, &endings, &AtomicBool::new(false))?;
        Ok(())
    }

    /// Takes what another run keeps of its base and of `trees` over into a run's folder that isn't there yet, for
    /// [`Checkout::reopen`]. The other folder is only read, whoever works in it, and isn't needed afterwards.
    pub async fn take_over(
        other: &Path,
        run_folder: &Path,
        base: &Base,
        trees: Vec<TreeId>,
    ) -> Result<(), GitError> {
        let (other, folder) = (other.to_owned(), run_folder.join(KEPT));
        let base = base.clone();
        blocking(move || {
            let other = Checkout::kept_in(&other)?;
            Store::with_trees_of(&other, &folder, &base, &trees).map(drop)
        })
        .await
    }

    /// Opens what [`Checkout::open`] left in the run's folder, from the same base, without asking anybody.
    pub async fn reopen(opening: Opening, base: &Base) -> Result<Checkout, GitError> {
        let lock = prepare(&opening.run_folder).await?;
        let run_folder = opening.run_folder.clone();
        let store = blocking(move || Checkout::kept_in(&run_folder)).await?;
        start(opening, lock, store, base.clone()).await
    }
}

/// How often a folder is cleared that fills again meanwhile.
const CLEARINGS_MAX: u32 = 100;
/// The wait before the next time.
const CLEARING_PAUSE: Duration = Duration::from_millis(20);

/// Removes a folder with everything in it. The programs of a process that was killed die with it, but not at the
/// same moment, and until then they may write into what is being removed.
fn clear(folder: &Path) -> io::Result<()> {
    let mut clearings = 0;
    loop {
        clearings += 1;
        match fs::remove_dir_all(folder) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => {
                return Ok(());
            }
            Err(error) => match error.kind() {
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound
                    if clearings < CLEARINGS_MAX =>
                {
                    std::thread::sleep(CLEARING_PAUSE);
                }
                _ => return Err(error),
            },
        }
    }
}

/// Takes the run's folder, and clears away what a process that was killed left in it.
async fn prepare(run: &Path) -> Result<Lock, GitError> {
    fs::create_dir_all(run).map_err(GitError::files("create the folder", run))?;
    let lock = Lock::take(&run.join("checkout.lock"), 0)
        .await
        .map_err(GitError::from)?;
    let run = run.to_owned();
    blocking(move || {
        for name in ["trees", "scratch"] {
            let path = run.join(name);
            clear(&path).map_err(GitError::files("clear", &path))?;
            fs::create_dir(&path).map_err(GitError::files("create the folder", &path))?;
        }
        Ok(())
    })
    .await?;
    Ok(lock)
}

async fn copy(
    mirrors: &Mirrors,
    folder: &Path,
    reference: Option<&str>,
    include_dirty: bool,
    log: &dyn Log,
) -> Result<Source, GitError> {
    let real = fs::canonicalize(folder).map_err(|_| GitError::NoSuchFolder {
        path: folder.to_owned(),
    })?;
    let (mirror, lock) = mirrors
        .hold(&format!("folder {}", real.display()), log)
        .await?;
    let (named, folder) = (reference.map(str::to_owned), real.clone());
    let taken = blocking(move || {
        let base = take(
            &folder,
            &init_bare(&mirror)?,
            named.as_deref(),
            include_dirty,
        )?;
        drop(lock);
        Ok(Source {
            mirror,
            commit: base.commit,
            tree: base.tree,
            uncommitted: base.uncommitted,
        })
    })
    .await;
    match taken {
        Err(error) if is_unknown_form(&error) => {
            fetch_by_program(mirrors, &real, reference, include_dirty, log).await
        }
        taken => taken,
    }
}

/// Keeps the commits down to the nearest tag beside the base, where a build will want to know how git describes it.
async fn keep_history(
    opening: &Opening,
    origin: &Origin,
    reference: Option<&str>,
    store: &Store,
    base: &Base,
    log: &dyn Log,
) -> Result<(), GitError> {
    if matches!(origin, Origin::Nothing) {
        return Ok(());
    }
    let commit = parse_id(&base.commit)?;
    let tree = parse_id(&base.tree.0)?;
    let reading = store.clone();
    let Some(counts) = blocking(move || scm::asked_by(&reading, tree)).await? else {
        return Ok(());
    };
    let store = store.clone();
    match origin {
        Origin::Address(address) => {
            let fetch = opening
                .mirrors
                .fetch_history(address, reference, commit, &counts, log);
            let from = fetch.await?;
            blocking(move || keep(&from, &store, commit, &counts)).await
        }
        Origin::Folder(folder) => {
            let (own, into, counted) = (folder.clone(), store.clone(), counts.clone());
            let kept = blocking(move || keep(&open_local(&own)?, &into, commit, &counted)).await;
            match kept {
                Err(error) if is_unknown_form(&error) => {
                    let address = folder_address(folder)?;
                    let fetch = opening
                        .mirrors
                        .fetch_history(&address, reference, commit, &counts, log);
                    let from = fetch.await?;
                    blocking(move || keep(&from, &store, commit, &counts)).await
                }
                kept => kept,
            }
        }
        Origin::Nothing => Ok(()),
    }
}

fn found(folder: &Path, source: Option<&Source>, name: String) -> Result<(Store, Base), GitError> {
    let Some(source) = source else {
        let store = Store::open(folder, None)?;
        let base = store.empty_base()?;
        return Ok((store, base));
    };
    let store = Store::open(folder, Some(&source.mirror))?;
    let base = Base {
        repository: name,
        commit: source.commit.to_string(),
        tree: TreeId(source.tree.to_string()),
        uncommitted: source.uncommitted,
    };
    Ok((store, base))
}

async fn start(
    opening: Opening,
    lock: Lock,
    store: Store,
    base: Base,
) -> Result<Checkout, GitError> {
    let (base_commit, base_tree): (Oid, Oid) = (parse_id(&base.commit)?, parse_id(&base.tree.0)?);
    let reading = store.clone();
    let files = Arc::new(blocking(move || reading.read_tree(base_tree)).await?);
    let scratch = opening.run_folder.join("scratch");
    let shared = Shared {
        base,
        base_commit,
        base_tree,
        base_files: files.clone(),
        store,
        trees: opening.run_folder.join("trees"),
        scratch: scratch.into(),
        door: opening.door,
        limits: opening.limits,
        environments: opening.environments,
        ready: OnceCell::new(),
        findings: Findings::new(opening.findings),
        users_places: opening.places,
        home: opening.home,
        places_ready: OnceLock::new(),
        early_turns: Arc::default(),
        _lock: lock,
    };
    Checkout::of(Arc::new(shared), base_tree, files)
}
