//! What a person sees while a run works: one live line for each agent at work, a lasting line for each thing done.
//!
//! Everything here is on standard error; standard output belongs to results and to `--json`.

mod notes;
mod working;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use delivery::{Step, Tracer};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use protocol::{Entry, Evidence, RunEvent, RunId, Seat, Stage, Terms, Verdict};
use serde::Serialize;

use self::working::Working;
use crate::briefing::Briefing;
use crate::paint::{self, Stream};
use crate::{out, words};

/// Lines of a rejection that are shown inline; the rest is in the report.
const FEEDBACK_LINES_MAX: usize = 14;

/// Longest line outside a terminal.
const PLAIN_CHARS_MAX: usize = 160;
/// What is said of work that no event announced.
const PREPARING: &str = "preparing";

/// Narrower terminals wrap.
const LIVE_CHARS_MIN: usize = 60;

/// How much is shown, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A person watches: live lines that change.
    Live,
    /// A file or a pipe: plain lines only.
    Plain,
    /// `--json`: events on standard output, nothing else.
    Json,
    /// `--quiet`: nothing.
    Quiet,
}

/// One event on a line of its own, for programs.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    /// The run it belongs to.
    pub(crate) run: Option<&'a RunId>,
    #[serde(flatten)]
    pub(crate) entry: &'a Entry,
    /// The step of the trace that it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<&'a Step>,
}

/// The live display of one run.
pub(crate) struct Progress {
    mode: Mode,
    bars: MultiProgress,
    inner: Mutex<Inner>,
    /// Whether a question stands on the last line.
    is_asking: AtomicBool,
}

#[derive(Default)]
struct Inner {
    /// The run that is shown.
    run: Option<RunId>,
    tracer: Tracer,
    /// The live line of each agent at work.
    lines: BTreeMap<String, Working>,
    iterations_max: u8,
    /// The model of each agent that has one.
    models: BTreeMap<String, String>,
    /// What the run has cost until now, as far as it is known.
    spent_microusd: u64,
    /// The most that it may cost.
    microusd_max: Option<u64>,
    /// What is said once the run is opened.
    briefing: Option<Briefing>,
}

impl Progress {
    /// A display for a run that is about to start.
    pub(crate) fn new(mode: Mode) -> Progress {
        Progress {
            mode,
            bars: MultiProgress::new(),
            inner: Mutex::default(),
            is_asking: AtomicBool::new(false),
        }
    }

    /// Characters that fit into a line; outside a terminal, as many as a log reader takes.
    fn width(&self) -> usize {
        if self.mode != Mode::Live {
            return PLAIN_CHARS_MAX;
        }
        console::Term::stderr()
            .size_checked()
            .map_or(PLAIN_CHARS_MAX, |(_, columns)| {
                usize::from(columns).max(LIVE_CHARS_MIN)
            })
    }

    /// How much is shown.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Says which run is shown, and what happened in it before.
    pub(crate) fn follow(&self, run: &RunId, history: &[Entry]) {
        let mut inner = self.lock();
        inner.run = Some(run.clone());
        if let Some(terms) = Terms::of(history) {
            inner.iterations_max = terms.limits.iterations_max;
            inner.models = models_of(terms.crew);
        }
        for entry in history {
            inner.tracer.take(&entry.event);
        }
    }

    /// Shows an event that was just written down.
    pub(crate) fn event(&self, entry: &Entry) {
        let (run, step) = {
            let mut inner = self.lock();
            let step = inner.tracer.take(&entry.event);
            // A walk that only checks a run again is no run, and has no trace.
            (inner.run.clone(), step.filter(|_| inner.run.is_some()))
        };
        match self.mode {
            Mode::Quiet => {}
            Mode::Json => {
                let line = Line {
                    run: run.as_ref(),
                    entry,
                    step: step.as_ref(),
                };
                if let Ok(line) = serde_json::to_string(&line) {
                    // A reader that went away must not stop the run.
                    let _ = writeln!(std::io::stdout().lock(), "{line}");
                }
            }
            Mode::Live | Mode::Plain => {
                self.end_parts();
                self.show(&entry.event);
                if let Some(step) = step {
                    for line in words::wrapped("  ", 4, &step.line(), self.width()) {
                        self.print(&line);
                    }
                }
            }
        }
    }

    /// Takes the live lines off the screen.
    pub(crate) fn close(&self) {
        for line in std::mem::take(&mut self.lock().lines).into_values() {
            line.bar.finish_and_clear();
        }
    }

    /// A line about something outside the run's events: a clone, a warning.
    pub(crate) fn say(&self, text: &str) {
        if matches!(self.mode, Mode::Live | Mode::Plain) {
            self.print(&words::visible(text));
        }
    }

    /// A remark that also whoever reads only events gets to see, on standard error.
    pub(crate) fn remark(&self, text: &str) {
        match self.mode {
            Mode::Json => out::remark(&words::visible(text)),
            _ => self.say(&format!("note        {text}")),
        }
    }

    /// A question, with room for the answer behind it.
    pub(crate) fn ask(&self, question: &str) {
        self.is_asking.store(true, Ordering::Relaxed);
        self.bars.suspend(|| {
            let _ = write!(std::io::stderr().lock(), "{question} [y/N] ");
        });
    }

    /// The question has its answer, and the terminal is on a new line.
    pub(crate) fn answered(&self) {
        self.is_asking.store(false, Ordering::Relaxed);
    }

    /// Who works, what each costs, and the cap, below the lines with which a run opens.
    pub(crate) fn brief_once_opened(&self, briefing: Briefing) {
        self.lock().briefing = Some(briefing);
    }

    /// Who works, what each costs, and the cap.
    pub(crate) fn brief(&self, briefing: &Briefing) {
        {
            let mut inner = self.lock();
            (inner.spent_microusd, inner.microusd_max) = briefing.spent_and_cap();
        }
        for line in briefing.lines(self.width()) {
            self.say(&line);
        }
    }

    fn show(&self, event: &RunEvent) {
        match event {
            RunEvent::Opened {
                task,
                base,
                limits,
                crew,
                ..
            } => {
                {
                    let mut inner = self.lock();
                    inner.iterations_max = limits.iterations_max;
                    inner.models = models_of(crew);
                }
                for line in words::opening(task, base, self.width()) {
                    self.print(&line);
                }
                let briefing = self.lock().briefing.take();
                if let Some(briefing) = briefing {
                    self.brief(&briefing);
                }
            }
            RunEvent::SetUp {
                environment,
                confinement,
            } => {
                self.print(&format!(
                    "environment Python {} from {}{}",
                    environment.python_version,
                    words::list_or(&environment.sources, "no declaration"),
                    if environment.cached { ", cached" } else { "" },
                ));
                for note in &environment.notes {
                    self.print(&format!("note        {note}"));
                }
                self.print(&format!(
                    "walls       {}",
                    words::list_or(&confinement.layers, "NONE (--unconfined)")
                ));
            }
            RunEvent::Started {
                stage,
                iteration,
                agent,
            } => {
                let of = self.lock().iterations_max;
                let what = if *stage == Stage::Drafting {
                    format!("{stage} {iteration}/{of}")
                } else {
                    stage.to_string()
                };
                self.begin(agent, &what);
            }
            RunEvent::Prepared { agent, prepared } => {
                let line = self.end(agent);
                for evidence in &prepared.evidence {
                    self.print(&format!(
                        "  {} {agent}: {}{line}",
                        words::mark(evidence_is_fine(evidence)),
                        words::about(evidence)
                    ));
                }
            }
            RunEvent::Reported {
                stage,
                agent,
                report,
                ..
            } => {
                let spent = self.end(agent);
                let passed = matches!(report.verdict, Verdict::Passed);
                let head = format!(
                    "{} {:<10} {agent}: ",
                    words::mark(passed),
                    stage.to_string()
                );
                let room = self
                    .width()
                    .saturating_sub(head.chars().count() + spent.chars().count());
                let summary = words::one_line(&report.summary, room);
                self.print(&format!("{head}{summary}{spent}"));
                if let Verdict::Rejected { feedback } = &report.verdict {
                    self.print(&words::indented(feedback, FEEDBACK_LINES_MAX, self.width()));
                }
            }
            RunEvent::Reopened { limits, crew, .. } => {
                let mut inner = self.lock();
                inner.iterations_max = limits.iterations_max;
                inner.models = models_of(crew);
            }
            RunEvent::Replied { .. }
            | RunEvent::Unanswered { .. }
            | RunEvent::Stepped { .. }
            | RunEvent::Interrupted { .. }
            | RunEvent::Finished { .. }
            | RunEvent::Delivering { .. }
            | RunEvent::Delivered { .. } => {}
        }
    }

    fn begin(&self, agent: &str, what: &str) {
        let bar = if self.mode == Mode::Live {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_style(
                ProgressStyle::with_template("{spinner} {prefix:<12} {msg} ({elapsed})")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.set_prefix(what.to_owned());
            bar.set_message(self.named(agent));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        } else {
            ProgressBar::hidden()
        };
        let line = Working {
            bar,
            what: what.to_owned(),
            since: Instant::now(),
            tokens: 0,
            cost_microusd: None,
            is_part: what == PREPARING,
        };
        if let Some(before) = self.lock().lines.insert(agent.to_owned(), line) {
            before.bar.finish_and_clear();
        }
    }

    /// An agent with its model.
    fn named(&self, agent: &str) -> String {
        match self.lock().models.get(agent) {
            Some(model) => format!("{agent} ({model})"),
            None => agent.to_owned(),
        }
    }

    /// The whole run's money behind what one agent used.
    fn total(inner: &Inner) -> String {
        match (inner.spent_microusd, inner.microusd_max) {
            (0, _) => String::new(),
            (spent, None) => format!(" · {} in all", delivery::words::money(Some(spent))),
            (spent, Some(cap)) => format!(
                " · {} of {}, {} left",
                delivery::words::money(Some(spent)),
                delivery::words::money(Some(cap)),
                delivery::words::money(Some(cap.saturating_sub(spent)))
            ),
        }
    }

    /// Takes away the lines of an installation, a clone and the like: an event says that they are over.
    fn end_parts(&self) {
        let mut inner = self.lock();
        let parts: Vec<String> = inner
            .lines
            .iter()
            .filter(|(agent, line)| line.is_part && !inner.models.contains_key(*agent))
            .map(|(agent, _)| agent.clone())
            .collect();
        for part in parts {
            if let Some(line) = inner.lines.remove(&part) {
                line.bar.finish_and_clear();
            }
        }
    }

    /// Takes an agent's live line away; what it took, in words.
    fn end(&self, agent: &str) -> String {
        let Some(line) = self.lock().lines.remove(agent) else {
            return String::new();
        };
        line.bar.finish_and_clear();
        let mut spent = format!(" ({}", words::duration(line.since.elapsed()));
        if 0 < line.tokens {
            spent += &format!(", {}", words::tokens(line.tokens));
        }
        // Nothing was paid for a script, and nothing is said about it.
        if line.cost_microusd.is_some_and(|it| 0 < it) {
            spent += &format!(", {}", delivery::words::money(line.cost_microusd));
        }
        spent + ")"
    }

    /// Changes an agent's live line; one that wasn't announced works on its preparation.
    fn update(&self, agent: &str, change: impl FnOnce(&mut Working)) {
        if !self.lock().lines.contains_key(agent) {
            self.begin(agent, PREPARING);
        }
        if let Some(line) = self.lock().lines.get_mut(agent) {
            change(line);
        }
    }

    fn print(&self, text: &str) {
        let text = paint::line(text, Stream::Error);
        let is_asking = self.is_asking.swap(false, Ordering::Relaxed);
        let before = if is_asking { "\n" } else { "" };
        self.bars.suspend(|| {
            let _ = writeln!(std::io::stderr().lock(), "{before}{text}");
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The model of each agent that has one, without its vendor.
fn models_of(crew: &[Seat]) -> BTreeMap<String, String> {
    crew.iter()
        .filter_map(|it| Some((it.agent.clone(), it.model.as_ref()?.model.clone())))
        .collect()
}

fn evidence_is_fine(evidence: &Evidence) -> bool {
    !matches!(evidence, Evidence::Missing { .. })
}
