//! References to GitHub issues: `owner/repo#123`, or the address of an issue's page.

use std::fmt;

use url::Url;

use crate::address::{Reference, parts, whole_number};
use crate::error::{ForgeError, Service};
use crate::seam::RepositoryName;

const FORMS: &str = "a GitHub issue (`owner/repo#123`, or the address of its page)";
/// Longest name of an owner, in bytes, as GitHub allows it.
const OWNER_BYTES_MAX: usize = 39;
/// Longest name of a repository, in bytes, as GitHub allows it.
const REPOSITORY_BYTES_MAX: usize = 100;

/// An issue on the configured GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueRef {
    /// The user or organisation.
    pub owner: String,
    /// The repository's name.
    pub repo: String,
    /// The issue's number.
    pub number: u64,
}

impl fmt::Display for IssueRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}#{}", self.owner, self.repo, self.number)
    }
}

impl IssueRef {
    /// Reads a reference; an address must be on `web`, where people open issues.
    pub(crate) fn parse(text: &str, web: &Url) -> Result<IssueRef, ForgeError> {
        let reference = Reference {
            text: text.trim(),
            service: Service::GitHub,
            forms: FORMS,
        };
        reference.check_characters()?;
        if reference.text.contains("://") {
            return from_page(&reference, web);
        }
        let (name, number) = reference
            .text
            .split_once('#')
            .ok_or_else(|| reference.refused("it has no `#` with a number behind it"))?;
        let (owner, repo) = name
            .split_once('/')
            .ok_or_else(|| reference.refused("the owner of the repository is missing"))?;
        checked(owner, repo, number).map_err(|why| reference.refused(why))
    }
}

impl IssueRef {
    /// Reads `owner/repo`, by the rules for both names.
    pub fn named(text: &str) -> Option<RepositoryName> {
        let (owner, repo) = text.trim().split_once('/')?;
        let it = checked(owner, repo, "1").ok()?;
        Some(RepositoryName {
            owner: it.owner,
            name: it.repo,
        })
    }
}

fn from_page(reference: &Reference<'_>, web: &Url) -> Result<IssueRef, ForgeError> {
    let url = reference.page(web)?;
    let refused = |why| reference.refused(why);
    match parts(&url)[..] {
        [owner, repo, "issues", number] => checked(owner, repo, number).map_err(refused),
        [owner, repo, "pull", number] => {
            let it = checked(owner, repo, number).map_err(refused)?;
            Err(ForgeError::PullRequest {
                what: it.to_string(),
            })
        }
        _ => Err(refused("its path isn't `/owner/repo/issues/123`")),
    }
}

fn checked(owner: &str, repo: &str, number: &str) -> Result<IssueRef, &'static str> {
    let is_name = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
    if owner.is_empty()
        || OWNER_BYTES_MAX < owner.len()
        || owner.starts_with('-')
        || !owner.bytes().all(is_name)
    {
        return Err("the owner isn't a name that GitHub allows");
    }
    if repo.is_empty()
        || REPOSITORY_BYTES_MAX < repo.len()
        || matches!(repo, "." | "..")
        || !repo.bytes().all(|it| is_name(it) || it == b'.')
    {
        return Err("the repository isn't a name that GitHub allows");
    }
    let number = whole_number(number).ok_or("the number must be digits, and not begin with 0")?;
    Ok(IssueRef {
        owner: owner.to_owned(),
        repo: repo.to_owned(),
        number,
    })
}
