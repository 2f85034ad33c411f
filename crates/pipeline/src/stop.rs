//! Asking a run to stop from outside: by a signal, or by a request in the store.

use tokio::sync::watch;

/// The driver's end: learns that the run should stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// The other end: asks a run to stop.
#[derive(Clone, Debug)]
pub struct StopHandle(watch::Sender<bool>);

impl Stop {
    /// Both ends.
    pub fn new() -> (StopHandle, Stop) {
        let (sender, receiver) = watch::channel(false);
        (StopHandle(sender), Stop(receiver))
    }

    /// A stop that nobody asks for.
    pub fn never() -> Stop {
        Stop::new().1
    }

    /// Returns once somebody asked; never when nobody can any more.
    pub async fn asked(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl StopHandle {
    /// Another end that learns of it.
    pub fn listener(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    /// Asks. Asking twice is the same.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }
}
