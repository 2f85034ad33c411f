//! The layer that writes every reply down, so that the run can be replayed without a key.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use protocol::{Bill, Model, ModelError, ModelId, ModelReply, ModelRequest};
use serde::Serialize;

use crate::error::LlmError;
use crate::guard::Guard;
use crate::recorded::{Recorded, read_recording};
use crate::recorded_run::{self, RecordedRun};
use crate::request_text::key_of;

/// A folder that replies are written to, one file each. All models of a run share it.
#[derive(Debug)]
pub struct Recording {
    folder: PathBuf,
    guard: Guard,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    replies: usize,
    of_request: HashMap<String, usize>,
}

impl Recording {
    /// Opens the folder, and makes it if needed. Replies that are there already stay, and the new ones follow them.
    /// What `guard` finds is never written.
    pub fn open(folder: &Path, guard: Guard) -> Result<Arc<Recording>, LlmError> {
        fs::create_dir_all(folder).map_err(|source| LlmError::Folder {
            path: folder.to_owned(),
            source,
        })?;
        let mut seen = Seen::default();
        for (_, recorded) in read_recording(folder)? {
            seen.replies += 1;
            *seen.of_request.entry(recorded.request_sha256).or_default() += 1;
        }
        Ok(Arc::new(Recording {
            folder: folder.to_owned(),
            guard,
            seen: Mutex::new(seen),
        }))
    }

    /// Writes down what the recording is of, once for all its replies.
    ///
    /// # Errors
    ///
    /// When the folder holds another run, or what is to be written down must not be.
    pub fn begin(&self, run: &RecordedRun) -> Result<(), LlmError> {
        let path = self.folder.join(recorded_run::FILE);
        let failed = |source| LlmError::Folder {
            path: path.clone(),
            source,
        };
        if let Some(there) = RecordedRun::read(&self.folder)? {
            return match there.is_like(run) {
                true => Ok(()),
                false => Err(LlmError::OtherRun {
                    path: self.folder.clone(),
                    title: there.task.title,
                }),
            };
        }
        let text = run.text().map_err(|it| failed(io::Error::other(it)))?;
        let value = serde_json::to_value(run).map_err(|it| failed(io::Error::other(it)))?;
        if let Some(what) = self.guard.found_within(&value) {
            let file = recorded_run::FILE.to_owned();
            return Err(LlmError::Unsayable { file, what });
        }
        write_whole(&path, &text).map_err(failed)
    }

    /// Writes down what this model answers from now on.
    pub fn around(self: &Arc<Recording>, model: Arc<dyn Model>) -> Arc<dyn Model> {
        Arc::new(RecordedModel {
            model,
            recording: Arc::clone(self),
        })
    }

    /// Refuses what must not be written down, in words without its value.
    fn check(&self, value: &impl Serialize, what: &str) -> Result<(), String> {
        let value = serde_json::to_value(value).map_err(|it| it.to_string())?;
        match self.guard.found_within(&value) {
            None => Ok(()),
            Some(found) => Err(format!(
                "the {what} holds {found}, which a recording must not tell (run without --record, or take it out of \
                 the repository or the task)"
            )),
        }
    }

    fn keep(&self, model: &ModelId, request: &ModelRequest, reply: &ModelReply) -> io::Result<()> {
        let request_sha256 = key_of(model, request);
        // The lock is held while writing, so that places and ordinals have no gaps and no doubles.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let ordinal = seen.of_request.get(&request_sha256).map_or(1, |it| it + 1);
        let place = seen.replies + 1;
        let recorded = Recorded {
            model: model.clone(),
            request_sha256,
            ordinal,
            request: request.clone(),
            reply: reply.clone(),
        };
        let mut text = serde_json::to_string_pretty(&recorded)?;
        text.push('\n');
        write_whole(&self.folder.join(recorded.file_name(place)), &text)?;
        seen.replies = place;
        seen.of_request.insert(recorded.request_sha256, ordinal);
        Ok(())
    }
}

/// Written beside and moved, so that a crash leaves no half of a file.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, path)
}

struct RecordedModel {
    model: Arc<dyn Model>,
    recording: Arc<Recording>,
}

#[async_trait]
impl Model for RecordedModel {
    fn id(&self) -> &ModelId {
        self.model.id()
    }

    fn bill(&self) -> Option<&dyn Bill> {
        self.model.bill()
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let unrecorded = |message: String| ModelError::Unrecorded {
            model: self.id().to_string(),
            message: format!("{}: {message}", self.recording.folder.display()),
        };
        // Before it is paid for.
        self.recording
            .check(request, "request")
            .map_err(unrecorded)?;
        let reply = self.model.ask(request).await?;
        self.recording.check(&reply, "reply").map_err(unrecorded)?;
        match self.recording.keep(self.id(), request, &reply) {
            Ok(()) => Ok(reply),
            Err(error) => Err(unrecorded(error.to_string())),
        }
    }
}
