//! Where everything of this user is kept: configuration, runs, caches.

use protocol::RunId;
use runs::Folders;
use store::{Owner, Store, StoreError};

use crate::config::{self, Config};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::surroundings::Surroundings;

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

    /// Where the files of runs are.
    pub(crate) fn folders(&self) -> Folders {
        Folders {
            state: self.surroundings.state.clone(),
            cache: self.surroundings.cache.clone(),
        }
    }
}

/// An error of the store about a run, on its way to the user.
pub(crate) fn store_failure(doing: &str, source: StoreError) -> Failure {
    Failure::new(Exit::Broken, doing, source)
}
