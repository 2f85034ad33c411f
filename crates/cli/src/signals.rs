//! Ctrl-C and SIGTERM: the first asks a run to stop where it can be resumed, the second stops at once.

use std::sync::{Arc, OnceLock};

use pipeline::{Stop, StopHandle};
use protocol::RunId;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::exit::Exit;
use crate::progress::Progress;

/// Obeys Ctrl-C and SIGTERM as long as it lives.
pub(crate) struct Signals {
    /// Asked by the first of them.
    pub(crate) stop: StopHandle,
    /// The run that could be resumed, once there is one.
    run: Arc<OnceLock<RunId>>,
    listening: JoinHandle<()>,
}

impl Signals {
    /// Until a run begins, there is nothing to resume.
    pub(crate) fn obey(progress: &Arc<Progress>) -> Signals {
        let (stop, _) = Stop::new();
        let run = Arc::new(OnceLock::new());
        let obeying = obey(stop.clone(), progress.clone(), Some(run.clone()));
        Signals {
            stop,
            run,
            listening: tokio::spawn(obeying),
        }
    }

    /// For something that has many runs at once, and says itself what becomes of them.
    pub(crate) fn serve(progress: &Arc<Progress>) -> Signals {
        let (stop, _) = Stop::new();
        let obeying = obey(stop.clone(), progress.clone(), None);
        Signals {
            stop,
            run: Arc::default(),
            listening: tokio::spawn(obeying),
        }
    }

    /// From now on there is something to resume.
    pub(crate) fn begin(&self, run: &RunId) {
        // A process has one run; a second word about it says the same.
        let _ = self.run.set(run.clone());
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn obey(handle: StopHandle, progress: Arc<Progress>, run: Option<Arc<OnceLock<RunId>>>) {
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
        let later = match run.as_ref().map(|it| it.get()) {
            Some(Some(run)) => format!("`pipeline resume {run}` goes on later"),
            Some(None) => "nothing was begun".to_owned(),
            None => "what works is stopped where it can be resumed".to_owned(),
        };
        progress.say(&format!("stopping; {later} (Ctrl-C again stops at once)"));
        handle.ask();
    }
}
