//! Our own tools, uv and Ruff: found on the search path, or installed once into the user's cache.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use protocol::{Limits, Log, Network, Note, WorkspaceError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::index::Index;
use super::interpreter::{self, Interpreter, Seal, answer, is_machine_code};
use super::step::Step;
use crate::command::Door;
use crate::lock::Lock;
use crate::proxy::Egress;

/// What is installed where the search path has none; fixed, so that formatting doesn't change by itself.
const UV: &str = "uv==0.13.8";
/// As [`UV`].
const RUFF: &str = "ruff==0.17.5";

/// Reads the hosts of the default index from pip itself: it is the one place that knows them.
const HOSTS: &str = "from pip._internal.models.index import PyPI; print(PyPI.netloc); print(PyPI.file_storage_domain)";

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
    fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    fn record(&self) -> PathBuf {
        self.tools().join("record.json")
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

/// The first use on a machine.
struct Filling<'a> {
    places: &'a Places,
    make_door: &'a MakeDoor,
    limits: &'a Limits,
    log: &'a dyn Log,
    folder: PathBuf,
}

impl Filling<'_> {
    async fn fill(&self) -> Result<Toolbox, WorkspaceError> {
        let door = (self.make_door)(Egress::default());
        let places = self.places;
        let interpreters = interpreter::find(
            &places.search_path,
            &places.interpreters,
            &door,
            self.limits,
        )
        .await?;
        if interpreters.is_empty() {
            return Err(WorkspaceError::Blocked {
                command: "find Python 3.8 or newer".to_owned(),
                tail: "none of the folders of PATH has a `python3` that works (on Debian and Ubuntu: apt-get install python3 python3-venv)".to_owned(),
            });
        }
        let mut uv = self.there("uv", UV, &door).await?;
        let mut ruff = self.there("ruff", RUFF, &door).await?;
        let mut usual_hosts = Vec::new();
        if places.index.url.is_none() {
            usual_hosts = self.hosts_known_to(&interpreters, &door).await?;
        }
        let knows_hosts = places.index.url.is_some() || !usual_hosts.is_empty();
        if uv.is_none() || ruff.is_none() || !knows_hosts {
            // It is made afresh, so what it held is gone.
            let elsewhere = |it: &Tool| !it.path.starts_with(self.environment());
            (uv, ruff) = (uv.filter(elsewhere), ruff.filter(elsewhere));
            let folder = self.make_environment(&interpreters, &door).await?;
            if !knows_hosts {
                usual_hosts = self.hosts_of(&folder.join("bin/python"), &door).await?;
            }
            if places.index.url.is_none() && usual_hosts.is_empty() {
                return Err(WorkspaceError::Blocked {
                    command: "ask pip for its default index".to_owned(),
                    tail: "this pip doesn't say which hosts it installs from (set the address of a package index in the configuration)".to_owned(),
                });
            }
            let missing: Vec<&str> = [(&uv, UV), (&ruff, RUFF)]
                .into_iter()
                .filter(|(tool, _)| tool.is_none())
                .map(|(_, requirement)| requirement)
                .collect();
            self.install(&folder, &missing, &usual_hosts, &interpreters)
                .await?;
            let bin = folder.join("bin");
            uv = uv.or(self.version_of(&bin.join("uv"), &door).await?);
            ruff = ruff.or(self.version_of(&bin.join("ruff"), &door).await?);
        }
        let missing = |name: &str| WorkspaceError::Blocked {
            command: format!("{name} --version"),
            tail: format!(
                "`{name}` was installed and doesn't run on this machine (put one that does on the PATH)"
            ),
        };
        let (uv, ruff) = (
            uv.ok_or_else(|| missing("uv"))?,
            ruff.ok_or_else(|| missing("ruff"))?,
        );
        let bin = self.bin(&ruff)?;
        Ok(Toolbox {
            uv,
            ruff,
            bin,
            interpreters,
            usual_hosts,
        })
    }

    /// A tool on the search path, or the one that was installed here before.
    async fn there(
        &self,
        name: &str,
        requirement: &str,
        door: &Door,
    ) -> Result<Option<Tool>, WorkspaceError> {
        if let Some(tool) = self.on_path(name, door).await? {
            return Ok(Some(tool));
        }
        let installed = self.environment().join("bin").join(name);
        let tool = self.version_of(&installed, door).await?;
        Ok(tool.filter(|it| requirement == format!("{name}=={}", it.version)))
    }

    fn environment(&self) -> PathBuf {
        self.folder.join("environment")
    }

    /// A tool on the search path. A script of that name only looks for it, and couldn't inside the sandbox.
    async fn on_path(&self, name: &str, door: &Door) -> Result<Option<Tool>, WorkspaceError> {
        let folders = self.places.search_path.iter().filter(|it| it.is_absolute());
        for path in folders
            .map(|it| it.join(name))
            .filter(|it| is_machine_code(it))
        {
            if let Some(tool) = self.version_of(&path, door).await? {
                return Ok(Some(tool));
            }
        }
        Ok(None)
    }

    async fn version_of(&self, path: &Path, door: &Door) -> Result<Option<Tool>, WorkspaceError> {
        let Ok(path) = std::fs::canonicalize(path) else {
            return Ok(None);
        };
        let argv = vec![path.display().to_string(), "--version".to_owned()];
        let said = answer(argv, door, self.limits).await?;
        Ok(said.and_then(|it| {
            let version = it.split_whitespace().nth(1)?.to_owned();
            Some(Tool { path, version })
        }))
    }

    async fn hosts_known_to(
        &self,
        interpreters: &[Interpreter],
        door: &Door,
    ) -> Result<Vec<String>, WorkspaceError> {
        for interpreter in interpreters {
            let hosts = self.hosts_of(&interpreter.path, door).await?;
            if !hosts.is_empty() {
                return Ok(hosts);
            }
        }
        Ok(Vec::new())
    }

    /// The hosts of the default index; none when this Python has no pip.
    async fn hosts_of(&self, python: &Path, door: &Door) -> Result<Vec<String>, WorkspaceError> {
        let argv = [
            python.display().to_string(),
            "-I".into(),
            "-c".into(),
            HOSTS.into(),
        ];
        let said = answer(argv.to_vec(), door, self.limits).await?;
        Ok(said
            .map(|it| it.lines().map(str::to_owned).collect())
            .unwrap_or_default())
    }

    /// An environment with pip, made by the first interpreter that can.
    async fn make_environment(
        &self,
        interpreters: &[Interpreter],
        door: &Door,
    ) -> Result<PathBuf, WorkspaceError> {
        let folder = self.environment();
        let mut first = None;
        for interpreter in interpreters {
            fresh_folder(&folder)?;
            let made = Step {
                argv: vec![
                    interpreter.path.display().to_string(),
                    "-I".into(),
                    "-m".into(),
                    "venv".into(),
                    "--clear".into(),
                    folder.display().to_string(),
                ],
                shown: format!("{} -m venv", interpreter.path.display()),
                directory: &folder,
                env: BTreeMap::new(),
                writable: vec![folder.clone()],
                readable: vec![interpreter.prefix.clone()],
                network: Network::Loopback,
            };
            match made.run(door, self.limits).await {
                Ok(_) => return Ok(folder),
                Err(error) => first = first.or(Some((interpreter, error))),
            }
        }
        match first {
            Some((interpreter, WorkspaceError::Blocked { command, tail })) => {
                let version = interpreter.version;
                Err(WorkspaceError::Blocked {
                    command,
                    tail: format!(
                        "{tail}\n(on Debian and Ubuntu: apt-get install python{}.{}-venv; or put `uv` and `ruff` on the PATH)",
                        version.major, version.minor
                    ),
                })
            }
            Some((_, error)) => Err(error),
            None => Err(WorkspaceError::failed(
                "make an environment for our tools",
                "no interpreter",
            )),
        }
    }

    async fn install(
        &self,
        folder: &Path,
        requirements: &[&str],
        usual_hosts: &[String],
        interpreters: &[Interpreter],
    ) -> Result<(), WorkspaceError> {
        if requirements.is_empty() {
            return Ok(());
        }
        let what = requirements.join(" ");
        self.log.note(Note::Progress {
            what: "tools".to_owned(),
            how_far: format!("installing {what}, once"),
        });
        let index = &self.places.index;
        let door = (self.make_door)(index.egress(usual_hosts));
        let python = folder.join("bin/python").display().to_string();
        let mut argv: Vec<String> = [&python, "-I", "-m", "pip", "install"]
            .map(str::to_owned)
            .to_vec();
        // `-I` hides PIP_… variables from pip, so they are said as options.
        argv.extend(
            [
                "--disable-pip-version-check",
                "--no-input",
                "--no-cache-dir",
                "--only-binary=:all:",
            ]
            .map(str::to_owned),
        );
        if let Some(url) = &index.url {
            argv.push(format!("--index-url={url}"));
        }
        if let Some(path) = &index.certificates {
            argv.push(format!("--cert={}", path.display()));
        }
        argv.extend(requirements.iter().map(|it| (*it).to_owned()));
        let mut readable: Vec<PathBuf> = interpreters.iter().map(|it| it.prefix.clone()).collect();
        readable.extend(index.certificates.clone());
        let install = Step {
            argv,
            shown: format!("pip install {what}"),
            directory: folder,
            env: index.variables(),
            writable: vec![folder.to_owned()],
            readable,
            network: Network::PackageIndex,
        };
        install.run(&door, self.limits).await.map(drop)
    }

    /// A folder with nothing but `ruff`: where it was found may hold anything else of the user's.
    ///
    /// Each `ruff` has its own, because a run that found another one may be using its folder now.
    fn bin(&self, ruff: &Tool) -> Result<PathBuf, WorkspaceError> {
        let digest = Sha256::digest(ruff.path.as_os_str().as_encoded_bytes());
        let name: String = digest[..8].iter().map(|it| format!("{it:02x}")).collect();
        let bin = self.folder.join(format!("bin-{name}"));
        let link = bin.join("ruff");
        if std::fs::read_link(&link).is_ok_and(|it| it == ruff.path) {
            return Ok(bin);
        }
        fresh_folder(&bin)?;
        std::os::unix::fs::symlink(&ruff.path, link)
            .map_err(|it| WorkspaceError::failed("put ruff into a folder of its own", it))?;
        Ok(bin)
    }
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
