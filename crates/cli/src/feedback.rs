//! A pull request's review and its failed checks, as the task of one more run on the same branch.

use forge::{FailedCheck, GitHub, IssueRef, Remark, RepositoryName, Reviewed};
use protocol::plain_text::{TASK_BYTES_MAX, clean, cut, line};
use protocol::{RunEvent, Task};
use runs::Continued;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::task::{Asked, untracked};

/// Longest remark, in bytes.
const REMARK_BYTES_MAX: usize = 4_000;
/// Remarks that are taken up; the newest.
const REMARKS_MAX: usize = 100;

/// What the user asks for with `--pr-feedback`.
pub(crate) async fn read(home: &Home, reference: &str) -> Result<Asked, Failure> {
    let runs = home.runs()?;
    let github = runs.host().github.clone().ok_or_else(|| {
        Failure::plain_usage("take up a review without GITHUB_TOKEN")
            .advise("Set it to a token that may write to the repository.")
    })?;
    let named = reference.replace("/pull/", "/issues/");
    let request = github.parse(&named).map_err(untracked)?;
    let repository = RepositoryName {
        owner: request.owner.clone(),
        name: request.repo.clone(),
    };
    let reviewed = github.reviewed(&repository, request.number).await;
    let reviewed = reviewed.map_err(untracked)?;
    let refused = |why: &str, advice: &str| {
        Err(Failure::plain(
            Exit::NeedsInput,
            format!("take up the review of {request}: {why}"),
        )
        .advise(advice))
    };
    if !reviewed.is_open {
        return refused("it is closed", "Reopen it, or run its issue again.");
    }
    // A mark can be copied; whose request it is, the host says.
    if !reviewed.is_by_us || !reviewed.body.starts_with(delivery::REQUEST_MARK) {
        return refused(
            "this program didn't open it",
            "Run its issue instead; whoever opened it answers its review.",
        );
    }
    if !delivery::is_ours(&reviewed.message, &reviewed.tree) {
        return refused(
            "somebody else's commit is the last one on its branch, and nobody's work is overwritten",
            "Merge what is there, or take that commit back.",
        );
    }
    if reviewed.remarks.is_empty() && reviewed.failed_checks.is_empty() {
        return refused(
            "nobody who belongs to the repository asked for anything, and no check failed",
            "Ask for changes in a review of the request.",
        );
    }
    let mut task = original(home, &github, &reviewed, &request).await?;
    task.body = cut(&asked_for(&task, &reviewed), TASK_BYTES_MAX);
    let mut threads: Vec<u64> = reviewed.remarks.iter().filter_map(|it| it.thread).collect();
    threads.sort_unstable();
    threads.dedup();
    Ok(Asked {
        task,
        repository: Some(github.address_of(&reviewed.from)),
        notes: vec![format!(
            "{} and {} of {} are taken up",
            delivery::words::counted(reviewed.remarks.len(), "remark"),
            delivery::words::counted(reviewed.failed_checks.len(), "failed check"),
            reviewed.url
        )],
        continues: Some(Continued {
            repository: repository.to_string(),
            number: request.number,
            branch: reviewed.branch,
            from: reviewed.from.to_string(),
            base: reviewed.base,
            threads,
        }),
    })
}

/// What the request was opened for: the task of its run when that is one of ours here, and its issue otherwise.
async fn original(
    home: &Home,
    github: &GitHub,
    reviewed: &Reviewed,
    request: &IssueRef,
) -> Result<Task, Failure> {
    let marked = reviewed.body.strip_prefix(delivery::REQUEST_MARK);
    let run = marked.and_then(|it| it.split(' ').next());
    if let Some(run) = run {
        let run = protocol::RunId(run.to_owned());
        if let Ok(history) = home.store.history(&run).await
            && let Some(RunEvent::Opened { task, .. }) =
                history.into_iter().next().map(|it| it.event)
        {
            return Ok(Task {
                tests: Vec::new(),
                ..task
            });
        }
    }
    let issue = reviewed
        .body
        .lines()
        .find_map(|it| it.strip_prefix("Fixes "));
    match issue.and_then(|it| github.parse(it).ok()) {
        Some(issue) => Ok(github.task(&issue).await.map_err(untracked)?.task),
        None => Err(Failure::plain(
            Exit::NeedsInput,
            format!("find what {request} was opened for: its run isn't one of this machine, and it names no issue"),
        )
        .advise("Take it up where its run was made, or run its issue again.")),
    }
}

/// The task's description: what was asked for, and what is asked for now.
fn asked_for(task: &Task, reviewed: &Reviewed) -> String {
    let mut text = String::from(
        "A change for the task below is on this branch already, with its tests. Its pull request was reviewed; do what is asked for \
         there, and keep what the task asks for.\n\n## What is asked for now\n\n",
    );
    let first = reviewed.remarks.len().saturating_sub(REMARKS_MAX);
    for remark in &reviewed.remarks[first..] {
        text += &told(remark);
    }
    for check in &reviewed.failed_checks {
        text += &failed(check);
    }
    text += "## The task\n\n";
    text += task.body.trim();
    text.push('\n');
    text
}

fn told(remark: &Remark) -> String {
    let place = match (&*remark.path, remark.line) {
        ("", _) => String::new(),
        (path, Some(line)) => format!(" at `{path}`, line {line}"),
        (path, None) => format!(" at `{path}`"),
    };
    let words = cut(clean(&remark.text).trim(), REMARK_BYTES_MAX);
    format!(
        "{}{place}:\n\n{}\n\n",
        line(&remark.author, 100),
        quoted(&words)
    )
}

fn failed(check: &FailedCheck) -> String {
    let mut words = clean(&check.summary).trim().to_owned();
    for annotation in &check.annotations {
        words += &format!("\n{}", line(annotation, REMARK_BYTES_MAX));
    }
    let name = line(&check.name, 100);
    format!("The check `{name}` failed:\n\n{}\n\n", quoted(words.trim()))
}

/// Words of somebody else, as a quotation.
fn quoted(words: &str) -> String {
    let lines: Vec<String> = words.lines().map(|it| format!("> {it}")).collect();
    lines.join("\n")
}
