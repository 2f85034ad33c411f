//! One recorded reply: a file that people can read, keyed by the whole request.

use std::path::{Path, PathBuf};

use protocol::{ModelId, ModelReply, ModelRequest};
use serde::{Deserialize, Serialize};

use crate::error::LlmError;
use crate::folder::read_folder;

/// What a file of a recording holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recorded {
    /// Who answered.
    pub(crate) model: ModelId,
    /// The key of the request.
    pub(crate) request_sha256: String,
    /// Which of several replies to this very request, counted from 1.
    pub(crate) ordinal: usize,
    /// What was asked.
    pub(crate) request: ModelRequest,
    /// What was answered.
    pub(crate) reply: ModelReply,
}

impl Recorded {
    /// The file's name. `place` puts files in the order the replies came; who replays doesn't look at names.
    pub(crate) fn file_name(&self, place: usize) -> String {
        let plain = |it: char| match it {
            it if it.is_ascii_alphanumeric() || it == '.' => it,
            _ => '-',
        };
        let model: String = self.model.to_string().chars().map(plain).collect();
        let key = &self.request_sha256[..12];
        format!("{place:04}-{model}-{key}-{}.json", self.ordinal)
    }
}

/// All recorded replies of a folder, with their files, in the order they came.
pub(crate) fn read_recording(folder: &Path) -> Result<Vec<(PathBuf, Recorded)>, LlmError> {
    let read = |(path, text): (PathBuf, String)| match serde_json::from_str(&text) {
        Ok(recorded) => Ok((path, recorded)),
        Err(source) => Err(LlmError::Recorded { path, source }),
    };
    read_folder(folder, "json")?.into_iter().map(read).collect()
}
