//! The end of a run: the last lines a person reads.

use std::path::{Path, PathBuf};

use protocol::{Destination, Evidence, RunState, Status, Tier};
use runs::Delivery;

use crate::ended::Ended;
use crate::exit::Exit;
use crate::progress::Mode;
use crate::{advice, out, words};

/// Lines of an explanation; the end of a failed command's output is among them.
const LINES_MAX: usize = 60;

/// Characters of why something is missing; the rest is in the report.
const WHY_CHARS_MAX: usize = 300;

/// Why a completed change isn't delivered, when less was proven than is required.
pub(crate) fn held_back((tier, wanted): (Tier, Tier)) -> String {
    format!(
        "the change is {}, and --require asks for {}; it is not delivered",
        words::tier(tier),
        words::tier(wanted)
    )
}

/// Where a change was delivered to, in a line or two.
pub(crate) fn delivered(delivery: &Delivery) -> String {
    let reference = &delivery.reference;
    match &delivery.to {
        Destination::Patch { file } => format!("patch       {file}  (git apply {file})"),
        Destination::Branch { repository } => {
            let (name, commit) = reference.rsplit_once('@').unwrap_or((reference, ""));
            format!(
                "branch      {name} at {} in {repository}\n            git -C {repository} show {name}",
                words::short_hash(commit),
            )
        }
        Destination::Files { folder } => format!("files       {folder}"),
        Destination::Push { repository, branch } => format!(
            "pushed      {branch} at {} to {repository}",
            words::short_hash(reference)
        ),
        Destination::PullRequest { .. } => format!("request     {reference}"),
        Destination::Check { .. } => format!("check       {reference}"),
        Destination::TicketLink { ticket, to } => format!("linked      {to} from {ticket}"),
        Destination::TicketMove { ticket, to } => format!("moved       {ticket} by `{to}`"),
        Destination::Answers { on } => format!("answered    {reference} of {on}"),
        Destination::Comment { .. } => format!("comment     {reference}"),
    }
}

/// The files of a run that started from nothing.
pub(crate) fn files(delivery: &Delivery) -> Option<PathBuf> {
    match &delivery.to {
        Destination::Files { folder } => Some(PathBuf::from(folder)),
        _ => None,
    }
}

/// Prints the last lines and says with which code to leave.
pub(crate) fn tell(ended: &Ended<'_>, mode: Mode) -> Exit {
    let state = ended.state;
    let exit = Exit::of(state.status, state.reason);
    if mode == Mode::Json {
        return exit;
    }
    out::line("");
    out::line(&headline(state));
    for line in ended.explanation.trim().lines().take(LINES_MAX) {
        out::line(&format!("            {}", words::visible(line)));
    }
    out::line(&format!("run         {}", ended.run));
    for evidence in &state.evidence {
        if let Evidence::Missing { what, why } = evidence {
            out::line(&format!(
                "missing     {what}: {}",
                words::one_line(why, WHY_CHARS_MAX)
            ));
        }
    }
    let changed = changed_files(&state.proposed_code);
    if changed.is_empty() {
        out::line("change      none");
    } else {
        out::line(&format!("change      {}", changed.join(", ")));
        if state.status != Status::Completed {
            let patch = ended.bundle.join("patch.diff");
            out::line(&format!(
                "kept        {}  (the last draft)",
                patch.display()
            ));
        }
    }
    for line in ended.delivered {
        out::line(line);
    }
    out::line(&format!(
        "evidence    {}",
        ended.bundle.join("report.html").display()
    ));
    if state.status == Status::Completed {
        out::line(&format!("verify      {}", verify_command(ended.bundle)));
    }
    out::line(&format!("cost        {}", cost(state)));
    out::line(&format!("next        {}", next(ended)));
    exit
}

/// The command that re-executes the gates of a bundle, for the user's shell.
fn verify_command(bundle: &Path) -> String {
    format!("pipeline verify {}", words::shell_path(bundle))
}

fn headline(state: &RunState) -> String {
    match (state.status, state.tier, state.reason) {
        (Status::Completed, Some(tier), _) => format!("completed   {}", words::tier(tier)),
        (Status::Failed, _, Some(reason)) => format!("failed      {}", words::reason(reason)),
        (Status::Running, _, Some(reason)) => {
            format!("stopped     {}, can be resumed", words::reason(reason))
        }
        (status, _, _) => words::status(status).to_owned(),
    }
}

fn next(ended: &Ended<'_>) -> String {
    if let Some(reason) = ended.state.reason {
        return advice::what_next(reason, ended);
    }
    let patch = ended.bundle.join("patch.diff");
    if ended.held_back {
        format!(
            "Read the report; if the change is good enough for you: git apply {}",
            patch.display()
        )
    } else if let Some(files) = &ended.files {
        format!("cp -r {}/. .  copies the files here", files.display())
    } else if ended.delivered.is_empty() {
        format!("git apply {}", patch.display())
    } else {
        "Read the report, then merge.".to_owned()
    }
}

fn cost(state: &RunState) -> String {
    let mut tokens = 0;
    let mut microusd = Some(0);
    for usage in state.usage.values() {
        tokens += usage.tokens.total();
        microusd = match (microusd, usage.cost_microusd) {
            (Some(sum), Some(more)) => Some(sum + more),
            _ => None,
        };
    }
    format!(
        "{}, {}",
        words::tokens(tokens),
        delivery::words::money(microusd)
    )
}

/// The files of a change with what happened to each.
pub(crate) fn changed_files(patch: &str) -> Vec<String> {
    delivery::changed_files(patch)
        .into_iter()
        .map(|file| {
            let sign = match file.kind {
                "added" => "+",
                "deleted" => "-",
                _ => "~",
            };
            format!("{sign}{}", words::visible(&file.path))
        })
        .collect()
}
