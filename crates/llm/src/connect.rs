//! From a model's name to a model that answers: finds its vendor's address and key among those passed in.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use protocol::{Log, Model, ModelId, Reach};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::catalog::{Catalog, VendorEntry};
use crate::error::LlmError;
use crate::ledger::{Ledger, MeteredAttempt};
use crate::price::Service;
use crate::retry::{Patience, Retrying};
use crate::traffic::Traffic;
use crate::vendor::{Attempt, Connection, VendorModel, list_models};
use crate::wire::{Asking, ChatCompletions, GenerateContent, Messages, Responses, Wire};

/// Keys and addresses of the vendors, by the vendors' names in the catalog. Keys are never shown.
#[derive(Clone, Default)]
pub struct Vendors {
    /// Keys.
    pub keys: BTreeMap<String, SecretString>,
    /// Addresses that differ from the vendor's own.
    pub base_urls: BTreeMap<String, String>,
    /// Which interface the `openai` vendor is spoken to with; `None` chooses by the address.
    pub openai_api: Option<OpenAiApi>,
}

impl fmt::Debug for Vendors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses are left out too: people put passwords into them.
        let keys: Vec<&String> = self.keys.keys().collect();
        let addresses: Vec<&String> = self.base_urls.keys().collect();
        f.debug_struct("Vendors")
            .field("keys_of", &keys)
            .field("base_urls_of", &addresses)
            .field("openai_api", &self.openai_api)
            .finish()
    }
}

/// The two interfaces for GPT and for servers that imitate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenAiApi {
    /// OpenAI's own.
    Responses,
    /// What nearly every other server speaks.
    ChatCompletions,
}

impl Vendors {
    /// Takes keys and addresses from variables, by the names in the catalog; empty ones count as unset.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Vendors {
        let given = |name: &String| variable(name).filter(|it| !it.trim().is_empty());
        let mut vendors = Vendors::default();
        for (name, entry) in Catalog::bundled().vendors() {
            if let Some(key) = entry.keys.iter().find_map(given) {
                let key = SecretString::from(key.trim());
                vendors.keys.insert(name.to_owned(), key);
            }
            if let Some(url) = given(&entry.base_url_variable) {
                vendors.base_urls.insert(name.to_owned(), url);
            }
        }
        vendors
    }
}

/// How a model is asked, whoever it is.
#[derive(Clone)]
pub struct Connecting {
    /// Which role the model is for; named when its key is missing.
    pub role: String,
    /// How long its vendor is waited for.
    pub patience: Patience,
    /// Which class of service is asked for, where the vendor has several.
    pub service: Service,
    /// A name for the conversations of one role in one run, by which a vendor finds what it has cached of them; see
    /// [`new_cache_key`]. It is no part of a recording.
    pub cache_key: String,
    /// Who is told of waits.
    pub log: Arc<dyn Log>,
    /// The book that every try is paid from.
    pub ledger: Arc<Ledger>,
    /// What is known of the vendors so far; everybody in the process who asks one shares it.
    pub traffic: Traffic,
}

/// A name that no other run has, for [`Connecting::cache_key`]. Two runs with one name would drive each other's
/// conversations out of the vendor's cache.
pub fn new_cache_key() -> String {
    // The standard library seeds each such state anew.
    let half = || RandomState::new().build_hasher().finish();
    format!("pipeline-{:016x}", half())
}

/// A model of a vendor. It asks again by itself where that helps, and says so; no connection is made yet.
///
/// Fails when the vendor is unknown, its key is missing or unusable, or its address isn't one.
pub fn connect(
    model: &ModelId,
    vendors: &Vendors,
    connecting: Connecting,
) -> Result<Arc<dyn Model>, LlmError> {
    let catalog = Catalog::bundled();
    let (name, entry) = catalog
        .vendor(&model.vendor)
        .ok_or_else(|| LlmError::UnknownModel {
            given: model.to_string(),
            vendors: catalog
                .vendors()
                .map(|it| it.0)
                .collect::<Vec<_>>()
                .join(", "),
        })?;
    let Place {
        title,
        base_url,
        key,
        wire,
        ..
    } = place(name, entry, vendors)?;
    if key.is_none() && !is_own_server(name, &base_url) {
        return Err(LlmError::KeyMissing {
            role: connecting.role,
            model: model.to_string(),
            vendor: entry.title.clone(),
            variable: entry.key_variables(),
        });
    }
    let connection = Connection {
        title,
        base_url: base_url.clone(),
        key,
        key_variables: entry.key_variables(),
        wire,
        asking: Asking {
            vendor: name.to_owned(),
            model: model.model.clone(),
            cache_key: connecting.cache_key,
            service: connecting.service,
        },
        patience: connecting.patience,
        lane: connecting
            .traffic
            .lane(name, &base_url.origin().ascii_serialization()),
    };
    let id = ModelId::new(name, model.model.as_str());
    let attempt = VendorModel::new(id, connection)
        .map_err(|why| address_error(entry, base_url.as_str(), &why.to_string()))?;
    let account = connecting
        .ledger
        .account(attempt.id(), connecting.service)?;
    let attempt = MeteredAttempt::new(attempt, account);
    let (patience, log) = (connecting.patience, connecting.log);
    Ok(Arc::new(Retrying::new(attempt, patience, log)))
}

/// Where a vendor is asked, and how.
struct Place {
    /// Its name for people.
    title: String,
    /// With a slash at its end.
    base_url: Url,
    key: Option<SecretString>,
    wire: Box<dyn Wire>,
}

fn place(name: &str, entry: &VendorEntry, vendors: &Vendors) -> Result<Place, LlmError> {
    let base_url = base_url(name, entry, vendors)?;
    let key = vendors.keys.get(name).cloned();
    if let Some(key) = &key
        && !key.expose_secret().bytes().all(|it| it.is_ascii_graphic())
    {
        return Err(LlmError::KeyUnusable {
            vendor: entry.title.clone(),
            variable: entry.key_variables(),
        });
    }
    Ok(Place {
        title: match is_own_server(name, &base_url) {
            true => format!("the server at {}", base_url.origin().ascii_serialization()),
            false => entry.title.clone(),
        },
        wire: wire(name, &base_url, vendors.openai_api),
        base_url,
        key,
    })
}

/// How a vendor is configured, as far as that may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    /// Scheme, host and port of where it is asked.
    pub address: String,
    /// Whether a key is set.
    pub has_key: bool,
    /// Whether it can't be asked without one. A server of one's own may need none.
    pub needs_key: bool,
}

/// How a vendor of the catalog is configured. Nothing is sent.
///
/// # Errors
/// [`LlmError::Address`] and [`LlmError::KeyUnusable`], as [`connect`] has them.
pub fn configured(
    name: &str,
    entry: &VendorEntry,
    vendors: &Vendors,
) -> Result<Configured, LlmError> {
    let place = place(name, entry, vendors)?;
    Ok(Configured {
        address: place.base_url.origin().ascii_serialization(),
        has_key: place.key.is_some(),
        needs_key: !is_own_server(name, &place.base_url),
    })
}

/// Asks a vendor for its list of models, which costs nothing: over the client, the address and the header that a model of it
/// would be asked with.
///
/// # Errors
/// As [`configured`]. Whatever the vendor answers is no error.
pub async fn reach(
    name: &str,
    entry: &VendorEntry,
    vendors: &Vendors,
    seconds_max: u64,
) -> Result<Reach, LlmError> {
    let Place {
        base_url,
        key,
        wire,
        ..
    } = place(name, entry, vendors)?;
    Ok(list_models(&base_url, key.as_ref(), &*wire, seconds_max).await)
}

/// Whether what is asked isn't the vendor but a server that imitates it.
fn is_own_server(name: &str, base_url: &Url) -> bool {
    name == "openai" && !is_openai(base_url)
}

fn wire(vendor: &str, base_url: &Url, openai_api: Option<OpenAiApi>) -> Box<dyn Wire> {
    let azure = is_azure(base_url);
    // Azure speaks Responses below this path, and only there.
    let azure_v1 = azure && base_url.path().ends_with("/openai/v1/");
    match (vendor, openai_api) {
        ("anthropic", _) => Box::new(Messages),
        ("gemini", _) => Box::new(GenerateContent),
        (_, Some(OpenAiApi::Responses)) => Box::new(Responses { azure }),
        (_, None) if is_openai(base_url) || azure_v1 => Box::new(Responses { azure }),
        _ => Box::new(ChatCompletions { azure }),
    }
}

fn is_openai(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "api.openai.com" || host.ends_with(".api.openai.com")
}

fn is_azure(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    [
        ".openai.azure.com",
        ".services.ai.azure.com",
        ".cognitiveservices.azure.com",
    ]
    .iter()
    .any(|it| host.ends_with(it))
}

/// The base address with a slash at its end.
///
/// The vendors' own programs take addresses with the version in them for OpenAI and without it for the others, and
/// people set them once for all programs; so a missing version is added.
fn base_url(name: &str, entry: &VendorEntry, vendors: &Vendors) -> Result<Url, LlmError> {
    let given = vendors.base_urls.get(name).unwrap_or(&entry.base_url);
    let wrong = |why: &str| address_error(entry, given, why);
    let mut url = Url::parse(given.trim())
        .map_err(|_| wrong("it isn't an address such as https://host.example/v1"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong(
            "it must begin with https:// or http:// and name a host",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a name or password must not stand in it"));
    }
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    let has_version = path
        .rsplit('/')
        .next()
        .is_some_and(|it| it.starts_with("v1"));
    let version = match name {
        "anthropic" if !has_version => "/v1",
        "gemini" if !has_version => "/v1beta",
        _ => "",
    };
    url.set_path(&format!("{path}{version}/"));
    Ok(url)
}

/// The address without what may be a password: between the scheme and the last `@`, and after a question mark.
fn address_error(entry: &VendorEntry, given: &str, why: &str) -> LlmError {
    let plain = given.split(['?', '#']).next().unwrap_or_default();
    let address = match (plain.split_once("://"), plain.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => plain.to_owned(),
    };
    LlmError::Address {
        vendor: entry.title.clone(),
        address,
        why: why.to_owned(),
        variable: entry.base_url_variable.clone(),
    }
}
