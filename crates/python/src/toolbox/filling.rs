//! The first use on a machine: what isn't there is installed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::{Limits, Log, Network, Note, WorkspaceError};
use sandbox::command::Door;
use sandbox::proxy::Egress;

use super::{MakeDoor, Places, Tool, Toolbox, short_digest};
use crate::interpreter::{self, Interpreter, answer, is_machine_code};
use crate::step::Step;

/// What is installed where the search path has none; fixed, so that formatting doesn't change by itself.
const UV: &str = "uv==0.13.8";
/// As [`UV`].
const RUFF: &str = "ruff==0.17.5";

/// Reads the hosts of the default index from pip itself: it is the one place that knows them.
const HOSTS: &str = "from pip._internal.models.index import PyPI; print(PyPI.netloc); print(PyPI.file_storage_domain)";

/// The first use on a machine.
pub(super) struct Filling<'a> {
    pub(super) places: &'a Places,
    pub(super) make_door: &'a MakeDoor,
    pub(super) limits: &'a Limits,
    pub(super) log: &'a dyn Log,
    pub(super) folder: PathBuf,
}

impl Filling<'_> {
    pub(super) async fn fill(&self) -> Result<Toolbox, WorkspaceError> {
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
        let mut uv = self.on_path("uv", Some(UV), &door).await?;
        let mut ruff = self.on_path("ruff", Some(RUFF), &door).await?;
        let mut usual_hosts = Vec::new();
        if places.index.url.is_none() {
            usual_hosts = self.hosts_known_to(&interpreters, &door).await?;
        }
        let knows_hosts = places.index.url.is_some() || !usual_hosts.is_empty();
        if uv.is_none() || ruff.is_none() || !knows_hosts {
            let missing: Vec<&str> = [(&uv, UV), (&ruff, RUFF)]
                .into_iter()
                .filter(|(tool, _)| tool.is_none())
                .map(|(_, requirement)| requirement)
                .collect();
            match self
                .installed(&missing, &mut usual_hosts, &interpreters, &door)
                .await
            {
                Ok(bin) => {
                    uv = uv.or(self.version_of(&bin.join("uv"), &door).await?);
                    ruff = ruff.or(self.version_of(&bin.join("ruff"), &door).await?);
                }
                Err(error @ WorkspaceError::Blocked { .. }) => {
                    uv = uv.or(self.on_path("uv", None, &door).await?);
                    ruff = ruff.or(self.on_path("ruff", None, &door).await?);
                    if uv.is_none() || ruff.is_none() || !knows_hosts {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
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

    /// A tool on the search path, of the version that we would install if one is wanted. A script of that name only
    /// looks for it, and couldn't inside the sandbox.
    async fn on_path(
        &self,
        name: &str,
        requirement: Option<&str>,
        door: &Door,
    ) -> Result<Option<Tool>, WorkspaceError> {
        let folders = self.places.search_path.iter().filter(|it| it.is_absolute());
        for path in folders
            .map(|it| it.join(name))
            .filter(|it| is_machine_code(it))
        {
            let tool = self.version_of(&path, door).await?;
            let fits = |it: &Tool| {
                requirement.is_none_or(|want| want == format!("{name}=={}", it.version))
            };
            if let Some(tool) = tool.filter(fits) {
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

    /// The folder with the programs of the given requirements, by the first interpreter that can make it; one that an
    /// earlier run made is taken.
    async fn installed(
        &self,
        requirements: &[&str],
        usual_hosts: &mut Vec<String>,
        interpreters: &[Interpreter],
        door: &Door,
    ) -> Result<PathBuf, WorkspaceError> {
        let mut first = None;
        for interpreter in interpreters {
            let folder = self.environment(requirements, interpreter);
            let whole = requirements.iter().all(|it| {
                let name = it.split("==").next().unwrap_or_default();
                folder.join("bin").join(name).is_file()
            });
            let is_there = whole && folder.join("bin/python").exists();
            let made = tempfile::Builder::new()
                .prefix("making-")
                .tempdir_in(&self.folder)
                .map_err(|it| WorkspaceError::failed("make a folder for our tools", it))?;
            let place = if is_there { &folder } else { made.path() };
            if !is_there && let Err(error) = self.make_environment(interpreter, place, door).await {
                first = first.or(Some((interpreter, error)));
                continue;
            }
            if self.places.index.url.is_none() && usual_hosts.is_empty() {
                *usual_hosts = self.hosts_of(&place.join("bin/python"), door).await?;
                if usual_hosts.is_empty() {
                    return Err(WorkspaceError::Blocked {
                        command: "ask pip for its default index".to_owned(),
                        tail: "this pip doesn't say which hosts it installs from (set the address of a package index in the configuration)".to_owned(),
                    });
                }
            }
            if !is_there {
                self.install(place, requirements, usual_hosts, interpreters)
                    .await?;
                self.put_in_place(made, &folder)?;
            }
            return Ok(folder.join("bin"));
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

    /// Where the programs of requirements are, installed by an interpreter.
    fn environment(&self, requirements: &[&str], interpreter: &Interpreter) -> PathBuf {
        let of = format!("{} {:?}", interpreter.version, interpreter.path);
        let mut name: Vec<String> = requirements
            .iter()
            .map(|it| it.replace("==", "-"))
            .collect();
        name.push(format!("python-{}", short_digest(of.as_bytes())));
        self.folder.join(name.join("-"))
    }

    /// What was made appears under its name at once. What isn't whole there is put aside, not deleted.
    fn put_in_place(&self, made: tempfile::TempDir, folder: &Path) -> Result<(), WorkspaceError> {
        let put = || {
            if folder.symlink_metadata().is_ok() {
                let aside = tempfile::Builder::new()
                    .prefix("damaged-")
                    .tempdir_in(&self.folder)?
                    .keep();
                std::fs::rename(folder, aside)?;
            }
            std::fs::rename(made.keep(), folder)
        };
        put().map_err(|it| WorkspaceError::failed("put our tools in their place", it))
    }

    /// An environment with pip.
    async fn make_environment(
        &self,
        interpreter: &Interpreter,
        folder: &Path,
        door: &Door,
    ) -> Result<(), WorkspaceError> {
        let make = Step {
            argv: vec![
                interpreter.path.display().to_string(),
                "-I".into(),
                "-m".into(),
                "venv".into(),
                folder.display().to_string(),
            ],
            shown: format!("{} -m venv", interpreter.path.display()),
            directory: folder,
            env: BTreeMap::new(),
            writable: vec![folder.to_owned()],
            readable: vec![interpreter.prefix.clone()],
            network: Network::Loopback,
        };
        make.run(door, self.limits).await.map(drop)
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
        let name = short_digest(ruff.path.as_os_str().as_encoded_bytes());
        let bin = self.folder.join(format!("bin-{name}"));
        let link = bin.join("ruff");
        if std::fs::read_link(&link).is_ok_and(|it| it == ruff.path) {
            return Ok(bin);
        }
        let put = || {
            std::fs::create_dir_all(&bin)?;
            let new = bin.join("new");
            // A link of a run that was killed may be there still; the lock is held.
            let _ = std::fs::remove_file(&new);
            std::os::unix::fs::symlink(&ruff.path, &new)?;
            std::fs::rename(&new, &link)
        };
        put().map_err(|it| WorkspaceError::failed("put ruff into a folder of its own", it))?;
        Ok(bin)
    }
}
