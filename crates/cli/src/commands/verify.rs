//! `pipeline verify`: re-executes the gates of an evidence bundle, without any model.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use delivery::DeliveryError;
use pipeline::Stop;
use pipeline::verify::{Gate, Verified, Word, check_order, claims_something};
use protocol::{Entry, Environment, RunId, Silent};
use runs::{Runs, Verification};
use serde_json::{Value, json};

use crate::args::VerifyArgs;
use crate::exit::Exit;
use crate::failure::Failure;
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
    check_order(&history).map_err(|it| believe_nothing(&folder, it))?;
    say(
        mode,
        &format!("bundle      every file is what the run wrote ({run})"),
    );
    if !claims_something(&history) {
        return Ok(nothing_claimed(&run, mode));
    }
    let rehearsed = delivery::nobody_was_asked(&history);
    let verified = tokio::select! {
        verified = walk(&home, &args, mode, history) => verified?,
        _ = tokio::signal::ctrl_c() => {
            return Err(Failure::plain(Exit::Cancelled, "verify the bundle: somebody stopped it first"));
        }
    };
    Ok(tell(&run, &verified, rehearsed, mode))
}

/// A bundle that isn't what was written is a claim that doesn't hold; anything else is a wrong folder.
fn untrusted(folder: &Path, error: DeliveryError) -> Failure {
    let changed = matches!(
        error,
        DeliveryError::Changed { .. } | DeliveryError::Chain { .. } | DeliveryError::Journal(_)
    );
    if changed {
        believe_nothing(folder, error)
    } else {
        Failure::told(Exit::Usage, error)
    }
}

fn believe_nothing(folder: &Path, error: impl Error + Send + Sync + 'static) -> Failure {
    Failure::told(Exit::Failed, error).advise(format!(
        "Believe nothing in {}: get the bundle again from where it came from.",
        folder.display()
    ))
}

fn nothing_claimed(run: &RunId, mode: Mode) -> Exit {
    match mode {
        Mode::Json => out::line(&no_claim(run).to_string()),
        _ => say(
            mode,
            "claims      none: the run did not complete, so there is no gate to re-execute",
        ),
    }
    Exit::Done
}

fn no_claim(run: &RunId) -> Value {
    json!({"run": run, "bundle": "whole", "claims": false, "holds": true, "gates": [], "notes": []})
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
    history: Vec<Entry>,
) -> Result<Verified, Failure> {
    let quiet = match mode {
        Mode::Json => Mode::Quiet,
        mode => mode,
    };
    let progress = Arc::new(Progress::new(quiet));
    let named = args.repo.as_deref();
    let repository = named.map(|it| task::place(&home.surroundings, it));
    let verification = Verification {
        history,
        repository: repository.transpose()?,
        limits: home.config.limits.clone(),
        unconfined: args.walls.unconfined,
    };
    let (never, _) = Stop::new();
    let runs = home.runs()?;
    let verified = runs.verify(&verification, progress.clone(), &never).await;
    progress.close();
    Ok(verified?)
}

/// Says of every gate whether it holds.
fn tell(run: &RunId, verified: &Verified, rehearsed: Option<&str>, mode: Mode) -> Exit {
    let holds = verified.gates.iter().all(|it| it.word.holds());
    let exit = if holds { Exit::Done } else { Exit::Failed };
    if mode == Mode::Json {
        out::line(&as_json(run, verified, rehearsed).to_string());
        return exit;
    }
    let notes = notes(verified, rehearsed);
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

fn as_json(run: &RunId, verified: &Verified, rehearsed: Option<&str>) -> Value {
    json!({
        "run": run,
        "bundle": "whole",
        "claims": true,
        "holds": verified.gates.iter().all(|it| it.word.holds()),
        "gates": verified.gates,
        "notes": notes(verified, rehearsed),
    })
}

fn notes(verified: &Verified, rehearsed: Option<&str>) -> Vec<String> {
    let mut notes: Vec<String> = rehearsed.map(str::to_owned).into_iter().collect();
    notes.extend(verified.notes.iter().cloned());
    notes.extend(environments(&verified.environments));
    notes
}

/// Verifies a bundle for a program that asks; what `--json` prints.
pub(crate) async fn verified(
    home: &Home,
    runs: &Runs,
    folder: &Path,
    unconfined: bool,
) -> Result<Value, Failure> {
    let (run, history) = delivery::read_bundle(folder).map_err(|it| untrusted(folder, it))?;
    check_order(&history).map_err(|it| believe_nothing(folder, it))?;
    if !claims_something(&history) {
        return Ok(no_claim(&run));
    }
    let rehearsed = delivery::nobody_was_asked(&history);
    let verification = Verification {
        history,
        repository: None,
        limits: home.config.limits.clone(),
        unconfined,
    };
    let (never, _) = Stop::new();
    let verified = runs.verify(&verification, Arc::new(Silent), &never).await?;
    Ok(as_json(&run, &verified, rehearsed))
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
