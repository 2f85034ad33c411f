//! Writes the change as a patch file that `git apply` takes.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use git::apply_to_files;
use protocol::{Destination, RunState, patch_bytes};

use crate::error::DeliveryError;
use crate::targets::{Change, Target, blocking};

/// How every patch of ours begins: with its first file, or with the encoding of that.
const FIRST_WORDS: [&[u8; 11]; 2] = [b"diff --git ", b"Encoding of"];

/// A patch file.
#[derive(Clone, Debug)]
pub struct PatchFile {
    /// The file.
    pub file: PathBuf,
}

#[async_trait]
impl Target for PatchFile {
    fn destination(&self) -> Destination {
        Destination::Patch {
            file: self.file.display().to_string(),
        }
    }

    /// The file.
    async fn hand_over(&self, change: &Change) -> Result<String, DeliveryError> {
        let (file, change) = (self.file.clone(), change.clone());
        blocking(move || {
            let state = RunState::fold(&change.history)?;
            write_patch(&state, &change.run.0, &file)?;
            Ok(file.display().to_string())
        })
        .await
    }
}

/// Writes the run's change to a file, whole or not at all.
///
/// An earlier patch at that place is replaced.
///
/// # Errors
///
/// When there is no change, when another kind of file is there already, or when the system refuses.
fn write_patch(state: &RunState, run: &str, file: &Path) -> Result<(), DeliveryError> {
    if state.proposed_code.trim().is_empty() {
        return Err(DeliveryError::NothingToDeliver {
            run: run.to_owned(),
        });
    }
    refuse_foreign(file)?;
    let refused = |it| DeliveryError::file("write", file, it);
    let mut new = new_beside(file)?;
    new.write_all(&patch_bytes(&state.proposed_code))
        .map_err(refused)?;
    new.as_file().sync_all().map_err(refused)?;
    new.persist(file).map_err(|it| refused(it.error))?;
    Ok(())
}

/// Whether a patch could be written to a file, before there is one.
///
/// # Errors
///
/// When another kind of file is there already, there is no such folder, or the system refuses.
pub fn check_patch_place(file: &Path) -> Result<(), DeliveryError> {
    refuse_foreign(file)?;
    new_beside(file).map(drop)
}

/// A file that can take the place of the given one.
fn new_beside(file: &Path) -> Result<tempfile::NamedTempFile, DeliveryError> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(DeliveryError::NoFolder {
            file: file.to_owned(),
        });
    }
    tempfile::Builder::new()
        .prefix(".patch-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|it| DeliveryError::file("write", file, it))
}

/// Applies the run's change to the files of the repository around `folder`, and stages nothing; the files, sorted.
///
/// # Errors
///
/// When there is no change, or when it doesn't fit the files; nothing has changed then.
pub fn apply_change(
    state: &RunState,
    run: &str,
    folder: &Path,
) -> Result<Vec<String>, DeliveryError> {
    if state.proposed_code.trim().is_empty() {
        return Err(DeliveryError::NothingToDeliver {
            run: run.to_owned(),
        });
    }
    apply_to_files(folder, &state.proposed_code).map_err(DeliveryError::Apply)
}

/// Only a patch, or an empty file, may be replaced.
fn refuse_foreign(file: &Path) -> Result<(), DeliveryError> {
    let refused = |it| DeliveryError::file("look at", file, it);
    let there = match fs::File::open(file) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused(error)),
    };
    let mut begins = Vec::new();
    there
        .take(FIRST_WORDS[0].len() as u64)
        .read_to_end(&mut begins)
        .map_err(refused)?;
    if begins.is_empty() || FIRST_WORDS.iter().any(|it| begins == *it) {
        return Ok(());
    }
    Err(DeliveryError::ForeignFile {
        file: file.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::example;

    /// Writes the change of a run over what is there, and shows what came of it.
    #[track_caller]
    fn check(there: Option<&str>, history: &[protocol::Entry], want: Expect) {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let file = folder.path().join("change.patch");
        if let Some(text) = there {
            fs::write(&file, text).expect("a file for the test");
        }
        let state = RunState::fold(history).expect("the example is a run");
        let said = match write_patch(&state, "r", &file) {
            Ok(()) => "written".to_owned(),
            Err(error) => format!("could not {error}"),
        };
        let left = fs::read_to_string(&file).unwrap_or_else(|_| "nothing".to_owned());
        let shown = format!("{said}\n{}", left.lines().next().unwrap_or_default());
        want.assert_eq(&shown.replace(&folder.path().display().to_string(), "FOLDER"));
    }

    #[test]
    fn a_patch_takes_the_place_of_nothing_or_of_another_patch() {
        let run = example::completed();
        check(
            None,
            &run,
            expect![[r#"
            written
            diff --git a/src/pager.py b/src/pager.py"#]],
        );
        check(
            Some(""),
            &run,
            expect![[r#"
            written
            diff --git a/src/pager.py b/src/pager.py"#]],
        );
        check(
            Some("diff --git a/x b/x\n"),
            &run,
            expect![[r#"
            written
            diff --git a/src/pager.py b/src/pager.py"#]],
        );
    }

    #[test]
    fn another_file_stays_as_it_is() {
        check(
            Some("my notes\n"),
            &example::completed(),
            expect![[r#"
            could not write the patch to `FOLDER/change.patch`: there is a file already that is no patch (choose another name)
            my notes"#]],
        );
    }

    #[test]
    fn a_run_without_a_change_writes_no_file() {
        check(
            None,
            &example::no_code(),
            expect![[r#"
            could not deliver the change of run r: it changed nothing
            nothing"#]],
        );
    }

    #[test]
    fn the_patch_is_the_runs_change_byte_for_byte() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let file = folder.path().join("change.patch");
        let state = RunState::fold(&example::completed()).expect("the example is a run");
        write_patch(&state, "r", &file).expect("there is a change");
        let written = fs::read_to_string(&file).expect("it was written");
        assert_eq!(written, example::PATCH);
    }
}
