//! One environment for one set of declarations: installed once, shared by all trees of a run and by later runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, UNIX_EPOCH};

use async_trait::async_trait;
use git::BaseTree;
use git::Lock;
use protocol::{Environment, Limits, Log, WorkspaceError, hexadecimal};
use sandbox::command::Door;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::attempts::{Age, Attempt};
use super::built::ROOTS_VARIABLE;
use super::declared::{DECLARATION_BYTES_MAX, Declared, gather};
use super::install::Installation;
use super::interpreter::{Interpreter, in_order};
use super::notes;
use super::plan::Plan;
use super::scm::{self, FromGit};
use super::statements::is_statement;
use super::toolbox::{LOCK_GRACE, MakeDoor, Places, Toolbox, write_whole};
use super::version::Version;
use crate::{Environments, Ready};

mod ruffs;
mod trying;

/// Changed whenever an environment is made in another way, so that old ones aren't taken for new.
const RECIPE: &str = "3";

/// Makes Python environments, or finds those that were made.
pub struct PythonEnvironments {
    places: Places,
    make_door: MakeDoor,
    limits: Limits,
    log: Arc<dyn Log>,
    toolbox: OnceCell<Toolbox>,
}

/// What is written down of a finished environment; without it, a folder is a heap of leftovers.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stamp {
    key: String,
    interpreter: Interpreter,
    sources: Vec<String>,
    roots: Vec<String>,
    installed_unix_ms: u64,
    test_folder: String,
    /// What was found out while it was made.
    notes: Vec<String>,
}

/// Which environment a base has, once several were tried.
#[derive(Debug, Serialize, Deserialize)]
struct Choice {
    key: String,
    notes: Vec<String>,
}

/// What a base asks for.
struct Wanted<'a> {
    declared: Declared,
    from_git: FromGit,
    notes: Vec<String>,
    age: Age,
    /// Best first.
    interpreters: Vec<&'a Interpreter>,
    /// What of the tree an environment is made of; empty where no code of it runs.
    made_of: String,
    /// Where the choice is written down.
    choice: PathBuf,
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
        let looking = base.clone();
        let look = move || {
            let read = |path: &str| looking.read(path, DECLARATION_BYTES_MAX);
            let declared = gather(looking.paths(), read);
            let from_git = from_git(&looking, &declared.files);
            let notes = notes::about(&looking, &declared.files, &from_git);
            (declared, from_git, notes, Age::of(&looking))
        };
        let (declared, from_git, notes, age) = tokio::task::spawn_blocking(look)
            .await
            .map_err(|it| WorkspaceError::failed("read what the repository declares", it))?;
        let plan = plan_of(&declared, None)?;
        let interpreters = in_order(&plan, &toolbox.interpreters)?;
        // Code of the tree runs while its packages are built, and what it does depends on every file of it: neither
        // another repository nor another commit of this one gets what this code made.
        let tree = [base.repository(), &base.fingerprint()].join("\n");
        let made_of = match plan.runs_code_of_the_tree() {
            true => format!("{tree}\n{}", from_git.version()),
            false => String::new(),
        };
        let mut parts: Vec<String> = interpreters
            .iter()
            .map(|it| it.path.display().to_string())
            .collect();
        parts.extend([tree, from_git.version(), age.day().unwrap_or_default()]);
        let choice = self.key(&declared.files, interpreters[0], toolbox, &parts);
        Ok(Wanted {
            declared,
            from_git,
            notes,
            age,
            interpreters,
            made_of,
            choice: self.folder("choices").join(format!("{choice}.json")),
        })
    }

    /// A hash of everything that goes into an environment.
    fn key(
        &self,
        files: &BTreeMap<String, String>,
        interpreter: &Interpreter,
        toolbox: &Toolbox,
        more: &[String],
    ) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(RECIPE);
        add(&interpreter.path.to_string_lossy());
        add(&interpreter.version.to_string());
        add(&toolbox.uv.version);
        add(self.places.index.url.as_deref().unwrap_or_default());
        for part in more {
            add(part);
        }
        for (path, text) in files.iter().filter(|it| !is_statement(it.0)) {
            add(path);
            add(text);
        }
        hexadecimal(&hash.finalize()[..16])
    }

    fn folder(&self, key: &str) -> PathBuf {
        self.places.cache.join("environments").join(key)
    }

    fn ready(&self, toolbox: &Toolbox, stamp: Stamp, notes: Vec<String>, cached: bool) -> Ready {
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
        let mut readable = vec![folder.clone(), stamp.interpreter.prefix.clone()];
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
                python_version: stamp.interpreter.version.to_string(),
                sources: stamp.sources,
                cached,
                wall_ms: 0,
                test_folder: stamp.test_folder,
                notes: [stamp.notes, notes].concat(),
            },
        }
    }

    /// The environment that was chosen for this base before.
    fn chosen(&self, wanted: &Wanted<'_>) -> Option<(Stamp, Vec<String>)> {
        let text = std::fs::read(&wanted.choice).ok()?;
        let choice: Choice = serde_json::from_slice(&text).ok()?;
        let stamp = finished(&self.folder(&choice.key), &choice.key)?;
        Some((stamp, [choice.notes, wanted.notes.clone()].concat()))
    }

    fn attempt_key(&self, wanted: &Wanted<'_>, attempt: &Attempt<'_>, toolbox: &Toolbox) -> String {
        let day = attempt.as_of.clone().unwrap_or_default();
        let mut more = vec![wanted.made_of.clone(), day];
        if attempt.is_for_tests_alone {
            more.push("for tests alone".to_owned());
        }
        self.key(&wanted.declared.files, attempt.interpreter, toolbox, &more)
    }

    fn installation<'a>(
        &'a self,
        base: &BaseTree,
        wanted: &'a Wanted<'_>,
        attempt: &'a Attempt<'_>,
        toolbox: &'a Toolbox,
        door: &'a Door,
        folder: PathBuf,
    ) -> Installation<'a> {
        Installation {
            plan: &attempt.plan,
            as_of: attempt.as_of.as_deref(),
            runner_as_of: attempt.runner_day(),
            files: &wanted.declared.files,
            from_git: &wanted.from_git,
            toolbox,
            interpreter: attempt.interpreter,
            index: &self.places.index,
            door,
            limits: &self.limits,
            log: &*self.log,
            objects: base.objects(),
            workshop: folder.with_extension("workshop"),
            downloads: self.places.cache.join("downloads"),
            folder,
        }
    }

    /// The environment of one attempt, and whether it was there already.
    async fn made(
        &self,
        base: &BaseTree,
        wanted: &Wanted<'_>,
        attempt: &Attempt<'_>,
        toolbox: &Toolbox,
    ) -> Result<(Stamp, bool), WorkspaceError> {
        let key = self.attempt_key(wanted, attempt, toolbox);
        let folder = self.folder(&key);
        let _lock = self.lock(&folder.with_extension("lock")).await?;
        if let Some(stamp) = finished(&folder, &key) {
            return Ok((stamp, true));
        }
        let door = (self.make_door)(toolbox.egress(&self.places.index));
        let installation = self.installation(base, wanted, attempt, toolbox, &door, folder);
        let roots = installation.run(base).await?;
        let stamp = Stamp {
            key,
            interpreter: attempt.interpreter.clone(),
            sources: attempt.plan.sources.clone(),
            roots,
            test_folder: attempt.plan.test_folder.clone(),
            notes: attempt.plan.notes.clone(),
            installed_unix_ms: UNIX_EPOCH.elapsed().map_or(0, |it| it.as_millis() as u64),
        };
        write_whole(&stamp_file(&installation.folder), &stamp).map_err(|it| {
            WorkspaceError::failed("write down that the environment is finished", it)
        })?;
        Ok((stamp, false))
    }

    async fn lock(&self, file: &Path) -> Result<Lock, WorkspaceError> {
        let seconds_max = self.limits.install_seconds_max + LOCK_GRACE.as_secs();
        Lock::take(file, seconds_max).await.map_err(|it| {
            WorkspaceError::failed("wait for another run that installs this environment", it)
        })
    }
}

#[async_trait]
impl Environments for PythonEnvironments {
    async fn get_ready(&self, base: &BaseTree) -> Result<Ready, WorkspaceError> {
        let started = Instant::now();
        let toolbox = self.toolbox().await?;
        let wanted = self.wanted(base).await?;
        let mut chosen = self.chosen(&wanted);
        let mut cached = true;
        if chosen.is_none() {
            std::fs::create_dir_all(self.folder("choices"))
                .map_err(|it| WorkspaceError::failed("create the folder for environments", it))?;
            let _lock = self.lock(&wanted.choice.with_extension("lock")).await?;
            // Another run may have finished it while we waited.
            chosen = self.chosen(&wanted);
            if chosen.is_none() {
                let (stamp, notes, was_there) = self.choose(base, &wanted, toolbox).await?;
                let choice = Choice {
                    key: stamp.key.clone(),
                    notes: notes.clone(),
                };
                write_whole(&wanted.choice, &choice).map_err(|it| {
                    WorkspaceError::failed("write down which environment it is", it)
                })?;
                cached = was_there;
                chosen = Some((stamp, [notes, wanted.notes.clone()].concat()));
            }
        }
        let Some((stamp, notes)) = chosen else {
            return Err(WorkspaceError::failed(
                "choose an environment",
                "none was made",
            ));
        };
        let mut ready = self.ready(toolbox, stamp, notes, cached);
        self.choose_ruff(base, toolbox, &mut ready).await?;
        ready.environment.wall_ms = started.elapsed().as_millis() as u64;
        Ok(ready)
    }
}

fn plan_of(declared: &Declared, python: Option<Version>) -> Result<Plan, WorkspaceError> {
    Plan::of(declared, python).map_err(|(path, why)| WorkspaceError::Blocked {
        command: format!("read {path}"),
        tail: why,
    })
}

/// The version of the base, where its projects ask git for one. Blocks.
fn from_git(base: &BaseTree, files: &BTreeMap<String, String>) -> FromGit {
    let own_files: String = files
        .iter()
        .filter(|(path, _)| scm::may_say(path))
        .map(|(_, text)| format!("{text}\n"))
        .collect();
    if !scm::asks_git(&own_files) {
        return FromGit::default();
    }
    let described = base.described(&scm::counting(&own_files));
    FromGit::new(described.as_ref(), &base.commit())
}

/// The stamp is inside the environment, so that both come and go together.
fn stamp_file(folder: &Path) -> PathBuf {
    folder.join("pipeline-stamp.json")
}

/// What is written down of a finished environment, if it is one and its interpreter is still there.
fn finished(folder: &Path, key: &str) -> Option<Stamp> {
    let text = std::fs::read(stamp_file(folder)).ok()?;
    let stamp: Stamp = serde_json::from_slice(&text).ok()?;
    let is_whole = stamp.key == key && folder.join("bin/python").exists();
    is_whole.then_some(stamp)
}
