//! What a tracker could not do, or could not be asked.

use std::fmt;

/// A tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// GitHub, or GitHub Enterprise.
    GitHub,
    /// Jira Cloud, or a server with its REST interface 3.
    Jira,
}

impl Service {
    /// The variable with its address.
    pub(crate) fn address_variable(self) -> &'static str {
        match self {
            Service::GitHub => "GITHUB_API_URL",
            Service::Jira => "JIRA_BASE_URL",
        }
    }

    fn credentials(self) -> &'static str {
        match self {
            Service::GitHub => "GITHUB_TOKEN",
            Service::Jira => "JIRA_EMAIL and JIRA_API_TOKEN",
        }
    }

    fn writing_rights(self) -> &'static str {
        match self {
            Service::GitHub => {
                "GITHUB_TOKEN needs the scope `repo`, or for a fine-grained token `Contents`, `Issues` and `Pull requests: \
                 write`"
            }
            Service::Jira => {
                "the account of JIRA_EMAIL needs the right to comment on the project's issues"
            }
        }
    }

    fn rights(self) -> &'static str {
        match self {
            Service::GitHub => {
                "for what isn't public, GITHUB_TOKEN needs the scope `repo`, or `Issues: read` for a fine-grained \
                 token, and single sign-on where the organisation asks for it"
            }
            Service::Jira => "the account of JIRA_EMAIL needs the right to browse the project",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Service::GitHub => "GitHub",
            Service::Jira => "Jira",
        })
    }
}

/// What a tracker could not do, or could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// There is nothing in it.
    #[error("find a task in {place}: it is empty (say what should change)")]
    Empty {
        /// Where we looked.
        place: String,
    },
    /// A reference has none of the known forms.
    #[error("understand `{text}` as {expected}: {why}")]
    Reference {
        /// The reference, made visible.
        text: String,
        /// The forms there are.
        expected: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A reference leads to another host than the configured one. Nothing was sent to it.
    #[error(
        "fetch `{text}`: {service} is configured as `{configured}`, and credentials go nowhere else (set {} if the task is really there)", service.address_variable()
    )]
    OtherHost {
        /// The tracker.
        service: Service,
        /// The reference, made visible.
        text: String,
        /// The configured host.
        configured: String,
    },
    /// A setting can't be used.
    #[error("use {variable}: {why}")]
    Setting {
        /// The variable.
        variable: &'static str,
        /// What is wrong, and what to do.
        why: &'static str,
    },
    /// A pull request was given for an issue.
    #[error("take {what} for a task: it is a pull request (give the issue that it is about)")]
    PullRequest {
        /// The reference.
        what: String,
    },
    /// The tracker doesn't know it, or doesn't show it to us.
    #[error("find {what}: {service} says there is no such thing, which it also says to those who may not see it (check the reference; {})", service.rights())]
    NotFound {
        /// The tracker.
        service: Service,
        /// What was asked for.
        what: String,
    },
    /// The credentials are wrong.
    #[error("fetch {what}: {service} doesn't accept the credentials (check {}: expired, revoked or mistyped?)", service.credentials())]
    Unauthorized {
        /// The tracker.
        service: Service,
        /// What was asked for.
        what: String,
    },
    /// The credentials are right but not enough.
    #[error("fetch {what}: {service} forbids it{} ({})", told(said), service.rights())]
    Forbidden {
        /// The tracker.
        service: Service,
        /// What was asked for.
        what: String,
        /// Its own words, cut.
        said: String,
    },
    /// Too many requests, and the wait is longer than we give.
    #[error("fetch {what}: {service} has had too many requests from here and asks to wait {wait} (then start again{})", if *anonymous { ", or set GITHUB_TOKEN, which raises the limit" } else { "" })]
    RateLimited {
        /// The tracker.
        service: Service,
        /// What was asked for.
        what: String,
        /// How long, as in `until Sat, 21 Nov 2026 01:00:00 GMT`.
        wait: String,
        /// Whether we asked without credentials.
        anonymous: bool,
    },
    /// No answer came, or it broke off.
    #[error("reach {service} at `{address}` for {what}, after {tries} tries (check the network, a proxy, and {})", service.address_variable())]
    Unreachable {
        /// The tracker.
        service: Service,
        /// Its address.
        address: String,
        /// What was asked for.
        what: String,
        /// How often we tried.
        tries: u32,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer leads elsewhere, and we don't follow.
    #[error("fetch {what}: {service} at `{address}` sends us on to `{to}`, and credentials don't follow (set {} to the address that answers itself)", service.address_variable())]
    Redirected {
        /// The tracker.
        service: Service,
        /// Its address.
        address: String,
        /// What was asked for.
        what: String,
        /// Where to, without anything behind the host.
        to: String,
    },
    /// An answer that fits nothing.
    #[error("fetch {what}: {service} answered with status {status}{} (is {} right? is the service well?)", told(said), service.address_variable())]
    Unexpected {
        /// The tracker.
        service: Service,
        /// What was asked for.
        what: String,
        /// The status.
        status: u16,
        /// Its own words, cut.
        said: String,
    },
    /// An answer of too many bytes.
    #[error("fetch {what}: {service} sent more than {bytes_max} bytes (is {} right?)", service.address_variable())]
    TooLarge {
        /// The tracker.
        service: Service,
        /// What was asked for.
        what: String,
        /// The largest we read.
        bytes_max: usize,
    },
    /// An answer that isn't what the service's documentation promises.
    #[error("understand what {service} at `{address}` sent for {what} (is {} right? does a login page answer there?)", service.address_variable())]
    Garbled {
        /// The tracker.
        service: Service,
        /// Its address.
        address: String,
        /// What was asked for.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The credentials aren't enough to change something.
    #[error("{doing}: {service} forbids it{} ({})", told(said), service.writing_rights())]
    Denied {
        /// The tracker.
        service: Service,
        /// What was being done.
        doing: String,
        /// Its own words, cut.
        said: String,
    },
    /// The service understands the change and refuses it.
    #[error("{doing}: {service} refuses it with status {status}{}", told(said))]
    Rejected {
        /// The tracker.
        service: Service,
        /// What was being done.
        doing: String,
        /// The status.
        status: u16,
        /// Its own words, cut.
        said: String,
    },
    /// The change was not taken: too many requests.
    #[error(
        "{doing}: {service} has had too many requests from here and asks to wait {wait} (then deliver again)"
    )]
    Busy {
        /// The tracker.
        service: Service,
        /// What was being done.
        doing: String,
        /// How long.
        wait: String,
    },
    /// Nobody knows whether the change was made.
    #[error(
        "{doing}: no answer came from {service} at `{address}` (deliver again: what is there already is found)"
    )]
    Unanswered {
        /// The tracker.
        service: Service,
        /// Its address.
        address: String,
        /// What was being done.
        doing: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A repository that takes no changes any more.
    #[error(
        "open a pull request in {repository}: it is archived and takes no changes any more (ask its owners to unarchive it)"
    )]
    Archived {
        /// The repository.
        repository: String,
    },
    /// A repository whose address git can't be given.
    #[error("push to `{address}`, as the host calls it: it is no address")]
    StrangeAddress {
        /// The address, made visible.
        address: String,
    },
    /// A fork that doesn't come about.
    #[error("fork {of}: {service} hasn't made it within {seconds_max} s (deliver again later)")]
    NoFork {
        /// The host.
        service: Service,
        /// The repository.
        of: String,
        /// How long we waited.
        seconds_max: u64,
    },
    /// GitHub doesn't know the app by its signature.
    #[error(
        "speak as the app: GitHub doesn't accept its signature (check GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY, and this machine's clock)"
    )]
    AppRefused,
    /// The app isn't installed there.
    #[error(
        "speak as the app in {repository}: it isn't installed there (install it on the repository: the app's page on GitHub, Install App)"
    )]
    NotInstalled {
        /// The repository.
        repository: String,
    },
    /// An installation gives no token.
    #[error(
        "get a token of the app's installation on {repository}: GitHub refuses it{} (is the installation suspended, or the repository left out of it?)",
        told(said)
    )]
    NoAppToken {
        /// The repository.
        repository: String,
        /// GitHub's own words, cut.
        said: String,
    },
    /// An installation may not do what is needed.
    #[error(
        "{doing}: the app's installation lacks `{permission}` (give it to the app on its page on GitHub, and accept it where it is installed)"
    )]
    AppLacks {
        /// What was being done.
        doing: String,
        /// What is missing, as in `contents: write`.
        permission: &'static str,
    },
    /// A ticket can't be moved so from where it stands.
    #[error(
        "move {ticket}: Jira offers no transition `{wanted}` from where it stands (there are: {there}; `transition` of [jira] names it)"
    )]
    NoTransition {
        /// The ticket.
        ticket: String,
        /// The name that is configured.
        wanted: String,
        /// Those there are.
        there: String,
    },
    /// The HTTP client can't be made.
    #[error("prepare requests to {service}")]
    Client {
        /// The tracker.
        service: Service,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ForgeError {
    /// Whether the task is what is wrong, so that the run needs better input; otherwise it is the configuration.
    pub fn is_about_the_task(&self) -> bool {
        !matches!(
            self,
            ForgeError::Setting { .. }
                | ForgeError::Client { .. }
                | ForgeError::AppRefused
                | ForgeError::NotInstalled { .. }
                | ForgeError::NoAppToken { .. }
                | ForgeError::AppLacks { .. }
        )
    }
}

pub(crate) fn told(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    }
}
