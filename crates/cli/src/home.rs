//! Where everything of this user is kept: configuration, runs, caches.

use std::path::PathBuf;
use std::time::Duration;

use protocol::RunId;
use store::{Owner, Store, StoreError};

use crate::config::{self, Config};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::surroundings::Surroundings;

/// How long a run stays ours without a sign of life.
pub(crate) const LEASE_MAX: Duration = Duration::from_secs(30);

/// What every command about runs begins with.
pub(crate) struct Home {
    pub(crate) surroundings: Surroundings,
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) owner: Owner,
}

impl Home {
    /// Reads the configuration and opens the store.
    pub(crate) async fn open() -> Result<Home, Failure> {
        let surroundings = Surroundings::read()?;
        if let Some(why) = surroundings.distrusted(&[config::FILE]) {
            out::remark(&why);
        }
        let config = Config::read(&surroundings)?;
        let address = if config.database_url.is_empty() {
            format!("sqlite:{}", surroundings.state.join("runs.db").display())
        } else {
            config.database_url.clone()
        };
        let store = Store::open(&address).await.map_err(|source| match source {
            StoreError::Address { .. } => Failure::told(Exit::Usage, source)
                .advise("Correct PIPELINE_DATABASE_URL, or `database_url` in pipeline.toml."),
            source => Failure::broken("open the list of runs", source),
        })?;
        Ok(Home {
            surroundings,
            config,
            store,
            owner: Owner::this_process(),
        })
    }

    /// The run that a user means by a name or its beginning.
    pub(crate) async fn find(&self, name: &str) -> Result<RunId, Failure> {
        self.store.find(name).await.map_err(|source| {
            Failure::told(Exit::Usage, source).advise("`pipeline runs` lists them all.")
        })
    }

    /// The run that a user means by a name or its beginning; without one, the newest.
    pub(crate) async fn find_or_last(&self, name: Option<&str>) -> Result<RunId, Failure> {
        if let Some(name) = name {
            return self.find(name).await;
        }
        let newest = self.store.runs(1).await;
        let newest = newest.map_err(|it| store_failure("list the runs", it))?;
        newest.into_iter().next().map(|it| it.id).ok_or_else(|| {
            Failure::plain_usage("find the newest run: there are no runs yet")
                .advise("`pipeline demo` makes one without a key.")
        })
    }

    /// The private folder of a run.
    pub(crate) fn run_folder(&self, run: &RunId) -> PathBuf {
        self.surroundings.state.join("runs").join(&run.0)
    }

    /// Where the files of a run go that started from nothing.
    pub(crate) fn files_folder(&self, run: &RunId) -> PathBuf {
        self.surroundings.state.join("files").join(&run.0)
    }

    /// Where the evidence of a run goes unless the user said otherwise.
    pub(crate) fn bundle_folder(&self, run: &RunId) -> PathBuf {
        self.surroundings.state.join("evidence").join(&run.0)
    }
}

/// An error of the store about a run, on its way to the user.
pub(crate) fn store_failure(doing: &str, source: StoreError) -> Failure {
    Failure::new(Exit::Broken, doing, source)
}
