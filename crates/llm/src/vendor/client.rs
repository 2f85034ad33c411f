//! One model of one vendor over HTTP. The key lives in the HTTP client's headers and nowhere else.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use protocol::{ModelId, ModelReply, ModelRequest};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use super::answer::{self, BODY_BYTES_MAX, ERROR_BODY_BYTES_MAX, Unread};
use super::fit::reply_tokens_that_fit;
use super::{Answered, Attempt};
use crate::fault::{Again, Billed, Cause, Fault};
use crate::fault::{connection_fault, status_fault};
use crate::price::Service;
use crate::retry::Patience;
use crate::traffic::Lane;
use crate::wire::{Asking, Wire};

/// How many times as long an answer of the cheaper service may take. OpenAI advises 15 minutes where 10 are usual
/// (<https://platform.openai.com/docs/guides/flex-processing>); twice is on the safe side of it.
const FLEX_PATIENCE: u64 = 2;

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
    pub(crate) wire: Box<dyn Wire>,
    pub(crate) asking: Asking,
    pub(crate) patience: Patience,
    pub(crate) lane: Arc<Lane>,
}

/// One model at the other end of a connection.
pub(crate) struct VendorModel {
    id: ModelId,
    connection: Connection,
    address: String,
    url: Url,
    /// Made when first asked: reading the system's certificates takes longer than starting the program.
    client: OnceCell<reqwest::Client>,
}

impl VendorModel {
    pub(crate) fn new(id: ModelId, connection: Connection) -> Result<VendorModel, url::ParseError> {
        let path = connection.wire.path(&id.model);
        let mut url = connection.base_url.join(&path)?;
        url.set_query(connection.base_url.query());
        Ok(VendorModel {
            address: url.origin().ascii_serialization(),
            url,
            client: OnceCell::new(),
            id,
            connection,
        })
    }

    fn make_client(&self) -> Result<reqwest::Client, Fault> {
        let Connection {
            base_url,
            key,
            wire,
            patience,
            ..
        } = &self.connection;
        http_client(base_url, key.as_ref(), &**wire, patience.connect_ms_max).map_err(|why| {
            let message = format!("the HTTP client can't be made: {why}");
            Fault::new(Cause::Connection, &message, Again::Never)
        })
    }

    async fn exchange(&self, request: &ModelRequest, service: Service) -> Result<Answered, Fault> {
        let Connection { wire, patience, .. } = &self.connection;
        let asking = &Asking {
            service,
            ..self.connection.asking.clone()
        };
        let answer_ms_max = match service {
            Service::Standard => patience.answer_ms_max,
            Service::Flex => patience.answer_ms_max.saturating_mul(FLEX_PATIENCE),
        };
        let make = || async { self.make_client() };
        let client = self.client.get_or_try_init(make).await?;
        let body = wire.body(asking, request);
        let post = client.post(self.url.clone()).json(&body);
        let post = post.timeout(Duration::from_millis(answer_ms_max));
        let response = match post.send().await {
            Ok(response) => response,
            Err(error) => return Err(connection_fault(error, answer_ms_max)),
        };
        let (status, now) = (response.status(), SystemTime::now());
        self.connection
            .lane
            .learn(&self.id.model, response.headers(), now);
        if !status.is_success() {
            let headers = response.headers().clone();
            let body = answer::beginning(response, ERROR_BODY_BYTES_MAX).await;
            let json: Value = serde_json::from_slice(&body).unwrap_or_default();
            let text = String::from_utf8_lossy(&body);
            let fault = status_fault(status.as_u16(), &text, &json, &headers, now);
            return Err(fault.billed_if_it_says(wire.usage(&json)));
        }
        let kind = response.headers().get(CONTENT_TYPE);
        let kind = kind
            .and_then(|it| it.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let body = match answer::whole(response, BODY_BYTES_MAX).await {
            Ok(body) => body,
            Err(Unread::Broken(error)) => {
                return Err(connection_fault(error, answer_ms_max));
            }
            Err(Unread::TooLong) => {
                let message = format!("it is longer than {} MiB", BODY_BYTES_MAX >> 20);
                return Err(
                    Fault::new(Cause::Answer, &message, Again::Never).billed(Billed::Unknown)
                );
            }
        };
        let json: Value = serde_json::from_slice(&body)
            .map_err(|why| not_json(&body, &kind, &why).billed(Billed::Unknown))?;
        drop(body);
        let usage = wire.usage(&json);
        match wire.read(asking, &json) {
            Ok(reply) => Ok(Answered {
                reply: ModelReply { usage, ..reply },
                service: wire.service(&json),
            }),
            Err(fault) => Err(fault.billed_if_it_says(usage)),
        }
    }
}

/// The client of one vendor, which sends the key with each request, and to no other host than it was made for.
pub(super) fn http_client(
    base_url: &Url,
    key: Option<&SecretString>,
    wire: &dyn Wire,
    connect_ms_max: u64,
) -> Result<reqwest::Client, String> {
    let mut headers = wire.headers();
    if let Some(key) = key {
        let (name, before) = wire.key_header();
        let mut value = HeaderValue::from_str(&format!("{before}{}", key.expose_secret()))
            .map_err(|_| "the key has characters that no header can carry")?;
        // Keeps it out of debug output.
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    let mut client = reqwest::Client::builder()
        .default_headers(headers)
        .user_agent(concat!("pipeline/", env!("CARGO_PKG_VERSION")))
        // A key must not follow a redirect to another host.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_millis(connect_ms_max))
        .tcp_nodelay(true);
    if is_this_machine(base_url) {
        client = client.no_proxy();
    }
    if base_url.scheme() == "http" {
        // No certificate is ever looked at, so none has to be read.
        client = client.tls_certs_only([]);
    }
    client.build().map_err(|it| it.to_string())
}

/// What to say of a body that is no JSON.
fn not_json(body: &[u8], kind: &str, why: &serde_json::Error) -> Fault {
    let text = String::from_utf8_lossy(body);
    match text.trim() {
        "" => Fault::unreadable("it is empty"),
        _ if kind.starts_with("application/json") => {
            Fault::unreadable(&format!("it is not whole: {why}"))
        }
        text => Fault::unreadable(&format!("it is `{kind}` and not JSON: {text}")),
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

    fn lane(&self) -> &Arc<Lane> {
        &self.connection.lane
    }

    async fn attempt(&self, request: &ModelRequest) -> Result<Answered, Fault> {
        let mut service = self.connection.asking.service;
        let mut reply = self.exchange(request, service).await;
        if service == Service::Flex && reply.as_ref().is_err_and(Fault::is_of_flex) {
            // Its capacity is what others leave: where there is none, the usual service answers.
            service = Service::Standard;
            reply = self.exchange(request, service).await;
        }
        if let Err(Fault {
            cause: Cause::ContextFull(_),
            message,
            ..
        }) = &reply
            && let Some(reply_tokens_max) = reply_tokens_that_fit(message)
            && reply_tokens_max < request.reply_tokens_max
        {
            // Once: a shorter reply than was asked for is better than none, and was not more than was set aside.
            let shorter = ModelRequest {
                reply_tokens_max,
                ..request.clone()
            };
            reply = self.exchange(&shorter, service).await;
        }
        let Connection {
            key, key_variables, ..
        } = &self.connection;
        reply.map_err(|fault| {
            let fault = fault.without(key.as_ref()).naming_key(key_variables);
            fault.naming_model(&self.id.model)
        })
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
