//! Where packages come from, and what an installation must be told to reach it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use protocol::WorkspaceError;
use sandbox::proxy::Egress;
use url::Url;

/// The package index of whoever runs the pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Address of its simple API (PEP 503); none is the index that pip knows by itself. Without credentials:
    /// what an installation is told, the code that it builds can read.
    pub url: Option<String>,
    /// Further hosts that an installation may reach, as `host` or `host:port`: where the files of that index are.
    pub hosts: Vec<String>,
    /// A bundle of certificates to trust instead of the usual ones.
    pub certificates: Option<PathBuf>,
    /// A proxy of the user's own network that everything must pass, as `host:port`.
    pub upstream: Option<String>,
}

impl Index {
    /// Refuses an address that can't be used.
    pub(super) fn check(&self) -> Result<(), WorkspaceError> {
        let Some(text) = &self.url else { return Ok(()) };
        let wrong = |why: &str| WorkspaceError::Unusable {
            path: "the address of the package index".to_owned(),
            why: why.to_owned(),
        };
        let url = Url::parse(text)
            .map_err(|_| wrong("it isn't an address such as https://index.example/simple"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("it must begin with https:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "it holds credentials, which the code of every installed package could read (use a mirror inside your network that needs none)",
            ));
        }
        Ok(())
    }

    /// The host of the configured index, with its port if it is unusual.
    fn host(&self) -> Option<String> {
        let url = Url::parse(self.url.as_deref()?).ok()?;
        let host = url.host_str()?.to_owned();
        Some(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        })
    }

    /// What an installation may reach; `usual` are the hosts of the index that pip knows by itself.
    pub(super) fn egress(&self, usual: &[String]) -> Egress {
        let mut hosts = match self.host() {
            Some(host) => vec![host],
            None => usual.to_vec(),
        };
        hosts.extend(self.hosts.iter().cloned());
        Egress {
            hosts,
            upstream: self.upstream.clone(),
        }
    }

    /// What uv and pip must be told.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        // What works for pip, git and browsers works for uv: the system's certificates, not only those that it brings along.
        let mut variables = BTreeMap::from([("UV_SYSTEM_CERTS".to_owned(), "1".to_owned())]);
        if let Some(url) = &self.url {
            for name in ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"] {
                variables.insert(name.to_owned(), url.clone());
            }
        }
        if let Some(path) = &self.certificates {
            for name in ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"] {
                variables.insert(name.to_owned(), path.display().to_string());
            }
        }
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, hosts: Option<&[&str]>) {
        let index = Index {
            url: Some(url.to_owned()),
            ..Index::default()
        };
        let usable = index
            .check()
            .map(|()| index.egress(&["usual.example".to_owned()]).hosts);
        match hosts {
            Some(hosts) => assert_eq!(usable.expect("a usable address"), hosts, "{url}"),
            None => assert!(usable.is_err(), "{url}"),
        }
    }

    #[test]
    fn an_index_is_reached_at_its_own_host_only_and_never_with_credentials() {
        check("https://index.example/simple", Some(&["index.example"]));
        check("http://localhost:3141/root", Some(&["localhost:3141"]));
        check("https://user:token@index.example/simple", None);
        check("https://token@index.example/simple", None);
        check("file:///packages", None);
        check("index", None);
        assert_eq!(
            Index::default().egress(&["usual.example".into()]).hosts,
            ["usual.example"]
        );
    }
}
