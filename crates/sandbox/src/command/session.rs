//! The time between start and end: feeds a program, reads it, and ends it when a bound is crossed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::Exit;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::ChildStdin;

use super::Spawn;
use super::capture::Capture;
use super::entry::Entered;
use super::spawner::Streams;
use crate::confine::plan::Word;
use crate::error::CommandError;
use crate::proxy::{self, Egress};

/// Longest wait for the end of a program that was told to end. Longer than the inner stage takes to sweep.
const END_SECONDS_MAX: u64 = 3;
/// Longest last word of the inner stage.
const WORD_BYTES_MAX: u64 = 4096;
/// Bytes read at once.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// What is left of a program.
#[derive(Debug)]
pub(super) struct Ended {
    /// Why we ended it, if we did.
    pub(super) stopped: Option<Exit>,
    /// What the inner stage said; `None` if it didn't get that far.
    pub(super) word: Option<Word>,
    pub(super) stdout: Capture,
    pub(super) stderr: Capture,
    pub(super) report: Vec<u8>,
}

/// Feeds and reads the program until it has ended or has to be ended.
pub(super) async fn until_the_end(
    mut entered: Entered,
    spawn: &Spawn,
    egress: &Egress,
    on_report: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<Ended, CommandError> {
    let bounds = &spawn.bounds;
    let mut kept = Kept {
        stdout: Capture::new(bounds.output_bytes_max),
        stderr: Capture::new(bounds.output_bytes_max),
        report: Report {
            bytes: Vec::new(),
            bytes_max: bounds.output_flood_bytes_max,
            on_report,
        },
        word: Vec::new(),
    };
    let way_out = entered.egress.take();
    let proxy = async {
        if let Some(socket) = way_out {
            proxy::serve(socket, egress).await;
        }
        // The proxy never decides when a program ends.
        std::future::pending::<()>().await;
    };
    let wall = Duration::from_secs(bounds.wall_seconds_max);
    let streams = entered.running.take_streams()?;
    let reports = entered.report.take();
    let stopped = tokio::select! {
        ended = kept.read_until_the_end_of(streams, reports, &mut entered.word, spawn) => {
            ended.err().map(|TooMuch| Exit::TooMuchOutput)
        }
        () = tokio::time::sleep(wall) => Some(Exit::TooSlow),
        () = proxy => None,
    };
    let end = Duration::from_secs(END_SECONDS_MAX);
    if stopped.is_some() {
        entered.running.stop();
        let stage_is_gone = read_word(&mut entered.word, &mut kept.word);
        let _waited_long_enough = tokio::time::timeout(end, stage_is_gone).await;
    }
    entered.running.wait(end).await;
    Ok(Ended {
        stopped,
        word: first_word(&kept.word),
        stdout: kept.stdout,
        stderr: kept.stderr,
        report: kept.report.bytes,
    })
}

/// What has been read so far.
struct Kept<'a> {
    stdout: Capture,
    stderr: Capture,
    report: Report<'a>,
    word: Vec<u8>,
}

impl Kept<'_> {
    /// Feeds the program and reads all its pipes until the last one is closed.
    async fn read_until_the_end_of(
        &mut self,
        streams: Streams,
        reports: Option<pipe::Receiver>,
        word: &mut pipe::Receiver,
        spawn: &Spawn,
    ) -> Result<(), TooMuch> {
        let flood = Flood {
            bytes: AtomicU64::new(0),
            bytes_max: spawn.bounds.output_flood_bytes_max,
        };
        let (stdout, stderr, report) = (&mut self.stdout, &mut self.stderr, &mut self.report);
        tokio::try_join!(
            feed(streams.stdin, &spawn.stdin),
            each_piece(streams.stdout, |piece| {
                stdout.push(piece);
                flood.add(piece)
            }),
            each_piece(streams.stderr, |piece| {
                stderr.push(piece);
                flood.add(piece)
            }),
            async {
                match reports {
                    Some(pipe) => each_piece(pipe, |piece| report.push(piece)).await,
                    None => Ok(()),
                }
            },
            // The stage is the last to close its pipe: with its word, the program has ended.
            read_word(word, &mut self.word),
        )?;
        Ok(())
    }
}

/// A stage that could not start the program says so before it says how its own child ended.
fn first_word(said: &[u8]) -> Option<Word> {
    let mut words = serde_json::Deserializer::from_slice(said).into_iter();
    words.next()?.ok()
}

/// The program printed more than it may.
struct TooMuch;

/// Counts the output of both streams.
struct Flood {
    bytes: AtomicU64,
    bytes_max: u64,
}

impl Flood {
    fn add(&self, piece: &[u8]) -> Result<(), TooMuch> {
        let length = piece.len() as u64;
        let before = self.bytes.fetch_add(length, Ordering::Relaxed);
        if self.bytes_max < before.saturating_add(length) {
            return Err(TooMuch);
        }
        Ok(())
    }
}

/// What came through the report pipe.
struct Report<'a> {
    bytes: Vec<u8>,
    bytes_max: u64,
    on_report: &'a mut (dyn FnMut(&[u8]) + Send),
}

impl Report<'_> {
    /// Keeps and passes on what there is room for; the rest is thrown away, so that the program isn't held up.
    fn push(&mut self, piece: &[u8]) -> Result<(), TooMuch> {
        let room = self.bytes_max.saturating_sub(self.bytes.len() as u64);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let piece = &piece[..room.min(piece.len())];
        if !piece.is_empty() {
            self.bytes.extend_from_slice(piece);
            (self.on_report)(piece);
        }
        Ok(())
    }
}

async fn feed(mut pipe: ChildStdin, bytes: &[u8]) -> Result<(), TooMuch> {
    // A program may end without reading what it was given.
    let _closed_early = pipe.write_all(bytes).await;
    Ok(())
}

/// Hands out the pieces of a pipe to its end. A pipe that breaks has ended.
async fn each_piece(
    mut pipe: impl AsyncRead + Unpin,
    mut take: impl FnMut(&[u8]) -> Result<(), TooMuch>,
) -> Result<(), TooMuch> {
    let mut piece = vec![0; PIECE_BYTES_MAX];
    while let Ok(length @ 1..) = pipe.read(&mut piece).await {
        take(&piece[..length])?;
    }
    Ok(())
}

async fn read_word(pipe: impl AsyncRead + Unpin, word: &mut Vec<u8>) -> Result<(), TooMuch> {
    let _broken_pipe = pipe.take(WORD_BYTES_MAX).read_to_end(word).await;
    Ok(())
}
