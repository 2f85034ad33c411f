//! What is shown of a run while it works: its events, and the notes between them.

use std::time::Duration;

use protocol::{Entry, Log, Note};
use runs::Watcher;

use super::{Mode, Progress};
use crate::words;

impl Watcher for Progress {
    fn entry(&self, entry: &Entry) {
        self.event(entry);
    }
}

impl Log for Progress {
    fn note(&self, note: Note) {
        if !matches!(self.mode, Mode::Live | Mode::Plain) {
            return;
        }
        match note {
            Note::Asking { agent } => {
                let (named, total) = (self.named(&agent), Progress::total(&self.lock()));
                self.update(&agent, |line| {
                    let used = match line.tokens {
                        0 => String::new(),
                        _ => format!(", {} so far", line.used()),
                    };
                    line.bar
                        .set_message(format!("{named} is waited for{used}{total}"));
                });
            }
            Note::Answered {
                agent,
                tokens,
                cost_microusd,
            } => {
                let total = {
                    let mut inner = self.lock();
                    inner.spent_microusd += cost_microusd.unwrap_or(0);
                    Progress::total(&inner)
                };
                let named = self.named(&agent);
                self.update(&agent, |line| {
                    line.tokens += tokens;
                    if let Some(cost) = cost_microusd {
                        line.cost_microusd = Some(line.cost_microusd.unwrap_or(0) + cost);
                    }
                    let used = line.used();
                    line.bar
                        .set_message(format!("{named} reads the reply, {used}{total}"));
                });
            }
            // Nothing to be done about it.
            Note::Renamed { .. } => {}
            Note::Tool { agent, call } => self.update(&agent, |line| {
                line.bar.set_message(format!(
                    "{agent} {} · {}",
                    words::one_line(&call, 70),
                    line.used()
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
