//! Why the server could not serve.

use std::net::SocketAddr;

use store::StoreError;

/// Why the server could not serve, as it follows "could not".
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken, or not ours.
    #[error("listen at {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others reach the address, and nobody may ask.
    #[error("serve at {address}: others reach it, and nobody has a token")]
    Tokenless {
        /// The address.
        address: SocketAddr,
    },
    /// The store can't be used.
    #[error("go on with the runs that were left")]
    Store(#[from] StoreError),
}
