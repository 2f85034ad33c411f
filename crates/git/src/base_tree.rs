//! The files of a base, as git has them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use files::TreePath;
use git2::Oid;
use protocol::hexadecimal;
use sha2::{Digest, Sha256};

use crate::history::{Counts, Described, describe};
use crate::layout::lay_out;
use crate::picture;
use crate::tree::{Mode, Tracked};
use crate::{Endings, GitError, Store};

/// The files of the base, read from git, laid out only for those who need a folder.
#[derive(Clone, Debug)]
pub struct BaseTree {
    /// Where it comes from, as whoever runs the pipeline named it.
    pub repository: String,
    /// The base commit.
    pub commit: Oid,
    /// The objects.
    pub store: Store,
    /// Its files.
    pub files: Arc<Tracked>,
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
        hexadecimal(&hash.finalize())
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
    pub fn objects(&self) -> Vec<PathBuf> {
        self.store.object_folders()
    }

    /// The base commit's name.
    pub fn commit(&self) -> String {
        self.commit.to_string()
    }

    /// When the base was committed, in seconds since 1970.
    pub fn committed_unix_s(&self) -> Option<i64> {
        let repository = self.store.repository().ok()?;
        let commit = repository.find_commit(self.commit).ok()?;
        Some(commit.time().seconds())
    }

    /// What git says of the base commit; nothing where no tag that counts was fetched with it.
    pub fn described(&self, counts: &Counts) -> Option<Described> {
        describe(&self.store.repository().ok()?, self.commit, counts).ok()?
    }

    /// Files in whose place git keeps a pointer of Git LFS; nothing is looked at where no attribute names it.
    pub fn lfs_pointers(&self, paths_max: usize) -> Vec<String> {
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
    pub fn submodules(&self) -> Vec<String> {
        let files = self.files.iter();
        files
            .filter(|(_, it)| it.mode == Mode::Submodule)
            .map(|(path, _)| String::from_utf8_lossy(path).into_owned())
            .collect()
    }
}
