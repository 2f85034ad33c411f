//! The host of this process's runs: what the environment and the configuration say, in the form that runs take it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git::{Access, Credential};
use llm::{Guard, Vendors};
use python::{Index, Places};
use runs::{Host, Programs, Runs};
use sandbox::command::{Bounds, Door, Spawn, View};
use sandbox::proxy::Egress;
use url::Url;

use crate::config::Config;
use crate::failure::Failure;
use crate::home::Home;
use crate::surroundings::Surroundings;
use crate::trackers::{self, GitHubCredential};
use crate::{figures, settings};

/// How long pip may take to say which index it knows.
const PIP_SECONDS_MAX: u64 = 20;

impl Home {
    /// The runs of this process.
    pub(crate) fn runs(&self) -> Result<Runs, Failure> {
        let Home {
            surroundings,
            config,
            store,
            owner,
        } = self;
        Ok(Runs::new(Host {
            store: store.clone(),
            owner: owner.clone(),
            folders: self.folders(),
            programs: programs(surroundings)?,
            access: access(surroundings)?,
            github: trackers::github(surroundings, config)?,
            jira: trackers::jira(surroundings, config)?,
            python: places(surroundings, config),
            vendors: vendors(surroundings, config),
            patience: config.patience,
            prices: settings::prices(config),
            today: surroundings.today,
            reviewers: figures::known(surroundings)?,
            guard: guard(surroundings),
            author: config.author.identity(),
            places: surroundings.places(),
            home: surroundings.home_place(),
        }))
    }
}

/// Keys and addresses of the vendors as a run would have them.
pub(crate) fn vendors(surroundings: &Surroundings, config: &Config) -> Vendors {
    Vendors {
        openai_api: config.openai_api,
        ..Vendors::from_variables(|it| surroundings.variable(it).map(str::to_owned))
    }
}

/// What a recording must never hold: a key, or a path of whoever records.
fn guard(surroundings: &Surroundings) -> Guard {
    let vendors = Vendors::from_variables(|it| surroundings.variable(it).map(str::to_owned));
    let mut guard = Guard::default();
    for (vendor, key) in &vendors.keys {
        guard = guard.key(format!("the key of {vendor}"), key);
    }
    for name in [
        "GITHUB_TOKEN",
        trackers::APP_KEY,
        "GITHUB_WEBHOOK_SECRET",
        "JIRA_API_TOKEN",
        "JIRA_WEBHOOK_SECRET",
    ] {
        if let Some(key) = surroundings.secret(name) {
            guard = guard.key(format!("the value of {name}"), &key);
        }
    }
    for path in surroundings.personal_paths() {
        guard = guard.path("a path of your home folder", &path);
    }
    guard
}

/// What child programs need.
pub(crate) fn programs(surroundings: &Surroundings) -> Result<Programs, Failure> {
    Ok(Programs {
        bubblewrap: find_program(surroundings, "bwrap"),
        inner: own_program()?,
        search_path: search_path(surroundings),
    })
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
    let programs = programs(surroundings).ok()?;
    let walls = runs::find_walls(&programs, false).await.ok()?;
    let door = Door::new(
        walls,
        programs.inner,
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

/// How git reaches remote hosts: the token goes to the configured forge and nowhere else.
fn access(surroundings: &Surroundings) -> Result<Access, Failure> {
    let credential = match trackers::github_credential(surroundings)? {
        Some(GitHubCredential::Token(token)) => Some(Credential {
            base: forge(surroundings)?,
            header: forge::basic(&token),
        }),
        // An app's tokens run out: one is made for each repository when git needs it.
        Some(GitHubCredential::App(_)) | None => None,
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
