//! Which places the settings of a run ask for, and whether they can be had.

use std::sync::Arc;

use delivery::{
    CommitCheck, LocalBranch, PatchFile, RemoteBranch, Request, StatusComment, Target,
    ThreadAnswers, TicketLink, TicketMove, Wishes,
};
use forge::{Forge, ForgeError, GitHub, IssueRef, RepositoryName, Tracker};
use git::Address;
use protocol::{Silent, Task, TaskSource};
use workspace::checkout::Origin;

use crate::checkouts::Checkouts;
use crate::error::RunsError;
use crate::host::Host;
use crate::past::Past;
use crate::settings::{Continued, Settings};

/// A branch of a remote repository, and the request to merge it.
pub(crate) struct Remote {
    pub(crate) branch: RemoteBranch,
    pub(crate) request: Option<Request>,
}

/// Whether a completed change goes anywhere at all.
pub(crate) fn are_asked_for(settings: &Settings) -> bool {
    settings.patch.is_some()
        || settings.commit
        || settings.repo.is_none()
        || settings.push
        || settings.pull_request.is_some()
        || settings.comment
}

/// Places on this machine.
pub(crate) fn here(host: &Host, past: &Past, settings: &Settings) -> Vec<Box<dyn Target>> {
    let mut targets: Vec<Box<dyn Target>> = Vec::new();
    if let Some(file) = &settings.patch {
        targets.push(Box::new(PatchFile { file: file.clone() }));
    }
    if settings.commit {
        let local = settings.local_folder();
        let folder = host.folders.run(&past.run);
        targets.push(Box::new(LocalBranch {
            repository: local.unwrap_or_else(|| folder.join("delivered.git")),
        }));
    }
    targets
}

/// Where the repository of a run is pushed to.
///
/// # Errors
/// [`RunsError::NoRemote`] when it has no remote, [`RunsError::Repository`] for an address that can't be used.
fn remote_address(settings: &Settings) -> Result<Address, RunsError> {
    let Some(repo) = settings.repo.as_deref() else {
        return Err(RunsError::NoRemote {
            why: "the run starts from nothing, so there is no repository to push to".to_owned(),
        });
    };
    let unusable = |source| RunsError::Repository {
        named: repo.to_owned(),
        source,
    };
    match settings.local_folder() {
        None => Address::parse(repo).map_err(unusable),
        Some(folder) => delivery::origin_of(&folder)
            .map_err(unusable)?
            .ok_or_else(|| RunsError::NoRemote {
                why: format!("{repo} has no remote `origin` (git remote add origin URL)"),
            }),
    }
}

/// Whether everything that others would see could be delivered at all, while nothing has been paid yet: that there is a remote, a
/// host that knows it, and a tracker. Asks nobody.
///
/// # Errors
/// [`RunsError::NoRemote`], [`RunsError::NoForge`], [`RunsError::NoTracker`].
pub(crate) fn check(host: &Host, settings: &Settings, task: &Task) -> Result<(), RunsError> {
    if settings.push || settings.pull_request.is_some() {
        let address = remote_address(settings)?;
        if settings.pull_request.is_some() {
            hosted(host, &address)?;
        }
    }
    if settings.comment {
        tracker(host, task)?;
    }
    Ok(())
}

fn hosted(host: &Host, address: &Address) -> Result<(Arc<GitHub>, RepositoryName), RunsError> {
    let no_forge = |why: &str| RunsError::NoForge {
        repository: address.to_string(),
        why: why.to_owned(),
    };
    let github = host
        .github
        .as_ref()
        .ok_or_else(|| no_forge("no host is configured (set GITHUB_TOKEN)"))?;
    let name = github.repository_at(address.as_str()).ok_or_else(|| {
        no_forge("it isn't on the configured GitHub (set GITHUB_API_URL if it is on another one)")
    })?;
    Ok((github.clone(), name))
}

/// The remote branch and the request, when they are asked for. Whoever may not push to the repository pushes to a fork.
pub(crate) async fn remote(
    host: &Arc<Host>,
    past: &Past,
    settings: &Settings,
) -> Result<Option<Remote>, RunsError> {
    if !settings.push && settings.pull_request.is_none() {
        return Ok(None);
    }
    let address = remote_address(settings)?;
    let checkouts =
        Checkouts::of(host, &past.limits, settings.unconfined, Arc::new(Silent)).await?;
    let folder = host.folders.run(&past.run);
    let named = match &settings.continues {
        Some(it) => it.branch.clone(),
        None => delivery::request_branch(&past.task, &past.run),
    };
    let branch = async |address: Address| {
        let origin = Origin::Address(address.clone());
        let checkouts = checkouts.clone().reaching(&origin).await?;
        Ok::<_, RunsError>(RemoteBranch {
            address,
            branch: named.clone(),
            work: folder.join("pushed.git"),
            mirrors: checkouts.opening(&folder).mirrors,
        })
    };
    let Some(wishes) = &settings.pull_request else {
        return Ok(Some(Remote {
            branch: branch(address).await?,
            request: None,
        }));
    };
    let (github, name) = hosted(host, &address)?;
    if let Some(continued) = &settings.continues {
        let request = continued_request(&github, &name, continued, wishes)?;
        return Ok(Some(Remote {
            branch: branch(address).await?,
            request: Some(request),
        }));
    }
    let found = request(&github, &name, settings, wishes, &named).await;
    let (address, request) = found.map_err(|source| RunsError::Forge {
        run: past.run.clone(),
        repository: name.to_string(),
        source: Box::new(source),
    })?;
    Ok(Some(Remote {
        branch: branch(address).await?,
        request: Some(request),
    }))
}

/// The request that a run goes on with: the same branch, asked to be merged into the same one.
fn continued_request(
    github: &Arc<GitHub>,
    from: &RepositoryName,
    continued: &Continued,
    wishes: &Wishes,
) -> Result<Request, RunsError> {
    Ok(Request {
        forge: github.clone(),
        into: named(&continued.repository)?,
        base: continued.base.clone(),
        head: format!("{}:{}", from.owner, continued.branch),
        wishes: wishes.clone(),
    })
}

fn named(text: &str) -> Result<RepositoryName, RunsError> {
    IssueRef::named(text).ok_or_else(|| RunsError::NoRemote {
        why: format!("`{}` is no repository", protocol::visible(text)),
    })
}

/// Answers to the threads of the review that a run was made for.
///
/// # Errors
/// [`RunsError::NoTracker`] without a host to answer on.
pub(crate) fn answers(
    host: &Host,
    settings: &Settings,
    commit: Option<String>,
) -> Result<Option<ThreadAnswers>, RunsError> {
    let Some(continued) = settings
        .continues
        .as_ref()
        .filter(|it| !it.threads.is_empty())
    else {
        return Ok(None);
    };
    Ok(Some(ThreadAnswers {
        github: host.github.clone().ok_or(RunsError::NoTracker)?,
        repository: named(&continued.repository)?,
        number: continued.number,
        threads: continued.threads.clone(),
        commit,
    }))
}

async fn request(
    github: &Arc<GitHub>,
    name: &RepositoryName,
    settings: &Settings,
    wishes: &Wishes,
    branch: &str,
) -> Result<(Address, Request), ForgeError> {
    let into = github.repository(name).await?;
    if into.is_archived {
        return Err(ForgeError::Archived {
            repository: into.name.to_string(),
        });
    }
    let from = match into.may_push {
        true => into.clone(),
        false => github.fork(&into).await?,
    };
    let address = Address::parse(&from.clone_address).map_err(|_| ForgeError::StrangeAddress {
        address: protocol::visible(&from.clone_address).into_owned(),
    })?;
    let base = match settings.base.as_deref() {
        // A commit is no branch that could take a change.
        Some(named) if !is_commit(named) => named.to_owned(),
        _ => into.default_branch.clone(),
    };
    let request = Request {
        forge: github.clone(),
        into: into.name.clone(),
        base,
        head: format!("{}:{branch}", from.name.owner),
        wishes: wishes.clone(),
    };
    Ok((address, request))
}

/// The check at the commit that was pushed, where an app pushes that may say one.
///
/// # Errors
/// When it isn't known what the app may do.
pub(crate) async fn check_at(
    host: &Host,
    pushed_to: &Address,
    commit: &str,
) -> Result<Option<CommitCheck>, ForgeError> {
    let Some(github) = host.github.as_ref().filter(|it| it.is_app()) else {
        return Ok(None);
    };
    let Some(repository) = github.repository_at(pushed_to.as_str()) else {
        return Ok(None);
    };
    let permissions = github.app_permissions(&repository).await?;
    let may = permissions.is_some_and(|it| it.get("checks").is_some_and(|it| it == "write"));
    if !may {
        tracing::warn!(%repository, "the app may not say checks: it lacks `checks: write`");
        return Ok(None);
    }
    Ok(Some(CommitCheck {
        github: github.clone(),
        repository,
        commit: commit.to_owned(),
    }))
}

fn is_commit(named: &str) -> bool {
    named.len() == 40 && named.bytes().all(|it| it.is_ascii_hexdigit())
}

/// Whether anything but us checks the commit of a request; none when that can't be seen.
pub(crate) async fn is_checked(host: &Host, into: &str, commit: &str) -> Option<bool> {
    let (github, repository) = (host.github.as_ref()?, IssueRef::named(into)?);
    match github.is_checked(&repository, commit).await {
        Ok(is_checked) => is_checked,
        Err(error) => {
            // The change is delivered; this is only said beside it.
            tracing::warn!(%error, "whether CI started can't be seen");
            None
        }
    }
}

/// The comment below the task, when one is asked for.
///
/// # Errors
/// [`RunsError::NoTracker`] when the task is from no tracker, or from one that isn't configured.
pub(crate) fn comment(
    host: &Host,
    past: &Past,
    settings: &Settings,
    request: Option<String>,
    is_checked: Option<bool>,
) -> Result<Option<StatusComment>, RunsError> {
    if !settings.comment {
        return Ok(None);
    }
    let (tracker, on) = tracker(host, &past.task)?;
    Ok(Some(StatusComment {
        tracker,
        on,
        request,
        is_checked,
    }))
}

/// What the ticket of a run shows of its request, beside the comment that was asked for.
pub(crate) fn of_ticket(
    host: &Host,
    past: &Past,
    settings: &Settings,
    request: &str,
) -> Vec<Box<dyn Target>> {
    let (Some(jira), TaskSource::Jira { key, .. }) = (&host.jira, &past.task.source) else {
        return Vec::new();
    };
    if !settings.comment {
        return Vec::new();
    }
    let mut targets: Vec<Box<dyn Target>> = vec![Box::new(TicketLink {
        jira: jira.clone(),
        ticket: key.clone(),
        request: request.to_owned(),
    })];
    if let Some(to) = jira.transition() {
        targets.push(Box::new(TicketMove {
            jira: jira.clone(),
            ticket: key.clone(),
            to: to.to_owned(),
        }));
    }
    targets
}

/// The tracker that a task came from, and the task's name there.
fn tracker(host: &Host, task: &Task) -> Result<(Arc<dyn Tracker>, String), RunsError> {
    let tracker: Option<Arc<dyn Tracker>> = match &task.source {
        TaskSource::Github { .. } => host.github.clone().map(|it| it as Arc<dyn Tracker>),
        TaskSource::Jira { .. } => host.jira.clone().map(|it| it as Arc<dyn Tracker>),
        TaskSource::Text | TaskSource::File { .. } => None,
    };
    tracker
        .zip(delivery::task_name(task))
        .ok_or(RunsError::NoTracker)
}
