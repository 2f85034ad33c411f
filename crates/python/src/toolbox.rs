//! Our own tools, uv and Ruff: found on the search path, or installed once into the user's cache.
//!
//! What is installed appears whole under a name that says what it is, and is never changed again: other runs, with another
//! search path, may be using it. And the same versions work whatever the search path has, so that formatting doesn't
//! depend on the shell; only where nothing can be installed do other versions of the search path work.

mod filling;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use git::Lock;
use protocol::{Limits, Log, WorkspaceError, sha256};
use sandbox::command::Door;
use sandbox::proxy::Egress;
use serde::{Deserialize, Serialize};

use self::filling::Filling;
use super::index::Index;
use super::interpreter::{Interpreter, Seal};

/// How to have a door to programs that may reach the given hosts.
pub type MakeDoor = Arc<dyn Fn(Egress) -> Door + Send + Sync>;

/// Where things are on this machine. Nothing else is looked at.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// A folder of ours for tools, environments and downloads.
    pub cache: PathBuf,
    /// Folders with programs, as in `PATH`.
    pub search_path: Vec<PathBuf>,
    /// Folders whose sub-folders are interpreters, as in `~/.pyenv/versions` and `~/.local/share/uv/python`.
    pub interpreters: Vec<PathBuf>,
    /// Where packages come from.
    pub index: Index,
}

/// A program of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its executable.
    pub path: PathBuf,
    /// Its version, as in `0.13.8`.
    pub version: String,
}

/// Our tools and the machine's interpreters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolbox {
    /// Installs packages.
    pub uv: Tool,
    /// Formats and checks.
    pub ruff: Tool,
    /// A folder with `ruff` and nothing else, for the `PATH` of programs.
    pub bin: PathBuf,
    /// What this machine has, its usual one first.
    pub interpreters: Vec<Interpreter>,
    /// Hosts of the default index.
    usual_hosts: Vec<String>,
}

/// The toolbox as it is written down, with what tells that it is still true.
#[derive(Serialize, Deserialize)]
struct Record {
    looked_in: BTreeMap<PathBuf, Option<Seal>>,
    toolbox: Toolbox,
}

impl Toolbox {
    /// Opens the toolbox; the first time, finds or installs what belongs in it.
    ///
    /// # Errors
    /// [`WorkspaceError::Blocked`] when there is no usable Python, or a tool can't be installed.
    pub async fn open(
        places: &Places,
        make_door: &MakeDoor,
        limits: &Limits,
        log: &dyn Log,
    ) -> Result<Toolbox, WorkspaceError> {
        places.index.check()?;
        if let Some(toolbox) = recorded(places) {
            return Ok(toolbox);
        }
        let folder = places.tools();
        std::fs::create_dir_all(&folder)
            .map_err(|it| WorkspaceError::failed(format!("create {}", folder.display()), it))?;
        let _lock = Lock::take(&folder.join("lock"), limits.install_seconds_max)
            .await
            .map_err(|it| WorkspaceError::failed("wait for another run that installs tools", it))?;
        if let Some(toolbox) = recorded(places) {
            return Ok(toolbox);
        }
        let filling = Filling {
            places,
            make_door,
            limits,
            log,
            folder,
        };
        let toolbox = filling.fill().await?;
        record(places, &toolbox)?;
        Ok(toolbox)
    }

    /// What an installation from this index may reach.
    pub fn egress(&self, index: &Index) -> Egress {
        index.egress(&self.usual_hosts)
    }

    /// What programs must be able to read to use the tools.
    pub fn readable(&self) -> Vec<PathBuf> {
        vec![self.bin.clone(), self.ruff.path.clone()]
    }
}

impl Places {
    pub(super) fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// Each search path has its own: shells that differ would otherwise look everything up again in turn.
    fn record(&self) -> PathBuf {
        let looked_at = format!(
            "{:?} {:?} {:?}",
            self.search_path, self.interpreters, self.index
        );
        let name = short_digest(looked_at.as_bytes());
        self.tools().join(format!("record-{name}.json"))
    }

    /// Folders in which something may have appeared or gone.
    fn looked_in(&self, toolbox: &Toolbox) -> BTreeMap<PathBuf, Option<Seal>> {
        let folders = self.search_path.iter().chain(&self.interpreters).cloned();
        let files = [toolbox.uv.path.clone(), toolbox.ruff.path.clone()];
        let interpreters = toolbox.interpreters.iter().map(|it| it.path.clone());
        folders
            .chain(files)
            .chain(interpreters)
            .chain([toolbox.bin.join("ruff")])
            .map(|it| (it.clone(), Seal::of(&it)))
            .collect()
    }
}

/// The toolbox of an earlier run, if nothing it depends on has changed.
fn recorded(places: &Places) -> Option<Toolbox> {
    let text = std::fs::read(places.record()).ok()?;
    let record: Record = serde_json::from_slice(&text).ok()?;
    let there = record.toolbox.bin.join("ruff").is_file() && record.toolbox.uv.path.is_file();
    (there && places.looked_in(&record.toolbox) == record.looked_in).then_some(record.toolbox)
}

fn record(places: &Places, toolbox: &Toolbox) -> Result<(), WorkspaceError> {
    let record = Record {
        looked_in: places.looked_in(toolbox),
        toolbox: toolbox.clone(),
    };
    write_whole(&places.record(), &record)
        .map_err(|it| WorkspaceError::failed("write down where our tools are", it))
}

/// Writes a file that is either there in full or not at all.
pub(super) fn write_whole(path: &Path, value: &impl Serialize) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&file, value)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|it| it.error)
}

/// A name made of bytes, long enough not to meet another one.
fn short_digest(bytes: &[u8]) -> String {
    format!("{:.16}", sha256(bytes))
}

/// An empty folder; what was there is gone.
pub(super) fn fresh_folder(folder: &Path) -> Result<(), WorkspaceError> {
    let removed = match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::create_dir_all(folder),
    };
    removed
        .map_err(|it| WorkspaceError::failed(format!("empty the folder {}", folder.display()), it))
}

/// Longest wait for another run that installs the same thing, beyond the installation itself.
pub(super) const LOCK_GRACE: Duration = Duration::from_secs(60);
