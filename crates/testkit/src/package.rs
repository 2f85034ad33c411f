//! Real packages with a bug put in: sources from the package index, what is asked, and what models say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::ScriptedReply;

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
}
