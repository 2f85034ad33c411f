//! The end of a run: what is delivered, and the last lines a person reads.

use std::path::{Path, PathBuf};

use delivery::{Bundle, Signers};
use protocol::{Entry, Evidence, RunEvent, RunId, RunState, Status, Tier};
use workspace::checkout::Checkout;

use crate::args::Require;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ground;
use crate::home::Home;
use crate::progress::Mode;
use crate::settings::Settings;
use crate::{advice, out, words};

/// Lines of an explanation; the end of a failed command's output is among them.
const LINES_MAX: usize = 60;

/// Characters of why something is missing; the rest is in the report.
const WHY_CHARS_MAX: usize = 300;

/// What the last lines are about.
pub(crate) struct Ended<'a> {
    pub(crate) run: &'a RunId,
    pub(crate) settings: &'a Settings,
    pub(crate) state: &'a RunState,
    pub(crate) explanation: &'a str,
    pub(crate) bundle: &'a Path,
    /// Where the change is, a line each.
    pub(crate) delivered: &'a [String],
    /// Where the files are that a run from nothing has made.
    pub(crate) files: Option<PathBuf>,
    /// Whether less was proven than is required for a delivery.
    pub(crate) held_back: bool,
}

/// Why a completed change isn't delivered, when less was proven than the user requires.
pub(crate) fn below_required(state: &RunState, require: Option<Require>) -> Option<String> {
    let wanted = match require? {
        Require::Proven => Tier::Proven,
        Require::RegressionSafe => Tier::RegressionSafe,
    };
    let tier = state.tier?;
    (tier < wanted).then(|| {
        format!(
            "the change is {}, and --require asks for {}; it is not delivered",
            words::tier(tier),
            words::tier(wanted)
        )
    })
}

/// Whether everything that the settings ask for could be written, while nothing has been paid yet.
pub(crate) fn check_places(settings: &Settings) -> Result<(), Failure> {
    let early = |failure: Failure| {
        failure.advise("Nothing was begun: choose another place, and run the task again.")
    };
    let refused = |it| early(Failure::told(Exit::Usage, it));
    if let Some(folder) = &settings.out {
        Bundle::check_place(folder).map_err(refused)?;
    }
    if let Some(file) = &settings.patch {
        delivery::check_patch_place(file).map_err(refused)?;
    }
    let local = ground::local_folder(settings).filter(|_| settings.commit);
    // A work tree beside another one has a file there; what it names is looked at when the branch is made.
    if let Some(objects) = local
        .map(|it| it.join(".git/objects"))
        .filter(|it| it.is_dir())
    {
        tempfile::Builder::new()
            .prefix("tmp_obj_")
            .tempfile_in(&objects)
            .map_err(|it| {
                let doing = format!(
                    "write into {}, where --commit puts the change",
                    objects.display()
                );
                early(Failure::usage(doing, it))
            })?;
    }
    Ok(())
}

/// Delivers a completed change as the settings say.
pub(crate) async fn deliver(
    home: &Home,
    run: &RunId,
    settings: &Settings,
    state: &RunState,
    history: &[Entry],
) -> Result<Vec<String>, Failure> {
    let kept = |failure: Failure| {
        failure.advise(format!(
            "The change is kept: `pipeline diff {run}` prints it, and `pipeline resume {run}` delivers it again."
        ))
    };
    let mut delivered = Vec::new();
    if let Some(file) = &settings.patch {
        delivery::write_patch(state, &run.0, file).map_err(|it| {
            kept(Failure::new(
                Exit::Delivery,
                format!("write the patch of {run}"),
                it,
            ))
        })?;
        delivered.push(format!("patch       {}  (git apply {0})", file.display()));
    }
    if settings.commit {
        delivered.push(commit(home, run, settings, history).map_err(kept)?);
    }
    if settings.repo.is_none() {
        delivered.push(files(home, run, history).map_err(kept)?);
    }
    Ok(delivered)
}

/// A run that started from nothing has no repository to apply a patch to: its files are what the user wants.
fn files(home: &Home, run: &RunId, history: &[Entry]) -> Result<String, Failure> {
    let folder = home.files_folder(run);
    let failed = |it: Box<dyn std::error::Error + Send + Sync>| {
        let doing = format!("write the files of {run} into {}", folder.display());
        Failure::new(Exit::Delivery, doing, it)
    };
    let Some(RunEvent::Finished { tree, .. }) = history.last().map(|it| &it.event) else {
        return Err(failed("the run isn't at its end".into()));
    };
    // A delivery that was broken off is made anew.
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|it| failed(it.into()))?;
    }
    Checkout::kept_in(&home.run_folder(run))
        .and_then(|store| Checkout::lay_out_kept(&store, tree, &folder))
        .map_err(|it| failed(it.into()))?;
    Ok(format!("files       {}", folder.display()))
}

fn commit(
    home: &Home,
    run: &RunId,
    settings: &Settings,
    history: &[Entry],
) -> Result<String, Failure> {
    let doing = || format!("commit the change of {run}");
    let folder = home.run_folder(run);
    let target = ground::local_folder(settings).unwrap_or_else(|| folder.join("delivered.git"));
    let store =
        Checkout::kept_in(&folder).map_err(|it| Failure::new(Exit::Delivery, doing(), it))?;
    let author = home.config.author.identity();
    let signers = Signers {
        author: author.clone(),
        committer: author,
    };
    let made = delivery::commit_change(&store, &target, run, history, &signers)
        .map_err(|it| Failure::new(Exit::Delivery, doing(), it))?;
    Ok(format!(
        "branch      {} at {} in {2}\n            git -C {2} show {0}",
        made.branch,
        words::short_hash(&made.commit),
        made.repository.display(),
    ))
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
