//! What a recording says of its run: enough for somebody else, who has the repository, to walk it again.

use std::fs;
use std::io;
use std::path::Path;

use protocol::{Base, Limits, ModelId, Seat, Task, TaskSource, TreeId};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::LlmError;

/// The file in a recording's folder. Replies end in `.json`, so that no reader takes it for one.
pub(crate) const FILE: &str = "run.toml";
/// The form of the file. Another number means that fields have other meanings; new fields alone don't change it.
const FORM: u32 = 1;
/// Larger than any task with its tests.
const BYTES_MAX: u64 = 64 << 20;

/// The run that a recording is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRun {
    /// The form of this file.
    form: u32,
    /// The version of the program that recorded it. Another one may word its requests otherwise.
    pub program: String,
    /// Most tokens it might use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_max: Option<u64>,
    /// Most money it might spend, in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money_microusd_max: Option<u64>,
    /// What it started from.
    pub base: RecordedBase,
    /// Its bounds.
    pub limits: Limits,
    /// Who worked on it.
    pub crew: Vec<Seat>,
    /// What was asked, with the user's own tests.
    pub task: Task,
}

/// What a recorded run started from. Where it lay on the machine that recorded it is nobody's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedBase {
    /// The repository's address, or the last part of its folder's name; empty for a run from nothing.
    pub repository: String,
    /// Whether others reach it under that address.
    pub is_address: bool,
    /// The commit.
    pub commit: String,
    /// Its tree, which says whether another repository holds the same files.
    pub tree: TreeId,
    /// Whether the tree contains uncommitted changes, so that the commit alone doesn't give it.
    #[serde(default, skip_serializing_if = "<&bool as std::ops::Not>::not")]
    pub uncommitted: bool,
}

impl RecordedBase {
    fn of(base: &Base) -> RecordedBase {
        let (repository, is_address) = shown(&base.repository);
        RecordedBase {
            repository,
            is_address,
            commit: base.commit.clone(),
            tree: base.tree.clone(),
            uncommitted: base.uncommitted,
        }
    }
}

/// An address without a name, a password or a query; of a folder only its name. The second says which it is.
fn shown(repository: &str) -> (String, bool) {
    let folder = |path: &str| {
        let name = path.trim_end_matches('/').rsplit('/').next();
        (name.unwrap_or_default().to_owned(), false)
    };
    match Url::parse(repository) {
        Ok(url) if url.scheme() == "file" => folder(url.path()),
        Ok(mut url) if url.host_str().is_some() => {
            // Nobody signs in to a git host over HTTP with a name that is no secret.
            if url.scheme() != "ssh" && url.set_username("").is_err() {
                return folder(url.path());
            }
            if url.set_password(None).is_err() {
                return folder(url.path());
            }
            url.set_query(None);
            url.set_fragment(None);
            (url.into(), true)
        }
        _ if !repository.starts_with('/') && repository.contains(':') => {
            (repository.to_owned(), true)
        }
        _ => folder(repository),
    }
}

impl RecordedRun {
    /// A run that begins so; `program` is the version of the program.
    pub fn new(program: &str, task: &Task, base: &Base, crew: &[Seat], limits: &Limits) -> Self {
        let mut task = task.clone();
        if let TaskSource::File { name } = &mut task.source {
            *name = shown(name).0;
        }
        RecordedRun {
            form: FORM,
            program: program.to_owned(),
            tokens_max: None,
            money_microusd_max: None,
            base: RecordedBase::of(base),
            limits: limits.clone(),
            crew: crew.to_vec(),
            task,
        }
    }

    /// What the folder says of its run; none for a recording that doesn't say.
    pub fn read(folder: &Path) -> Result<Option<RecordedRun>, LlmError> {
        let path = folder.join(FILE);
        let failed = |source| LlmError::Folder {
            path: path.clone(),
            source,
        };
        let text = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            Ok(it) if BYTES_MAX < it.len() => {
                let large = format!("it is larger than {BYTES_MAX} bytes");
                return Err(failed(io::Error::other(large)));
            }
            Ok(_) => fs::read_to_string(&path).map_err(failed)?,
        };
        let form = toml::from_str(&text).map(|it: Form| it.form);
        match form {
            Ok(FORM) => {}
            Ok(form) => return Err(LlmError::RecordedForm { path, form }),
            Err(source) => return Err(unreadable(&path, source)),
        }
        match toml::from_str(&text) {
            Ok(run) => Ok(Some(run)),
            Err(source) => Err(unreadable(&path, source)),
        }
    }

    /// Whether a run asks for the same: where a task was found is left out.
    pub fn asks_for(&self, task: &Task) -> bool {
        let plain = |task: &Task| Task {
            source: TaskSource::default(),
            ..task.clone()
        };
        plain(&self.task) == plain(task)
    }

    /// Whether it is the same run, gone on with or begun again: what a recording can hold together.
    pub(crate) fn is_like(&self, other: &RecordedRun) -> bool {
        self.asks_for(&other.task) && self.base.tree == other.base.tree && self.crew == other.crew
    }

    /// The models of its seats, in their order, with the agent that each is for.
    pub fn models(&self) -> impl Iterator<Item = (&Seat, &ModelId)> {
        self.crew
            .iter()
            .filter_map(|seat| Some((seat, seat.model.as_ref()?)))
    }

    pub(crate) fn text(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}

/// The one field that every form has.
#[derive(Deserialize)]
struct Form {
    form: u32,
}

fn unreadable(path: &Path, source: toml::de::Error) -> LlmError {
    LlmError::RecordedRun {
        path: path.to_owned(),
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_without_what_may_be_secret_and_a_folder_by_its_name_only() {
        let check = |repository: &str, want: &str, is_address: bool| {
            assert_eq!(shown(repository), (want.to_owned(), is_address));
        };
        check(
            "https://example.org/team/project.git",
            "https://example.org/team/project.git",
            true,
        );
        check(
            "https://token@example.org/p.git?key=1#x",
            "https://example.org/p.git",
            true,
        );
        check(
            "https://ada:secret@example.org/p.git",
            "https://example.org/p.git",
            true,
        );
        check(
            "ssh://git@example.org/p.git",
            "ssh://git@example.org/p.git",
            true,
        );
        check(
            "git@example.org:team/p.git",
            "git@example.org:team/p.git",
            true,
        );
        check("/home/ada/src/project/", "project", false);
        check("file:///home/ada/src/project", "project", false);
        check("", "", false);
    }
}
