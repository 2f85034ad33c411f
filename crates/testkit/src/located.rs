//! Real requests to real packages: what was asked, and which files their authors changed for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::Task;
use serde::Deserialize;

use crate::fixture::{Fixture, entries, text_of};
use crate::published::published;

/// One folder of `fixtures/located`: a release, and what was asked of its authors after it.
#[derive(Clone, Debug)]
pub struct Located {
    /// The folder's name.
    pub name: String,
    /// Which half of the cases it belongs to.
    pub half: Half,
    /// What was asked.
    pub requests: Vec<Request>,
    folder: PathBuf,
}

/// Cases that a ranking was developed on prove nothing about others, so half of them are kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Half {
    /// Looked at while the ranking was made.
    DevelopedOn,
    /// Looked at when it was done.
    KeptBack,
}

/// One request, and where it was answered.
#[derive(Clone, Debug)]
pub struct Request {
    /// A short name.
    pub name: String,
    /// What was asked, in words of ours.
    pub task: Task,
    /// The files that its authors changed, tests and documents left out, the most changed first.
    pub fixed: Vec<String>,
}

/// `cases.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    half: Half,
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Where the change can be read: a commit of the package's own repository.
    #[serde(rename = "commit")]
    _commit: String,
    fixed: Vec<String>,
    task: String,
}

impl Located {
    /// Every folder of `fixtures/located`, by name.
    ///
    /// # Panics
    ///
    /// When one of them can't be understood.
    pub fn all() -> Vec<Located> {
        let folders = entries(&Fixture::root().join("located"));
        let folders = folders.iter().filter(|it| it.is_dir());
        folders.map(|it| Located::load(it)).collect()
    }

    /// The files of the release as they were published, by path. The first test that asks fetches them.
    ///
    /// # Panics
    ///
    /// When they can't be fetched.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        published(&self.folder.join("requirements.txt"))
    }

    fn load(folder: &Path) -> Located {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let cases: Cases = toml::from_str(&text_of(&folder.join("cases.toml")))
            .unwrap_or_else(|error| panic!("{name}/cases.toml: {error}"));
        let request = |case: Case| Request {
            name: case.name,
            task: Task::from_text(&case.task),
            fixed: case.fixed,
        };
        Located {
            half: cases.half,
            requests: cases.case.into_iter().map(request).collect(),
            folder: folder.to_owned(),
            name: name.into_owned(),
        }
    }
}
