//! What the bot could not do.

use std::net::SocketAddr;

/// What the bot could not do.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// The inbox can't be used.
    #[error("use the inbox")]
    Inbox(#[from] store::StoreError),
    /// The tracker can't be asked.
    #[error(transparent)]
    Forge(Box<forge::ForgeError>),
    /// A run can't be begun or gone on with.
    #[error("work on {lane}")]
    Run {
        /// The issue.
        lane: String,
        /// Why.
        #[source]
        source: Box<runs::RunsError>,
    },
    /// A wish in the inbox isn't what was written there.
    #[error("read the task of {lane} from the inbox")]
    Task {
        /// The issue.
        lane: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Webhooks can't be taken.
    #[error("listen at {address} (is the address this machine's, and the port free?)")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl From<forge::ForgeError> for BotError {
    fn from(error: forge::ForgeError) -> BotError {
        BotError::Forge(Box::new(error))
    }
}
