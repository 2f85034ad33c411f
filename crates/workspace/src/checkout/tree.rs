//! One tree laid out as files: written by tools, changed by programs, kept, put back, and gone when dropped.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use files::{Folder, Glob, Stamp, TreePath, search, walk};
use git::kept::{Kept, KeptFiles, Ledger, keeping, submodules};
use git::{Endings, Entry, GitError, Mode, Store, Tracked};
use git::{layout, picture};
use git2::Oid;
use ignore::WalkBuilder;
use protocol::{ListQuery, Listing, SearchQuery, WorkspaceError};
use tempfile::TempDir;

/// What a tree is made of and from.
pub(crate) struct Plan {
    pub(crate) store: Store,
    /// The commit programs in the tree see as checked out, and its files.
    pub(crate) base_commit: Oid,
    pub(crate) base_files: Arc<Tracked>,
    /// The tree to lay out, and its files.
    pub(crate) tree: Oid,
    pub(crate) files: Arc<Tracked>,
    /// Where files are written before they are put in place, on the same file system.
    pub(crate) scratch: Arc<Path>,
    /// Largest file that is read, written or kept.
    pub(crate) file_bytes_max: u64,
}

/// A tree in a private folder.
///
/// Laying it out happens once, on whichever thread comes first; until it is done, listing and reading are
/// answered from git's own copy.
pub(crate) struct LaidTree {
    plan: Plan,
    folder: Folder,
    /// The ends of lines in the tree that is laid out.
    endings: OnceLock<Arc<Endings>>,
    ledger: OnceLock<Result<Mutex<Ledger>, Arc<GitError>>>,
    abandoned: AtomicBool,
    /// Removes the folder; an option only so that it can be handed to another thread at the end.
    directory: Option<TempDir>,
}

impl LaidTree {
    /// A tree that will be laid out in a new folder inside `trees`.
    pub(crate) fn new(plan: Plan, trees: &Path) -> Result<LaidTree, GitError> {
        let directory = tempfile::Builder::new()
            .prefix("tree-")
            .tempdir_in(trees)
            .map_err(GitError::files("create a folder in", trees))?;
        let folder =
            Folder::open(directory.path()).map_err(GitError::files("open", directory.path()))?;
        Ok(LaidTree {
            plan,
            folder,
            endings: OnceLock::new(),
            ledger: OnceLock::new(),
            abandoned: AtomicBool::new(false),
            directory: Some(directory),
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Nobody wants it any more: laying it out may stop.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Lays the tree out before anybody needs it, unless nobody will any more.
    pub(crate) fn lay_out_early(&self) {
        if !self.abandoned.load(Ordering::Relaxed) {
            // Whoever needs the files first is told why they aren't there.
            let _ = self.lay_out();
        }
    }

    /// Lays the tree out, or waits until another thread has.
    pub(crate) fn lay_out(&self) -> Result<(), WorkspaceError> {
        self.ledger().map(drop)
    }

    fn ledger(&self) -> Result<MutexGuard<'_, Ledger>, WorkspaceError> {
        let laid = self.ledger.get_or_init(|| {
            let started = std::time::Instant::now();
            let ledger = self.lay_out_now().map(Mutex::new).map_err(Arc::new);
            let wall_ms = started.elapsed().as_millis();
            tracing::debug!(files = self.plan.files.len(), wall_ms, "laid a tree out");
            ledger
        });
        match laid {
            // A thread that panicked while it kept the tree left the old ledger, which is still true.
            Ok(ledger) => Ok(ledger.lock().unwrap_or_else(PoisonError::into_inner)),
            Err(error) => Err(WorkspaceError::failed("lay the tree out", error.clone())),
        }
    }

    fn endings(&self) -> Result<Arc<Endings>, GitError> {
        if let Some(known) = self.endings.get() {
            return Ok(known.clone());
        }
        let read = Endings::of(&self.plan.store.repository()?, &self.plan.files)?;
        Ok(self.endings.get_or_init(|| Arc::new(read)).clone())
    }

    fn lay_out_now(&self) -> Result<Ledger, GitError> {
        let plan = &self.plan;
        let path = self.folder.path();
        let endings = self.endings()?;
        let files = layout::lay_out(&plan.store, path, &plan.files, &endings, &self.abandoned)?;
        picture::draw(
            &plan.store,
            path,
            plan.base_commit,
            &plan.base_files,
            &files,
        )?;
        Ok(Ledger {
            files,
            endings,
            tree: plan.tree,
            touched: BTreeSet::new(),
            unseen: false,
        })
    }

    /// As [`protocol::Workspace::list`].
    pub(crate) fn list(&self, query: &ListQuery) -> Result<Listing, WorkspaceError> {
        let under = TreePath::parse(&query.path, self.path())?;
        let glob = Glob::new(query.glob.as_deref())?;
        let mut listing = Listing::default();
        for path in self.listed(&under, &query.path)? {
            if !glob.fits(&path, &under) {
                continue;
            }
            if listing.items.len() < query.items_max {
                listing.items.push(path.shown());
            } else {
                listing.left_out += 1;
            }
        }
        Ok(listing)
    }

    /// As [`protocol::Workspace::search`].
    pub(crate) fn search(&self, query: &SearchQuery) -> Result<Listing, WorkspaceError> {
        let under = TreePath::parse(&query.path, self.path())?;
        let glob = Glob::new(query.glob.as_deref())?;
        self.lay_out()?;
        let mut files = self.listed(&under, &query.path)?;
        files.retain(|it| glob.fits(it, &under));
        search(&self.folder, &files, &query.pattern, query.items_max)
    }

    /// Files at or below a path that aren't ignored, and those that git keeps although they are.
    fn listed(&self, under: &TreePath, given: &str) -> Result<Vec<TreePath>, WorkspaceError> {
        let Some(Ok(ledger)) = self.ledger.get() else {
            return self.listed_from_git(under, given);
        };
        if !under.is_root() {
            self.check_folder(under, given)?;
        }
        let (tracked, closed) = {
            let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            let paths = ledger
                .files
                .iter()
                .filter(|(path, kept)| kept.entry.mode != Mode::Submodule && under.contains(path));
            let paths = paths.map(|(path, _)| path.clone());
            let touched = ledger.touched.iter().filter(|it| under.contains(it));
            let all: BTreeSet<Vec<u8>> = paths.chain(touched.cloned()).collect();
            (all, ledger.submodules())
        };
        let found = walk(&self.folder, under, &closed)
            .map_err(|it| WorkspaceError::failed("look through the tree", it))?;
        let mut files: BTreeSet<Vec<u8>> = found.into_iter().map(|it| it.path).collect();
        for path in tracked {
            let here = || self.folder.stat(&TreePath::from_tracked(&path));
            if !files.contains(&path) && here().is_some_and(|it| !it.is_dir()) {
                files.insert(path);
            }
        }
        Ok(files.iter().map(|it| TreePath::from_tracked(it)).collect())
    }

    fn listed_from_git(
        &self,
        under: &TreePath,
        given: &str,
    ) -> Result<Vec<TreePath>, WorkspaceError> {
        let files = self.plan.files.iter();
        let inside: Vec<TreePath> = files
            .filter(|(path, it)| it.mode != Mode::Submodule && under.contains(path))
            .map(|(path, _)| TreePath::from_tracked(path))
            .collect();
        if inside.is_empty() && !under.is_root() {
            // A submodule, a link or nothing: the files themselves tell which.
            self.lay_out()?;
            self.check_folder(under, given)?;
        }
        Ok(inside)
    }

    fn check_folder(&self, path: &TreePath, given: &str) -> Result<(), WorkspaceError> {
        let given = || given.to_owned();
        match self.folder.stat(path) {
            Some(it) if it.is_symlink() => Err(WorkspaceError::Outside { path: given() }),
            Some(_) => Ok(()),
            None => match self.folder.read(path, 0) {
                Err(WorkspaceError::Outside { .. }) => {
                    Err(WorkspaceError::Outside { path: given() })
                }
                _ => Err(WorkspaceError::NotFound { path: given() }),
            },
        }
    }

    /// Refuses to run a program anywhere but in a folder of the tree.
    pub(crate) fn check_directory(&self, path: &TreePath) -> Result<(), WorkspaceError> {
        if path.is_root() {
            return Ok(());
        }
        self.check_folder(path, &path.shown())?;
        match self.folder.stat(path).is_some_and(|it| it.is_dir()) {
            true => Ok(()),
            false => Err(WorkspaceError::Unusable {
                path: path.shown(),
                why: "it is a file; a program runs in a folder".to_owned(),
            }),
        }
    }

    /// As [`protocol::Workspace::read`].
    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>, WorkspaceError> {
        let path = TreePath::parse(path, self.path())?;
        let entry = self.plan.files.get(path.as_bytes());
        let entry = entry.filter(|it| matches!(it.mode, Mode::File | Mode::Executable));
        if let Some(entry) = entry.filter(|_| self.ledger.get().is_none()) {
            return self.read_from_git(&path, entry);
        }
        self.lay_out()?;
        self.folder.read(&path, self.plan.file_bytes_max)
    }

    fn read_from_git(&self, path: &TreePath, entry: &Entry) -> Result<Vec<u8>, WorkspaceError> {
        let repository = self.plan.store.repository().map_err(keeping)?;
        let blob = repository.find_blob(entry.id).map_err(|it| {
            WorkspaceError::failed(format!("read `{}` from git", path.shown()), it)
        })?;
        let bytes_max = self.plan.file_bytes_max;
        match blob.size() as u64 > bytes_max {
            false => {
                let endings = self.endings().map_err(keeping)?;
                let laid_out = endings.laid_out(path.as_bytes(), blob.content());
                Ok(laid_out.into_owned())
            }
            true => Err(WorkspaceError::Unusable {
                path: path.shown(),
                why: format!("it is larger than {bytes_max} bytes"),
            }),
        }
    }

    /// As [`protocol::Workspace::write`].
    pub(crate) fn write(&self, given: &str, bytes: &[u8]) -> Result<(), WorkspaceError> {
        let path = self.writable(given)?;
        if bytes.len() as u64 > self.plan.file_bytes_max {
            return Err(WorkspaceError::Unusable {
                path: given.to_owned(),
                why: format!("it would be larger than {} bytes", self.plan.file_bytes_max),
            });
        }
        let mut ledger = self.ledger()?;
        self.check_not_in_submodule(&ledger, &path, given)?;
        self.folder.write(&path, bytes, None, &self.plan.scratch)?;
        ledger.touched.insert(path.as_bytes().to_vec());
        Ok(())
    }

    /// As [`protocol::Workspace::delete`].
    pub(crate) fn delete(&self, given: &str) -> Result<(), WorkspaceError> {
        let path = self.writable(given)?;
        let mut ledger = self.ledger()?;
        self.check_not_in_submodule(&ledger, &path, given)?;
        self.folder.delete(&path)?;
        ledger.touched.insert(path.as_bytes().to_vec());
        Ok(())
    }

    fn writable(&self, given: &str) -> Result<TreePath, WorkspaceError> {
        let path = TreePath::parse(given, self.path())?;
        path.check_writable(given)?;
        Ok(path)
    }

    fn check_not_in_submodule(
        &self,
        ledger: &Ledger,
        path: &TreePath,
        given: &str,
    ) -> Result<(), WorkspaceError> {
        let inside = |it: &Vec<u8>| TreePath::from_tracked(it).contains(path.as_bytes());
        match ledger.submodules().iter().any(inside) {
            false => Ok(()),
            true => Err(WorkspaceError::Protected {
                path: given.to_owned(),
                why: "it belongs to a submodule, which is another repository".to_owned(),
            }),
        }
    }

    /// As [`protocol::Workspace::snapshot`].
    pub(crate) fn keep(&self) -> Result<Oid, WorkspaceError> {
        if self.ledger.get().is_none() {
            // Whatever changes a tree lays it out first.
            return Ok(self.plan.tree);
        }
        let mut ledger = self.ledger()?;
        ledger.keep(&self.plan.store, &self.folder, self.plan.file_bytes_max)
    }

    /// A program is about to run that may change anything.
    pub(crate) fn expect_changes(&self) -> Result<(), WorkspaceError> {
        self.ledger()?.unseen = true;
        Ok(())
    }

    /// As [`protocol::Workspace::restore`]: also what git ignores is gone afterwards, so that a tree that was put
    /// back can't be told from a fresh one.
    pub(crate) fn restore(&self, tree: Oid) -> Result<(), WorkspaceError> {
        let restoring = |error: GitError| WorkspaceError::failed("put the tree back", error);
        let target = self.plan.store.read_tree(tree).map_err(restoring)?;
        let mut ledger = self.ledger()?;
        // Until it is done, nothing is known for sure.
        ledger.unseen = true;
        self.remove_all_but(&target)?;
        let repository = self.plan.store.repository().map_err(restoring)?;
        let endings = Endings::of(&repository, &target).map_err(restoring)?;
        let lie_alike = endings.is_as(&ledger.endings);
        let mut files = KeptFiles::new();
        for (path, entry) in &target {
            let name = TreePath::from_tracked(path);
            let stamp = self.folder.stat(&name).map(|it| Stamp::of(&it));
            let was = ledger.files.get(path);
            let was = was.filter(|it| lie_alike && it.entry == *entry);
            if let Some(same) = was.filter(|it| it.stamp.is_some() && it.stamp == stamp) {
                files.insert(path.clone(), *same);
                continue;
            }
            self.put_back(&repository, &name, entry, &endings)?;
            let stamp = self.folder.stat(&name).map(|it| Stamp::of(&it));
            files.insert(
                path.clone(),
                Kept {
                    entry: *entry,
                    stamp,
                },
            );
        }
        let time = SystemTime::now();
        for kept in files.values_mut() {
            kept.stamp = kept.stamp.and_then(|it| it.settled(time));
        }
        *ledger = Ledger {
            files,
            endings: Arc::new(endings),
            tree,
            touched: BTreeSet::new(),
            unseen: false,
        };
        Ok(())
    }

    fn put_back(
        &self,
        repository: &git2::Repository,
        path: &TreePath,
        entry: &Entry,
        endings: &Endings,
    ) -> Result<(), WorkspaceError> {
        let putting = |it: GitError| WorkspaceError::failed("put the tree back", it);
        match entry.mode {
            Mode::Submodule => {
                let whole = self.path().join(path.as_path());
                std::fs::create_dir_all(&whole)
                    .map_err(|it| WorkspaceError::failed("put a submodule's folder back", it))
            }
            Mode::Link => {
                layout::write_link(repository, &self.folder, path, entry).map_err(putting)
            }
            Mode::File | Mode::Executable => {
                let blob = repository
                    .find_blob(entry.id)
                    .map_err(|it| WorkspaceError::failed("read a kept file", it))?;
                let executable = Some(entry.mode == Mode::Executable);
                let bytes = endings.laid_out(path.as_bytes(), blob.content());
                self.folder
                    .write(path, &bytes, executable, &self.plan.scratch)
            }
        }
    }

    /// Removes whatever isn't at its place in `target`, deepest first.
    fn remove_all_but(&self, target: &Tracked) -> Result<(), WorkspaceError> {
        use std::os::unix::ffi::OsStrExt;
        let failed = |it: ignore::Error| WorkspaceError::failed("look through the tree", it);
        let keep: KeptFiles = target
            .iter()
            .map(|(path, entry)| (path.clone(), Kept::unread(*entry)))
            .collect();
        let submodules: BTreeSet<Vec<u8>> = submodules(&keep).into_iter().collect();
        let control = self.path().join(".git");
        let mut builder = WalkBuilder::new(self.path());
        builder
            .standard_filters(false)
            .follow_links(false)
            .filter_entry(move |it| it.path() != control);
        let mut folders = Vec::new();
        for entry in builder.build() {
            let entry = entry.map_err(failed)?;
            let Ok(relative) = entry.path().strip_prefix(self.path()) else {
                continue;
            };
            let bytes = relative.as_os_str().as_bytes();
            let path = TreePath::from_tracked(bytes);
            if path.is_root() {
                continue;
            }
            let kind = entry.file_type();
            if kind.is_some_and(|it| it.is_dir()) {
                folders.push(path);
                continue;
            }
            let wanted = target.get(bytes).is_some_and(|it| match it.mode {
                Mode::Link => kind.is_some_and(|it| it.is_symlink()),
                Mode::File | Mode::Executable => kind.is_some_and(|it| it.is_file()),
                Mode::Submodule => false,
            });
            if !wanted {
                self.folder.delete(&path)?;
            }
        }
        for path in folders
            .iter()
            .rev()
            .filter(|it| !submodules.contains(it.as_bytes()))
        {
            self.folder.delete_if_empty(path);
        }
        Ok(())
    }
}

impl Drop for LaidTree {
    fn drop(&mut self) {
        let directory = self.directory.take();
        // Thousands of files take a while to remove; an async caller shouldn't wait for it.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(directory))),
            Err(_) => drop(directory),
        }
    }
}
