//! What runs stand on: made once by whoever owns the process, from its own environment and configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use forge::{GitHub, Jira};
use git::{Access, Address, Credential, Identity};
use llm::{Day, Guard, Patience, Prices, Vendors};
use protocol::{Place, ReviewerFigure, RunId};
use store::{Owner, Store};

use crate::error::RunsError;

/// What runs stand on. Nothing that a run does reads anything else of the machine's environment.
#[derive(Debug)]
pub struct Host {
    /// Where runs are kept.
    pub store: Store,
    /// Who works on the runs of this host.
    pub owner: Owner,
    /// Where their files are.
    pub folders: Folders,
    /// What child programs need.
    pub programs: Programs,
    /// How git reaches remote hosts.
    pub access: Access,
    /// The host of repositories that takes pull requests, and the tracker of its issues.
    pub github: Option<Arc<GitHub>>,
    /// The other tracker.
    pub jira: Option<Arc<Jira>>,
    /// Where Python environments are made, and of what.
    pub python: python::Places,
    /// Keys and addresses of the models' vendors.
    pub vendors: Vendors,
    /// How long a vendor is waited for.
    pub patience: Patience,
    /// What models cost.
    pub prices: Prices,
    /// The day of the prices.
    pub today: Day,
    /// What is known of reviewers.
    pub reviewers: Vec<ReviewerFigure>,
    /// What a recording must never hold.
    pub guard: Guard,
    /// Who a delivered commit is by.
    pub author: Identity,
    /// Places of whoever runs this that no file of a repository names, with the names that a model is told instead.
    pub places: Vec<Place>,
    /// Their home folder in the same form.
    pub home: Vec<Place>,
}

/// How long a run stays ours without a sign of life.
pub(crate) const LEASE_MAX: Duration = Duration::from_secs(30);

impl Host {
    /// A host that keeps everything below one folder, has no key and no price, and knows no one's home.
    ///
    /// # Errors
    /// [`RunsError::Store`] when the folder can't hold a list of runs.
    pub async fn in_folder(folder: &Path, programs: Programs) -> Result<Host, RunsError> {
        let address = format!("sqlite:{}", folder.join("state/runs.db").display());
        let store = Store::open(&address).await;
        let store = store.map_err(|source| RunsError::Store {
            doing: "open the list of runs",
            source,
        })?;
        Ok(Host {
            store,
            owner: Owner::this_process(),
            folders: Folders {
                state: folder.join("state"),
                cache: folder.join("cache"),
            },
            access: Access::default(),
            github: None,
            jira: None,
            python: python::Places {
                cache: folder.join("cache/python"),
                search_path: std::env::split_paths(&programs.search_path).collect(),
                interpreters: Vec::new(),
                index: python::Index::default(),
            },
            programs,
            vendors: Vendors::default(),
            patience: Patience::STANDARD,
            prices: Prices::default(),
            today: Day::at(SystemTime::now()),
            reviewers: Vec::new(),
            guard: Guard::default(),
            author: Identity {
                name: "pipeline".to_owned(),
                email: "pipeline@localhost".to_owned(),
            },
            places: Vec::new(),
            home: Vec::new(),
        })
    }
}

impl Host {
    /// How git reaches a repository. Where an app is used, with a token for that repository that was made or renewed now.
    ///
    /// # Errors
    /// [`RunsError::Credential`] when the app is refused.
    pub async fn access_to(&self, address: &Address) -> Result<Access, RunsError> {
        let mut access = self.access.clone();
        if let Some(github) = &self.github {
            let credential = github.git_credential(address.as_str()).await;
            let credential = credential.map_err(|source| RunsError::Credential {
                repository: address.to_string(),
                source: Box::new(source),
            })?;
            if let Some((base, header)) = credential {
                access.credential = Some(Credential { base, header });
            }
        }
        Ok(access)
    }
}

/// Where the files of runs are.
#[derive(Clone, Debug)]
pub struct Folders {
    /// What must last.
    pub state: PathBuf,
    /// What can be made again.
    pub cache: PathBuf,
}

impl Folders {
    /// The private folder of a run.
    pub fn run(&self, run: &RunId) -> PathBuf {
        self.state.join("runs").join(&run.0)
    }

    /// Where the files of a run go that started from nothing.
    pub fn files(&self, run: &RunId) -> PathBuf {
        self.state.join("files").join(&run.0)
    }

    /// Where the evidence of a run goes unless somebody said otherwise.
    pub fn bundle(&self, run: &RunId) -> PathBuf {
        self.state.join("evidence").join(&run.0)
    }
}

/// What child programs need.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The `bwrap` of this machine, if it has one.
    pub bubblewrap: Option<PathBuf>,
    /// The program that puts up the inner side of the sandbox: one that calls [`sandbox::confine::inner_main`].
    pub inner: PathBuf,
    /// Where git and its helpers are looked for, as in `PATH`.
    pub search_path: String,
}
