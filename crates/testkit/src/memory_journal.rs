//! A run journal in memory: what a run wrote down, readable as data and as text.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use protocol::{Entry, Journal, JournalError, RunEvent};

/// Keeps events in order and forgets them with the process.
#[derive(Default)]
pub struct MemoryJournal {
    events: Mutex<Vec<RunEvent>>,
    cancelled: AtomicBool,
    /// Appends that still succeed; `None` is no bound.
    appends_max: Option<usize>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> MemoryJournal {
        MemoryJournal::default()
    }

    /// A journal that holds these events already.
    pub fn with(events: impl IntoIterator<Item = RunEvent>) -> MemoryJournal {
        MemoryJournal {
            events: Mutex::new(events.into_iter().collect()),
            ..MemoryJournal::default()
        }
    }

    /// A journal whose disk is full after this many events.
    pub fn full_after(appends_max: usize) -> MemoryJournal {
        MemoryJournal {
            appends_max: Some(appends_max),
            ..MemoryJournal::default()
        }
    }

    /// Asks the run to stop.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    /// All events so far.
    pub fn events(&self) -> Vec<RunEvent> {
        self.lock().clone()
    }

    /// All events so far with their places. Their time is their place, so that tests can compare them.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |(event, seq): (RunEvent, u64)| Entry {
            seq,
            at_ms: seq,
            event,
        };
        self.events().into_iter().zip(0..).map(entry).collect()
    }

    /// One line of JSON for each event.
    pub fn text(&self) -> String {
        let line = |it: &RunEvent| serde_json::to_string(it).expect("an event is plain data");
        self.lock().iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RunEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, event: &RunEvent) -> Result<(), JournalError> {
        let mut events = self.lock();
        if self.appends_max.is_some_and(|max| max <= events.len()) {
            return Err(JournalError("no space left in this journal".into()));
        }
        events.push(event.clone());
        Ok(())
    }

    async fn cancel_requested(&self) -> Result<bool, JournalError> {
        Ok(self.cancelled.load(Ordering::SeqCst))
    }
}
