//! A GitHub App's credentials: the app itself by its key, and a token for each repository that it is installed on. See "About
//! authentication with a GitHub App" in GitHub's documentation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use octocrab::Octocrab;
use octocrab::models::{AppId, InstallationId};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::error::{ForgeError, Service};
use crate::http::{Api, Door};
use crate::seam::RepositoryName;

/// How long a token must last at least when a request begins. GitHub's last an hour.
const REQUEST_SECONDS: i64 = 2 * 60;
/// The same when git begins: longer than any fetch or push may take.
const GIT_SECONDS: i64 = 20 * 60;

/// Who an app is: its number, and the key that signs in its name.
#[derive(Clone, Debug)]
pub struct AppKey {
    pub(crate) id: AppId,
    pub(crate) pem: SecretString,
}

impl AppKey {
    /// The app with this number and this private key in PEM; line ends may be written as `\n`, as they are in variables.
    ///
    /// # Errors
    /// [`ForgeError::Setting`] for a number that is none, and for an empty key.
    pub fn new(id: &str, pem: &SecretString) -> Result<AppKey, ForgeError> {
        let number: Option<u64> = id.trim().parse().ok();
        let Some(number) = number.filter(|it| 0 < *it) else {
            return Err(ForgeError::Setting {
                variable: "GITHUB_APP_ID",
                why: "it isn't a number (the app's page on GitHub says it as App ID)",
            });
        };
        let pem = pem.expose_secret().trim().replace("\\n", "\n");
        if pem.is_empty() {
            return Err(key_refused());
        }
        Ok(AppKey {
            id: AppId(number),
            pem: SecretString::from(pem),
        })
    }
}

/// The error for a key that signs nothing.
pub(crate) fn key_refused() -> ForgeError {
    ForgeError::Setting {
        variable: "GITHUB_APP_PRIVATE_KEY",
        why: "it isn't an RSA key in PEM (generate one on the app's page on GitHub, and give the whole file)",
    }
}

/// What an installation may do, as in `contents` → `write`.
pub type Permissions = BTreeMap<String, String>;

/// The client of an app.
pub(crate) struct AppDoor {
    /// Speaks as the app itself; a signature of a few minutes for each request.
    app: Arc<Octocrab>,
    /// Speaks as the app's installation, by `owner/repo` in small letters. Each token is for that repository alone.
    installed: Mutex<BTreeMap<String, Installed>>,
}

#[derive(Clone)]
struct Installed {
    /// A copy would begin without the token.
    octocrab: Arc<Octocrab>,
    permissions: Permissions,
}

/// The parts of an installation that we read; see "Get a repository installation for the authenticated app".
#[derive(Deserialize)]
struct InstallationAnswer {
    id: u64,
    #[serde(default)]
    permissions: Permissions,
}

impl AppDoor {
    pub(crate) fn new(app: Octocrab) -> AppDoor {
        AppDoor {
            app: Arc::new(app),
            installed: Mutex::default(),
        }
    }

    /// The client for a path: what belongs to a repository is asked with its installation's token, everything else by the app.
    pub(crate) async fn client_for(
        &self,
        api: &Api,
        path: &str,
    ) -> Result<Arc<Octocrab>, ForgeError> {
        match repository_of(path) {
            Some(repository) => {
                let installed = self.installed(api, &repository).await?;
                self.token(api, &repository, &installed, REQUEST_SECONDS)
                    .await?;
                Ok(installed.octocrab)
            }
            None => Ok(self.app.clone()),
        }
    }

    async fn installed(
        &self,
        api: &Api,
        repository: &RepositoryName,
    ) -> Result<Installed, ForgeError> {
        let key = repository.to_string().to_ascii_lowercase();
        let mut all = self.installed.lock().await;
        if let Some(known) = all.get(&key) {
            return Ok(known.clone());
        }
        let what = format!("the app's installation on {repository}");
        let path = format!("/repos/{repository}/installation");
        let app = Door::Octocrab(self.app.clone());
        let answer: InstallationAnswer = match api.get_through(&app, &path, &what).await {
            Ok(answer) => answer,
            Err(ForgeError::NotFound { .. }) => {
                return Err(ForgeError::NotInstalled {
                    repository: repository.to_string(),
                });
            }
            Err(ForgeError::Unauthorized { .. }) => return Err(ForgeError::AppRefused),
            Err(error) => return Err(error),
        };
        let scoped = self
            .app
            .installation_builder(InstallationId(answer.id))
            .repositories(vec![repository.name.clone()])
            .build();
        let octocrab = scoped.map_err(|source| ForgeError::Client {
            service: Service::GitHub,
            source: Box::new(source),
        })?;
        let installed = Installed {
            octocrab: Arc::new(octocrab),
            permissions: answer.permissions,
        };
        all.insert(key, installed.clone());
        Ok(installed)
    }

    /// A token that lasts for so many seconds at least: the one there is, or a new one.
    async fn token(
        &self,
        api: &Api,
        repository: &RepositoryName,
        installed: &Installed,
        seconds: i64,
    ) -> Result<SecretString, ForgeError> {
        let lasting = TimeDelta::seconds(seconds);
        let mut tries = 1;
        loop {
            let asked = installed.octocrab.installation_token_with_buffer(lasting);
            let error = match asked.await {
                Ok(token) => return Ok(token),
                Err(error) => error,
            };
            // A token more does no harm, so that this may be asked again.
            if is_passing(&error) && tries < api.patience.tries_max {
                tokio::time::sleep(Duration::from_millis(api.patience.first_wait_ms)).await;
                tries += 1;
                continue;
            }
            // Whoever installs the app anew gives it another number.
            let key = repository.to_string().to_ascii_lowercase();
            self.installed.lock().await.remove(&key);
            return Err(match error {
                octocrab::Error::GitHub { source, .. } if source.status_code == 401 => {
                    ForgeError::AppRefused
                }
                octocrab::Error::GitHub { source, .. } => ForgeError::NoAppToken {
                    repository: repository.to_string(),
                    said: protocol::plain_text::line(&source.message, 200),
                },
                other => ForgeError::Unanswered {
                    service: Service::GitHub,
                    address: api.base.origin().ascii_serialization(),
                    doing: format!("get a token of the app's installation on {repository}"),
                    source: crate::http::without_backtrace(other),
                },
            });
        }
    }

    /// A token for a request.
    pub(crate) async fn api_token(
        &self,
        api: &Api,
        repository: &RepositoryName,
    ) -> Result<SecretString, ForgeError> {
        let installed = self.installed(api, repository).await?;
        let seconds = REQUEST_SECONDS;
        self.token(api, repository, &installed, seconds).await
    }

    /// A token for git.
    pub(crate) async fn git_token(
        &self,
        api: &Api,
        repository: &RepositoryName,
    ) -> Result<SecretString, ForgeError> {
        let installed = self.installed(api, repository).await?;
        self.token(api, repository, &installed, GIT_SECONDS).await
    }

    /// What the installation on a repository may do.
    pub(crate) async fn permissions(
        &self,
        api: &Api,
        repository: &RepositoryName,
    ) -> Result<Permissions, ForgeError> {
        Ok(self.installed(api, repository).await?.permissions)
    }
}

/// Whether the same request may be answered another time.
fn is_passing(error: &octocrab::Error) -> bool {
    match error {
        octocrab::Error::GitHub { source, .. } => source.status_code.is_server_error(),
        octocrab::Error::JWT { .. } => false,
        _ => true,
    }
}

/// The repository that a path is about; none for what is asked by the app itself.
fn repository_of(path: &str) -> Option<RepositoryName> {
    let path = path.split('?').next()?;
    let mut parts = path.strip_prefix("/repos/")?.split('/');
    let (owner, name) = (parts.next()?, parts.next()?);
    Some(RepositoryName {
        owner: owner.to_owned(),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_what_a_path_names() {
        let of = |path: &str| repository_of(path).map(|it| it.to_string());
        assert_eq!(of("/repos/o/r"), Some("o/r".to_owned()));
        assert_eq!(of("/repos/o/r?x=/y"), Some("o/r".to_owned()));
        assert_eq!(of("/repos/o/r/issues/7/comments"), Some("o/r".to_owned()));
        assert_eq!(of("/app"), None);
        assert_eq!(of("/repos/o"), None);
    }

    #[test]
    fn what_is_no_app_is_said_before_anything_is_sent() {
        let key = SecretString::from("k");
        for (id, pem) in [("", &key), ("x", &key), ("0", &key), ("7", &"".into())] {
            assert!(AppKey::new(id, pem).is_err(), "{id}");
        }
        let lines = AppKey::new(" 7 ", &SecretString::from("a\\nb")).expect("it is one");
        assert_eq!(lines.pem.expose_secret(), "a\nb");
        assert!(!format!("{lines:?}").contains("a\nb"));
    }
}
