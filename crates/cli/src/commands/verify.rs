//! `pipeline verify`: re-executes the gates of an evidence bundle, without any model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use delivery::DeliveryError;
use pipeline::Stop;
use pipeline::verify::{Gate, Verified, Word, claims_something};
use protocol::{Base, Entry, Environment, Limits, Log, RunEvent, RunId};
use serde_json::json;
use workspace::checkout::{Checkout, Origin};
use workspace::git::{Address, GitError};

use crate::again::{AgainError, opening, walk_again};
use crate::args::VerifyArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ground::Ground;
use crate::home::Home;
use crate::progress::{Mode, Progress};
use crate::{out, session, task, words};

/// Characters of a difference.
const DIFFERENCE_CHARS_MAX: usize = 600;

pub(crate) async fn verify(args: VerifyArgs, quiet: bool) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let mode = session::mode(&home, quiet, args.json);
    let folder = home.surroundings.absolute(&args.folder);
    let (run, history) = delivery::read_bundle(&folder).map_err(|it| untrusted(&folder, it))?;
    say(
        mode,
        &format!("bundle      every file is what the run wrote ({run})"),
    );
    if !claims_something(&history) {
        return Ok(nothing_claimed(&run, mode));
    }
    let verified = tokio::select! {
        verified = walk(&home, &args, mode, &history) => verified?,
        _ = tokio::signal::ctrl_c() => {
            return Err(Failure::plain(Exit::Cancelled, "verify the bundle: somebody stopped it first"));
        }
    };
    Ok(tell(&run, &verified, mode))
}

/// A bundle that isn't what was written is a claim that doesn't hold; anything else is a wrong folder.
fn untrusted(folder: &Path, error: DeliveryError) -> Failure {
    let changed = matches!(
        error,
        DeliveryError::Changed { .. } | DeliveryError::Chain { .. } | DeliveryError::Journal(_)
    );
    if changed {
        Failure::told(Exit::Failed, error).advise(format!(
            "Believe nothing in {}: get the bundle again from where it came from.",
            folder.display()
        ))
    } else {
        Failure::told(Exit::Usage, error)
    }
}

fn nothing_claimed(run: &RunId, mode: Mode) -> Exit {
    match mode {
        Mode::Json => out::line(
            &json!({"run": run, "bundle": "whole", "claims": false, "holds": true, "gates": [], "notes": []})
                .to_string(),
        ),
        _ => say(
            mode,
            "claims      none: the run did not complete, so there is no gate to re-execute",
        ),
    }
    Exit::Done
}

fn say(mode: Mode, text: &str) {
    if matches!(mode, Mode::Live | Mode::Plain) {
        out::line(&words::visible(text));
    }
}

async fn walk(
    home: &Home,
    args: &VerifyArgs,
    mode: Mode,
    history: &[Entry],
) -> Result<Verified, Failure> {
    let unreadable = |it: AgainError| Failure::told(Exit::Usage, it);
    let (base, recorded) = opening(history).map_err(unreadable)?;
    let limits = bounded(recorded.clone(), &home.config.limits);
    let quiet = match mode {
        Mode::Json => Mode::Quiet,
        mode => mode,
    };
    let progress = Arc::new(Progress::new(quiet));
    let ground = Ground::find(home, args.walls.unconfined, &progress).await?;
    let scratch = tempfile::Builder::new()
        .prefix("verify-")
        .tempdir_in(&home.surroundings.cache)
        .map_err(|it| Failure::broken("make a folder for the verification", it))?;
    let place = Place {
        home,
        ground: &ground,
        folder: scratch.path().to_owned(),
        limits: &limits,
    };
    let checkout = place.open(args, base, &*progress).await?;
    let log: Arc<dyn Log> = progress.clone();
    let watched = progress.clone();
    let watch = Arc::new(move |event: &RunEvent| {
        watched.event(&Entry {
            seq: 0,
            at_ms: 0,
            event: event.clone(),
        });
    });
    let verified = walk_again(history, checkout, limits.clone(), log, watch, Stop::never()).await;
    progress.close();
    verified.map_err(|it| match it {
        AgainError::Crew { .. } | AgainError::Unopened => unreadable(it),
        it => Failure::told(Exit::Broken, it),
    })
}

/// What judges stays as it was in the run. What the machine must bear is for whoever owns it to say: a bundle may come
/// from a stranger.
fn bounded(recorded: Limits, own: &Limits) -> Limits {
    Limits {
        install_seconds_max: own.install_seconds_max,
        cpu_seconds_max: own.cpu_seconds_max,
        memory_bytes_max: own.memory_bytes_max,
        file_bytes_max: own.file_bytes_max,
        processes_max: own.processes_max,
        output_bytes_max: own.output_bytes_max,
        output_flood_bytes_max: own.output_flood_bytes_max,
        ..recorded
    }
}

/// Where the verification works.
struct Place<'a> {
    home: &'a Home,
    ground: &'a Ground,
    folder: PathBuf,
    limits: &'a Limits,
}

impl Place<'_> {
    /// The base, which must be the very tree that the run started from.
    async fn open(
        &self,
        args: &VerifyArgs,
        base: &Base,
        log: &dyn Log,
    ) -> Result<Checkout, Failure> {
        let repository = match &args.repo {
            Some(named) => task::place(&self.home.surroundings, named)?,
            None => base.repository.clone(),
        };
        let origin = match &*repository {
            "" => Origin::Nothing,
            repository => Ground::origin_named(repository)?,
        };
        let checkout = if base.uncommitted {
            self.with_uncommitted(&origin, base, log).await?
        } else {
            self.at_commit(&origin, base, log).await?
        };
        let there = protocol::Workspace::base(&checkout);
        if there.tree == base.tree {
            return Ok(checkout);
        }
        let why = if base.uncommitted {
            format!(
                "start from the uncommitted changes that the run started from: they aren't in {repository} any more \
                 (such a run can be verified only while they are; commit first next time)"
            )
        } else {
            format!(
                "start from the base of the run: its commit {} gives the tree {} in {repository}, and the bundle says {}",
                base.commit, there.tree.0, base.tree.0
            )
        };
        Err(Failure::plain_usage(why))
    }

    async fn at_commit(
        &self,
        origin: &Origin,
        base: &Base,
        log: &dyn Log,
    ) -> Result<Checkout, Failure> {
        let commit = match origin {
            Origin::Nothing => None,
            _ => Some(base.commit.as_str()),
        };
        let opened = Checkout::open(self.opening(), origin, commit, false, log).await;
        let opened = match (opened, origin) {
            // What lies in the folder beside its commits is of no interest, so it is read like a remote one.
            (Err(GitError::Uncommitted { .. }), Origin::Folder(folder)) => {
                let address = Address::parse(&format!("file://{}", folder.display()))
                    .map_err(|it| Failure::usage("read the repository", it))?;
                let origin = Origin::Address(address);
                Checkout::open(self.opening(), &origin, commit, false, log).await
            }
            (opened, _) => opened,
        };
        opened.map_err(|it| {
            Failure::told(Exit::Usage, it)
                .advise("Say with --repo where the repository is now; the commit of base.json must be in it.")
        })
    }

    async fn with_uncommitted(
        &self,
        origin: &Origin,
        base: &Base,
        log: &dyn Log,
    ) -> Result<Checkout, Failure> {
        let Origin::Folder(_) = origin else {
            return Err(Failure::plain_usage(format!(
                "verify a run that started from uncommitted changes of {}: only that folder has them (name it with --repo)",
                base.repository
            )));
        };
        Checkout::open(self.opening(), origin, None, true, log)
            .await
            .map_err(|it| Failure::told(Exit::Usage, it))
    }

    fn opening(&self) -> workspace::checkout::Opening {
        self.ground.opening(self.home, &self.folder, self.limits)
    }
}

/// Says of every gate whether it holds.
fn tell(run: &RunId, verified: &Verified, mode: Mode) -> Exit {
    let holds = verified.gates.iter().all(|it| it.word.holds());
    let exit = if holds { Exit::Done } else { Exit::Failed };
    let mut notes = verified.notes.clone();
    notes.extend(environments(&verified.environments));
    if mode == Mode::Json {
        let told = json!({
            "run": run,
            "bundle": "whole",
            "claims": true,
            "holds": holds,
            "gates": verified.gates,
            "notes": notes,
        });
        out::line(&told.to_string());
        return exit;
    }
    for checked in &verified.gates {
        if mode != Mode::Quiet || !checked.word.holds() {
            out::line(&line(checked.gate, &checked.word));
        }
    }
    for note in &notes {
        say(mode, &format!("note        {note}"));
    }
    say(
        mode,
        if holds {
            "verified    every figure holds; tokens, money, times and the models' own words can't be measured again"
        } else {
            "refuted     not every figure holds: don't rely on this bundle"
        },
    );
    exit
}

fn line(gate: Gate, word: &Word) -> String {
    let told = match word {
        Word::Holds { figures } => {
            format!("✓ holds, {}", delivery::words::counted(*figures, "figure"))
        }
        Word::Differs { first, differences } => {
            let more = match differences - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            format!(
                "✗ doesn't hold: {}{more}",
                words::one_line(first, DIFFERENCE_CHARS_MAX)
            )
        }
        Word::NotClaimed => "· nothing is claimed".to_owned(),
        Word::NotReached => "– not reached".to_owned(),
    };
    format!("{gate:<11} {told}")
}

/// What is different about the Python environment, which may explain a difference.
fn environments((then, now): &(Option<Environment>, Option<Environment>)) -> Option<String> {
    let (Some(then), Some(now)) = (then, now) else {
        return None;
    };
    let version = |it: &Environment| match it.python_version.as_str() {
        "" => "the system's Python".to_owned(),
        version => format!("Python {version}"),
    };
    if then.python_version != now.python_version {
        return Some(format!(
            "the environment is another one: {} then, {} now",
            version(then),
            version(now)
        ));
    }
    (then.key != now.key || then.sources != now.sources).then(|| {
        format!(
            "the environment is another one: {} with packages from {} then, and from {} now; versions may differ",
            version(then),
            words::list_or(&then.sources, "no declaration"),
            words::list_or(&now.sources, "no declaration")
        )
    })
}
