//! Addresses of services and of their pages: which are allowed, and which belong together.

use protocol::visible;
use url::{Host, Url};

use crate::error::{ForgeError, Service};

/// Longest number of an issue or a ticket, in digits: what fits a 64-bit number for certain.
const NUMBER_DIGITS_MAX: usize = 18;
/// Longest reference, in bytes.
const REFERENCE_BYTES_MAX: usize = 2_000;

/// The configured address of a service, without a slash at its end.
///
/// Plain HTTP would show the credentials to the whole network, so it is for this machine only.
pub(crate) fn configured(service: Service, text: &str) -> Result<Url, ForgeError> {
    let refused = |why| ForgeError::Setting {
        variable: service.address_variable(),
        why,
    };
    let mut url = Url::parse(text.trim())
        .map_err(|_| refused("it isn't an address (write it as in `https://host.example/path`)"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_this_machine(&url) => {}
        "http" => return Err(refused("it isn't encrypted (write `https://`)")),
        _ => return Err(refused("it isn't an address of the web (write `https://`)")),
    }
    if has_credentials(&url) {
        return Err(refused(
            "it contains a user name or password (they belong into their own variables)",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a `?` or `#` (write only host and path)"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Whether an address leads to this very machine.
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(it)) => it.is_loopback(),
        Some(Host::Ipv6(it)) => it.is_loopback(),
        None => false,
    }
}

/// Whether an address carries a user name or a password.
pub fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Host and port, as a person writes them.
pub fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// A reference that somebody gave for an issue or a ticket.
pub(crate) struct Reference<'a> {
    /// What they wrote, without blanks around it.
    pub(crate) text: &'a str,
    /// Which service it should be of.
    pub(crate) service: Service,
    /// The forms there are, for the error.
    pub(crate) forms: &'static str,
}

impl Reference<'_> {
    /// The error for a reference that can't be used.
    pub(crate) fn refused(&self, why: &str) -> ForgeError {
        ForgeError::Reference {
            text: shown(self.text),
            expected: self.forms,
            why: why.to_owned(),
        }
    }

    /// Refuses what no reference contains and what readers of addresses disagree about.
    pub(crate) fn check_characters(&self) -> Result<(), ForgeError> {
        if self.text.is_empty() {
            return Err(self.refused("it is empty"));
        }
        if REFERENCE_BYTES_MAX < self.text.len() {
            return Err(self.refused("it is too long"));
        }
        let odd = |it: char| it.is_whitespace() || it == '\\' || !it.is_ascii() || it.is_control();
        match self.text.chars().find(|it| odd(*it)) {
            Some(it) => Err(self.refused(&format!("it contains {it:?}"))),
            None => Ok(()),
        }
    }

    /// The address of a page, if it is on the host that is configured.
    pub(crate) fn page(&self, configured: &Url) -> Result<Url, ForgeError> {
        let url = Url::parse(self.text).map_err(|_| self.refused("it isn't an address"))?;
        if has_credentials(&url) {
            return Err(self.refused("it contains a user name or password (leave them out)"));
        }
        if url.origin() != configured.origin() {
            return Err(ForgeError::OtherHost {
                service: self.service,
                text: shown(self.text),
                configured: configured.origin().ascii_serialization(),
            });
        }
        if url.path().contains('%') {
            return Err(self.refused("its path contains a `%` code"));
        }
        Ok(url)
    }
}

/// The parts of an address's path, an empty one at its end left out.
pub(crate) fn parts(url: &Url) -> Vec<&str> {
    let path = url.path();
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path).split('/').collect()
}

/// A whole number above 0, in digits only and without zeros before it.
pub(crate) fn whole_number(text: &str) -> Option<u64> {
    let is_number = (1..=NUMBER_DIGITS_MAX).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_digit())
        && !text.starts_with('0');
    is_number.then(|| text.parse().ok()).flatten()
}

/// What somebody gave, fit for an error: visible, of bounded length, without credentials.
pub fn shown(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 200;
    let cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let bare = match (cut.split_once("://"), cut.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => cut,
    };
    visible(&bare).replace('\n', "\\n")
}
