//! The layer that answers from a recording, and says where a request differs from the recorded one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use protocol::{Model, ModelError, ModelId, ModelReply, ModelRequest};

use crate::error::LlmError;
use crate::recorded::{Recorded, read_recording};
use crate::request_text::{key_of, readable};

/// A recording to answer from. It needs no key and no network, and all models of a run share it.
#[derive(Debug)]
pub struct Replay {
    recorded: Vec<(String, Recorded)>,
    given: Mutex<HashMap<String, usize>>,
}

impl Replay {
    /// Reads the folder that [`crate::Recording`] wrote.
    pub fn open(folder: &Path) -> Result<Arc<Replay>, LlmError> {
        let named = |(path, recorded): (PathBuf, Recorded)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (name.into_owned(), recorded)
        };
        Ok(Arc::new(Replay {
            recorded: read_recording(folder)?.into_iter().map(named).collect(),
            given: Mutex::default(),
        }))
    }

    /// A model that answers as this one did.
    pub fn model(self: &Arc<Replay>, id: ModelId) -> Arc<dyn Model> {
        Arc::new(ReplayedModel {
            id,
            replay: Arc::clone(self),
        })
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.recorded.is_empty()
    }

    /// What this model answered, in the order in which it was recorded.
    pub fn replies<'a>(&'a self, model: &'a ModelId) -> impl Iterator<Item = &'a ModelReply> {
        let of_model = self.recorded.iter().filter(|it| it.1.model == *model);
        of_model.map(|(_, it)| &it.reply)
    }

    fn reply(&self, model: &ModelId, request: &ModelRequest) -> Result<ModelReply, String> {
        let key = key_of(model, request);
        // Counting is a single insert, whole even if a holder of the lock panicked.
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let ordinal = given.get(&key).map_or(1, |it| it + 1);
        let known = |it: &&(String, Recorded)| it.1.request_sha256 == key;
        let found = self
            .recorded
            .iter()
            .filter(known)
            .find(|it| it.1.ordinal == ordinal);
        if let Some((_, recorded)) = found {
            given.insert(key, ordinal);
            return Ok(recorded.reply.clone());
        }
        match self.recorded.iter().filter(known).count() {
            0 => Err(self.difference(model, request)),
            times => Err(format!(
                "this request was recorded {times} times and is asked once more"
            )),
        }
    }

    /// Where the request leaves the recorded one that goes along with it longest.
    fn difference(&self, model: &ModelId, request: &ModelRequest) -> String {
        let asked = readable(request);
        let nearest = self
            .recorded
            .iter()
            .filter(|(_, it)| it.model == *model)
            .map(|(file, it)| (file, readable(&it.request)))
            .map(|(file, text)| (common_lines(&text, &asked), file, text))
            // The first of equals: later recordings of the same talk only go on from there.
            .reduce(|best, it| if best.0 < it.0 { it } else { best });
        let Some((common, file, recorded)) = nearest else {
            return "none of its replies is recorded".to_owned();
        };
        let line = |text: &str| {
            text.lines()
                .nth(common)
                .map_or("(the end)".to_owned(), shortened)
        };
        format!(
            "the nearest recorded request, `{file}`, differs from line {} on\n  recorded: {}\n  asked:    {}",
            common + 1,
            line(&recorded),
            line(&asked),
        )
    }
}

fn common_lines(a: &str, b: &str) -> usize {
    a.lines()
        .zip(b.lines())
        .take_while(|(a, b)| without_fence_key(a) == without_fence_key(b))
        .count()
}

/// A line that opens or closes a fence, without the key. The key is made from what the fence holds, so it tells of a
/// difference before the difference itself.
fn without_fence_key(line: &str) -> &str {
    let inner = line.strip_prefix("[begin ").or(line.strip_prefix("[end "));
    match inner
        .and_then(|it| it.strip_suffix(']'))
        .and_then(|it| it.rsplit_once(' '))
    {
        Some((_, key)) if key.len() == 8 && key.bytes().all(|it| it.is_ascii_hexdigit()) => {
            &line[..line.len() - key.len() - 1]
        }
        _ => line,
    }
}

fn shortened(line: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    match line.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

struct ReplayedModel {
    id: ModelId,
    replay: Arc<Replay>,
}

#[async_trait]
impl Model for ReplayedModel {
    fn id(&self) -> &ModelId {
        &self.id
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        self.replay
            .reply(&self.id, request)
            .map_err(|difference| ModelError::Diverged {
                model: self.id.to_string(),
                difference,
            })
    }
}
