//! References to Jira tickets: `ABC-123`, or the address of a ticket's page.

use std::fmt;

use url::Url;

use crate::address::{Reference, parts, whole_number};
use crate::error::{ForgeError, Service};

const FORMS: &str = "a Jira ticket (a key such as `ABC-123`, or the address of its page)";
/// Longest key of a project, in bytes; Jira allows no more than that anywhere.
const PROJECT_BYTES_MAX: usize = 255;

/// A ticket in the configured Jira.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRef {
    /// Its key, as in `ABC-123`.
    pub key: String,
}

impl fmt::Display for TicketRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

impl TicketRef {
    /// Reads a reference; an address must be below `base`, the configured address.
    pub(crate) fn parse(text: &str, base: &Url) -> Result<TicketRef, ForgeError> {
        let reference = Reference {
            text: text.trim(),
            service: Service::Jira,
            forms: FORMS,
        };
        reference.check_characters()?;
        let key = if reference.text.contains("://") {
            key_of_page(&reference, base)?
        } else {
            reference.text.to_owned()
        };
        check_key(&key).map_err(|why| reference.refused(why))?;
        Ok(TicketRef { key })
    }
}

/// The key in `BASE/browse/ABC-123`, or in a board's address with `?selectedIssue=ABC-123`.
fn key_of_page(reference: &Reference<'_>, base: &Url) -> Result<String, ForgeError> {
    let url = reference.page(base)?;
    let wrong = || reference.refused("its path isn't `/browse/ABC-123`");
    let all = parts(&url);
    let prefix: Vec<&str> = parts(base)
        .into_iter()
        .filter(|it| !it.is_empty())
        .collect();
    let below = all.strip_prefix(&prefix[..]).ok_or_else(wrong)?;
    match below {
        ["browse", key] => Ok((*key).to_owned()),
        ["jira", ..] => {
            let selected = url.query_pairs().find(|(name, _)| name == "selectedIssue");
            selected.map(|(_, key)| key.into_owned()).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

fn check_key(key: &str) -> Result<(), &'static str> {
    let (project, number) = key
        .rsplit_once('-')
        .ok_or("it has no `-` with a number behind it")?;
    let is_key = |it: u8| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_';
    if !(2..=PROJECT_BYTES_MAX).contains(&project.len())
        || !project.starts_with(|it: char| it.is_ascii_uppercase())
        || !project.bytes().all(is_key)
    {
        return Err(
            "a project's key is two or more capital letters, digits or `_`, a letter first",
        );
    }
    match whole_number(number) {
        Some(_) => Ok(()),
        None => Err("the number must be digits, and not begin with 0"),
    }
}
