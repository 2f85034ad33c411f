//! Opens checkouts of repositories: the sandbox, the mirrors, and the environments behind them.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use git::{Access, Address, MirrorLimits, Mirrors};
use protocol::{Base, Limits, Log, Note, RunId};
use python::{MakeDoor, PythonEnvironments};
use sandbox::command::Door;
use sandbox::confine::Walls;
use sandbox::error::CommandError;
use sandbox::proxy::Egress;
use workspace::checkout::{Checkout, Opening, Origin};

use crate::error::RunsError;
use crate::host::{Host, Programs};
use crate::settings::{self, Settings};

/// Wall time of one fetch.
const FETCH_SECONDS_MAX: u64 = 15 * 60;
/// How long a run waits for another one that fetches the same repository.
const LOCK_SECONDS_MAX: u64 = 15 * 60;
/// Largest pack that is taken.
const PACK_BYTES_MAX: u64 = 4 << 30;

/// Opens checkouts, all within the same limits and with the same sandbox.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "environments have none")]
pub struct Checkouts {
    host: Arc<Host>,
    door: Arc<Door>,
    environments: Arc<PythonEnvironments>,
    limits: Limits,
    access: Access,
}

impl Checkouts {
    /// Looks for the strongest sandbox of this machine.
    ///
    /// # Errors
    /// [`RunsError::NoSandbox`] without one, unless `unconfined`; [`RunsError::Scratch`].
    pub async fn of(
        host: &Arc<Host>,
        limits: &Limits,
        unconfined: bool,
        log: Arc<dyn Log>,
    ) -> Result<Checkouts, RunsError> {
        let walls = find_walls(&host.programs, unconfined).await?;
        if walls.confinement().layers.is_empty() {
            log.note(Note::Warning {
                text: "programs of the repository run WITHOUT a sandbox, as --unconfined asks"
                    .to_owned(),
            });
        }
        let scratch = host.folders.cache.join("scratch");
        // Mirrors of private repositories are in the cache, and a home folder is often open to all.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&scratch)
            .map_err(|source| RunsError::Scratch {
                folder: scratch.clone(),
                source,
            })?;
        let inner = host.programs.inner.clone();
        let make_door: MakeDoor = Arc::new(move |egress| {
            Door::new(walls.clone(), inner.clone(), scratch.clone(), egress)
        });
        let environments =
            PythonEnvironments::new(host.python.clone(), make_door.clone(), limits.clone(), log);
        Ok(Checkouts {
            host: host.clone(),
            door: Arc::new(make_door(Egress::default())),
            environments: Arc::new(environments),
            limits: limits.clone(),
            access: host.access.clone(),
        })
    }

    /// Finds our own tools, or installs them; their names, and in words what they are.
    ///
    /// # Errors
    /// [`RunsError::Tools`].
    pub async fn tools(&self) -> Result<Vec<(String, String)>, RunsError> {
        let tools = self
            .environments
            .toolbox()
            .await
            .map_err(|it| RunsError::Tools(Box::new(it)))?;
        Ok([("uv", &tools.uv), ("ruff", &tools.ruff)]
            .map(|(name, tool)| {
                let words = format!("{} at {}", tool.version, tool.path.display());
                (name.to_owned(), words)
            })
            .to_vec())
    }

    /// Opens the repository of the settings in the run's folder.
    pub(crate) async fn open(
        &self,
        run: &RunId,
        settings: &Settings,
        log: &dyn Log,
    ) -> Result<Checkout, RunsError> {
        let origin = origin(settings)?;
        let reaching = self.clone().reaching(&origin).await?;
        let opening = reaching.opening(&self.host.folders.run(run));
        let (base, dirty) = (settings.base.as_deref(), settings.include_dirty);
        Checkout::open(opening, &origin, base, dirty, log)
            .await
            .map_err(RunsError::Open)
    }

    /// Opens what an earlier life of the run left in its folder.
    pub(crate) async fn reopen(&self, run: &RunId, base: &Base) -> Result<Checkout, RunsError> {
        Checkout::reopen(self.opening(&self.host.folders.run(run)), base)
            .await
            .map_err(RunsError::OpenAgain)
    }

    /// The same with the credential that a repository needs now.
    ///
    /// # Errors
    /// [`RunsError::Credential`].
    pub async fn reaching(mut self, origin: &Origin) -> Result<Checkouts, RunsError> {
        if let Origin::Address(address) = origin {
            self.access = self.host.access_to(address).await?;
        }
        Ok(self)
    }

    /// What a checkout in this folder is opened with.
    pub fn opening(&self, folder: &Path) -> Opening {
        Opening {
            run_folder: folder.to_owned(),
            mirrors: Mirrors::new(
                self.host.folders.cache.join("mirrors"),
                self.door.clone(),
                self.access.clone(),
                self.host.programs.search_path.clone(),
                MirrorLimits {
                    fetch_seconds_max: FETCH_SECONDS_MAX,
                    lock_seconds_max: LOCK_SECONDS_MAX,
                    pack_bytes_max: PACK_BYTES_MAX,
                    memory_bytes_max: self.limits.memory_bytes_max,
                },
            ),
            door: self.door.clone(),
            limits: self.limits.clone(),
            findings: self.host.folders.cache.join("baselines"),
            environments: self.environments.clone(),
            places: self.host.places.clone(),
            home: self.host.home.clone(),
        }
    }

    /// Where the code is: an absolute folder, or an address.
    ///
    /// # Errors
    /// [`RunsError::Repository`] for what is neither.
    pub fn origin(repository: &str) -> Result<Origin, RunsError> {
        if let Some(folder) = settings::folder_named(repository) {
            return Ok(Origin::Folder(folder));
        }
        Address::parse(repository)
            .map(Origin::Address)
            .map_err(|source| RunsError::Repository {
                named: repository.to_owned(),
                source,
            })
    }
}

/// Where the code of a run is.
pub(crate) fn origin(settings: &Settings) -> Result<Origin, RunsError> {
    match &settings.repo {
        Some(repo) => Checkouts::origin(repo),
        None => Ok(Origin::Nothing),
    }
}

/// The strongest walls of this machine.
///
/// # Errors
/// [`RunsError::NoSandbox`] without any, unless `unconfined`.
pub async fn find_walls(programs: &Programs, unconfined: bool) -> Result<Walls, RunsError> {
    match Walls::probe(programs.bubblewrap.as_deref(), &programs.inner).await {
        Ok(walls) => Ok(walls),
        Err(CommandError::NoWalls { .. }) if unconfined => Ok(Walls::unconfined()),
        Err(source) => Err(RunsError::NoSandbox(source)),
    }
}
