//! Changes to files, in whichever shape a model asked for them: all of one call are made, or none.

mod anchor;
mod hunks;

use protocol::{Workspace, WorkspaceError};

use crate::answer::Answer;
use crate::refusal::Refusal;
use crate::syntax::first_error_line;
use crate::text_file::{Splice, TextFile, Unwritable, encoded};

/// Largest file that is edited or written.
pub(crate) const FILE_BYTES_MAX: usize = 4 << 20;

/// One change to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileEdit {
    /// Puts `new` where `old` stands, which must be there exactly once.
    Replace {
        path: String,
        old: String,
        new: String,
    },
    /// Adds lines below a line; 0 is the top of the file.
    Insert {
        path: String,
        below_line: usize,
        text: String,
    },
    /// Makes a new file or writes one anew.
    Write { path: String, text: String },
    /// Deletes a file.
    Delete { path: String },
    /// Replaces the lines of each hunk, in order, and then moves the file, if asked.
    Patch {
        path: String,
        new_path: Option<String>,
        hunks: Vec<Hunk>,
    },
}

/// Some lines of a file, some of which are removed or added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hunk {
    /// Lines above it that say where to look, outermost first.
    pub(crate) headers: Vec<String>,
    /// Its lines.
    pub(crate) lines: Vec<HunkLine>,
    /// Whether it ends where the file ends.
    pub(crate) at_end: bool,
}

/// One line of a hunk, without its line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HunkLine {
    Kept(String),
    Removed(String),
    Added(String),
}

impl FileEdit {
    /// The file it is about.
    pub(crate) fn path(&self) -> &str {
        match self {
            FileEdit::Replace { path, .. }
            | FileEdit::Insert { path, .. }
            | FileEdit::Write { path, .. }
            | FileEdit::Delete { path }
            | FileEdit::Patch { path, .. } => path,
        }
    }
}

/// Makes all of the changes, or none of them.
pub(crate) async fn apply(work: &dyn Workspace, edits: &[FileEdit]) -> Result<Answer, Refusal> {
    let mut staged = Staged::default();
    for edit in edits {
        staged.take(work, edit).await?;
    }
    staged.write(work).await?;
    Ok(Answer::edited(staged.in_words()))
}

/// What the files will be, before anything is written.
#[derive(Default)]
struct Staged(Vec<StagedFile>);

struct StagedFile {
    path: String,
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
}

impl Staged {
    async fn take(&mut self, work: &dyn Workspace, edit: &FileEdit) -> Result<(), Refusal> {
        let path = edit.path();
        match edit {
            FileEdit::Write { text, .. } => {
                let file = self.file(work, path).await?;
                file.after = Some(rewritten(path, file.after.as_deref(), text)?);
            }
            FileEdit::Delete { .. } => {
                let file = self.existing(work, path).await?;
                file.after = None;
            }
            FileEdit::Replace { old, new, .. } => {
                let find = |text: &str| Ok(vec![anchor::replace(path, text, old, new)?]);
                self.existing(work, path).await?.edit(find)?;
            }
            FileEdit::Insert {
                below_line, text, ..
            } => {
                let find = |old: &str| Ok(vec![hunks::insert(path, old, *below_line, text)?]);
                self.existing(work, path).await?.edit(find)?;
            }
            FileEdit::Patch {
                new_path, hunks, ..
            } => {
                let file = self.existing(work, path).await?;
                if !hunks.is_empty() {
                    file.edit(|text| hunks::fit(path, text, hunks))?;
                }
                if let Some(new_path) = new_path.as_ref().filter(|it| *it != path) {
                    let bytes = file.after.take();
                    self.file(work, new_path).await?.after = bytes;
                }
            }
        }
        Ok(())
    }

    /// The file as the earlier edits of the call leave it.
    async fn file(&mut self, work: &dyn Workspace, path: &str) -> Result<&mut StagedFile, Refusal> {
        let known = self.0.iter().position(|it| it.path == path);
        let at = match known {
            Some(at) => at,
            None => {
                let bytes = match work.read(path).await {
                    Ok(bytes) => Some(bytes),
                    Err(WorkspaceError::NotFound { .. }) => None,
                    Err(error) => return Err(error.into()),
                };
                check_size(path, bytes.as_ref().map_or(0, Vec::len))?;
                self.0.push(StagedFile {
                    path: path.to_owned(),
                    before: bytes.clone(),
                    after: bytes,
                });
                self.0.len() - 1
            }
        };
        Ok(&mut self.0[at])
    }

    async fn existing(
        &mut self,
        work: &dyn Workspace,
        path: &str,
    ) -> Result<&mut StagedFile, Refusal> {
        let file = self.file(work, path).await?;
        if file.after.is_none() {
            return Err(Refusal::Workspace(WorkspaceError::NotFound {
                path: path.to_owned(),
            }));
        }
        Ok(file)
    }

    /// Writes every file; when one is refused, the ones before it are put back.
    async fn write(&self, work: &dyn Workspace) -> Result<(), Refusal> {
        for (at, file) in self.0.iter().enumerate() {
            if let Err(error) = put(work, &file.path, &file.before, &file.after).await {
                for done in self.0[..at].iter().rev() {
                    put(work, &done.path, &done.after, &done.before).await?;
                }
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// What was done, and which Python files don't parse any more.
    fn in_words(&self) -> String {
        let mut text = String::new();
        for file in &self.0 {
            let done = match (&file.before, &file.after) {
                (None, Some(_)) => "created",
                (Some(_), None) => "deleted",
                (None, None) => continue,
                (Some(_), Some(_)) => "edited",
            };
            text += &format!("{done} {}\n", file.path);
            if let Some(line) = file.newly_broken_line() {
                text += &format!(
                    "Note: {} is not valid Python now, see around line {line}\n",
                    file.path
                );
            }
        }
        text.trim_end().to_owned()
    }
}

impl StagedFile {
    fn edit(
        &mut self,
        find: impl FnOnce(&str) -> Result<Vec<Splice>, Refusal>,
    ) -> Result<(), Refusal> {
        let bytes = self.after.as_deref().unwrap_or_default();
        let not_text = || Refusal::NotText {
            path: self.path.clone(),
        };
        let mut file = TextFile::read(bytes).ok_or_else(not_text)?;
        file.splice(&find(&file.text())?);
        let bytes = file.bytes().map_err(|it| unwritable(&self.path, it))?;
        check_text(&self.path, &file.text())?;
        self.after = Some(bytes);
        Ok(())
    }

    fn newly_broken_line(&self) -> Option<usize> {
        if !self.path.ends_with(".py") {
            return None;
        }
        let broken = |bytes: &Option<Vec<u8>>| {
            let file = TextFile::read(bytes.as_deref()?)?;
            first_error_line(&file.text())
        };
        match broken(&self.before) {
            Some(_) => None,
            None => broken(&self.after),
        }
    }
}

/// A whole new text, in the manner of the file it replaces.
fn rewritten(path: &str, before: Option<&[u8]>, text: &str) -> Result<Vec<u8>, Refusal> {
    check_text(path, text)?;
    let Some(before) = before else {
        return encoded(text).map_err(|it| unwritable(path, it));
    };
    let not_text = || Refusal::NotText {
        path: path.to_owned(),
    };
    let mut file = TextFile::read(before).ok_or_else(not_text)?;
    file.rewrite(text);
    file.bytes().map_err(|it| unwritable(path, it))
}

fn unwritable(path: &str, it: Unwritable) -> Refusal {
    Refusal::Unwritable {
        path: path.to_owned(),
        encoding: it.encoding,
        character: it.character,
    }
}

fn check_text(path: &str, text: &str) -> Result<(), Refusal> {
    if text.contains('\0') {
        return Err(Refusal::BinaryText {
            path: path.to_owned(),
        });
    }
    check_size(path, text.len())
}

fn check_size(path: &str, bytes: usize) -> Result<(), Refusal> {
    if FILE_BYTES_MAX < bytes {
        return Err(Refusal::TooLarge {
            path: path.to_owned(),
            bytes,
            bytes_max: FILE_BYTES_MAX,
        });
    }
    Ok(())
}

async fn put(
    work: &dyn Workspace,
    path: &str,
    before: &Option<Vec<u8>>,
    after: &Option<Vec<u8>>,
) -> Result<(), WorkspaceError> {
    match after {
        Some(bytes) if before.as_ref() != Some(bytes) => work.write(path, bytes).await,
        None if before.is_some() => work.delete(path).await,
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
