//! One model of one vendor over HTTP. The key lives in the HTTP client's headers and nowhere else.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use genai::chat::ChatRequest;
use genai::resolver::{AuthData, Endpoint};
use genai::{Headers, ModelIden, ServiceTarget};
use protocol::{ModelId, ModelReply, ModelRequest, TokenUsage};
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use super::conversation::chat_request;
use super::fault::fault_of;
use super::reply::reply_of;
use super::{Again, Api, Attempt, Cause, Fault};
use crate::request_text::tokens_at_most;
use crate::retry::Patience;

/// Where a vendor is and how it is spoken to.
pub(crate) struct Connection {
    /// The vendor's name for people.
    pub(crate) title: String,
    /// The base address, with a slash at its end.
    pub(crate) base_url: Url,
    /// Some servers of one's own need none.
    pub(crate) key: Option<SecretString>,
    /// The variables of the key, for a sentence.
    pub(crate) key_variables: String,
    pub(crate) api: Box<dyn Api>,
    pub(crate) patience: Patience,
}

/// One model at the other end of a connection.
pub(crate) struct VendorModel {
    id: ModelId,
    connection: Connection,
    address: String,
    url: String,
    /// Made when first asked: reading the system's certificates takes longer than starting the program.
    client: OnceCell<genai::Client>,
}

impl VendorModel {
    pub(crate) fn new(id: ModelId, connection: Connection) -> Result<VendorModel, url::ParseError> {
        let path = connection.api.path(&id.model);
        let mut url = connection.base_url.join(&path)?;
        url.set_query(connection.base_url.query());
        Ok(VendorModel {
            address: url.origin().ascii_serialization(),
            url: url.into(),
            client: OnceCell::new(),
            id,
            connection,
        })
    }

    fn make_client(&self) -> Result<genai::Client, Fault> {
        let Connection {
            base_url,
            key,
            api,
            patience,
            ..
        } = &self.connection;
        let failed = |why: String| Fault {
            cause: Cause::Connection,
            message: format!("the HTTP client can't be made: {why}"),
            again: Again::Never,
        };
        let mut headers = api.headers();
        if let Some(key) = key {
            let (name, before) = api.key_header();
            let mut value = HeaderValue::from_str(&format!("{before}{}", key.expose_secret()))
                .map_err(|_| {
                    failed("the key has characters that no header can carry".to_owned())
                })?;
            // Keeps it out of debug output.
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let mut client = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(concat!("pipeline/", env!("CARGO_PKG_VERSION")))
            // A key must not follow a redirect to another host.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_millis(patience.connect_ms_max))
            .timeout(Duration::from_millis(patience.answer_ms_max))
            .tcp_nodelay(true);
        if is_this_machine(base_url) {
            client = client.no_proxy();
        }
        if base_url.scheme() == "http" {
            // No certificate is ever looked at, so none has to be read.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|it| failed(it.to_string()))?;
        genai::Client::builder()
            .with_reqwest(client)
            .build()
            .map_err(|it| failed(it.to_string()))
    }

    async fn exchange(&self, request: &ModelRequest) -> Result<ModelReply, Fault> {
        let api = &*self.connection.api;
        let make = || async { self.make_client() };
        let client = self.client.get_or_try_init(make).await?;
        let chat: ChatRequest = chat_request(api, &self.id.vendor, request);
        let options = api.options(&self.id.model, request);
        let target = ServiceTarget {
            endpoint: Endpoint::from_owned(self.connection.base_url.as_str()),
            // The library is given the address only; the HTTP client adds the key.
            auth: AuthData::RequestOverride {
                url: self.url.clone(),
                headers: Headers::default(),
            },
            model: ModelIden::new(api.adapter(), self.id.model.clone()),
        };
        let (body, mut reply) = match client.exec_chat(target, chat, Some(&options)).await {
            Ok(mut response) => {
                let body = response.captured_raw_body.take().unwrap_or_default();
                (body, reply_of(&self.id.vendor, response))
            }
            Err(genai::Error::ChatResponseGeneration {
                response_body,
                cause,
                ..
            }) => {
                let reply = self.unexpected(&response_body, &cause)?;
                (*response_body, reply)
            }
            Err(error) => return Err(fault_of(error, self.connection.patience.answer_ms_max)),
        };
        api.look_at(&body, &mut reply)?;
        reply.usage = api.usage(&body);
        if reply.usage == TokenUsage::default() {
            reply.usage = estimate(request, &reply);
        }
        Ok(reply)
    }

    /// An answer that the library can't read may still be a reply, or say what went wrong.
    fn unexpected(&self, body: &Value, cause: &str) -> Result<ModelReply, Fault> {
        let api = &*self.connection.api;
        if let Some(reply) = api.salvage(body) {
            return Ok(reply);
        }
        api.look_at(body, &mut ModelReply::default())?;
        Err(Fault::unreadable(cause))
    }
}

#[async_trait]
impl Attempt for VendorModel {
    fn id(&self) -> &ModelId {
        &self.id
    }

    fn title(&self) -> &str {
        &self.connection.title
    }

    fn address(&self) -> &str {
        &self.address
    }

    async fn attempt(&self, request: &ModelRequest) -> Result<ModelReply, Fault> {
        let reply = self.exchange(request).await;
        let Connection {
            key, key_variables, ..
        } = &self.connection;
        reply.map_err(|fault| fault.without(key.as_ref()).naming_key(key_variables))
    }
}

/// Whether the address is of this machine, which no proxy can reach.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// What a reply will have taken when its vendor doesn't say: rather too much than nothing.
fn estimate(request: &ModelRequest, reply: &ModelReply) -> TokenUsage {
    let calls = reply
        .tool_calls
        .iter()
        .map(|it| it.arguments.to_string().len());
    let bytes = reply.text.len() + calls.sum::<usize>();
    TokenUsage {
        input_tokens: tokens_at_most(request),
        output_tokens: u64::try_from(bytes.div_ceil(3)).unwrap_or(u64::MAX),
        ..TokenUsage::default()
    }
}
