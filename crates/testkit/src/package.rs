//! Real packages with a bug put in: sources from the package index, what is asked, and what models say.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use protocol::ScriptedReply;
use tempfile::TempDir;

use crate::fixture::{Fixture, replies};
use crate::git;
use crate::published::published;

/// One folder of `fixtures/packages`.
#[derive(Clone, Debug)]
pub struct Package {
    name: String,
    folder: PathBuf,
    /// What the models say, by role, as in [`Fixture::replies`].
    pub replies: BTreeMap<String, Vec<ScriptedReply>>,
}

impl Package {
    /// Reads the folder of this name.
    ///
    /// # Panics
    ///
    /// When something in it can't be understood; the message names the file.
    pub fn load(name: &str) -> Package {
        let folder = Fixture::root().join("packages").join(name);
        Package {
            name: name.to_owned(),
            replies: replies(&folder),
            folder,
        }
    }

    /// The file with what is asked.
    pub fn task_file(&self) -> PathBuf {
        self.folder.join("task.md")
    }

    /// The file with the change that must come out.
    pub fn change_file(&self) -> PathBuf {
        self.folder.join("change.patch")
    }

    /// Makes a git repository in this folder: the sources as they were published, then the bug.
    ///
    /// # Panics
    ///
    /// When the sources can't be fetched or the bug doesn't fit them.
    pub fn make_repository(&self, repository: &Path) {
        let published = published(&self.folder.join("requirements.txt"));
        git::repository(repository, &published);
        let bug = fs::canonicalize(self.folder.join("bug.patch"))
            .unwrap_or_else(|error| panic!("find the bug of {}: {error}", self.name));
        git::git(repository, &["apply", &bug.display().to_string()]);
        let commit = ["commit", "--quiet", "--all", "--message=Simplify"];
        git::git(repository, &commit);
    }

    /// The same repository for every test that only reads it, made by the first that asks, below this folder.
    ///
    /// Each repository has an environment of its own, because its code runs while that is built; so tests that share the
    /// one share the other.
    ///
    /// # Panics
    ///
    /// As [`Package::make_repository`], or when the folder can't be written.
    pub fn shared_repository(&self, below: &Path) -> PathBuf {
        let shared = || -> io::Result<PathBuf> {
            fs::create_dir_all(below)?;
            let mut hash = DefaultHasher::new();
            for part in ["requirements.txt", "bug.patch"] {
                fs::read(self.folder.join(part))?.hash(&mut hash);
            }
            let repository = below.join(format!("{}-{:016x}", self.name, hash.finish()));
            let lock = File::create(below.join("lock"))?;
            lock.lock()?;
            if !repository.exists() {
                let new = TempDir::new_in(below)?;
                let made = new.path().join("repository");
                self.make_repository(&made);
                fs::rename(made, &repository)?;
            }
            Ok(repository)
        };
        shared().unwrap_or_else(|error| panic!("make the repository of {}: {error}", self.name))
    }
}
