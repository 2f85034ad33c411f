//! What a run stands on: the walls, our tools, the mirrors, and the checkout of its repository.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use protocol::{Base, Limits, Log, RunId};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use workspace::checkout::{Checkout, Opening, Origin};
use workspace::command::{Bounds, Door, Spawn, View};
use workspace::confine::Walls;
use workspace::error::CommandError;
use workspace::git::{Access, Address, Credential, MirrorLimits, Mirrors};
use workspace::proxy::Egress;
use workspace::python::{Index, MakeDoor, Places, PythonEnvironments};

use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::surroundings::Surroundings;

/// Wall time of one fetch.
const FETCH_SECONDS_MAX: u64 = 15 * 60;
/// How long a run waits for another one that fetches the same repository.
const LOCK_SECONDS_MAX: u64 = 15 * 60;
/// How long pip may take to say which index it knows.
const PIP_SECONDS_MAX: u64 = 20;
/// Largest pack that is taken.
const PACK_BYTES_MAX: u64 = 4 << 30;

/// What a run stands on.
pub(crate) struct Ground {
    door: Arc<Door>,
    search_path: String,
    access: Access,
    environments: Arc<PythonEnvironments>,
}

impl Ground {
    /// Looks around. Refuses to go on without walls, unless the user asked for that.
    pub(crate) async fn find(
        home: &Home,
        unconfined: bool,
        progress: &Arc<Progress>,
    ) -> Result<Ground, Failure> {
        let surroundings = &home.surroundings;
        let walls = walls(surroundings, unconfined).await?;
        if walls.confinement().layers.is_empty() {
            progress.say("warning     programs of the repository run WITHOUT a sandbox, as --unconfined asks");
        }
        let scratch = surroundings.cache.join("scratch");
        // Mirrors of private repositories are in the cache, and a home folder is often open to all.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&scratch)
            .map_err(|it| {
                Failure::broken(format!("create {}", scratch.display()), it)
                    .advise("Set XDG_CACHE_HOME to a folder that you may write to.")
            })?;
        let stage = own_program()?;
        let make_door: MakeDoor = Arc::new(move |egress| {
            Door::new(walls.clone(), stage.clone(), scratch.clone(), egress)
        });
        let environments = PythonEnvironments::new(
            places(surroundings, &home.config),
            make_door.clone(),
            home.config.limits.clone(),
            progress.clone(),
        );
        Ok(Ground {
            door: Arc::new(make_door(Egress::default())),
            search_path: search_path(surroundings),
            access: access(surroundings)?,
            environments: Arc::new(environments),
        })
    }

    /// Finds our own tools, or installs them; they and their versions in words.
    pub(crate) async fn tools(&self) -> Result<Vec<(String, String)>, Failure> {
        let tools = self
            .environments
            .toolbox()
            .await
            .map_err(|it| Failure::new(Exit::Blocked, "find or install the tools", it))?;
        Ok([("uv", &tools.uv), ("ruff", &tools.ruff)]
            .map(|(name, tool)| {
                let words = format!("{} at {}", tool.version, tool.path.display());
                (name.to_owned(), words)
            })
            .to_vec())
    }

    /// Where the code is, from what the user wrote.
    pub(crate) fn origin(&self, settings: &Settings) -> Result<Origin, Failure> {
        match &settings.repo {
            Some(repo) => Ground::origin_named(repo),
            None => Ok(Origin::Nothing),
        }
    }

    /// Where the code is: an absolute folder, or an address.
    pub(crate) fn origin_named(repo: &str) -> Result<Origin, Failure> {
        if let Some(folder) = folder_named(repo) {
            return Ok(Origin::Folder(folder));
        }
        Address::parse(repo)
            .map(Origin::Address)
            .map_err(|it| Failure::usage(format!("use the repository `{repo}`"), it))
    }

    /// Opens the repository in the run's folder.
    pub(crate) async fn open(
        &self,
        home: &Home,
        run: &RunId,
        settings: &Settings,
        origin: &Origin,
        log: &dyn Log,
    ) -> Result<Checkout, Failure> {
        Checkout::open(
            self.opening(home, &home.run_folder(run), &home.config.limits),
            origin,
            settings.base.as_deref(),
            settings.include_dirty,
            log,
        )
        .await
        .map_err(|it| Failure::told(Exit::Usage, it))
    }

    /// Opens what an earlier life of the run left in its folder.
    pub(crate) async fn reopen(
        &self,
        home: &Home,
        run: &RunId,
        base: &Base,
    ) -> Result<Checkout, Failure> {
        Checkout::reopen(
            self.opening(home, &home.run_folder(run), &home.config.limits),
            base,
        )
        .await
        .map_err(|it| Failure::usage("open the run's repository again", it))
    }

    /// What a checkout in the folder of a run, or of a verification, is opened with.
    pub(crate) fn opening(&self, home: &Home, run_folder: &Path, limits: &Limits) -> Opening {
        let limits = limits.clone();
        Opening {
            run_folder: run_folder.to_owned(),
            mirrors: Mirrors::new(
                home.surroundings.cache.join("mirrors"),
                self.door.clone(),
                self.access.clone(),
                self.search_path.clone(),
                MirrorLimits {
                    fetch_seconds_max: FETCH_SECONDS_MAX,
                    lock_seconds_max: LOCK_SECONDS_MAX,
                    pack_bytes_max: PACK_BYTES_MAX,
                    memory_bytes_max: limits.memory_bytes_max,
                },
            ),
            door: self.door.clone(),
            limits,
            findings: home.surroundings.cache.join("baselines"),
            environments: self.environments.clone(),
            places: home.surroundings.places(),
            home: home.surroundings.home_place(),
        }
    }
}

/// Where the Python environments' parts are.
fn places(surroundings: &Surroundings, config: &Config) -> Places {
    let mut interpreters = Vec::new();
    if let Some(root) = surroundings.variable("PYENV_ROOT") {
        interpreters.push(Path::new(root).join("versions"));
    }
    if let Some(home) = &surroundings.home {
        interpreters.push(home.join(".pyenv/versions"));
        interpreters.push(home.join(".local/share/uv/python"));
    }
    let cache = surroundings.cache.join("python");
    Places {
        // Environments hold their own path: a link on the way would give one environment several.
        cache: std::fs::canonicalize(&cache).unwrap_or(cache),
        search_path: surroundings.path(),
        interpreters,
        index: index(surroundings, config),
    }
}

/// Where packages come from.
pub(crate) fn index(surroundings: &Surroundings, config: &Config) -> Index {
    let variable = |names: &[&str]| {
        names
            .iter()
            .find_map(|it| surroundings.variable(it))
            .map(str::to_owned)
    };
    Index {
        url: Some(config.index_url.clone())
            .filter(|it| !it.is_empty())
            .or_else(|| variable(&["UV_DEFAULT_INDEX", "PIP_INDEX_URL"])),
        hosts: config.index_hosts.clone(),
        certificates: variable(&["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"])
            .map(PathBuf::from),
        upstream: variable(&["https_proxy", "HTTPS_PROXY"]).and_then(|it| authority(&it)),
    }
}

/// The address of the index that pip knows by itself, if a pip of this machine says it.
pub(crate) async fn usual_index(surroundings: &Surroundings) -> Option<String> {
    const ADDRESS: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
    let python = find_program(surroundings, "python3")?;
    let scratch = tempfile::tempdir().ok()?;
    let walls = walls(surroundings, false).await.ok()?;
    let door = Door::new(
        walls,
        own_program().ok()?,
        scratch.path().to_owned(),
        Egress::default(),
    );
    let spawn = Spawn {
        argv: [&*python.display().to_string(), "-I", "-c", ADDRESS]
            .map(str::to_owned)
            .to_vec(),
        directory: PathBuf::from("/"),
        env: BTreeMap::new(),
        stdin: Vec::new(),
        // No repository has a word in it, and where its libraries are isn't known.
        view: View::Bounded,
        bounds: Bounds::of(&Config::default().limits, PIP_SECONDS_MAX),
        report: false,
    };
    let said = door.run(&spawn).await.ok()?;
    let address = said.stdout.text.trim().to_owned();
    (said.succeeded() && !address.is_empty()).then_some(address)
}

/// `host:port` of a proxy's address.
fn authority(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    Some(format!(
        "{}:{}",
        url.host_str()?,
        url.port_or_known_default()?
    ))
}

/// The strongest walls of this machine.
pub(crate) async fn walls(surroundings: &Surroundings, unconfined: bool) -> Result<Walls, Failure> {
    let bubblewrap = find_program(surroundings, "bwrap");
    match Walls::probe(bubblewrap.as_deref(), &own_program()?).await {
        Ok(walls) => Ok(walls),
        Err(CommandError::NoWalls { .. }) if unconfined => Ok(Walls::unconfined()),
        Err(error) => Err(Failure::new(
            Exit::Blocked,
            "put walls around the programs of the repository",
            error,
        )
        .advise(
            "Install bubblewrap (`apt-get install bubblewrap`) and allow user namespaces, or accept the risk with --unconfined. \
             `pipeline doctor` shows what this machine allows.",
        )),
    }
}

/// A program on the user's search path.
pub(crate) fn find_program(surroundings: &Surroundings, name: &str) -> Option<PathBuf> {
    surroundings
        .path()
        .into_iter()
        .filter(|it| it.is_absolute())
        .map(|it| it.join(name))
        .find(|it| it.is_file())
}

/// This program, which is also the inner stage of the sandbox.
fn own_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|it| Failure::broken("find this program's own file", it))
}

fn search_path(surroundings: &Surroundings) -> String {
    surroundings
        .variable("PATH")
        .unwrap_or("/usr/local/bin:/usr/bin:/bin")
        .to_owned()
}

/// The local folder that the settings name, if they name one.
pub(crate) fn local_folder(settings: &Settings) -> Option<PathBuf> {
    settings.repo.as_deref().and_then(folder_named)
}

/// What looks like an address is one; everything else is a folder.
fn folder_named(repo: &str) -> Option<PathBuf> {
    Path::new(repo).is_absolute().then(|| PathBuf::from(repo))
}

/// How git reaches remote hosts: the token goes to the configured forge and nowhere else.
fn access(surroundings: &Surroundings) -> Result<Access, Failure> {
    let credential = match surroundings.secret("GITHUB_TOKEN") {
        None => None,
        Some(token) => Some(Credential {
            base: forge(surroundings)?,
            header: basic(&token),
        }),
    };
    Ok(Access {
        credential,
        ca_bundle: ["GIT_SSL_CAINFO", "SSL_CERT_FILE"]
            .iter()
            .find_map(|it| surroundings.variable(it))
            .map(PathBuf::from),
        proxy: ["https_proxy", "HTTPS_PROXY"]
            .iter()
            .find_map(|it| surroundings.variable(it))
            .map(str::to_owned),
        ssh_agent: surroundings.variable("SSH_AUTH_SOCK").map(PathBuf::from),
    })
}

/// The web address that belongs to the configured API address.
pub(crate) fn forge(surroundings: &Surroundings) -> Result<Url, Failure> {
    let wrong = |it| Failure::usage("understand GITHUB_API_URL", it);
    let Some(api) = surroundings.variable("GITHUB_API_URL") else {
        return Url::parse("https://github.com/").map_err(wrong);
    };
    let mut url = Url::parse(api).map_err(wrong)?;
    if url.host_str() == Some("api.github.com") {
        return Url::parse("https://github.com/").map_err(wrong);
    }
    url.set_path("/");
    url.set_query(None);
    Ok(url)
}

/// Basic authentication as GitHub documents it for git over HTTPS: any name, and the token as the password.
fn basic(token: &SecretString) -> SecretString {
    let pair = format!("x-access-token:{}", token.expose_secret());
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    SecretString::from(format!("Authorization: Basic {encoded}"))
}
