//! The events of a run, wherever it works: here, in another process, or nowhere any more.

use std::collections::VecDeque;
use std::time::Duration;

use futures::Stream;
use futures::stream;
use protocol::{Entry, RunId};
use store::{RunSummary, Store, StoreError};
use tokio::sync::watch;

use crate::working::Working;

/// How often a run that works in another process is looked at.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a run without anybody at work is waited for: between its end and its delivery nobody holds it for a moment.
const GRACE: Duration = Duration::from_millis(700);

/// What there is to follow.
pub(crate) enum Followed {
    /// One more event.
    Event(Box<Entry>),
    /// Nobody works on the run any more. The last.
    End(Box<RunSummary>),
}

struct Following {
    store: Store,
    working: Working,
    run: RunId,
    next: u64,
    read: VecDeque<Entry>,
    written: Option<watch::Receiver<u64>>,
    /// What was said of the run when nobody worked on it.
    idle: Option<RunSummary>,
    is_over: bool,
}

/// Every event from `first` on, each once and in order; they are read from the store, so whoever is slow loses none and holds nobody
/// up.
pub(crate) fn follow(
    working: &Working,
    run: &RunId,
    first: u64,
) -> impl Stream<Item = Result<Followed, StoreError>> + Send + use<> {
    let following = Following {
        store: working.runs.host().store.clone(),
        working: working.clone(),
        run: run.clone(),
        next: first,
        read: VecDeque::new(),
        written: working.written(run),
        idle: None,
        is_over: false,
    };
    stream::try_unfold(following, |mut it| async move {
        loop {
            if let Some(entry) = it.read.pop_front() {
                it.next = entry.seq + 1;
                return Ok(Some((Followed::Event(Box::new(entry)), it)));
            }
            if it.is_over {
                return Ok(None);
            }
            // Before the events: whoever is at the end now has written them all.
            let summary = it.store.run(&it.run).await?;
            let works = it.works(&summary);
            if it.next < summary.events {
                it.read = it.store.history_from(&it.run, it.next).await?.into();
                it.idle = None;
                continue;
            }
            if works {
                it.idle = None;
                it.wait().await;
                continue;
            }
            if it.idle.is_none() {
                it.idle = Some(summary);
                tokio::time::sleep(GRACE).await;
                continue;
            }
            it.is_over = true;
            return Ok(Some((Followed::End(Box::new(summary)), it)));
        }
    })
}

impl Following {
    fn works(&mut self, summary: &RunSummary) -> bool {
        self.written = self.working.written(&self.run);
        self.written.is_some() || summary.holder.is_some()
    }

    /// Until there is more, or it is worth another look.
    async fn wait(&mut self) {
        let next = self.next;
        match &mut self.written {
            // Gone once nobody works on it here, which is worth a look as well.
            Some(written) => {
                let _ = written.wait_for(|it| next < *it).await;
            }
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}
