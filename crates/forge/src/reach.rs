//! Whether a tracker or another host can be reached: one request that changes nothing and costs nothing.

use std::path::Path;
use std::time::Duration;

use protocol::Reach;
use reqwest::{Certificate, Client, redirect};
use url::Url;

use crate::github::GitHub;
use crate::http::Api;
use crate::jira::Jira;

/// Asks for an address without any credentials; its answer isn't read.
///
/// `certificates` is a bundle in PEM of those that are trusted besides the system's.
pub async fn reach(address: &Url, certificates: Option<&Path>, seconds_max: u64) -> Reach {
    let limit = Duration::from_secs(seconds_max);
    let mut client = Client::builder()
        .redirect(redirect::Policy::none())
        .timeout(limit)
        .user_agent("pipeline");
    if crate::address::is_this_machine(address) {
        client = client.no_proxy();
    }
    if let Some(bundle) = certificates {
        let read = std::fs::read(bundle).map_err(|it| it.to_string());
        let read =
            read.and_then(|it| Certificate::from_pem_bundle(&it).map_err(|it| it.to_string()));
        match read {
            Ok(certificates) => client = client.tls_certs_merge(certificates),
            Err(why) => {
                let why = format!(
                    "the certificate bundle {} can't be used: {why}",
                    bundle.display()
                );
                return Reach::CertificateRefused { why };
            }
        }
    }
    let client = match client.build() {
        Ok(client) => client,
        Err(error) => return Reach::of_error(&error),
    };
    match client.get(address.clone()).send().await {
        Ok(response) => Reach::of_status(response.status().as_u16()),
        Err(error) if error.is_timeout() => Reach::of_silence(seconds_max),
        Err(error) => Reach::of_error(&error.without_url()),
    }
}

impl GitHub {
    /// Asks once how much may be asked, which isn't counted itself
    /// (<https://docs.github.com/rest/rate-limit/rate-limit>); as an app, who it is.
    pub async fn reach(&self, seconds_max: u64) -> Reach {
        let path = if self.is_app() { "/app" } else { "/rate_limit" };
        self.api.reach(path, seconds_max).await
    }

    /// Scheme, host and port of where it is asked.
    pub fn address(&self) -> String {
        self.api.base.origin().ascii_serialization()
    }
}

impl Jira {
    /// Asks once who we are.
    pub async fn reach(&self, seconds_max: u64) -> Reach {
        let path = format!("{}/myself", self.rest());
        self.api.reach(&path, seconds_max).await
    }

    /// Scheme, host and port of where it is asked.
    pub fn address(&self) -> String {
        self.api.base.origin().ascii_serialization()
    }
}

impl Api {
    async fn reach(&self, path: &str, seconds_max: u64) -> Reach {
        let limit = Duration::from_secs(seconds_max);
        match tokio::time::timeout(limit, self.send(path)).await {
            Ok(Ok(response)) => Reach::of_status(response.status().as_u16()),
            Ok(Err(error)) => Reach::of_error(&*error),
            Err(_) => Reach::of_silence(seconds_max),
        }
    }
}
