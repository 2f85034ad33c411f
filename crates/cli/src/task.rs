//! From the command line to a task and its repository: GitHub first, then Jira, then text.

use std::io::Read;
use std::path::Path;

use forge::{Fetched, ForgeError};
use intake::{Caller, GivenTests, IntakeError, RepositoryRef};
use protocol::plain_text::TASK_BYTES_MAX;
use protocol::{Place, Places, Task, TaskSource};
use runs::{Continued, Settings};

use crate::args::SourceArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::surroundings::Surroundings;
use crate::trackers;

/// What the user wants done, and where.
pub(crate) struct Asked {
    pub(crate) task: Task,
    /// What git is given, or an absolute folder; none for an empty repository.
    pub(crate) repository: Option<String>,
    /// The pull request that is gone on with.
    pub(crate) continues: Option<Continued>,
    /// Remarks for the user, as in "the issue is closed".
    pub(crate) notes: Vec<String>,
}

/// Reads the task that the user means. A reference that can't be resolved is an error, never free text.
pub(crate) async fn read(
    surroundings: &Surroundings,
    config: &Config,
    source: &SourceArgs,
    words: Option<&str>,
) -> Result<Asked, Failure> {
    let credential = trackers::github_credential(surroundings)?;
    let github = trackers::github_with(surroundings, config, credential).map_err(untracked)?;
    let mut repository = None;
    let mut of_folder = None;
    if let Some(named) = &source.repo {
        repository = Some(place(surroundings, named)?);
    } else if !source.new && source.github.is_none() {
        let root = repository_of_folder(
            surroundings,
            "Name one with --repo URL|PATH, or say --new to start from nothing.",
        )?;
        of_folder = Some(format!(
            "this folder's repository is worked on: {root} (--repo names another one, --new starts from nothing)"
        ));
        repository = Some(root);
    }
    let (fetched, others): (Fetched, bool) = if let Some(reference) = &source.github {
        let issue = github.parse(reference).map_err(untracked)?;
        if repository.is_none() && !source.new {
            repository = Some(github.clone_address(&issue));
        }
        let others = source.jira.is_some() || source.task_file.is_some() || words.is_some();
        (github.task(&issue).await.map_err(untracked)?, others)
    } else if let Some(reference) = &source.jira {
        let jira = trackers::jira_of(surroundings, config)?.map_err(untracked)?;
        let ticket = jira.parse(reference).map_err(untracked)?;
        let others = source.task_file.is_some() || words.is_some();
        (jira.task(&ticket).await.map_err(untracked)?, others)
    } else {
        let task = written(surroundings, source, words)?;
        let notes = Vec::new();
        (Fetched { task, notes }, false)
    };
    let mut notes: Vec<String> = of_folder.into_iter().chain(fetched.notes).collect();
    if others {
        notes.push(
            "several tasks were given: the tracker's is taken, the others are left out".to_owned(),
        );
    }
    let mut task = fetched.task;
    if leave_places_out(&mut task, surroundings, repository.as_deref()) {
        notes.push(
            "paths of your home folder in the task are told as `~`, and those of the repository relative to it"
                .to_owned(),
        );
    }
    Ok(Asked {
        task,
        repository,
        continues: None,
        notes,
    })
}

/// The repository that a user means who names none.
pub(crate) fn repository_of_folder(
    surroundings: &Surroundings,
    advice: &str,
) -> Result<String, Failure> {
    let root = surroundings.repository().ok_or_else(|| {
        Failure::plain_usage("tell which repository is meant: the working folder belongs to none")
            .advise(advice)
    })?;
    place(surroundings, &root.display().to_string())
}

/// Gives the user's own places in a task's words the names that a model knows them by; whether there were any. A model
/// can do nothing with such a path, and whoever replays the run has others.
fn leave_places_out(
    task: &mut Task,
    surroundings: &Surroundings,
    repository: Option<&str>,
) -> bool {
    let mut places = surroundings.places();
    places.extend(surroundings.home_place());
    let folder = repository.filter(|it| it.starts_with('/'));
    places.extend(folder.map(|it| Place::new(Path::new(it), "")));
    let places = Places::new(places);
    let comments = task.comments.iter_mut().map(|it| &mut it.body);
    let mut any = false;
    for words in [&mut task.title, &mut task.body]
        .into_iter()
        .chain(comments)
    {
        if places.first_in(words).is_some() {
            *words = places.named(words).into_owned();
            any = true;
        }
    }
    any
}

/// The tests that the user gives, read before anything is fetched.
pub(crate) fn given_tests(
    surroundings: &Surroundings,
    source: &SourceArgs,
    settings: &Settings,
) -> Result<GivenTests, Failure> {
    if source.tests.iter().any(|it| it.trim().is_empty()) {
        return Err(Failure::plain(
            Exit::NeedsInput,
            "take `` for the tests: it is empty (name a file, a folder or a test)",
        ));
    }
    let repository = settings.local_folder();
    GivenTests::read(&source.tests, &surroundings.folder, repository.as_deref()).map_err(refused)
}

/// A task in words: a file, standard input, or the command line itself.
fn written(
    surroundings: &Surroundings,
    source: &SourceArgs,
    words: Option<&str>,
) -> Result<Task, Failure> {
    match (&source.task_file, words) {
        (Some(_), Some(_)) => Err(Failure::plain_usage(
            "choose between the task in words and --task-file (give one of them)",
        )),
        (Some(file), None) if file == Path::new("-") => piped(surroundings),
        (None, Some("-")) => piped(surroundings),
        (None, None) if !surroundings.typed => piped(surroundings),
        (Some(file), None) => {
            let mut task = intake::from_file(&surroundings.absolute(file)).map_err(refused)?;
            // Where the working folder lies is nobody's business.
            if let TaskSource::File { name } = &mut task.source {
                *name = file.display().to_string();
            }
            Ok(task)
        }
        (None, words) => intake::from_text(words.unwrap_or_default()).map_err(refused),
    }
}

/// A task on standard input.
fn piped(surroundings: &Surroundings) -> Result<Task, Failure> {
    if surroundings.typed && surroundings.watched {
        out::remark("type the task; Ctrl-D on a line of its own ends it");
    }
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that too much is noticed and not cut.
    std::io::stdin()
        .lock()
        .take(TASK_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|it| Failure::new(Exit::NeedsInput, "read the task", it))?;
    intake::from_bytes("-", &bytes).map_err(refused)
}

/// Where the repository is that the user names.
pub(crate) fn place(surroundings: &Surroundings, named: &str) -> Result<String, Failure> {
    let forge = crate::host::forge(surroundings)?;
    let found = RepositoryRef::parse(named, forge.as_str(), Caller::Local).map_err(refused)?;
    // A folder that is written as an address is cloned like one; that is how a bare repository is taken.
    if found.host.is_some() || found.clone_address.starts_with("file://") {
        return Ok(found.clone_address);
    }
    let folder = surroundings.absolute(Path::new(&found.clone_address));
    // Told as people would write it; whether there is a repository is looked at when it is opened.
    let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
    Ok(folder.display().to_string())
}

/// A tracker's refusal.
pub(crate) fn untracked(error: ForgeError) -> Failure {
    let exit = if error.is_about_the_task() {
        Exit::NeedsInput
    } else {
        Exit::Usage
    };
    Failure::told(exit, error)
}

pub(crate) fn refused(error: IntakeError) -> Failure {
    let exit = if error.is_about_the_task() {
        Exit::NeedsInput
    } else {
        Exit::Usage
    };
    Failure::told(exit, error)
}
