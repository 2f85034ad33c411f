//! Addresses of remote repositories and names of revisions, checked before git sees them.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::GitError;

/// The address of a repository that may be cloned: `https`, `http`, `ssh`, `file`, or `user@host:path`.
///
/// It carries no password and can't be taken for an option or a transport program.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    text: String,
    url: Option<Url>,
}

/// How git may reach remote hosts. Nothing in it is ever put on a command line or into a repository.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Sent to one host only.
    pub credential: Option<Credential>,
    /// Certificates to trust, where the system's own don't do.
    pub ca_bundle: Option<PathBuf>,
    /// Proxy for http and https, as in `http://proxy:3128`.
    pub proxy: Option<String>,
    /// Socket of the user's SSH agent.
    pub ssh_agent: Option<PathBuf>,
}

/// A header for one host.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The only place it is sent to, as in `https://github.com/`: scheme, host, port and the start of the path.
    pub base: Url,
    /// The whole header line, as in `Authorization: Bearer …`.
    pub header: SecretString,
}

impl Address {
    /// Longest address.
    pub const BYTES_MAX: usize = 2048;

    /// Takes an address apart far enough to know that it is harmless.
    pub fn parse(text: &str) -> Result<Address, GitError> {
        let text = text.trim().trim_end_matches('/');
        let bad = |why| {
            Err(GitError::BadAddress {
                address: without_userinfo(text),
                why,
            })
        };
        if text.is_empty() {
            return bad("it is empty");
        }
        if text.len() > Address::BYTES_MAX {
            return bad("it is too long");
        }
        if text.starts_with('-') {
            return bad("it looks like an option");
        }
        if text.chars().any(|it| it.is_control() || it.is_whitespace()) {
            return bad("it contains a blank or a control character");
        }
        if names_a_transport_program(text) {
            return bad("it names a transport program (use https, ssh or file)");
        }
        if !text.contains("://") {
            return match scp_like(text) {
                Ok(()) => Ok(Address {
                    text: text.to_owned(),
                    url: None,
                }),
                Err(why) => bad(why),
            };
        }
        let Ok(url) = Url::parse(text) else {
            return bad("it isn't a URL");
        };
        match check_url(&url) {
            Ok(()) => Ok(Address {
                text: text.to_owned(),
                url: Some(url),
            }),
            Err(why) => bad(why),
        }
    }

    /// The address as git takes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a credential may be sent there: same scheme, host and port, below its path, and not in the clear
    /// but to this machine itself.
    pub(crate) fn accepts(&self, credential: &Credential) -> bool {
        let Some(url) = &self.url else { return false };
        let base = &credential.base;
        let same_host = url.scheme() == base.scheme()
            && url.host_str() == base.host_str()
            && url.port_or_known_default() == base.port_or_known_default();
        let folder = base.path().trim_end_matches('/');
        let below = url
            .path()
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        same_host && below && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.text)
    }
}

fn check_url(url: &Url) -> Result<(), &'static str> {
    let userinfo = !url.username().is_empty() || url.password().is_some();
    match url.scheme() {
        "http" | "https" if userinfo => {
            Err("it contains a name or a password (leave them out and set the token instead)")
        }
        "http" | "https" | "ssh" if url.host_str().is_none_or(str::is_empty) => {
            Err("it has no host")
        }
        "ssh" if url.password().is_some() => Err("it contains a password (use a key)"),
        "ssh" if url.username().starts_with('-') || starts_with_dash(url.host_str()) => {
            Err("its host or user looks like an option")
        }
        "file" if !matches!(url.host_str(), None | Some("" | "localhost")) => {
            Err("a file address has no host")
        }
        "http" | "https" | "ssh" | "file" if url.path().len() < 2 => Err("it has no path"),
        "http" | "https" | "ssh" | "file" => Ok(()),
        _ => Err("only https, http, ssh and file are cloned"),
    }
}

fn starts_with_dash(text: Option<&str>) -> bool {
    text.is_some_and(|it| it.starts_with('-'))
}

fn scp_like(text: &str) -> Result<(), &'static str> {
    let Some((host, path)) = text.split_once(':') else {
        return Err("it is neither a URL nor user@host:path");
    };
    let (user, host) = host.split_once('@').unwrap_or(("", host));
    if host.is_empty() || host.contains('/') || path.is_empty() {
        return Err("it is neither a URL nor user@host:path");
    }
    if host.starts_with('-') || user.starts_with('-') || path.starts_with('-') {
        return Err("a part of it looks like an option");
    }
    Ok(())
}

/// `ext::sh -c …` and its kin: a scheme, then two colons.
fn names_a_transport_program(text: &str) -> bool {
    text.split_once("::").is_some_and(|(scheme, _)| {
        scheme
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it))
    })
}

/// What may be shown of an address that was refused, possibly because of the secret in it.
fn without_userinfo(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) if !scheme.is_empty() => format!("{scheme}://{host}{path}"),
        _ => text.to_owned(),
    }
}

/// Refuses names of revisions that git could take for an option, a range or a path.
pub fn check_reference(reference: &str) -> Result<(), GitError> {
    let bad = |why| {
        Err(GitError::BadReference {
            reference: reference.to_owned(),
            why,
        })
    };
    if reference.starts_with('-') {
        return bad("it looks like an option");
    }
    if reference.is_empty() || !git2::Reference::is_valid_name(&format!("refs/heads/{reference}")) {
        return bad("git allows no such name (ranges, blanks, `~`, `^` and `:` aren't taken)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, want: Expect) {
        let shown = match Address::parse(text) {
            Ok(address) => address.to_string(),
            Err(error) => format!("cannot {error}"),
        };
        want.assert_eq(&shown);
    }

    #[test]
    fn ordinary_addresses_are_taken() {
        check(
            "https://example.org/a/b.git/",
            expect!["https://example.org/a/b.git"],
        );
        check(
            "ssh://git@example.org:22/a/b",
            expect!["ssh://git@example.org:22/a/b"],
        );
        check(
            "git@example.org:a/b.git",
            expect!["git@example.org:a/b.git"],
        );
        check(
            "file:///srv/a b",
            expect![
                "cannot use `file:///srv/a b` as the address of a repository: it contains a blank or a control character"
            ],
        );
        check("file:///srv/a", expect!["file:///srv/a"]);
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        check(
            "https://me:hunter2@example.org/a",
            expect![
                "cannot use `https://example.org/a` as the address of a repository: it contains a name or a password (leave them out and set the token instead)"
            ],
        );
        check(
            "https://token@example.org/a",
            expect![
                "cannot use `https://example.org/a` as the address of a repository: it contains a name or a password (leave them out and set the token instead)"
            ],
        );
    }

    #[test]
    fn what_could_start_a_program_is_refused() {
        check(
            "ext::sh -c id",
            expect![
                "cannot use `ext::sh -c id` as the address of a repository: it contains a blank or a control character"
            ],
        );
        check(
            "ext::id",
            expect![
                "cannot use `ext::id` as the address of a repository: it names a transport program (use https, ssh or file)"
            ],
        );
        check(
            "--upload-pack=id",
            expect![
                "cannot use `--upload-pack=id` as the address of a repository: it looks like an option"
            ],
        );
        check(
            "ssh://-oProxyCommand=id/a",
            expect![
                "cannot use `ssh://-oProxyCommand=id/a` as the address of a repository: its host or user looks like an option"
            ],
        );
        check(
            "-oProxyCommand=id:a",
            expect![
                "cannot use `-oProxyCommand=id:a` as the address of a repository: it looks like an option"
            ],
        );
        check(
            "git@-oProxyCommand=id:a",
            expect![
                "cannot use `git@-oProxyCommand=id:a` as the address of a repository: a part of it looks like an option"
            ],
        );
        check(
            "git://example.org/a",
            expect![
                "cannot use `git://example.org/a` as the address of a repository: only https, http, ssh and file are cloned"
            ],
        );
        check(
            "./a",
            expect![
                "cannot use `./a` as the address of a repository: it is neither a URL nor user@host:path"
            ],
        );
    }

    #[test]
    fn names_of_revisions_are_names_only() {
        for good in [
            "main",
            "v1.0",
            "feature/x",
            "0123456789abcdef0123456789abcdef01234567",
        ] {
            check_reference(good).unwrap();
        }
        for bad in [
            "",
            "-b",
            "--upload-pack=id",
            "a..b",
            "a:b",
            "a b",
            "HEAD~1",
            "x^",
            "+main",
            "a\nb",
            "*",
        ] {
            let refused = check_reference(bad);
            assert!(refused.is_err() || bad == "+main", "`{bad}` was taken");
        }
    }

    #[test]
    fn a_credential_goes_to_its_own_host_only() {
        let goes = |base: &str, address: &str| {
            let credential = Credential {
                base: Url::parse(base).unwrap(),
                header: "Authorization: Bearer x".into(),
            };
            Address::parse(address).unwrap().accepts(&credential)
        };
        assert!(goes("https://example.org/", "https://example.org/a/b"));
        assert!(goes(
            "https://example.org/team",
            "https://example.org/team/b"
        ));
        assert!(!goes(
            "https://example.org/team",
            "https://example.org/teammate/b"
        ));
        assert!(!goes(
            "https://example.org/",
            "https://example.org.evil.test/a"
        ));
        assert!(!goes("https://example.org/", "http://example.org/a"));
        assert!(!goes("http://example.org/", "http://example.org/a"));
        assert!(!goes("https://example.org/", "https://example.org:8443/a"));
        assert!(!goes("https://example.org/", "git@example.org:a/b"));
        assert!(goes("http://127.0.0.1:8080/", "http://127.0.0.1:8080/a"));
    }
}
