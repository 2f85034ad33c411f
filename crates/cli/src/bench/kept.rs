//! What a bench keeps in its folder: every answer, what was paid without one, and what was under way.
//!
//! `lock` is held by the bench that works here. `replies/` is a recording. `unanswered.jsonl` has a line for each try that cost something and gave no reply. A file
//! in `under_way/` names a case while it is asked about: one that is left was under way when the bench was killed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm::Replay;
use protocol::{Effort, Entry, ModelId, RunEvent, Unanswered};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const REPLIES: &str = "replies";
const UNANSWERED: &str = "unanswered.jsonl";
const UNDER_WAY: &str = "under_way";
const ASKED: &str = "asked.json";
const RESULT: &str = "bench.json";
const LOCK: &str = "lock";

/// The folder of a bench, as it was when it was read.
pub(crate) struct Kept {
    folder: PathBuf,
    /// Answers; none before the first.
    pub(crate) replies: Option<Arc<Replay>>,
    unanswered: Vec<Unanswered>,
    /// Names of cases that were under way when an earlier life was killed.
    pub(crate) lost: Vec<String>,
    /// Who was asked, and how.
    pub(crate) asked: Option<Asked>,
}

/// Who is asked, and how: answers to anything else belong to another bench.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) model: ModelId,
    pub(crate) effort: Option<Effort>,
}

impl Kept {
    /// Reads a folder, which needn't be there yet. Nothing is written.
    pub(crate) fn read(folder: &Path) -> Result<Kept, Failure> {
        let doing = || format!("go on with the bench in {}", folder.display());
        let replies = folder.join(REPLIES);
        let replies = replies.is_dir().then(|| Replay::open(&replies)).transpose();
        let read = || -> io::Result<_> {
            let lines = text_of(&folder.join(UNANSWERED))?;
            let unanswered: Result<Vec<Unanswered>, _> =
                lines.lines().map(serde_json::from_str).collect();
            let asked = text_of(&folder.join(ASKED))?;
            let asked = (!asked.is_empty()).then(|| serde_json::from_str(&asked));
            Ok((unanswered?, asked.transpose()?))
        };
        let (unanswered, asked) = read().map_err(|it| Failure::usage(doing(), it))?;
        Ok(Kept {
            replies: replies.map_err(|it| Failure::usage(doing(), it))?,
            lost: lost(&folder.join(UNDER_WAY)),
            unanswered,
            asked,
            folder: folder.to_owned(),
        })
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where answers are recorded.
    pub(crate) fn recording(&self) -> PathBuf {
        self.folder.join(REPLIES)
    }

    /// How many answers there are.
    pub(crate) fn answers(&self, model: &ModelId) -> usize {
        let replies = self.replies.as_ref();
        replies.map_or(0, |it| it.replies(model).count())
    }

    /// What was paid, as the events of a run.
    pub(crate) fn history(&self, model: &ModelId) -> Vec<Entry> {
        let agent = || "reviewer".to_owned();
        let replies = self.replies.iter().flat_map(|it| it.replies(model));
        let replied = replies.map(|reply| RunEvent::Replied {
            agent: agent(),
            iteration: 1,
            request_sha256: String::new(),
            reply: reply.clone(),
        });
        let unanswered = self.unanswered.iter().map(|it| RunEvent::Unanswered {
            agent: agent(),
            iteration: 1,
            unanswered: it.clone(),
        });
        let events = replied.chain(unanswered).zip(0..);
        events
            .map(|(event, seq)| Entry {
                seq,
                at_ms: 0,
                event,
            })
            .collect()
    }

    /// Keeps every other bench out of the folder, until this is dropped or the program ends. Take it before the folder is
    /// read: what another one leaves would be missed.
    pub(crate) fn lock(folder: &Path) -> Result<File, Failure> {
        let open = || -> io::Result<File> {
            fs::create_dir_all(folder)?;
            let path = folder.join(LOCK);
            File::options().create(true).append(true).open(path)
        };
        let file = open().map_err(|it| unwritable(folder, it))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(Failure::plain_usage(format!(
                "work in {}: another bench does so now (wait for it, or choose another --out)",
                folder.display()
            ))),
            Err(TryLockError::Error(it)) => Err(unwritable(folder, it)),
        }
    }

    /// Makes the folder ready, and sees to it that only one model is asked in one way.
    pub(crate) fn begin(&self, asked: &Asked) -> Result<(), Failure> {
        if let Some(before) = self.asked.as_ref().filter(|it| *it != asked) {
            let effort = before
                .effort
                .map_or("the usual".to_owned(), |it| it.to_string());
            return Err(Failure::plain_usage(format!(
                "go on with the bench in {}: it asks {} with {effort} effort (choose another --out)",
                self.folder.display(),
                before.model
            )));
        }
        let write = || -> io::Result<()> {
            fs::create_dir_all(self.folder.join(UNDER_WAY))?;
            let text = serde_json::to_string(asked)?;
            fs::write(self.folder.join(ASKED), text)
        };
        write().map_err(|it| self.unwritable(it))
    }

    /// Marks a case as under way.
    pub(crate) fn mark(&self, case: &str) -> Result<(), Failure> {
        fs::write(self.mark_of(case), "").map_err(|it| self.unwritable(it))
    }

    /// A case isn't under way any more: this was paid without an answer.
    pub(crate) fn unmark(&self, case: &str, unanswered: &[Unanswered]) -> Result<(), Failure> {
        let write = || -> io::Result<()> {
            if !unanswered.is_empty() {
                let path = self.folder.join(UNANSWERED);
                let mut file = OpenOptions::new().create(true).append(true).open(path)?;
                let mut lines = String::new();
                for it in unanswered {
                    lines += &serde_json::to_string(it)?;
                    lines.push('\n');
                }
                file.write_all(lines.as_bytes())?;
            }
            match fs::remove_file(self.mark_of(case)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            }
        };
        write().map_err(|it| self.unwritable(it))
    }

    /// Writes the result down, and says where.
    pub(crate) fn result(&self, text: &str) -> Result<PathBuf, Failure> {
        let file = self.folder.join(RESULT);
        fs::create_dir_all(&self.folder)
            .and_then(|()| fs::write(&file, text))
            .map_err(|it| self.unwritable(it))?;
        Ok(file)
    }

    /// Names of cases have one slash, and those of files none.
    fn mark_of(&self, case: &str) -> PathBuf {
        self.folder.join(UNDER_WAY).join(case.replace('/', "."))
    }

    fn unwritable(&self, error: io::Error) -> Failure {
        unwritable(&self.folder, error)
    }
}

fn unwritable(folder: &Path, error: io::Error) -> Failure {
    Failure::usage(format!("write into {}", folder.display()), error)
}

fn lost(marks: &Path) -> Vec<String> {
    let entries = fs::read_dir(marks).into_iter().flatten().flatten();
    let names = entries.map(|it| it.file_name().to_string_lossy().replacen('.', "/", 1));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// A file's text; nothing when there is none.
fn text_of(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}
