//! Who asks: a token in a header, or the cookie of a page that was signed in.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderValue, header};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use store::{Store, StoreError};

/// The name of whoever started the server.
pub const OWNER: &str = "owner";
/// The cookie of a page.
const COOKIE: &str = "pipeline_session";
/// How long a page stays signed in.
const SESSION_SECONDS: u64 = 12 * 60 * 60;
/// Bytes of a token or a code, before they are written as hexadecimal.
const SECRET_BYTES: usize = 24;

/// Somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) name: String,
    pub(crate) is_admin: bool,
    /// Whether a cookie says who they are: then another site's page could have made the request.
    pub(crate) by_cookie: bool,
}

impl Caller {
    /// Whether they may see and steer a run of somebody.
    pub(crate) fn may_see(&self, of: Option<&str>) -> bool {
        self.is_admin || of == Some(self.name.as_str())
    }

    /// Whether it is whoever started the server.
    pub(crate) fn is_owner(&self) -> bool {
        self.name == OWNER
    }
}

/// Who may ask.
pub(crate) struct Callers {
    store: Store,
    /// The owner's token, which also signs cookies.
    token: SecretString,
    /// Whether that token lets anybody in; not on an address that others reach.
    owner_may: bool,
    /// Opens the page once.
    code: Mutex<Option<SecretString>>,
}

/// A new secret in hexadecimal.
pub fn new_secret() -> SecretString {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).expect("the kernel has randomness");
    SecretString::from(protocol::hexadecimal(&bytes))
}

/// How a token is kept.
pub fn token_sha256(token: &SecretString) -> String {
    protocol::sha256(token.expose_secret().as_bytes())
}

impl Callers {
    pub(crate) fn new(store: Store, token: SecretString, owner_may: bool) -> Callers {
        Callers {
            store,
            token,
            owner_may,
            code: Mutex::new(owner_may.then(new_secret)),
        }
    }

    /// The code that opens the page once, if it wasn't used.
    pub(crate) fn code(&self) -> Option<SecretString> {
        let code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        code.clone()
    }

    /// Whether this is the code; it is none any more then.
    pub(crate) fn takes_code(&self, given: &str) -> bool {
        let mut code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = code
            .as_ref()
            .is_some_and(|it| self.same(it.expose_secret(), given));
        if is_it {
            *code = None;
        }
        is_it
    }

    /// Who has a token.
    pub(crate) async fn by_token(&self, token: &str) -> Result<Option<Caller>, StoreError> {
        let token = token.trim();
        if self.owner_may && self.same(self.token.expose_secret(), token) {
            return Ok(Some(owner()));
        }
        let found = self
            .store
            .token_by_sha256(&protocol::sha256(token.as_bytes()))
            .await?;
        Ok(found.map(|it| Caller {
            is_admin: it.is_admin(),
            name: it.name,
            by_cookie: false,
        }))
    }

    /// Who sent a request, if it says so.
    pub(crate) async fn of(&self, headers: &HeaderMap) -> Result<Option<Caller>, StoreError> {
        if let Some(given) = headers.get(header::AUTHORIZATION) {
            let given = given.to_str().ok().and_then(|it| it.split_once(' '));
            return match given {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                    self.by_token(token).await
                }
                _ => Ok(None),
            };
        }
        let cookies = headers.get_all(header::COOKIE).iter();
        let cookies = cookies.filter_map(|it| it.to_str().ok());
        let session = cookies
            .flat_map(|it| it.split(';'))
            .filter_map(|it| it.trim().split_once('='))
            .find(|it| it.0 == COOKIE)
            .and_then(|it| self.name_in(it.1));
        let Some(name) = session else { return Ok(None) };
        if name == OWNER {
            return Ok(self.owner_may.then(|| Caller {
                by_cookie: true,
                ..owner()
            }));
        }
        let found = self.store.token_by_name(&name).await?;
        Ok(found.map(|it| Caller {
            is_admin: it.is_admin(),
            name: it.name,
            by_cookie: true,
        }))
    }

    /// The cookie with which a page is signed in.
    pub(crate) fn cookie(&self, name: &str) -> HeaderValue {
        let until = now_seconds() + SESSION_SECONDS;
        let signed = format!("{}.{until}", protocol::hexadecimal(name.as_bytes()));
        let seal = protocol::hexadecimal(&self.seal(&signed).finalize().into_bytes());
        let cookie = format!(
            "{COOKIE}={signed}.{seal}; Path=/; HttpOnly; SameSite=Strict; Max-Age={SESSION_SECONDS}"
        );
        HeaderValue::from_str(&cookie).expect("hexadecimal digits are fine in a header")
    }

    /// The cookie that takes the other one away.
    pub(crate) fn no_cookie() -> HeaderValue {
        HeaderValue::from_static("pipeline_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    }

    /// The name in a cookie that we signed and that holds still.
    fn name_in(&self, cookie: &str) -> Option<String> {
        let (signed, seal) = cookie.rsplit_once('.')?;
        let (name, until) = signed.split_once('.')?;
        let sealed = self.seal(signed).verify_slice(&bytes_of(seal)?);
        let until: u64 = until.parse().ok()?;
        (sealed.is_ok() && now_seconds() < until)
            .then(|| bytes_of(name))
            .flatten()
            .and_then(|it| String::from_utf8(it).ok())
    }

    fn seal(&self, text: &str) -> Hmac<Sha256> {
        let key = format!("session of {}", self.token.expose_secret());
        let mut mac = Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        mac
    }

    /// Whether two secrets are the same, in a time that tells nothing of them.
    fn same(&self, one: &str, other: &str) -> bool {
        let other = self.seal(other).finalize().into_bytes();
        self.seal(one).verify_slice(&other).is_ok()
    }
}

/// Whoever started the server.
pub(crate) fn owner() -> Caller {
    Caller {
        name: OWNER.to_owned(),
        is_admin: true,
        by_cookie: false,
    }
}

fn now_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// Bytes from hexadecimal.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let is_hex = digits.len().is_multiple_of(2) && digits.bytes().all(|it| it.is_ascii_hexdigit());
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    is_hex.then(|| (0..digits.len()).step_by(2).filter_map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn callers(owner_may: bool) -> (tempfile::TempDir, Callers) {
        let folder = tempfile::tempdir().expect("a folder");
        let address = format!("sqlite:{}", folder.path().join("runs.db").display());
        let store = Store::open(&address).await.expect("a store");
        let callers = Callers::new(store, SecretString::from("the owner's token"), owner_may);
        (folder, callers)
    }

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).expect("a header"));
        headers
    }

    #[tokio::test]
    async fn a_code_opens_the_page_once_and_a_cookie_is_only_ours() {
        let (_folder, callers) = callers(true).await;
        let code = callers.code().expect("a code");
        assert!(!callers.takes_code("another"));
        assert!(callers.takes_code(code.expose_secret()));
        assert!(!callers.takes_code(code.expose_secret()) && callers.code().is_none());
        let cookie = callers.cookie(OWNER);
        let cookie = cookie
            .to_str()
            .expect("text")
            .split(';')
            .next()
            .expect("a pair");
        let callers = &callers;
        let of = |value: String| async move {
            callers
                .of(&with(header::COOKIE, &value))
                .await
                .expect("a store")
        };
        let caller = of(format!("a=b; {cookie}")).await.expect("the owner");
        assert!(caller.is_owner() && caller.by_cookie);
        let (pair, seal) = cookie.rsplit_once('.').expect("a seal");
        for forged in [
            format!("{pair}.{}", "0".repeat(seal.len())),
            format!("{pair}9.{seal}"),
            format!("{pair}."),
            "pipeline_session=".to_owned(),
            format!("{pair}.é"),
        ] {
            assert_eq!(of(forged.clone()).await, None, "{forged}");
        }
    }

    #[tokio::test]
    async fn a_token_is_its_callers_until_it_is_revoked() {
        let (_folder, callers) = callers(false).await;
        let of = |value: &'static str| async {
            callers
                .of(&with(header::AUTHORIZATION, value))
                .await
                .expect("a store")
        };
        assert_eq!(
            of("Bearer the owner's token").await,
            None,
            "others reach this address"
        );
        assert!(callers.code().is_none());
        let token = SecretString::from("t");
        callers
            .store
            .add_token("ada", &token_sha256(&token), false)
            .await
            .expect("a store");
        let ada = of("bearer t").await.expect("ada");
        assert_eq!((ada.name.as_str(), ada.is_admin), ("ada", false));
        assert!(ada.may_see(Some("ada")) && !ada.may_see(Some("bob")) && !ada.may_see(None));
        let cookie = callers.cookie("ada");
        let cookie = with(header::COOKIE, cookie.to_str().expect("text"));
        assert!(callers.of(&cookie).await.expect("a store").is_some());
        callers.store.revoke_token("ada").await.expect("a store");
        assert_eq!(of("Bearer t").await, None);
        assert_eq!(callers.of(&cookie).await.expect("a store"), None);
        assert_eq!(of("Basic dDp0").await, None);
    }
}
