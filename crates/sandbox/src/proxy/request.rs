//! What a client asks of the proxy: a tunnel to a host, or one plain-text page.

use std::fmt;

use url::Url;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    /// Lower case, without a last dot, IPv6 addresses without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Authority {
    /// Reads `host:port`.
    pub(super) fn parse(text: &str) -> Option<Authority> {
        let (host, port) = text.rsplit_once(':')?;
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let host = plain_host(host);
        let well_formed = !host.is_empty()
            && (bracketed || !host.contains(':'))
            && !host.contains(|c: char| c.is_whitespace() || "/@[]".contains(c));
        Some(Authority {
            host: well_formed.then_some(host)?,
            port: port.parse().ok()?,
        })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A host in the one form in which hosts are compared.
pub(super) fn plain_host(host: &str) -> String {
    let inside = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = inside.unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// A request that the proxy understands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// `CONNECT host:port`.
    Tunnel(Authority),
    /// Any other method on an `http://` address.
    Fetch(Fetch),
}

/// One request in plain text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fetch {
    to: Authority,
    method: String,
    url: Url,
    /// The client's own lines, without those that speak to a proxy.
    lines: Vec<String>,
}

impl Request {
    /// Reads the head of a request; `None` if it isn't one that a proxy gets.
    pub(super) fn parse(head: &[u8]) -> Option<Request> {
        let head = std::str::from_utf8(head).ok()?;
        let mut lines = head.split("\r\n");
        // Servers disagree on whether a lone one ends a line.
        if lines.clone().any(|line| line.contains(['\r', '\n'])) {
            return None;
        }
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if !version.starts_with("HTTP/1.") || words.next().is_some() {
            return None;
        }
        if method == "CONNECT" {
            return Authority::parse(target).map(Request::Tunnel);
        }
        let url = Url::parse(target).ok()?;
        if url.scheme() != "http" {
            return None;
        }
        Some(Request::Fetch(Fetch {
            to: Authority {
                host: plain_host(url.host_str()?),
                port: url.port_or_known_default()?,
            },
            method: method.to_owned(),
            lines: lines
                .filter(|line| !line.is_empty() && !speaks_to_a_proxy(line))
                .map(ToOwned::to_owned)
                .collect(),
            url,
        }))
    }

    /// Where it goes.
    pub(super) fn to(&self) -> &Authority {
        match self {
            Request::Tunnel(to) | Request::Fetch(Fetch { to, .. }) => to,
        }
    }
}

impl Fetch {
    /// The head to send on: one request a connection, and the host that was checked, not the one the client wrote.
    pub(super) fn head(&self, to_a_proxy: bool) -> String {
        let path = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let mut head = match to_a_proxy {
            true => format!("{} http://{}{path} HTTP/1.1\r\n", self.method, self.to),
            false => format!("{} {path} HTTP/1.1\r\n", self.method),
        };
        // Some servers don't know themselves by a name with the usual port.
        let to = self.to.to_string();
        let host = to.strip_suffix(":80").unwrap_or(&to);
        head += &format!("Host: {host}\r\nConnection: close\r\n");
        for line in &self.lines {
            head += line;
            head += "\r\n";
        }
        head + "\r\n"
    }
}

fn speaks_to_a_proxy(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default().trim();
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "host" | "connection" | "keep-alive") || name.starts_with("proxy-")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::Request;

    fn check(head: &str, expected: Expect) {
        let shown = match Request::parse(head.replace('\n', "\r\n").as_bytes()) {
            None => "not understood".to_owned(),
            Some(Request::Tunnel(to)) => format!("tunnel to {to}"),
            Some(Request::Fetch(fetch)) => {
                format!(
                    "to {}\n{}",
                    fetch.to,
                    fetch.head(false).replace("\r\n", "\n")
                )
            }
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_tunnel_goes_to_a_host_and_port() {
        check(
            "CONNECT Index.Test:443 HTTP/1.1\n\n",
            expect!["tunnel to index.test:443"],
        );
        check(
            "CONNECT [::1]:443 HTTP/1.1\n\n",
            expect!["tunnel to [::1]:443"],
        );
    }

    #[test]
    fn a_tunnel_without_a_port_goes_nowhere() {
        check("CONNECT index.test HTTP/1.1\n\n", expect!["not understood"]);
    }

    #[test]
    fn the_host_line_is_the_one_that_was_checked() {
        check(
            "GET http://index.test/simple/?a=b HTTP/1.1\nHost: other.test\nProxy-Authorization: x\nAccept: */*\n\n",
            expect![[r#"
                to index.test:80
                GET /simple/?a=b HTTP/1.1
                Host: index.test
                Connection: close
                Accept: */*

            "#]],
        );
    }

    #[test]
    fn an_account_in_the_address_is_not_the_host() {
        check(
            "GET http://index.test@evil.test/ HTTP/1.0\n\n",
            expect![[r#"
                to evil.test:80
                GET / HTTP/1.1
                Host: evil.test
                Connection: close

            "#]],
        );
        check(
            "CONNECT index.test@evil.test:443 HTTP/1.1\n\n",
            expect!["not understood"],
        );
    }

    #[test]
    fn other_schemes_and_bare_paths_are_not_for_a_proxy() {
        check(
            "GET ftp://index.test/ HTTP/1.1\n\n",
            expect!["not understood"],
        );
        check("GET /simple/ HTTP/1.1\n\n", expect!["not understood"]);
        check("GET  HTTP/1.1\n\n", expect!["not understood"]);
    }

    #[test]
    fn a_line_break_in_a_line_is_refused() {
        check(
            "GET http://index.test/ HTTP/1.1\nX: a\rHost: evil.test\n\n",
            expect!["not understood"],
        );
    }
}
