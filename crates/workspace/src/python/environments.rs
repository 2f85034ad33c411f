//! One environment for one set of declarations: installed once, shared by all trees of a run and by later runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, UNIX_EPOCH};

use async_trait::async_trait;
use protocol::{Environment, Limits, Log, WorkspaceError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::built::ROOTS_VARIABLE;
use super::install::Installation;
use super::interpreter::{Interpreter, choose};
use super::notes;
use super::plan::{DECLARATION_BYTES_MAX, Plan, gather};
use super::scm::{self, FromGit};
use super::toolbox::{LOCK_GRACE, MakeDoor, Places, Toolbox, write_whole};
use crate::checkout::{BaseTree, Environments, Ready};
use crate::lock::Lock;

/// Changed whenever an environment is made in another way, so that old ones aren't taken for new.
const RECIPE: &str = "2";

/// Makes Python environments, or finds those that were made.
pub struct PythonEnvironments {
    places: Places,
    make_door: MakeDoor,
    limits: Limits,
    log: Arc<dyn Log>,
    toolbox: OnceCell<Toolbox>,
}

/// What is written down of a finished environment; without it, a folder is a heap of leftovers.
#[derive(Debug, Serialize, Deserialize)]
struct Stamp {
    key: String,
    python_version: String,
    sources: Vec<String>,
    roots: Vec<String>,
    #[serde(default)]
    installed_unix_ms: u64,
    #[serde(default)]
    folders: Vec<String>,
    /// What was found out while it was made; remarks about the base come on top.
    #[serde(default)]
    notes: Vec<String>,
}

/// What a base asks for, and the name of the environment that has it.
struct Wanted<'a> {
    plan: Plan,
    files: BTreeMap<String, String>,
    from_git: FromGit,
    notes: Vec<String>,
    interpreter: &'a Interpreter,
    key: String,
}

impl PythonEnvironments {
    /// Environments in the cache folder of `places`.
    ///
    /// `make_door` gives the door to programs for the hosts of the package index; it is called when something is
    /// to be found out or installed, and not at all when everything is there.
    pub fn new(
        places: Places,
        make_door: MakeDoor,
        limits: Limits,
        log: Arc<dyn Log>,
    ) -> PythonEnvironments {
        PythonEnvironments {
            places,
            make_door,
            limits,
            log,
            toolbox: OnceCell::new(),
        }
    }

    /// Our tools, found or installed when first asked for.
    ///
    /// # Errors
    /// [`WorkspaceError::Blocked`] when there is no usable Python, or a tool can't be installed.
    pub async fn toolbox(&self) -> Result<&Toolbox, WorkspaceError> {
        let open = || Toolbox::open(&self.places, &self.make_door, &self.limits, &*self.log);
        self.toolbox.get_or_try_init(open).await
    }

    async fn wanted(&self, base: &BaseTree) -> Result<Wanted<'_>, WorkspaceError> {
        let toolbox = self.toolbox().await?;
        let read = {
            let base = base.clone();
            move || gather(base.paths(), |path| base.read(path, DECLARATION_BYTES_MAX))
        };
        let files = tokio::task::spawn_blocking(read)
            .await
            .map_err(|it| WorkspaceError::failed("read what the repository declares", it))?;
        let plan = Plan::detect(&files).map_err(|(path, why)| WorkspaceError::Blocked {
            command: format!("read {path}"),
            tail: why,
        })?;
        let interpreter = choose(&plan, &toolbox.interpreters)?;
        let (from_git, notes) = looked_at(base, &files).await?;
        // Code of the tree runs while its packages are built, and what it does depends on every file of it: neither
        // another repository nor another commit of this one gets what this code made.
        let made_of = match plan.runs_code_of_the_tree() {
            true => [base.repository(), &base.fingerprint(), &from_git.version()].join("\n"),
            false => String::new(),
        };
        let key = self.key(&files, interpreter, &toolbox.uv.version, &made_of);
        Ok(Wanted {
            plan,
            files,
            from_git,
            notes,
            interpreter,
            key,
        })
    }

    /// A hash of everything that goes into an environment.
    fn key(
        &self,
        files: &BTreeMap<String, String>,
        interpreter: &Interpreter,
        uv: &str,
        made_of: &str,
    ) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(RECIPE);
        add(&interpreter.path.to_string_lossy());
        add(&interpreter.version.to_string());
        add(uv);
        add(self.places.index.url.as_deref().unwrap_or_default());
        add(made_of);
        for (path, text) in files {
            add(path);
            add(text);
        }
        let digest = hash.finalize();
        digest[..16].iter().map(|it| format!("{it:02x}")).collect()
    }

    fn folder(&self, key: &str) -> PathBuf {
        self.places.cache.join("environments").join(key)
    }

    fn ready(
        &self,
        wanted: &Wanted<'_>,
        toolbox: &Toolbox,
        stamp: Stamp,
        cached: bool,
        started: Instant,
    ) -> Ready {
        let folder = self.folder(&stamp.key);
        let place = |root: &String| match root.as_str() {
            "" => "{tree}".to_owned(),
            root => format!("{{tree}}/{root}"),
        };
        let roots: Vec<String> = stamp.roots.iter().map(place).collect();
        let variables = [
            ("VIRTUAL_ENV", folder.display().to_string()),
            (ROOTS_VARIABLE, roots.join(":")),
            // What a run leaves in the tree would look like part of the change.
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
            // The same order of sets in every run, so that outcomes can be compared.
            ("PYTHONHASHSEED", "0".to_owned()),
            ("PYTHONNOUSERSITE", "1".to_owned()),
        ];
        let mut readable = vec![folder.clone(), wanted.interpreter.prefix.clone()];
        readable.extend(toolbox.readable());
        Ready {
            programs: vec![folder.join("bin"), toolbox.bin.clone()],
            readable,
            variables: variables
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            installation: stamp.installed_unix_ms.to_string(),
            environment: Environment {
                key: stamp.key,
                python_version: stamp.python_version,
                sources: stamp.sources,
                cached,
                wall_ms: started.elapsed().as_millis() as u64,
                folders: stamp.folders,
                notes: [stamp.notes, wanted.notes.clone()].concat(),
            },
        }
    }

    async fn install(
        &self,
        base: &BaseTree,
        wanted: &Wanted<'_>,
        toolbox: &Toolbox,
    ) -> Result<Stamp, WorkspaceError> {
        let folder = self.folder(&wanted.key);
        let door = (self.make_door)(toolbox.egress(&self.places.index));
        let installation = Installation {
            plan: &wanted.plan,
            files: &wanted.files,
            from_git: &wanted.from_git,
            toolbox,
            interpreter: wanted.interpreter,
            index: &self.places.index,
            door: &door,
            limits: &self.limits,
            log: &*self.log,
            objects: base.objects(),
            workshop: folder.with_extension("workshop"),
            downloads: self.places.cache.join("downloads"),
            folder,
        };
        let roots = installation.run(base).await?;
        let stamp = Stamp {
            key: wanted.key.clone(),
            python_version: wanted.interpreter.version.to_string(),
            sources: wanted.plan.sources.clone(),
            roots,
            folders: Vec::new(),
            notes: Vec::new(),
            installed_unix_ms: UNIX_EPOCH.elapsed().map_or(0, |it| it.as_millis() as u64),
        };
        write_whole(&stamp_file(&installation.folder), &stamp).map_err(|it| {
            WorkspaceError::failed("write down that the environment is finished", it)
        })?;
        Ok(stamp)
    }
}

#[async_trait]
impl Environments for PythonEnvironments {
    async fn get_ready(&self, base: &BaseTree) -> Result<Ready, WorkspaceError> {
        let started = Instant::now();
        let toolbox = self.toolbox().await?;
        let wanted = self.wanted(base).await?;
        let folder = self.folder(&wanted.key);
        if let Some(stamp) = finished(&folder, &wanted) {
            return Ok(self.ready(&wanted, toolbox, stamp, true, started));
        }
        let environments = self.places.cache.join("environments");
        std::fs::create_dir_all(&environments)
            .map_err(|it| WorkspaceError::failed("create the folder for environments", it))?;
        let seconds_max = self.limits.install_seconds_max + LOCK_GRACE.as_secs();
        let _lock = Lock::take(&folder.with_extension("lock"), seconds_max)
            .await
            .map_err(|it| {
                WorkspaceError::failed("wait for another run that installs this environment", it)
            })?;
        // Another run may have finished it while we waited.
        if let Some(stamp) = finished(&folder, &wanted) {
            return Ok(self.ready(&wanted, toolbox, stamp, true, started));
        }
        let stamp = self.install(base, &wanted, toolbox).await?;
        Ok(self.ready(&wanted, toolbox, stamp, false, started))
    }
}

/// The version of the base, where its projects ask git for one, and remarks about the base.
async fn looked_at(
    base: &BaseTree,
    files: &BTreeMap<String, String>,
) -> Result<(FromGit, Vec<String>), WorkspaceError> {
    let own_files: String = files
        .iter()
        .filter(|(path, _)| scm::may_say(path))
        .map(|(_, text)| format!("{text}\n"))
        .collect();
    let (base, files) = (base.clone(), files.clone());
    let looking = move || {
        let from_git = match scm::asks_git(&own_files) {
            true => {
                let described = base.described(&scm::counting(&own_files));
                FromGit::new(described.as_ref(), &base.commit())
            }
            false => FromGit::default(),
        };
        let notes = notes::about(&base, &files, &from_git);
        (from_git, notes)
    };
    tokio::task::spawn_blocking(looking)
        .await
        .map_err(|it| WorkspaceError::failed("look at the base", it))
}

/// The stamp is inside the environment, so that both come and go together.
fn stamp_file(folder: &Path) -> PathBuf {
    folder.join("pipeline-stamp.json")
}

/// What is written down of a finished environment, if it is one and its interpreter is still there.
fn finished(folder: &Path, wanted: &Wanted<'_>) -> Option<Stamp> {
    let text = std::fs::read(stamp_file(folder)).ok()?;
    let stamp: Stamp = serde_json::from_slice(&text).ok()?;
    let is_whole = stamp.key == wanted.key && folder.join("bin/python").exists();
    is_whole.then_some(stamp)
}
