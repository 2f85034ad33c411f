//! Repository addresses: which may be cloned, by whom, and what they are called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use url::{Host, Url};

use crate::error::IntakeError;
use forge::address::{has_credentials, host_and_port, shown};

/// Longest address, in bytes.
const ADDRESS_BYTES_MAX: usize = 4_000;

/// Who names a repository, and so what this machine lets them reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The user at this machine: their folders and their network are theirs to name.
    Local,
    /// Somebody elsewhere: neither files nor hosts inside this machine's network.
    Remote,
}

/// Where to clone from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRef {
    /// What `git clone` is given; never begins with `-` and holds no credentials.
    pub clone_address: String,
    /// The page a person opens, where there is one.
    pub web: Option<String>,
    /// The host, with its port if that isn't the usual one; none for a folder.
    pub host: Option<String>,
}

impl RepositoryRef {
    /// Reads `https://…`, `ssh://…`, `git@host:path`, `file:///…`, a folder, or `owner/repo` on `github_web`, the
    /// address of the configured GitHub's pages such as `https://github.com`.
    ///
    /// A folder that exists wins over `owner/repo`. Whether there is a repository at the place isn't looked at.
    ///
    /// # Errors
    /// [`IntakeError::Repository`] says what is wrong and what to write instead.
    pub fn parse(
        text: &str,
        github_web: &str,
        caller: Caller,
    ) -> Result<RepositoryRef, IntakeError> {
        let text = text.trim();
        let refused = |why: &str| IntakeError::Repository {
            text: shown(text),
            why: why.to_owned(),
        };
        check_characters(text).map_err(refused)?;
        if let Some((scheme, _)) = text.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
                "https" | "http" => web(text, caller),
                "ssh" | "git+ssh" => ssh(text, caller),
                "file" => file(text, caller),
                _ => Err("this way to clone isn't supported (use https, ssh or a folder)"),
            }
            .map_err(refused);
        }
        if text.contains("::") && !text.contains('/')
            || text.split('/').next().is_some_and(|it| it.contains("::"))
        {
            return Err(refused(
                "git would start a helper program for it (use https, ssh or a folder)",
            ));
        }
        if let Some((host, path)) = scp_like(text) {
            return over_ssh_path(text, host, path, caller).map_err(refused);
        }
        let is_short = is_owner_and_name(text);
        let is_folder = !is_short || Path::new(text).is_dir();
        if caller == Caller::Local && is_folder {
            return Ok(folder(text));
        }
        if is_short {
            let page = format!("{}/{text}", github_web.trim_end_matches('/'));
            return web(&page, caller).map_err(refused);
        }
        Err(refused(
            "folders of this machine can't be named from elsewhere (use https or ssh)",
        ))
    }
}

fn check_characters(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty (give an address or a folder)");
    }
    if ADDRESS_BYTES_MAX < text.len() {
        return Err("it is too long");
    }
    if text.starts_with('-') {
        return Err("git would read it as an option (write `./` before the name of a folder)");
    }
    if text.chars().any(char::is_control) {
        return Err("it contains a control character");
    }
    Ok(())
}

fn web(text: &str, caller: Caller) -> Result<RepositoryRef, &'static str> {
    if text.contains('\\') || text.contains(char::is_whitespace) {
        return Err("an address contains no blanks and no `\\`");
    }
    let url = Url::parse(text).map_err(|_| "it isn't an address")?;
    if has_credentials(&url) {
        return Err(
            "it contains a user name, password or token, which would end up in files and logs \
             (write it without what is before `@`; tokens belong into GITHUB_TOKEN or git's credential helper)",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a `?` or `#` (give the repository's own address)");
    }
    let host = url.host().ok_or("it names no host")?;
    // Whoever reads `http://2130706433/` must not have to know that it means this machine.
    if let Host::Ipv4(address) = host
        && !text.contains(&address.to_string())
    {
        return Err("its host is a number in disguise (write the usual four, as in `192.0.2.1`)");
    }
    check_reach(&host, caller)?;
    let path = url.path().trim_end_matches('/');
    if path.is_empty() {
        return Err("it names a host, but no repository on it");
    }
    if host_and_port(&url) == "github.com" && path.split('/').count() != 3 {
        return Err(
            "it is a page of GitHub, not a repository (write `https://github.com/owner/repo`)",
        );
    }
    let mut page = url.clone();
    page.set_path(path.strip_suffix(".git").unwrap_or(path));
    let mut clone = url.clone();
    clone.set_path(path);
    Ok(RepositoryRef {
        clone_address: clone.to_string(),
        web: Some(page.to_string()),
        host: Some(host_and_port(&url)),
    })
}

fn ssh(text: &str, caller: Caller) -> Result<RepositoryRef, &'static str> {
    let url = Url::parse(text).map_err(|_| "it isn't an address")?;
    if url.password().is_some() {
        return Err("it contains a password (ssh takes keys; write it without the password)");
    }
    let host = url.host_str().ok_or("it names no host")?;
    check_ssh_name(url.username(), host)?;
    reach_by_name(host, caller)?;
    if url.path().len() < 2 {
        return Err("it names a host, but no repository on it");
    }
    Ok(RepositoryRef {
        clone_address: text.to_owned(),
        web: None,
        host: Some(host_and_port(&url)),
    })
}

/// `[user@]host:path`, as git understands it: a colon before any slash.
fn scp_like(text: &str) -> Option<(&str, &str)> {
    let (host, path) = text.split_once(':')?;
    (!host.contains('/')).then_some((host, path))
}

fn over_ssh_path(
    text: &str,
    user_and_host: &str,
    path: &str,
    caller: Caller,
) -> Result<RepositoryRef, &'static str> {
    let (user, host) = user_and_host
        .rsplit_once('@')
        .unwrap_or(("", user_and_host));
    check_ssh_name(user, host)?;
    reach_by_name(host, caller)?;
    if path.is_empty() || path.starts_with('-') {
        return Err("the path behind the host is missing, or would be read as an option");
    }
    Ok(RepositoryRef {
        clone_address: text.to_owned(),
        web: None,
        host: Some(host.to_owned()),
    })
}

/// What ssh is given must not look like an option or a command to it.
fn check_ssh_name(user: &str, host: &str) -> Result<(), &'static str> {
    let is_name = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    let is_address = |it: char| it.is_ascii_hexdigit() || it == ':';
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let host_is_fine = match bare {
        Some(address) => address.chars().all(is_address),
        None => !host.is_empty() && !host.starts_with('-') && host.chars().all(is_name),
    };
    if !host_is_fine {
        return Err("the host isn't a name of one");
    }
    if user.starts_with('-') || !user.chars().all(is_name) {
        return Err("the user before `@` isn't a name of one");
    }
    Ok(())
}

fn file(text: &str, caller: Caller) -> Result<RepositoryRef, &'static str> {
    if caller == Caller::Remote {
        return Err("folders of this machine can't be named from elsewhere (use https or ssh)");
    }
    let url = Url::parse(text).map_err(|_| "it isn't an address")?;
    if url
        .host_str()
        .is_some_and(|it| !it.is_empty() && it != "localhost")
    {
        return Err("it names a host (write three slashes, as in `file:///path`)");
    }
    if url.path().len() < 2 || url.to_file_path().is_err() {
        return Err("it names no folder");
    }
    Ok(RepositoryRef {
        clone_address: url.to_string(),
        web: None,
        host: None,
    })
}

fn folder(text: &str) -> RepositoryRef {
    RepositoryRef {
        clone_address: text.to_owned(),
        web: None,
        host: None,
    }
}

/// `owner/repo`, with names that GitHub allows.
fn is_owner_and_name(text: &str) -> bool {
    let is_name = |it: &str| {
        !it.is_empty()
            && !matches!(it, "." | ".." | "~")
            && it
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.'))
    };
    text.split_once('/')
        .is_some_and(|(owner, repo)| is_name(owner) && !owner.starts_with('.') && is_name(repo))
}

fn reach_by_name(host: &str, caller: Caller) -> Result<(), &'static str> {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => check_reach(&Host::Domain(&name), caller),
        Ok(Host::Ipv4(it)) => check_reach(&Host::Ipv4(it), caller),
        Ok(Host::Ipv6(it)) => check_reach(&Host::Ipv6(it), caller),
        Err(_) => Err("the host isn't a name of one"),
    }
}

/// Cloud metadata services hand out credentials and are nobody's repository. Callers elsewhere must not reach
/// into this network by number either; a name may still lead there, which only the connection can tell.
fn check_reach(host: &Host<&str>, caller: Caller) -> Result<(), &'static str> {
    const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
    let address = match host {
        Host::Domain(name) => {
            // A name with a dot at its end is the same name.
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            if name == "metadata.google.internal" {
                return Err("it is a metadata service");
            }
            // Names below it lead to this machine (RFC 6761); one without a dot is a name of the own network.
            let is_here = name == "localhost" || name.ends_with(".localhost");
            let is_of_the_network = !name.contains('.') || name.ends_with(".internal");
            match (is_here, is_of_the_network && caller == Caller::Remote) {
                (true, _) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                (false, true) => return Err(INSIDE),
                (false, false) => return Ok(()),
            }
        }
        Host::Ipv4(it) => IpAddr::V4(*it),
        Host::Ipv6(it) => within(*it).map_or(IpAddr::V6(*it), IpAddr::V4),
    };
    if address == IpAddr::V4(METADATA) {
        return Err("it is a metadata service");
    }
    let is_inside = match address {
        IpAddr::V4(it) => {
            let [first, second, ..] = it.octets();
            // Of this network, and shared by carriers (RFC 6598).
            let is_special = first == 0 || first == 100 && (64..128).contains(&second);
            it.is_loopback() || it.is_private() || it.is_link_local() || is_special
        }
        IpAddr::V6(it) => {
            it.is_loopback()
                || it.is_unspecified()
                || it.is_unique_local()
                || it.is_unicast_link_local()
        }
    };
    if is_inside && caller == Caller::Remote {
        return Err(INSIDE);
    }
    Ok(())
}

const INSIDE: &str = "hosts inside this machine's network can't be named from elsewhere";

/// The address of the older kind that one of the newer stands for: mapped, compatible, or translated (RFC 6052).
fn within(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let last = |it: [u16; 8]| {
        let [a, b] = it[6].to_be_bytes();
        let [c, d] = it[7].to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        it @ [0, 0, 0, 0, 0, 0xffff, _, _] | it @ [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
            Some(last(it))
        }
        // The unspecified address and the loopback are themselves.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        it @ [0, 0, 0, 0, 0, 0, _, _] => Some(last(it)),
        _ => None,
    }
}
