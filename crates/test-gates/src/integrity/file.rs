//! A file of a change, as the look at its source takes it.

use serde::Serialize;

/// A file of the change, before and now.
#[derive(Serialize)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) base: Option<String>,
    pub(crate) now: Option<String>,
}
