//! The server: listens, serves, and drains.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pipeline::Stop;
use runs::Runs;
use secrecy::SecretString;
use tokio::sync::oneshot;

use crate::acp;
use crate::callers::Callers;
use crate::choices::Choices;
use crate::cleaning;
use crate::connections::{self, Listener};
use crate::error::ServerError;
use crate::mcp;
use crate::requests::Requests;
use crate::routes;
use crate::shared::Shared;
use crate::working::{Drained, Working};

/// How long runs may take to stop where they can be resumed.
const DRAIN_SECONDS_MAX: u64 = 30;

/// A server that doesn't listen yet.
pub struct Server {
    shared: Shared,
}

/// A server that listens; nobody is answered before it serves.
pub struct Listening {
    /// Where.
    pub address: SocketAddr,
    /// What opens the page once; none where others reach it.
    pub code: Option<SecretString>,
    listener: Listener,
    shared: Arc<Shared>,
}

impl Server {
    /// A server of these runs. `token` is that of whoever starts it.
    pub fn new(
        runs: Runs,
        requests: Arc<dyn Requests>,
        choices: Choices,
        token: SecretString,
    ) -> Server {
        let store = runs.host().store.clone();
        let callers = Callers::new(store, token, choices.is_local());
        let working = Working::new(runs, choices.runs_max);
        Server {
            shared: Shared::new(working, requests, callers, choices),
        }
    }

    /// Answers another agent on standard input and output, until it ends or `stop` is asked; then stops what works where it can be
    /// resumed. Nobody goes on with it by themselves then.
    pub async fn speak_mcp(self, stop: Stop) -> Drained {
        let shared = Arc::new(self.shared);
        mcp::stdio(&shared, stop).await;
        let longest = Duration::from_secs(DRAIN_SECONDS_MAX);
        shared.working.drain(longest).await
    }

    /// Answers an editor on standard input and output, until it ends or `stop` is asked; then stops what works where it can be
    /// resumed. Nobody goes on with it by themselves then: the person is asked before money is spent.
    pub async fn speak_acp(self, mut stop: Stop) -> Drained {
        let shared = Arc::new(self.shared);
        tokio::select! {
            () = acp::stdio(&shared) => {}
            () = stop.asked() => {}
        }
        let longest = Duration::from_secs(DRAIN_SECONDS_MAX);
        shared.working.drain(longest).await
    }

    /// Takes the address.
    ///
    /// # Errors
    /// [`ServerError::Tokenless`] where others reach it and nobody may ask, [`ServerError::Listen`], [`ServerError::Store`].
    pub async fn listen(self) -> Result<Listening, ServerError> {
        let Server { mut shared } = self;
        let address = shared.choices.address;
        if !shared.choices.is_local() {
            let tokens = shared.working.runs.host().store.tokens().await?;
            if tokens.iter().all(|it| it.revoked_ms.is_some()) {
                return Err(ServerError::Tokenless { address });
            }
        }
        let failed = |source| ServerError::Listen { address, source };
        let listener = Listener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        shared.choices.address = address;
        Ok(Listening {
            address,
            code: shared.callers.code(),
            listener,
            shared: Arc::new(shared),
        })
    }
}

impl Listening {
    /// Goes on with what an earlier life had in its hands, and answers until it is asked to stop. Then nothing new is begun, and what
    /// works is stopped where it can be resumed.
    ///
    /// # Errors
    /// [`ServerError::Store`].
    pub async fn serve(self, mut stop: Stop) -> Result<Drained, ServerError> {
        let Listening {
            listener, shared, ..
        } = self;
        shared.working.go_on().await?;
        let (stop_serving, stopped) = oneshot::channel();
        let app = routes::router(&shared);
        let serving = tokio::spawn(connections::serve(listener, app, stopped));
        let after_days = shared.choices.clean_after_days;
        tokio::select! {
            () = stop.asked() => {}
            () = cleaning::every_day(&shared.working.runs, after_days) => {}
        }
        // Still answering: whoever follows a run hears how it stopped.
        let drained = shared
            .working
            .drain(Duration::from_secs(DRAIN_SECONDS_MAX))
            .await;
        let _ = stop_serving.send(());
        let _ = serving.await;
        Ok(drained)
    }
}
