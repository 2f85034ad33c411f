//! `pipeline review-bench`: how often a reviewer is right, on changes of which it is known whether they are wrong.

use std::sync::Arc;

use protocol::{Log, ModelId, RunEvent};
use review_bench::{Case, cases, version};
use serde_json::json;

use crate::args::ReviewBenchArgs;
use crate::bench::{Answers, Benched, Kept, book_lost, go, lines};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::progress::{Mode, Progress};
use crate::{figures, out, session, words};

pub(crate) async fn review_bench(args: &ReviewBenchArgs, quiet: bool) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let mode = session::mode(&home, quiet, args.json);
    let all = cases().map_err(|it| Failure::broken("lay out the cases", it))?;
    let chosen = chosen(&all, args)?;
    let mut answers = Answers::of(args, &home)?;
    let lock = match args.dry_run {
        true => None,
        false => answers.alone()?,
    };
    brief(&answers, &chosen, &home, mode).await;
    if args.dry_run {
        rehearsed(&answers, &chosen, mode);
        return Ok(Exit::Done);
    }
    let progress = Arc::new(Progress::new(mode));
    let log: Arc<dyn Log> = progress.clone();
    let opened = answers.open(&home, &log)?;
    let limits = &home.config.limits;
    let kept = answers.kept.as_ref().filter(|_| answers.are_paid());
    if let Some(kept) = kept {
        kept.begin(&answers.asked)?;
        book_lost(&all, &opened, kept, limits).await?;
    }
    let (total, whole) = (chosen.len(), chosen.len() == all.len());
    let tell = |case: &Case, outcome, done| {
        progress.say(&format!(
            "{:<11} {:<42} {outcome}",
            format!("{done}/{total}"),
            case.name
        ));
    };
    let course = go(chosen, &opened, kept, limits, args.jobs.into(), tell).await;
    // Read again: what this life of the bench paid stands there by now, beside what earlier ones paid.
    let kept = kept.map(|it| Kept::read(it.folder())).transpose()?;
    let spent = kept.map(|it| spent(&it, &answers.asked.model));
    if let Some(stopped) = course.stopped {
        let paid = spent.map(|it| paid(&it));
        return Err(stopped.failure(course.graded.len(), total, paid.as_deref()));
    }
    let benched = Benched {
        asked: answers.asked.clone(),
        version: version(),
        day: home.surroundings.today.to_string(),
        graded: course.graded,
        whole,
        spent,
    };
    tell_result(&benched, mode);
    if let Some(kept) = &answers.kept {
        let file = kept.result(&format!("{:#}\n", benched.json()))?;
        say(mode, &format!("result      {}", words::shell_path(&file)));
    }
    if whole && answers.are_paid() {
        figures::learn(&home.surroundings, benched.figure())?;
        say(
            mode,
            "known       reports of runs that it reviews cite this from now on",
        );
    }
    drop(lock);
    Ok(Exit::Done)
}

/// Says who is asked and what it can cost; beside the one object for a program, too, where somebody is paid.
async fn brief(answers: &Answers, chosen: &[Case], home: &Home, mode: Mode) {
    let say = match mode {
        Mode::Live | Mode::Plain => out::line,
        Mode::Json if answers.are_paid() => out::aside,
        _ => return,
    };
    for line in lines(answers, chosen, home, out::chars_max()).await {
        say(&line);
    }
}

/// The cases that the user wants.
fn chosen(all: &[Case], args: &ReviewBenchArgs) -> Result<Vec<Case>, Failure> {
    let wanted = |it: &&Case| {
        args.only.is_empty() || args.only.iter().any(|word| it.name.contains(word.as_str()))
    };
    let most = args.cases.map_or(usize::MAX, usize::from);
    let chosen: Vec<Case> = all.iter().filter(wanted).take(most).cloned().collect();
    if chosen.is_empty() {
        return Err(Failure::plain_usage(format!(
            "find a case with {} in its name (`pipeline review-bench --dry-run --json` lists them all)",
            args.only.join(" or ")
        )));
    }
    Ok(chosen)
}

/// Says what would be asked.
fn rehearsed(answers: &Answers, chosen: &[Case], mode: Mode) {
    if mode == Mode::Json {
        let names: Vec<&str> = chosen.iter().map(|it| it.name.as_str()).collect();
        let told = json!({
            "model": answers.asked.model.to_string(),
            "effort": answers.asked.effort,
            "cases": version(),
            "names": names,
        });
        out::line(&told.to_string());
    }
    say(
        mode,
        "next        The same command without --dry-run asks; nothing was asked or paid.",
    );
}

/// Tokens and money of all that was kept.
fn spent(kept: &Kept, model: &ModelId) -> (u64, Option<u64>) {
    let mut tokens = 0;
    let mut microusd = Some(0);
    for entry in kept.history(model) {
        let (usage, cost) = match &entry.event {
            RunEvent::Replied { reply, .. } => (&reply.usage, reply.cost_microusd),
            RunEvent::Unanswered { unanswered, .. } => {
                (&unanswered.usage, unanswered.cost_microusd)
            }
            _ => continue,
        };
        tokens += usage.total();
        microusd = microusd.zip(cost).map(|(so_far, more)| so_far + more);
    }
    (tokens, microusd)
}

/// The same in words.
fn paid((tokens, microusd): &(u64, Option<u64>)) -> String {
    let money = delivery::words::money(*microusd);
    format!("{} and {money}", words::tokens(*tokens))
}

fn tell_result(benched: &Benched, mode: Mode) {
    if mode == Mode::Json {
        out::line(&benched.json().to_string());
        return;
    }
    // The result is what was asked for, also quietly.
    for line in benched.lines(out::chars_max()) {
        out::line(&line);
    }
}

fn say(mode: Mode, text: &str) {
    if matches!(mode, Mode::Live | Mode::Plain) {
        out::line(text);
    }
}
