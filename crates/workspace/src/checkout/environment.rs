//! What a checkout must know about the Python environment its programs run in, whoever made it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use git2::Oid;
use protocol::{Environment, WorkspaceError};
use sha2::{Digest, Sha256};

use crate::checkout::layout::lay_out;
use crate::checkout::picture;
use crate::files::TreePath;
use crate::git::{Counts, Described, Endings, GitError, Mode, Store, Tracked, describe};

/// Finds or installs the environment of a base.
#[async_trait]
pub trait Environments: Send + Sync {
    /// Gets the environment ready. Called once for a checkout and all its forks.
    async fn get_ready(&self, base: &BaseTree) -> Result<Ready, WorkspaceError>;
}

/// An environment that programs can run in.
#[derive(Clone, Debug)]
pub struct Ready {
    /// What it is, for the report.
    pub environment: Environment,
    /// Folders with programs, in the order in which they are looked through, before the system's own.
    pub programs: Vec<PathBuf>,
    /// What else programs must be able to read: interpreters, packages, certificates.
    pub readable: Vec<PathBuf>,
    /// Variables for programs; `{tree}` in a value stands for the folder of the tree they run in.
    pub variables: BTreeMap<String, String>,
    /// Tells this installation from another one of the same declarations, which may have brought newer packages.
    pub installation: String,
}

/// The system's own programs as they are, for a checkout that needs no environment of its own.
#[derive(Clone, Debug, Default)]
pub struct SystemPrograms {
    /// Folders with more programs, looked through first.
    pub programs: Vec<PathBuf>,
    /// What else programs must be able to read.
    pub readable: Vec<PathBuf>,
}

#[async_trait]
impl Environments for SystemPrograms {
    async fn get_ready(&self, _: &BaseTree) -> Result<Ready, WorkspaceError> {
        Ok(Ready {
            environment: Environment {
                key: "system".to_owned(),
                python_version: String::new(),
                sources: Vec::new(),
                cached: true,
                wall_ms: 0,
                test_folder: String::new(),
                notes: Vec::new(),
            },
            programs: self.programs.clone(),
            readable: self.readable.clone(),
            variables: BTreeMap::new(),
            installation: String::new(),
        })
    }
}

/// The files of the base, read from git, laid out only for those who need a folder.
#[derive(Clone, Debug)]
pub struct BaseTree {
    pub(super) repository: String,
    pub(super) commit: Oid,
    pub(super) store: Store,
    pub(super) files: Arc<Tracked>,
}

impl BaseTree {
    /// Where it comes from, as whoever runs the pipeline named it.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// All files, sorted. Links and submodules are left out.
    pub fn paths(&self) -> impl Iterator<Item = String> + '_ {
        let files = self.files.iter();
        files
            .filter(|(_, it)| matches!(it.mode, Mode::File | Mode::Executable))
            .map(|(path, _)| String::from_utf8_lossy(path).into_owned())
    }

    /// A file's bytes, if it is there and not larger than `bytes_max`.
    pub fn read(&self, path: &str, bytes_max: usize) -> Option<Vec<u8>> {
        let path = TreePath::parse(path, Path::new("/")).ok()?;
        let entry = self.files.get(path.as_bytes())?;
        if !matches!(entry.mode, Mode::File | Mode::Executable) {
            return None;
        }
        let repository = self.store.repository().ok()?;
        let blob = repository.find_blob(entry.id).ok()?;
        (blob.size() <= bytes_max).then(|| blob.content().to_vec())
    }

    /// A hash of all paths, modes and contents.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for (path, entry) in self.files.iter() {
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path);
            hash.update([entry.mode as u8]);
            hash.update(entry.id.as_bytes());
        }
        hash.finalize()
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect()
    }

    /// Lays all files out in an existing, empty folder, as a repository of its own. Blocks. The repository reads the
    /// objects of the base where they are.
    pub fn lay_out_in(&self, folder: &Path) -> Result<(), GitError> {
        let endings = Endings::of(&self.store.repository()?, &self.files)?;
        let never = AtomicBool::new(false);
        let laid = lay_out(&self.store, folder, &self.files, &endings, &never)?;
        picture::draw(&self.store, folder, self.commit, &self.files, &laid)
    }

    /// Folders with the objects of git that [`BaseTree::lay_out_in`] leads to.
    pub(crate) fn objects(&self) -> Vec<PathBuf> {
        self.store.object_folders()
    }

    /// The base commit's name.
    pub(crate) fn commit(&self) -> String {
        self.commit.to_string()
    }

    /// When the base was committed, in seconds since 1970.
    pub(crate) fn committed_unix_s(&self) -> Option<i64> {
        let repository = self.store.repository().ok()?;
        let commit = repository.find_commit(self.commit).ok()?;
        Some(commit.time().seconds())
    }

    /// What git says of the base commit; nothing where no tag that counts was fetched with it.
    pub(crate) fn described(&self, counts: &Counts) -> Option<Described> {
        describe(&self.store.repository().ok()?, self.commit, counts).ok()?
    }

    /// Files in whose place git keeps a pointer of Git LFS; nothing is looked at where no attribute names it.
    pub(crate) fn lfs_pointers(&self, paths_max: usize) -> Vec<String> {
        const POINTER_BYTES_MAX: usize = 1024;
        const BEGINNING: &[u8] = b"version https://git-lfs.github.com/spec/";
        let attributes = self.read(".gitattributes", 1 << 20).unwrap_or_default();
        if !String::from_utf8_lossy(&attributes).contains("filter=lfs") {
            return Vec::new();
        }
        let Ok(repository) = self.store.repository() else {
            return Vec::new();
        };
        let Ok(objects) = repository.odb() else {
            return Vec::new();
        };
        let is_pointer = |id: Oid| {
            let small = objects
                .read_header(id)
                .is_ok_and(|(bytes, _)| bytes <= POINTER_BYTES_MAX);
            small
                && objects
                    .read(id)
                    .is_ok_and(|it| it.data().starts_with(BEGINNING))
        };
        self.files
            .iter()
            .filter(|(_, it)| it.mode == Mode::File && is_pointer(it.id))
            .map(|(path, _)| String::from_utf8_lossy(path).into_owned())
            .take(paths_max)
            .collect()
    }

    /// Paths of other repositories that the base names and doesn't hold.
    pub(crate) fn submodules(&self) -> Vec<String> {
        let files = self.files.iter();
        files
            .filter(|(_, it)| it.mode == Mode::Submodule)
            .map(|(path, _)| String::from_utf8_lossy(path).into_owned())
            .collect()
    }
}
