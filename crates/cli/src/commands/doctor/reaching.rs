//! Who can be reached: one request each, which costs nothing and is sent as a run would send it.

use std::path::PathBuf;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use llm::{Catalog, VendorEntry, Vendors};
use protocol::Reach;
use url::Url;

use super::Needed;
use crate::config::Config;
use crate::exit::Exit;
use crate::findings::Row;
use crate::host;
use crate::surroundings::Surroundings;
use crate::trackers::{self, GitHubCredential};

/// How long each of them is waited for. All are asked at the same time.
pub(crate) const REACH_SECONDS_MAX: u64 = 10;

/// Whom we ask, and what stands and falls with it.
struct Whom {
    id: String,
    title: String,
    /// Scheme, host and port.
    address: String,
    /// How a run ends that can't reach it; none where no run needs it.
    exit: Option<Exit>,
    /// Where its address was set, if it was.
    set_in: Option<String>,
    /// Where its key is looked for; empty where none is sent.
    key: String,
}

/// A row for each vendor whose key is set, for the package index and for the trackers that are configured.
pub(super) async fn all(
    surroundings: &Surroundings,
    config: &Config,
    vendors: &Vendors,
    needed: &Needed,
) -> Vec<Row> {
    let mut asked: Vec<BoxFuture<'_, Row>> = Vec::new();
    for (name, entry) in Catalog::bundled().vendors() {
        asked.extend(vendor(name, entry, vendors, needed, surroundings));
    }
    asked.push(index(surroundings, config).boxed());
    asked.extend(github(surroundings, config));
    asked.extend(jira(surroundings, config));
    join_all(asked).await
}

fn vendor<'a>(
    name: &'a str,
    entry: &'a VendorEntry,
    vendors: &'a Vendors,
    needed: &Needed,
    surroundings: &Surroundings,
) -> Option<BoxFuture<'a, Row>> {
    // One that can't be used was told of above.
    let configured = llm::configured(name, entry, vendors).ok()?;
    if configured.needs_key && !configured.has_key {
        return None;
    }
    let set_in = &entry.base_url_variable;
    let whom = Whom {
        id: format!("reach.{name}"),
        title: entry.title.clone(),
        address: configured.address,
        exit: needed.roles_of(name).map(|_| Exit::Vendor),
        set_in: surroundings.variable(set_in).map(|_| set_in.clone()),
        key: entry.key_variables(),
    };
    let asking = async move {
        match llm::reach(name, entry, vendors, REACH_SECONDS_MAX).await {
            Ok(reach) => whom.row(reach),
            Err(error) => super::unusable(&whom.id, entry, error),
        }
    };
    Some(asking.boxed())
}

/// The package index, asked for the page of a package that every index has.
async fn index(surroundings: &Surroundings, config: &Config) -> Row {
    const ID: &str = "reach.index";
    const TITLE: &str = "index";
    let index = host::index(surroundings, config);
    let address = match index.url {
        Some(address) => address,
        None => match host::usual_index(surroundings).await {
            Some(address) => address,
            None => {
                let about = "not asked: none is configured, and no pip of this machine says which is the usual one";
                return Row::note(ID, TITLE, about)
                    .advise("`pipeline doctor --install` reaches it, to install our own tools.");
            }
        },
    };
    let Some(url) = Url::parse(&address).ok().filter(Url::has_host) else {
        let about =
            "the address of the package index isn't one such as https://index.example/simple";
        return Row::fails(ID, TITLE, Exit::Blocked, about)
            .advise("Correct `index_url` of the configuration, or PIP_INDEX_URL.");
    };
    let whom = Whom {
        id: ID.to_owned(),
        title: TITLE.to_owned(),
        address: url.origin().ascii_serialization(),
        exit: Some(Exit::Blocked),
        set_in: Some("`index_url` of the configuration or PIP_INDEX_URL".to_owned()),
        key: String::new(),
    };
    let mut page = url.clone();
    page.set_path(&format!("{}/pip/", url.path().trim_end_matches('/')));
    let certificates: Option<PathBuf> = index.certificates;
    whom.row(forge::reach(&page, certificates.as_deref(), REACH_SECONDS_MAX).await)
}

fn github(surroundings: &Surroundings, config: &Config) -> Option<BoxFuture<'static, Row>> {
    const ADDRESS: &str = trackers::GITHUB_ADDRESS;
    let address = surroundings.variable(ADDRESS);
    // What is wrong with a credential was told of above.
    let credential = trackers::github_credential(surroundings).ok()?;
    if address.is_none() && credential.is_none() {
        return None;
    }
    let key = match &credential {
        Some(GitHubCredential::App(_)) => "GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY",
        _ => "GITHUB_TOKEN",
    };
    let whom = Whom {
        id: "reach.github".to_owned(),
        title: "GitHub".to_owned(),
        address: String::new(),
        exit: Some(Exit::NeedsInput),
        set_in: address.map(|_| ADDRESS.to_owned()),
        key: key.to_owned(),
    };
    let asking = match trackers::github_with(surroundings, config, credential) {
        Err(error) => futures::future::ready(whom.unusable(&error)).boxed(),
        Ok(github) => async move {
            let whom = Whom {
                address: github.address(),
                ..whom
            };
            whom.row(github.reach(REACH_SECONDS_MAX).await)
        }
        .boxed(),
    };
    Some(asking)
}

fn jira(surroundings: &Surroundings, config: &Config) -> Option<BoxFuture<'static, Row>> {
    surroundings.variable("JIRA_BASE_URL")?;
    surroundings.variable("JIRA_API_TOKEN")?;
    let key = match surroundings.variable("JIRA_EMAIL") {
        Some(_) => "JIRA_EMAIL and JIRA_API_TOKEN",
        None => "JIRA_API_TOKEN",
    };
    let whom = Whom {
        id: "reach.jira".to_owned(),
        title: "Jira".to_owned(),
        address: String::new(),
        exit: Some(Exit::NeedsInput),
        set_in: Some("JIRA_BASE_URL".to_owned()),
        key: key.to_owned(),
    };
    let made = match trackers::jira_of(surroundings, config) {
        Ok(made) => made,
        Err(failure) => {
            let row = Row::of_failure(&whom.id, &whom.title, &failure);
            return Some(futures::future::ready(row).boxed());
        }
    };
    let asking = match made {
        Err(error) => futures::future::ready(whom.unusable(&error)).boxed(),
        Ok(jira) => async move {
            let whom = Whom {
                address: jira.address(),
                ..whom
            };
            whom.row(jira.reach(REACH_SECONDS_MAX).await)
        }
        .boxed(),
    };
    Some(asking)
}

impl Whom {
    /// What was found, and what to do about it.
    fn row(&self, reach: Reach) -> Row {
        let address = &self.address;
        let at = self.set_in.as_ref();
        let check_address = at.map_or_else(String::new, |it| format!(", and {it}"));
        let row = match &reach {
            Reach::Answers if self.key.is_empty() => self.fine(format!("{address} answers")),
            Reach::Answers => self.fine(format!("{address} answers, and takes what it is sent")),
            Reach::Unsure { status } if self.key.is_empty() => {
                self.fine(format!("{address} answers, with status {status}"))
            }
            Reach::Unsure { status } => Row::note(
                &self.id,
                &self.title,
                format!(
                    "{address} answers, with status {status}: whether it takes the key is seen when it is needed"
                ),
            ),
            Reach::KeyRefused { status } if self.key.is_empty() => self
                .fails(format!(
                    "{address} wants credentials (status {status}), which no installation is given"
                ))
                .advise(format!("Name an index that needs none{check_address}.")),
            Reach::KeyRefused { status } => self
                .fails(format!("{address} refuses the key (status {status})"))
                .advise(format!("Check {}{check_address}.", self.key)),
            Reach::Trouble { status } => self
                .fails(format!(
                    "{address} says that something is wrong with itself (status {status})"
                ))
                .advise(format!(
                    "Look whether it has an outage{check_address}; then try again."
                )),
            Reach::NoRoute { why } => self
                .fails(format!("{address} can't be reached: {why}"))
                .advise(format!("Check the network and HTTPS_PROXY{check_address}.")),
            Reach::CertificateRefused { why } => self
                .fails(format!(
                    "{address} has a certificate that this machine doesn't trust: {why}"
                ))
                .advise(
                    "Your network replaces certificates: set SSL_CERT_FILE to a file with its own.",
                ),
        };
        row.reached(reach)
    }

    fn fine(&self, about: String) -> Row {
        Row::fine(&self.id, &self.title, about)
    }

    fn fails(&self, about: String) -> Row {
        match self.exit {
            Some(exit) => Row::fails(&self.id, &self.title, exit, about),
            None => Row::note(&self.id, &self.title, about),
        }
    }

    fn unusable(&self, error: &forge::ForgeError) -> Row {
        Row::fails(
            &self.id,
            &self.title,
            Exit::Usage,
            format!("could not {error}"),
        )
    }
}
