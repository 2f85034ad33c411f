//! Real packages with a bug put in: sources from the package index, what is asked, and what models say.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use protocol::ScriptedReply;

use crate::fixture::{Fixture, files, replies, text_of};
use crate::git;
use crate::programs::{python, succeed};

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
        let sources = self
            .sources()
            .unwrap_or_else(|error| panic!("fetch the sources of {}: {error}", self.name));
        // Every source distribution carries what the build made of it; no repository does.
        let of_the_build = |path: &str| path == "PKG-INFO" || path.contains(".egg-info/");
        let mut published = files(&sources);
        published.retain(|path, _| !of_the_build(path));
        git::repository(repository, &published);
        let bug = fs::canonicalize(self.folder.join("bug.patch"))
            .unwrap_or_else(|error| panic!("find the bug of {}: {error}", self.name));
        git::git(repository, &["apply", &bug.display().to_string()]);
        let commit = ["commit", "--quiet", "--all", "--message=Simplify"];
        git::git(repository, &commit);
    }

    /// The unpacked source distribution. The first test that asks fetches it, below `target/`; that needs the
    /// package index.
    fn sources(&self) -> io::Result<PathBuf> {
        let python = python()?.join("python");
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
        let folder = target
            .canonicalize()?
            .join("test-packages")
            .join(&self.name);
        fs::create_dir_all(&folder)?;
        let lock = File::create(folder.join("lock"))?;
        lock.lock()?;
        let (fetched, unpacked, ready) = (
            folder.join("fetched"),
            folder.join("unpacked"),
            folder.join("ready"),
        );
        let wanted = text_of(&self.folder.join("requirements.txt"));
        if !fs::read_to_string(&ready).is_ok_and(|it| it == wanted) {
            fs::create_dir_all(&fetched)?;
            let requirements = self.folder.join("requirements.txt");
            let download = ["-m", "pip", "download", "--quiet", "--no-deps"];
            let of = ["--no-binary", &self.name, "--dest"].map(OsStr::new);
            let argv = [
                &[python.as_os_str()],
                &download.map(OsStr::new)[..],
                &of,
                &[fetched.as_os_str(), "-r".as_ref(), requirements.as_os_str()],
            ];
            succeed(&argv.concat())?;
            let archive = only_entry(&fetched)?;
            let unpack = ["-m", "tarfile", "--extract"].map(OsStr::new);
            let places = [archive.as_os_str(), unpacked.as_os_str()];
            succeed(&[&[python.as_os_str()], &unpack[..], &places].concat())?;
            fs::write(ready, wanted)?;
        }
        only_entry(&unpacked)
    }
}

fn only_entry(folder: &Path) -> io::Result<PathBuf> {
    let mut entries = fs::read_dir(folder)?;
    let entry = entries
        .next()
        .ok_or_else(|| io::Error::other(format!("{} is empty", folder.display())))??;
    match entries.next() {
        None => Ok(entry.path()),
        Some(_) => Err(io::Error::other(format!(
            "there should be one thing in {}",
            folder.display()
        ))),
    }
}
