//! Connections: as many as there are places for, none that keeps one for nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio_io_timeout::TimeoutStream;

/// Connections at once, where the machine lets us have that many files open.
const CONNECTIONS_MAX: usize = 4096;
/// Of all files that we may have open, connections get one of so many; the rest is for runs.
const CONNECTIONS_PART: u64 = 2;
/// Longest wait for a client to take more of its answer.
const TAKING_SECONDS_MAX: u64 = 60;
/// Longest wait for the headers of a request, the wait for it included.
const HEADERS_SECONDS_MAX: u64 = 30;
/// Bytes of the headers of a request.
const HEADERS_BYTES_MAX: usize = 64 * 1024;
/// How long what is being answered may take once the server ends.
const ANSWERS_SECONDS_MAX: u64 = 5;
/// Wait after a connection could not be taken, for want of descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// An address that is ours.
pub(crate) type Listener = TcpListener;

/// Lets this process have as many files open as it may, and says how many of them connections get.
fn connections_max() -> usize {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: before.maximum,
        ..before
    };
    // Where it can't be raised, what holds is what was there.
    let _ = setrlimit(Resource::Nofile, raised);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let part = usize::try_from(files / CONNECTIONS_PART).unwrap_or(usize::MAX);
    part.clamp(1, CONNECTIONS_MAX)
}

/// Answers until it is told to stop; what is being answered then comes to its end, within bounds.
pub(crate) async fn serve(listener: Listener, app: Router, mut stop: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections_max()));
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await.ok()?;
            Some((place, listener.accept().await))
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => match accepted {
                Some(accepted) => accepted,
                None => break,
            },
            _ = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Events are small and come one by one.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(Duration::from_secs(TAKING_SECONDS_MAX)));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(HEADERS_SECONDS_MAX))
            .max_buf_size(HEADERS_BYTES_MAX)
            .serve_connection(
                TokioIo::new(Box::pin(stream)),
                TowerToHyperService::new(app.clone()),
            );
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    let longest = Duration::from_secs(ANSWERS_SECONDS_MAX);
    // Whoever is in the middle of a stream comes back with the number of the last event.
    let _ = tokio::time::timeout(longest, graceful.shutdown()).await;
}
