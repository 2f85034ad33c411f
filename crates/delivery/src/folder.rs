//! The folder of a bundle: written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

use crate::bundle::{Bundle, FORMAT, MARK, Mark};
use crate::error::DeliveryError;

/// Whatever a bundle has at its top.
const NAMES: &[&str] = &[
    MARK,
    "task.json",
    "base.json",
    "patch.diff",
    "acceptance",
    "acceptance.json",
    "bite.json",
    "integrity.json",
    "outcomes.json",
    "patch.json",
    "report.html",
    "ruff.json",
    "review.json",
    "usage.json",
    "journal.jsonl",
    "report.md",
];

impl Bundle {
    /// Whether a bundle could be written to a folder, before there is one.
    ///
    /// # Errors
    ///
    /// As those of [`Bundle::write_to`].
    pub fn check_place(folder: &Path) -> Result<(), DeliveryError> {
        let folder = &absolute(folder)?;
        refuse_foreign(folder)?;
        let there = folder.ancestors().skip(1).find(|it| it.exists());
        let there = there.unwrap_or(Path::new("/"));
        TempDir::with_prefix_in(".bundle-", there)
            .map(drop)
            .map_err(|it| DeliveryError::file("write below", there, it))
    }

    /// Writes the folder, all at once: it is there whole, or as it was before.
    ///
    /// An empty folder and an earlier bundle of ours are replaced.
    ///
    /// # Errors
    ///
    /// When the folder holds anything else, which is then untouched, or the system refuses.
    pub fn write_to(&self, folder: &Path) -> Result<(), DeliveryError> {
        let folder = &absolute(folder)?;
        let is_there = refuse_foreign(folder)?;
        let parent = folder.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|it| DeliveryError::file("create", parent, it))?;
        let beside = TempDir::with_prefix_in(".bundle-", parent)
            .map_err(|it| DeliveryError::file("write below", parent, it))?;
        let new = beside.path().join("new");
        for (name, bytes) in &self.files {
            write_file(&new.join(name), bytes)?;
        }
        if is_there {
            // The earlier one goes away with the temporary folder, after the new one stands in its place.
            let old = beside.path().join("old");
            fs::rename(folder, &old).map_err(|it| DeliveryError::file("replace", folder, it))?;
            if let Err(error) = fs::rename(&new, folder) {
                let _ = fs::rename(&old, folder);
                return Err(DeliveryError::file("write", folder, error));
            }
            return Ok(());
        }
        fs::rename(&new, folder).map_err(|it| DeliveryError::file("write", folder, it))
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), DeliveryError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|it| DeliveryError::file("create", folder, it))?;
    }
    fs::write(path, bytes).map_err(|it| DeliveryError::file("write", path, it))
}

/// The folder's own address: a link is followed, so that what it points at is replaced and not the link.
fn absolute(folder: &Path) -> Result<PathBuf, DeliveryError> {
    let found = fs::canonicalize(folder).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => std::path::absolute(folder),
        _ => Err(error),
    });
    found.map_err(|it| DeliveryError::file("find", folder, it))
}

/// Whether there is a bundle of ours already. A missing or an empty folder is free.
fn refuse_foreign(folder: &Path) -> Result<bool, DeliveryError> {
    let foreign = |found: String| DeliveryError::ForeignFolder {
        folder: folder.to_owned(),
        found,
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(DeliveryError::file("look into", folder, error)),
    };
    let mut is_empty = true;
    for entry in entries {
        let entry = entry.map_err(|it| DeliveryError::file("look into", folder, it))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !NAMES.contains(&name.as_str()) {
            return Err(foreign(format!(
                "`{}`, which isn't ours",
                protocol::visible(&name)
            )));
        }
        is_empty = false;
    }
    if is_empty {
        return Ok(true);
    }
    match mark_of(folder)? {
        Some(_) => Ok(true),
        None => Err(foreign(format!("files, but no {MARK} of ours"))),
    }
}

/// `bundle.json` of a folder, if it has one of ours.
pub(crate) fn mark_of(folder: &Path) -> Result<Option<Mark>, DeliveryError> {
    let path = folder.join(MARK);
    let bytes = read_plain(&path, MARK_BYTES_MAX)?;
    let mark = bytes.and_then(|it| serde_json::from_slice(&it).ok());
    Ok(mark.filter(|it: &Mark| it.format == FORMAT))
}

/// The largest `bundle.json`.
const MARK_BYTES_MAX: u64 = 64 * 1024;

/// A file's bytes, if it isn't too large; none where there is no file or something else. A link isn't followed, nobody
/// waits for the other end of a pipe, and what is too large isn't read at all: a bundle may come from a stranger.
pub(crate) fn read_plain(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, DeliveryError> {
    let refused = |it| DeliveryError::file("read", path, it);
    // To open a device may do something already.
    match fs::symlink_metadata(path) {
        Ok(it) if it.is_file() => {}
        Ok(_) => return Ok(None),
        // Below a file there is nothing either.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(refused(error)),
    }
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    let file = File::from(opened.map_err(|it| refused(it.into()))?);
    let there = file.metadata().map_err(refused)?;
    if !there.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    if there.len() <= bytes_max {
        // It may grow meanwhile.
        file.take(bytes_max + 1)
            .read_to_end(&mut bytes)
            .map_err(refused)?;
    }
    if bytes_max < there.len().max(bytes.len() as u64) {
        return Err(DeliveryError::TooLarge {
            path: path.to_owned(),
            bytes_max,
        });
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::{Entry, RunId};

    use super::*;
    use crate::example;

    fn run() -> RunId {
        RunId("260521-abcd".into())
    }

    fn bundle(history: &[Entry]) -> Bundle {
        Bundle::of(&run(), history).expect("the example is a run")
    }

    /// Writes a bundle where other files may be already; shows what was said, and every file afterwards.
    #[track_caller]
    fn check(there: &[(&str, &str)], want: Expect) {
        let world = tempfile::tempdir().expect("a folder for the test");
        let out = world.path().join("below/out");
        for (name, text) in there {
            write_file(&out.join(name), text.as_bytes()).expect("a file for the test");
        }
        let said = match bundle(&example::completed()).write_to(&out) {
            Ok(()) => "written".to_owned(),
            Err(error) => format!("could not {error}"),
        };
        let mut lines = vec![said.replace(&world.path().display().to_string(), "WORLD")];
        names_below(world.path(), world.path(), &mut lines);
        want.assert_eq(&lines.join("\n"));
    }

    fn names_below(root: &Path, folder: &Path, names: &mut Vec<String>) {
        let entries = fs::read_dir(folder).expect("a readable folder");
        let mut paths: Vec<PathBuf> = entries.map(|it| it.expect("an entry").path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                names_below(root, &path, names);
            } else {
                let inside = path.strip_prefix(root).expect("below the root");
                names.push(inside.display().to_string());
            }
        }
    }

    #[test]
    fn a_bundle_is_written_into_a_new_or_an_empty_folder() {
        check(
            &[],
            expect![[r#"
                written
                below/out/acceptance/tests/test_last_page.py
                below/out/acceptance.json
                below/out/base.json
                below/out/bite.json
                below/out/bundle.json
                below/out/integrity.json
                below/out/journal.jsonl
                below/out/outcomes.json
                below/out/patch.diff
                below/out/patch.json
                below/out/report.html
                below/out/report.md
                below/out/review.json
                below/out/ruff.json
                below/out/task.json
                below/out/usage.json"#]],
        );
        let world = tempfile::tempdir().expect("a folder for the test");
        bundle(&example::no_code())
            .write_to(world.path())
            .expect("an empty folder is free");
        assert!(world.path().join("report.md").exists());
    }

    #[test]
    fn a_foreign_folder_stays_as_it_is() {
        check(
            &[("notes.txt", "mine")],
            expect![[r#"
                could not write the bundle to `WORLD/below/out`: it holds `notes.txt`, which isn't ours (choose an empty or a new folder)
                below/out/notes.txt"#]],
        );
        check(
            &[("task.json", "{}")],
            expect![[r#"
                could not write the bundle to `WORLD/below/out`: it holds files, but no bundle.json of ours (choose an empty or a new folder)
                below/out/task.json"#]],
        );
        check(
            &[("bundle.json", "{}"), ("task.json", "{}")],
            expect![[r#"
                could not write the bundle to `WORLD/below/out`: it holds files, but no bundle.json of ours (choose an empty or a new folder)
                below/out/bundle.json
                below/out/task.json"#]],
        );
    }

    #[test]
    fn an_earlier_bundle_is_replaced_as_a_whole() {
        let world = tempfile::tempdir().expect("a folder for the test");
        let out = world.path().join("out");
        bundle(&example::completed())
            .write_to(&out)
            .expect("the folder is new");
        bundle(&example::no_code())
            .write_to(&out)
            .expect("the bundle is ours");
        let patch = fs::read_to_string(out.join("patch.diff")).expect("every bundle has one");
        assert_eq!(patch, "");
        let left: Vec<_> = fs::read_dir(world.path()).expect("readable").collect();
        assert_eq!(left.len(), 1, "nothing else is left beside it");
    }
}
