//! One model of one vendor over HTTP: the request sent, the answer read within bounds, and what went wrong told.

mod answer;
mod client;
mod fit;
mod reach;

use std::sync::Arc;

use async_trait::async_trait;
use protocol::{ModelId, ModelReply, ModelRequest};

use crate::fault::Fault;
use crate::price::Service;
use crate::traffic::Lane;

pub(crate) use client::{Connection, VendorModel};
pub(crate) use reach::list_models;

/// One request to one vendor, without patience.
#[async_trait]
pub(crate) trait Attempt: Send + Sync {
    /// Who answers.
    fn id(&self) -> &ModelId;
    /// The vendor's name for people.
    fn title(&self) -> &str;
    /// Scheme, host and port.
    fn address(&self) -> &str;
    /// What all models of the vendor share.
    fn lane(&self) -> &Arc<Lane>;
    /// Asks once.
    async fn attempt(&self, request: &ModelRequest) -> Result<Answered, Fault>;
}

/// A reply, with what its price hangs on besides its tokens.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The reply; its usage is empty where the vendor doesn't count.
    pub(crate) reply: ModelReply,
    /// The class of service that answered.
    pub(crate) service: Service,
}
