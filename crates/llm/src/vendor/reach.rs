//! Whether a vendor can be reached: its list of models is asked for, which nobody bills.

use std::time::Duration;

use protocol::Reach;
use secrecy::SecretString;
use url::Url;

use super::answer::{self, ERROR_BODY_BYTES_MAX};
use super::client::http_client;
use crate::wire::Wire;

/// Where every interface that we speak lists its models, below the base address.
const LIST: &str = "models";

/// How Gemini refuses a key: with a status that it has for every wrong request
/// (<https://ai.google.dev/gemini-api/docs/troubleshooting>).
const KEY_REFUSED_BY_GEMINI: &str = "API_KEY_INVALID";

/// Asks for the models once, as a model of this vendor would be asked.
pub(crate) async fn list_models(
    base_url: &Url,
    key: Option<&SecretString>,
    wire: &dyn Wire,
    seconds_max: u64,
) -> Reach {
    let client = match http_client(base_url, key, wire, seconds_max.saturating_mul(1000)) {
        Ok(client) => client,
        Err(why) => return Reach::NoRoute { why },
    };
    let Ok(mut url) = base_url.join(LIST) else {
        return Reach::NoRoute {
            why: "the address can't be continued".to_owned(),
        };
    };
    url.set_query(base_url.query());
    let limit = Duration::from_secs(seconds_max);
    let asked = async {
        let response = client.get(url).send().await.map_err(|it| {
            let it = it.without_url();
            match it.is_timeout() {
                true => Reach::of_silence(seconds_max),
                false => Reach::of_error(&it),
            }
        })?;
        let status = response.status().as_u16();
        if status == 400 {
            let body = answer::beginning(response, ERROR_BODY_BYTES_MAX).await;
            if String::from_utf8_lossy(&body).contains(KEY_REFUSED_BY_GEMINI) {
                return Ok(Reach::KeyRefused { status });
            }
        }
        Ok(Reach::of_status(status))
    };
    match tokio::time::timeout(limit, asked).await {
        Ok(Ok(reach) | Err(reach)) => reach,
        Err(_) => Reach::of_silence(seconds_max),
    }
}
