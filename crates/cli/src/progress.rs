//! What a person sees while a run works: one live line for each agent at work, a lasting line for each thing done.
//!
//! Everything here is on standard error; standard output belongs to results and to `--json`.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use delivery::{Step, Tracer};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use protocol::{Entry, Evidence, Log, Note, RunEvent, RunId, Stage, Terms, Verdict};
use serde::Serialize;

use crate::briefing::Briefing;
use crate::words;

/// Lines of a rejection that are shown inline; the rest is in the report.
const FEEDBACK_LINES_MAX: usize = 14;

/// Longest line outside a terminal.
const PLAIN_CHARS_MAX: usize = 160;
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
}

#[derive(Default)]
struct Inner {
    /// The run that is shown.
    run: Option<RunId>,
    tracer: Tracer,
    /// The live line of each agent at work.
    lines: BTreeMap<String, Working>,
    iterations_max: u8,
}

struct Working {
    bar: ProgressBar,
    what: String,
    since: Instant,
    tokens: u64,
    cost_microusd: Option<u64>,
}

impl Progress {
    /// A display for a run that is about to start.
    pub(crate) fn new(mode: Mode) -> Progress {
        Progress {
            mode,
            bars: MultiProgress::new(),
            inner: Mutex::default(),
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
                self.show(&entry.event);
                if let Some(step) = step {
                    self.print(&words::cut(&format!("  {}", step.line()), self.width()));
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

    /// Who works, what each costs, and the cap.
    pub(crate) fn brief(&self, briefing: &Briefing) {
        for line in briefing.lines(self.width()) {
            self.say(&line);
        }
    }

    fn show(&self, event: &RunEvent) {
        match event {
            RunEvent::Opened {
                task, base, limits, ..
            } => {
                self.lock().iterations_max = limits.iterations_max;
                for line in words::opening(task, base, self.width()) {
                    self.print(&line);
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
            RunEvent::Reopened { limits, .. } => {
                self.lock().iterations_max = limits.iterations_max;
            }
            RunEvent::Replied { .. }
            | RunEvent::Unanswered { .. }
            | RunEvent::Stepped { .. }
            | RunEvent::Interrupted { .. }
            | RunEvent::Finished { .. } => {}
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
            bar.set_message(agent.to_owned());
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
        };
        if let Some(before) = self.lock().lines.insert(agent.to_owned(), line) {
            before.bar.finish_and_clear();
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
            self.begin(agent, "preparing");
        }
        if let Some(line) = self.lock().lines.get_mut(agent) {
            change(line);
        }
    }

    fn print(&self, text: &str) {
        self.bars.suspend(|| {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Progress {
    fn note(&self, note: Note) {
        if !matches!(self.mode, Mode::Live | Mode::Plain) {
            return;
        }
        match note {
            Note::Asking { agent } => self.update(&agent, |line| {
                line.bar.set_message(format!("{agent} asks its model"));
            }),
            Note::Answered {
                agent,
                tokens,
                cost_microusd,
            } => self.update(&agent, |line| {
                line.tokens += tokens;
                if let Some(cost) = cost_microusd {
                    line.cost_microusd = Some(line.cost_microusd.unwrap_or(0) + cost);
                }
                line.bar.set_message(format!(
                    "{agent} reads the reply, {}",
                    words::tokens(line.tokens)
                ));
            }),
            // Nothing to be done about it.
            Note::Renamed { .. } => {}
            Note::Tool { agent, call } => self.update(&agent, |line| {
                line.bar.set_message(format!(
                    "{agent} {} · {}",
                    words::one_line(&call, 70),
                    words::tokens(line.tokens)
                ));
            }),
            Note::Tested {
                done,
                total,
                failed,
            } => {
                let lines = &self.lock().lines;
                for line in lines.values().filter(|it| it.what == "Testing") {
                    line.bar
                        .set_message(format!("{done} of {total} tests, {failed} failed"));
                }
            }
            Note::Retrying {
                vendor,
                why,
                wait_ms,
            } => self.print(&format!(
                "  … {vendor}: {}; trying again in {}",
                words::one_line(&why, 100),
                words::duration(Duration::from_millis(wait_ms))
            )),
            Note::StandIn { agent, of, by, why } => self.print(&format!(
                "  ! {agent}: {by} stands in for {of}: could not {}",
                words::one_line(&why, 200)
            )),
            Note::Warning { text } => self.print(&format!("  ! {}", words::visible(&text))),
            Note::Progress { what, how_far } => {
                self.update(&what, |line| {
                    line.bar.set_message(words::one_line(&how_far, 80))
                });
            }
        }
    }
}

fn evidence_is_fine(evidence: &Evidence) -> bool {
    !matches!(evidence, Evidence::Missing { .. })
}
