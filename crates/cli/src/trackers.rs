//! The trackers that are configured, each with the credential that goes to its address alone.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use forge::{AppKey, ForgeError, GitHub, Jira, Patience};
use secrecy::SecretString;

use crate::config::{Config, Jiras};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::surroundings::Surroundings;

/// The address of GitHub's interface.
pub(crate) const GITHUB_ADDRESS: &str = "GITHUB_API_URL";
/// The number of an app.
pub(crate) const APP_ID: &str = "GITHUB_APP_ID";
/// Its private key.
pub(crate) const APP_KEY: &str = "GITHUB_APP_PRIVATE_KEY";
/// The file that holds it.
pub(crate) const APP_KEY_FILE: &str = "GITHUB_APP_PRIVATE_KEY_FILE";
/// The hosts of Jira Clouds, whose tokens belong to accounts.
const CLOUD: &str = ".atlassian.net";
/// Largest file of a key, in bytes.
const KEY_BYTES_MAX: u64 = 64 * 1024;

/// What GitHub is asked with.
pub(crate) enum GitHubCredential {
    /// A token of an account.
    Token(SecretString),
    /// An app's key. It comes before a token, which many environments set for other programs.
    App(AppKey),
}

/// What GitHub is asked with, if anything is configured.
pub(crate) fn github_credential(
    surroundings: &Surroundings,
) -> Result<Option<GitHubCredential>, Failure> {
    match app(surroundings)? {
        Some(app) => Ok(Some(GitHubCredential::App(app))),
        None => Ok(surroundings
            .secret("GITHUB_TOKEN")
            .map(GitHubCredential::Token)),
    }
}

/// The app, if one is configured; half of one is an error, not a token's turn.
fn app(surroundings: &Surroundings) -> Result<Option<AppKey>, Failure> {
    let key = match (
        surroundings.secret(APP_KEY),
        surroundings.variable(APP_KEY_FILE),
    ) {
        (Some(key), _) => Some(key),
        (None, Some(file)) => Some(key_in(surroundings, Path::new(file))?),
        (None, None) => None,
    };
    match (surroundings.variable(APP_ID), key) {
        (Some(id), Some(key)) => AppKey::new(id, &key).map(Some).map_err(usage),
        (Some(_), None) => Err(Failure::plain_usage(format!(
            "use {APP_ID} without the app's key"
        ))
        .advise(format!(
            "Set {APP_KEY} to the text of the key, or {APP_KEY_FILE} to the file that GitHub gave you."
        ))),
        (None, Some(_)) => Err(Failure::plain_usage(format!(
            "use the key of an app without {APP_ID}"
        ))
        .advise("The app's page on GitHub says its number as App ID.")),
        (None, None) => Ok(None),
    }
}

fn key_in(surroundings: &Surroundings, file: &Path) -> Result<SecretString, Failure> {
    let file = surroundings.absolute(file);
    let failed = |it| Failure::usage(format!("read {APP_KEY_FILE}, {}", file.display()), it);
    let opened = std::fs::File::open(&file).map_err(failed)?;
    let mut text = String::new();
    opened
        .take(KEY_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(SecretString::from(text))
}

/// GitHub with this credential; with none, what is public can be read.
pub(crate) fn github_with(
    surroundings: &Surroundings,
    config: &Config,
    credential: Option<GitHubCredential>,
) -> Result<GitHub, ForgeError> {
    let address = surroundings.variable(GITHUB_ADDRESS);
    let github = match credential {
        Some(GitHubCredential::App(app)) => GitHub::of_app(address, &app, Patience::STANDARD),
        Some(GitHubCredential::Token(it)) => GitHub::new(address, Some(it), Patience::STANDARD),
        None => GitHub::new(address, None, Patience::STANDARD),
    };
    match config.github.outside_comments {
        true => github,
        false => github.map(GitHub::without_outsiders),
    }
}

/// The configured GitHub, for whoever has a credential: without one nothing can be written there.
pub(crate) fn github(
    surroundings: &Surroundings,
    config: &Config,
) -> Result<Option<Arc<GitHub>>, Failure> {
    let Some(credential) = github_credential(surroundings)? else {
        return Ok(None);
    };
    let github = github_with(surroundings, config, Some(credential));
    github.map(|it| Some(Arc::new(it))).map_err(usage)
}

/// The configured Jira, where all of its variables are set.
pub(crate) fn jira(
    surroundings: &Surroundings,
    config: &Config,
) -> Result<Option<Arc<Jira>>, Failure> {
    let is_set = |name| surroundings.variable(name).is_some();
    if !is_set("JIRA_BASE_URL") || !is_set("JIRA_API_TOKEN") {
        return Ok(None);
    }
    let jira = jira_of(surroundings, config)?;
    jira.map(|it| Some(Arc::new(it))).map_err(usage)
}

/// The configured Jira: a Cloud where an account's address is set, otherwise a Data Center. What is missing is named.
pub(crate) fn jira_of(
    surroundings: &Surroundings,
    config: &Config,
) -> Result<Result<Jira, ForgeError>, Failure> {
    let variable = |name: &str| {
        surroundings.variable(name).ok_or_else(|| {
            Failure::plain_usage(format!("ask Jira: {name} is not set")).advise(
                "Set JIRA_BASE_URL, JIRA_EMAIL and JIRA_API_TOKEN (an API token of your account); for a Data Center leave JIRA_EMAIL out (a personal access token).",
            )
        })
    };
    let (address, token) = (variable("JIRA_BASE_URL")?, variable("JIRA_API_TOKEN")?);
    let token = SecretString::from(token.trim());
    let is_cloud = url::Url::parse(address.trim())
        .is_ok_and(|it| it.host_str().is_some_and(|it| it.ends_with(CLOUD)));
    let email = match surroundings.variable("JIRA_EMAIL") {
        None if is_cloud => Some(variable("JIRA_EMAIL")?),
        email => email,
    };
    let mut jira = match email {
        Some(email) => Jira::new(address, email, &token, Patience::STANDARD),
        None => Jira::data_center(address, &token, Patience::STANDARD),
    };
    let Jiras {
        acceptance_field,
        transition,
    } = &config.jira;
    if !acceptance_field.is_empty() {
        jira = jira.and_then(|it| it.with_acceptance_field(acceptance_field));
    }
    if !transition.is_empty() {
        jira = jira.map(|it| it.with_transition(transition));
    }
    Ok(jira)
}

fn usage(error: ForgeError) -> Failure {
    Failure::told(Exit::Usage, error)
}
