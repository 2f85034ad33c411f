//! What whoever serves chooses.

use std::net::SocketAddr;

/// What whoever serves chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Where to listen; port 0 is any that is free.
    pub address: SocketAddr,
    /// Names under which the server is reached beside its address, as in `pipeline.example.com`.
    pub hosts: Vec<String>,
    /// Runs that may work at once.
    pub runs_max: usize,
    /// Those of one caller.
    pub caller_runs_max: usize,
    /// Streams that one caller may have open.
    pub streams_max: usize,
    /// Requests a minute of one caller.
    pub requests_per_minute_max: u32,
    /// Most money that a caller may let a run spend, in millionths of a US dollar.
    pub run_microusd_max: Option<u64>,
    /// After how many days at their end the working copies of runs go; 0 is never.
    pub clean_after_days: u32,
    /// Whether scripts answer in place of vendors.
    pub scripted: bool,
    /// The program's version.
    pub version: String,
}

impl Choices {
    /// Whether nobody but this machine reaches the server.
    pub fn is_local(&self) -> bool {
        self.address.ip().is_loopback()
    }
}
