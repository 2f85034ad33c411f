//! The object store of one run: its own new objects, on top of the mirror's, in a folder that outlives the process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository, RepositoryInitOptions, Signature, Time};
use protocol::{Base, TreeId};

use super::GitError;
use super::copy::{copy_commit, copy_tree};
use super::history;
use super::tree::{Changes, Mode, Tracked, read_tree, updated_tree};

/// Where the trees of one run are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens the store at `folder`, or makes one that also reads the objects of the bare repository `beneath`.
    pub fn open(folder: &Path, beneath: Option<&Path>) -> Result<Store, GitError> {
        init_bare(folder)?;
        if let Some(beneath) = beneath {
            let path = folder.join("objects/info/alternates");
            let line = format!("{}\n", beneath.join("objects").display());
            fs::write(&path, line).map_err(GitError::files("write", path))?;
        }
        Ok(Store {
            folder: folder.to_owned(),
        })
    }

    /// Makes a store at `folder` that holds the base and these trees of another one, and stands on the same mirror. The
    /// other one is only read, and isn't needed afterwards.
    pub fn with_trees_of(
        other: &Store,
        folder: &Path,
        base: &Base,
        trees: &[TreeId],
    ) -> Result<Store, GitError> {
        let store = Store::open(folder, None)?;
        let place = |it: &Path| it.join("objects/info/alternates");
        match fs::read(place(&other.folder)) {
            Ok(beneath) => {
                let path = place(folder);
                fs::write(&path, beneath).map_err(GitError::files("write", path))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(GitError::files("read", place(&other.folder))(error)),
        }
        let (from, into) = (other.repository()?, store.repository()?);
        copy_commit(&from, &into, parse_id(&base.commit)?)?;
        for tree in [&base.tree].into_iter().chain(trees) {
            copy_tree(&from, &into, parse_id(&tree.0)?)?;
        }
        history::take_over(other, &store, parse_id(&base.commit)?)?;
        Ok(store)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A handle for one thread.
    pub fn repository(&self) -> Result<Repository, GitError> {
        Repository::open_bare(&self.folder).map_err(GitError::git("open the run's object store"))
    }

    /// The folders that hold objects: this store's and what is beneath it.
    pub fn object_folders(&self) -> Vec<PathBuf> {
        let own = self.folder.join("objects");
        let beneath = fs::read_to_string(own.join("info/alternates")).unwrap_or_default();
        let beneath = beneath.lines().map(PathBuf::from);
        std::iter::once(own.clone()).chain(beneath).collect()
    }

    /// All paths of a kept tree.
    pub fn read_tree(&self, tree: Oid) -> Result<Tracked, GitError> {
        read_tree(&self.repository()?, tree)
    }

    /// A file of a kept tree, if it is there and not larger than `bytes_max`; links and submodules aren't files.
    pub fn read_file(
        &self,
        tree: &TreeId,
        path: &str,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, GitError> {
        let repository = self.repository()?;
        let tracked = read_tree(&repository, parse_id(&tree.0)?)?;
        let Some(entry) = tracked.get(path.as_bytes()) else {
            return Ok(None);
        };
        if !matches!(entry.mode, Mode::File | Mode::Executable) {
            return Ok(None);
        }
        let blob = repository
            .find_blob(entry.id)
            .map_err(GitError::git("read a kept file"))?;
        Ok((blob.size() <= bytes_max).then(|| blob.content().to_vec()))
    }

    /// Writes the tree that `tree` becomes with `changes`.
    pub fn updated_tree(&self, tree: Oid, changes: &Changes) -> Result<Oid, GitError> {
        updated_tree(&self.repository()?, Some(tree), changes)
    }

    /// The base of a run that starts from nothing: a commit without files, the same one every time.
    pub fn empty_base(&self) -> Result<Base, GitError> {
        let repository = self.repository()?;
        let tree = updated_tree(&repository, None, &Changes::new())?;
        let found = repository
            .find_tree(tree)
            .map_err(GitError::git("read a tree"))?;
        let nobody = Signature::new("pipeline", "pipeline@localhost", &Time::new(0, 0))
            .map_err(GitError::git("sign the empty base"))?;
        let commit = repository
            .commit(None, &nobody, &nobody, "Nothing\n", &found, &[])
            .map_err(GitError::git("write the empty base"))?;
        Ok(Base {
            repository: String::new(),
            commit: commit.to_string(),
            tree: TreeId(tree.to_string()),
            uncommitted: false,
        })
    }
}

/// Reads an identifier that we wrote ourselves, or that a caller kept for us.
pub fn parse_id(text: &str) -> Result<Oid, GitError> {
    let whole = text.len() == 40;
    Oid::from_str(if whole { text } else { "" }).map_err(GitError::git("read a tree's identifier"))
}

/// Makes a bare repository, or leaves the one that is there as it is.
pub fn init_bare(folder: &Path) -> Result<Repository, GitError> {
    if folder.join("HEAD").exists() {
        return Repository::open_bare(folder).map_err(GitError::git(
            "open a repository of the cache (delete its folder to start anew)",
        ));
    }
    let mut options = RepositoryInitOptions::new();
    // No template: hooks and configuration of the user's git have no place here.
    options.bare(true).mkpath(true).external_template(false);
    Repository::init_opts(folder, &options).map_err(GitError::git("create a bare repository"))
}
