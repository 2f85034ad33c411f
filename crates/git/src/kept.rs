//! What git already keeps of the files of a tree, so that only changed ones are read again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use files::{Folder, Stamp, TreePath, walk};
use git2::{Oid, Repository};
use protocol::WorkspaceError;

use crate::{Changes, Endings, Entry, GitError, Mode, Store};

/// One file as it was kept last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its mode and content.
    pub entry: Entry,
    /// What the file system said about it then; none when that would not show a later change.
    pub stamp: Option<Stamp>,
}

impl Kept {
    /// A file that has to be read to know whether it is still the same.
    pub fn unread(entry: Entry) -> Kept {
        Kept { entry, stamp: None }
    }
}

/// All kept files by path.
pub type KeptFiles = BTreeMap<Vec<u8>, Kept>;

/// The state of a tree between two operations on it.
#[derive(Debug)]
pub struct Ledger {
    /// What is kept, as of `tree`.
    pub files: KeptFiles,
    /// The ends of lines with which it was laid out.
    pub endings: Arc<Endings>,
    /// The tree that was kept last.
    pub tree: Oid,
    /// Files that we ourselves wrote or deleted since.
    pub touched: BTreeSet<Vec<u8>>,
    /// Whether a program may have changed anything at all since.
    pub unseen: bool,
}

impl Ledger {
    /// Keeps the tree as it is now. Largest file that is kept: `bytes_max`.
    pub fn keep(
        &mut self,
        store: &Store,
        folder: &Folder,
        bytes_max: u64,
    ) -> Result<Oid, WorkspaceError> {
        if !self.unseen && self.touched.is_empty() {
            return Ok(self.tree);
        }
        let repository = store.repository().map_err(keeping)?;
        let keeper = Keeper {
            repository: &repository,
            folder,
            endings: &self.endings,
            bytes_max,
        };
        let now = match self.unseen {
            true => keeper.look_at_all(&self.files, &self.touched)?,
            false => keeper.look_at(&self.files, &self.touched)?,
        };
        let changes = changes(&self.files, &now);
        let tree = match changes.is_empty() {
            true => self.tree,
            false => store.updated_tree(self.tree, &changes).map_err(keeping)?,
        };
        self.files = now;
        self.tree = tree;
        self.touched.clear();
        self.unseen = false;
        Ok(tree)
    }

    /// Folders that belong to another repository.
    pub fn submodules(&self) -> Vec<Vec<u8>> {
        submodules(&self.files)
    }
}

/// Folders that belong to another repository.
pub fn submodules(files: &KeptFiles) -> Vec<Vec<u8>> {
    let submodules = files
        .iter()
        .filter(|(_, it)| it.entry.mode == Mode::Submodule);
    submodules.map(|(path, _)| path.clone()).collect()
}

/// For `map_err`: the tree could not be kept.
pub fn keeping(error: GitError) -> WorkspaceError {
    WorkspaceError::failed("keep the tree", error)
}

fn changes(before: &KeptFiles, now: &KeptFiles) -> Changes {
    let mut changes = Changes::new();
    for (path, kept) in now {
        if before.get(path).map(|it| it.entry) != Some(kept.entry) {
            changes.insert(path.clone(), Some(kept.entry));
        }
    }
    for path in before.keys().filter(|it| !now.contains_key(*it)) {
        changes.insert(path.clone(), None);
    }
    changes
}

struct Keeper<'a> {
    repository: &'a Repository,
    folder: &'a Folder,
    endings: &'a Endings,
    bytes_max: u64,
}

impl Keeper<'_> {
    /// Looks at a few paths only.
    fn look_at(
        &self,
        before: &KeptFiles,
        paths: &BTreeSet<Vec<u8>>,
    ) -> Result<KeptFiles, WorkspaceError> {
        let mut now = before.clone();
        for path in paths {
            match self.look_at_one(path, before.get(path))? {
                Some(kept) => now.insert(path.clone(), kept),
                None => now.remove(path),
            };
        }
        self.settle(before, &mut now);
        Ok(now)
    }

    /// Looks at every file: those that aren't ignored, those that git keeps already, and those we wrote ourselves.
    fn look_at_all(
        &self,
        before: &KeptFiles,
        touched: &BTreeSet<Vec<u8>>,
    ) -> Result<KeptFiles, WorkspaceError> {
        let root = TreePath::from_tracked(b"");
        let closed = submodules(before);
        let found = walk(self.folder, &root, &closed)
            .map_err(|it| WorkspaceError::failed("look through the tree", it))?;
        let mut now = KeptFiles::new();
        for found in found {
            let stamp = Stamp::of(&found.metadata);
            let was = before.get(&found.path);
            let kept = match was.filter(|it| it.stamp == Some(stamp)) {
                Some(same) => Some(*same),
                None => self.look_at_one(&found.path, was)?,
            };
            if let Some(kept) = kept {
                now.insert(found.path, kept);
            }
        }
        for path in before.keys().chain(touched) {
            if now.contains_key(path) {
                continue;
            }
            if let Some(kept) = self.look_at_one(path, before.get(path))? {
                now.insert(path.clone(), kept);
            }
        }
        self.settle(before, &mut now);
        Ok(now)
    }

    /// A file as it is now; none when there is none.
    fn look_at_one(&self, path: &[u8], was: Option<&Kept>) -> Result<Option<Kept>, WorkspaceError> {
        if let Some(was) = was.filter(|it| it.entry.mode == Mode::Submodule) {
            return Ok(Some(*was));
        }
        let name = TreePath::from_tracked(path);
        let Some(metadata) = self.folder.stat(&name) else {
            return Ok(None);
        };
        if !metadata.is_file() && !metadata.is_symlink() {
            return Ok(None);
        }
        let stamp = Some(Stamp::of(&metadata));
        if let Some(was) = was.filter(|it| it.stamp == stamp) {
            return Ok(Some(*was));
        }
        if metadata.len() > self.bytes_max {
            return Err(WorkspaceError::Unusable {
                path: name.shown(),
                why: format!(
                    "it is larger than {} bytes, too large for a change; delete it, or name it in .gitignore",
                    self.bytes_max
                ),
            });
        }
        let read = self.folder.read_tracked(&name, self.bytes_max);
        let bytes =
            read.map_err(|it| WorkspaceError::failed(format!("read `{}`", name.shown()), it))?;
        let before = || {
            let blob = self.repository.find_blob(was?.entry.id).ok()?;
            Some(blob.content().to_vec())
        };
        let kept = match metadata.is_symlink() {
            true => bytes.as_slice().into(),
            false => self.endings.kept(path, &bytes, before),
        };
        let id = self.repository.blob(&kept).map_err(|it| {
            keeping(GitError::Git {
                doing: "keep a file",
                source: it,
            })
        })?;
        let mode = Mode::of(&metadata);
        let entry = Entry { mode, id };
        Ok(Some(Kept { entry, stamp }))
    }

    /// Forgets the stamps that are too fresh to be trusted.
    fn settle(&self, before: &KeptFiles, now: &mut KeptFiles) {
        let time = SystemTime::now();
        for (path, kept) in now {
            if before.get(path).map(|it| it.stamp) != Some(kept.stamp) {
                kept.stamp = kept.stamp.and_then(|it| it.settled(time));
            }
        }
    }
}
