//! One thread that starts all programs, so that none dies with the thread that happened to ask for it.
//!
//! The kernel ties a child's "die with the parent" to the thread that made it, and threads of a runtime come and go.
//! As only this thread starts programs, it can also open descriptors to one child without any other inheriting them.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::CommandError;

/// Programs waiting to be started.
const QUEUE_ORDERS_MAX: usize = 64;

/// A program to start.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) directory: PathBuf,
    /// Descriptors the child inherits under the numbers they have here.
    pub(super) inherited: Vec<OwnedFd>,
    pub(super) stop: Stop,
}

/// How to end a program with everything it started.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    /// Kill its process group; the namespace ends with it.
    Group,
    /// Ask the inner stage, which knows whom it has adopted.
    Stage,
}

/// A program that was started. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    stop: Stop,
}

/// Our ends of a program's standard streams.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Running {
    /// The program's standard streams, once.
    pub(super) fn take_streams(&mut self) -> Result<Streams, CommandError> {
        let child = &mut self.child;
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok(Streams {
                stdin,
                stdout,
                stderr,
            }),
            _ => Err(CommandError::System {
                doing: "open the streams of a program",
                source: io::ErrorKind::BrokenPipe.into(),
            }),
        }
    }

    /// Waits until the process we started is gone, and kills it if that takes too long.
    pub(super) async fn wait(&mut self, longest: Duration) {
        let ended = tokio::time::timeout(longest, self.child.wait()).await;
        if ended.is_err()
            && let Some(pid) = self.pid()
        {
            let _gone_already = kill_process(pid, Signal::KILL);
        }
    }

    /// There is no number any more once it was waited for, so no other process can be hit.
    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(self.child.id()?.cast_signed())
    }

    /// Ends the program and everything it started, but doesn't wait for that.
    pub(super) fn stop(&self) {
        if let Some(pid) = self.pid() {
            let _gone_already = match self.stop {
                Stop::Group => kill_process_group(pid, Signal::KILL),
                Stop::Stage => kill_process(pid, Signal::TERM),
            };
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

type Answer = oneshot::Sender<io::Result<Running>>;

/// Starts a program with an empty environment, in a process group of its own.
pub(super) async fn start(order: Order) -> io::Result<Running> {
    let (answer, started) = oneshot::channel();
    spawner()?
        .try_send((order, Handle::current(), answer))
        .map_err(io::Error::other)?;
    started.await.map_err(io::Error::other)?
}

fn spawner() -> io::Result<&'static SyncSender<(Order, Handle, Answer)>> {
    static SPAWNER: OnceLock<SyncSender<(Order, Handle, Answer)>> = OnceLock::new();
    if let Some(sender) = SPAWNER.get() {
        return Ok(sender);
    }
    let (sender, orders) = sync_channel::<(Order, Handle, Answer)>(QUEUE_ORDERS_MAX);
    std::thread::Builder::new()
        .name("programs".into())
        .spawn(move || {
            for (order, runtime, answer) in orders {
                let _in_runtime = runtime.enter();
                // An answer nobody waits for any more is dropped, and that ends the program.
                let _ = answer.send(start_here(order));
            }
        })?;
    // Of two first callers one loses; its thread ends with its sender.
    Ok(SPAWNER.get_or_init(|| sender))
}

#[expect(clippy::disallowed_methods, reason = "this is the door")]
fn start_here(order: Order) -> io::Result<Running> {
    for descriptor in &order.inherited {
        fcntl_setfd(descriptor, FdFlags::empty())?;
    }
    let child = Command::new(order.program)
        .args(order.arguments)
        .current_dir(order.directory)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    Ok(Running {
        child,
        stop: order.stop,
    })
}
