//! Ctrl-C and SIGTERM: the first asks a run to stop where it can be resumed, the second stops at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pipeline::{Stop, StopHandle};
use protocol::RunId;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::exit::Exit;
use crate::progress::Progress;

/// Obeys Ctrl-C and SIGTERM as long as it lives.
pub(crate) struct Signals {
    pub(crate) stop: Stop,
    /// Whether there is a run that could be resumed.
    has_begun: Arc<AtomicBool>,
    listening: JoinHandle<()>,
}

impl Signals {
    /// For a run that is there already.
    pub(crate) fn obey(progress: &Arc<Progress>, run: &RunId) -> Signals {
        let signals = Signals::before(progress, run);
        signals.begin();
        signals
    }

    /// For a run in which nothing has happened: until it begins, there is nothing to resume.
    pub(crate) fn before(progress: &Arc<Progress>, run: &RunId) -> Signals {
        let (handle, stop) = Stop::new();
        let has_begun = Arc::new(AtomicBool::new(false));
        let obeying = obey(handle, progress.clone(), run.clone(), has_begun.clone());
        Signals {
            stop,
            has_begun,
            listening: tokio::spawn(obeying),
        }
    }

    /// From now on there is something to resume.
    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn obey(handle: StopHandle, progress: Arc<Progress>, run: RunId, has_begun: Arc<AtomicBool>) {
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return;
    };
    let mut asked = false;
    loop {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => if interrupted.is_err() { return },
            _ = terminated.recv() => {}
        }
        if asked {
            // Children die with us; everything acknowledged is on the disk already.
            std::process::exit(Exit::Cancelled.code().into());
        }
        asked = true;
        let later = match has_begun.load(Ordering::Relaxed) {
            true => format!("`pipeline resume {run}` goes on later"),
            false => "nothing was begun".to_owned(),
        };
        progress.say(&format!("stopping; {later} (Ctrl-C again stops at once)"));
        handle.ask();
    }
}
