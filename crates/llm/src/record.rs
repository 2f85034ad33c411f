//! The layer that writes every reply down, so that the run can be replayed without a key.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use protocol::{Bill, Model, ModelError, ModelId, ModelReply, ModelRequest};

use crate::error::LlmError;
use crate::recorded::{Recorded, read_recording};
use crate::request_text::key_of;

/// A folder that replies are written to, one file each. All models of a run share it.
#[derive(Debug)]
pub struct Recording {
    folder: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    replies: usize,
    of_request: HashMap<String, usize>,
}

impl Recording {
    /// Opens the folder, and makes it if needed. Replies that are there already stay, and the new ones follow them.
    pub fn open(folder: &Path) -> Result<Arc<Recording>, LlmError> {
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
            seen: Mutex::new(seen),
        }))
    }

    /// Writes down what this model answers from now on.
    pub fn around(self: &Arc<Recording>, model: Arc<dyn Model>) -> Arc<dyn Model> {
        Arc::new(RecordedModel {
            model,
            recording: Arc::clone(self),
        })
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
        let path = self.folder.join(recorded.file_name(place));
        // Written beside and moved, so that a crash leaves no half of a reply.
        let unfinished = path.with_extension("json.unfinished");
        fs::write(&unfinished, text)?;
        fs::rename(&unfinished, &path)?;
        seen.replies = place;
        seen.of_request.insert(recorded.request_sha256, ordinal);
        Ok(())
    }
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
        let reply = self.model.ask(request).await?;
        match self.recording.keep(self.id(), request, &reply) {
            Ok(()) => Ok(reply),
            Err(error) => Err(ModelError::Unrecorded {
                model: self.id().to_string(),
                message: format!("{}: {error}", self.recording.folder.display()),
            }),
        }
    }
}
