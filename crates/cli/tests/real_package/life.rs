//! One life of the program: its events as they come, and what can be done to it.

use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;

use crate::world::LIFE_SECONDS_MAX;

/// A program that was started.
pub(crate) struct Life {
    child: Child,
    events: Lines<BufReader<ChildStdout>>,
}

/// When something is done to a life.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// So long after its start, in milliseconds.
    Ms(u64),
    /// After so many events of its own, and so many milliseconds.
    Events(usize, u64),
}

impl Life {
    pub(crate) fn of(mut child: Child) -> Life {
        let stdout = child.stdout.take().expect("its standard output is a pipe");
        Life {
            child,
            events: BufReader::new(stdout).lines(),
        }
    }

    /// Its next event; nothing when it is at its end.
    pub(crate) async fn event(&mut self) -> Option<Value> {
        let line = timeout(
            Duration::from_secs(LIFE_SECONDS_MAX),
            self.events.next_line(),
        )
        .await
        .expect("the program does something")
        .expect("its output can be read")?;
        Some(serde_json::from_str(&line).expect("an event is JSON"))
    }

    /// Waits for the first event of this kind.
    pub(crate) async fn until(&mut self, kind: &str) {
        while let Some(entry) = self.event().await {
            if entry["event"]["kind"] == kind {
                return;
            }
        }
        panic!("it ended without an event `{kind}`");
    }

    /// Waits for the moment, or for the end if that comes first.
    pub(crate) async fn wait_for(&mut self, moment: Moment) {
        let (events, ms) = match moment {
            Moment::Ms(ms) => (0, ms),
            Moment::Events(events, ms) => (events, ms),
        };
        for _ in 0..events {
            if self.event().await.is_none() {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// Ends it without a chance to do anything; says whether it had come to its end before.
    pub(crate) async fn kill(mut self) -> Option<i32> {
        // It may have ended a moment ago.
        let _ = self.child.start_kill();
        self.status().await.code()
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("nobody has waited for its end")
    }

    /// Sends it a signal. One that ended, but wasn't waited for, takes it without effect.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let pid = pid.expect("a process has a number");
        kill_process(pid, signal).expect("it is there");
    }

    /// Its exit code, once it ended by itself; events that come until then are passed over.
    pub(crate) async fn end(mut self) -> Option<i32> {
        while self.event().await.is_some() {}
        self.status().await.code()
    }

    async fn status(&mut self) -> ExitStatus {
        timeout(Duration::from_secs(LIFE_SECONDS_MAX), self.child.wait())
            .await
            .expect("the program ends")
            .expect("its end can be seen")
    }
}
