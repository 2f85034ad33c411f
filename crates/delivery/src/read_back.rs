//! Reads a bundle back, and refuses it when a byte of any file isn't what was written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use protocol::sha256;
use protocol::{Entry, RunId};

use crate::bundle::{Bundle, MARK, Mark, PROGRAM};
use crate::chain::verify_chain;
use crate::error::DeliveryError;
use crate::folder::mark_of;

/// The largest file that is read back.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Files and folders of one bundle.
const ENTRIES_MAX: usize = 10_000;
/// The deepest folder of an acceptance test.
const DEPTH_MAX: usize = 64;

/// Reads a bundle's run and journal back.
///
/// Everything in a bundle is made from its journal, so the bundle is made once more and compared byte by byte. The
/// digests in `bundle.json` come first: they name the file that somebody touched.
///
/// # Errors
///
/// When the folder is no bundle, when a file in it was changed, is missing or doesn't belong there, or when the
/// bundle is of another version of the program.
pub fn read_bundle(folder: &Path) -> Result<(RunId, Vec<Entry>), DeliveryError> {
    let mark = mark_of(folder)?.ok_or_else(|| DeliveryError::NoBundle {
        folder: folder.to_owned(),
    })?;
    let there = files_of(folder)?;
    compare_with_digests(&mark, &there)?;
    let journal = there.get("journal.jsonl").map_or(&[][..], |it| it);
    let journal = std::str::from_utf8(journal)
        .map_err(|it| changed("journal.jsonl", &format!("it is no text ({it})")))?;
    let (entries, head) = verify_chain(journal)?;
    if head != mark.journal_sha256 {
        return Err(DeliveryError::Chain {
            line: entries.len(),
            why: format!("its digest isn't the last one that {MARK} names (was the end cut off?)"),
        });
    }
    compare_with_the_journal(&mark, &entries, &there)?;
    Ok((mark.run, entries))
}

fn changed(file: &str, why: &str) -> DeliveryError {
    DeliveryError::Changed {
        file: protocol::visible(file).into_owned(),
        why: why.to_owned(),
    }
}

/// Every file of the folder against the digest that was written down for it.
fn compare_with_digests(mark: &Mark, there: &Files) -> Result<(), DeliveryError> {
    for (name, digest) in &mark.files {
        match there.get(name) {
            None => return Err(changed(name, "it is missing")),
            Some(bytes) if sha256(bytes) != *digest => {
                return Err(changed(name, "its content was changed after the run"));
            }
            Some(_) => {}
        }
    }
    let unknown = |it: &&String| *it != MARK && !mark.files.contains_key(*it);
    match there.keys().find(unknown) {
        Some(name) => Err(changed(name, "it doesn't belong to the bundle")),
        None => Ok(()),
    }
}

/// Every file of the folder against what its journal gives.
fn compare_with_the_journal(
    mark: &Mark,
    entries: &[Entry],
    there: &Files,
) -> Result<(), DeliveryError> {
    let made = Bundle::of(&mark.run, entries)?;
    let made: BTreeMap<&str, &[u8]> = made
        .files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let names = std::iter::once(MARK).chain(made.keys().copied());
    for name in names.chain(there.keys().map(String::as_str)) {
        if there.get(name).map(Vec::as_slice) != made.get(name).copied() {
            return Err(changed(name, &other_than_the_journal(mark)));
        }
    }
    Ok(())
}

fn other_than_the_journal(mark: &Mark) -> String {
    let mut why = "it isn't what the journal gives".to_owned();
    if mark.program != PROGRAM {
        why += &format!(
            " (the bundle is of {}, and this is {PROGRAM}: use that version)",
            match mark.program.as_str() {
                "" => "an early version".into(),
                program => protocol::visible(program),
            }
        );
    }
    why
}

/// The files of a folder by their path below it, with `/`.
type Files = BTreeMap<String, Vec<u8>>;

fn files_of(folder: &Path) -> Result<Files, DeliveryError> {
    let mut found = Files::new();
    let mut entries_left = ENTRIES_MAX;
    read_below(folder, "", DEPTH_MAX, &mut entries_left, &mut found)?;
    Ok(found)
}

fn read_below(
    folder: &Path,
    inside: &str,
    depth_left: usize,
    entries_left: &mut usize,
    found: &mut Files,
) -> Result<(), DeliveryError> {
    let refused = |it| DeliveryError::file("look into", folder, it);
    for entry in fs::read_dir(folder).map_err(refused)? {
        let entry = entry.map_err(refused)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = match inside {
            "" => name,
            inside => format!("{inside}/{name}"),
        };
        *entries_left = entries_left.saturating_sub(1);
        if *entries_left == 0 || depth_left == 0 {
            return Err(changed(&name, "no bundle has so many files or folders"));
        }
        // A link is neither: what it points at could change after it was checked.
        let kind = entry.file_type().map_err(refused)?;
        if kind.is_dir() {
            let before = found.len();
            read_below(&entry.path(), &name, depth_left - 1, entries_left, found)?;
            if found.len() == before {
                return Err(changed(&name, "it is an empty folder"));
            }
        } else if kind.is_file() {
            let bytes = read_file(&entry.path())?;
            found.insert(name, bytes);
        } else {
            return Err(changed(&name, "it is neither a file nor a folder"));
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<Vec<u8>, DeliveryError> {
    let refused = |it| DeliveryError::file("read", path, it);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(refused)?;
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(refused)?;
    if FILE_BYTES_MAX < bytes.len() as u64 {
        return Err(DeliveryError::TooLarge {
            path: path.to_owned(),
            bytes_max: FILE_BYTES_MAX,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use tempfile::TempDir;

    use super::*;
    use crate::example;

    fn run() -> RunId {
        RunId("260521-abcd".into())
    }

    /// A whole bundle in a folder of its own.
    fn written(history: &[Entry]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let bundle = Bundle::of(&run(), history).expect("the example is a run");
        bundle.write_to(folder.path()).expect("the folder is empty");
        folder
    }

    /// Does something to a whole bundle and says how that is found out.
    #[track_caller]
    fn check(change: impl FnOnce(&Path), want: Expect) {
        let folder = written(&example::completed());
        change(folder.path());
        let said = match read_bundle(folder.path()) {
            Ok(_) => "nothing was noticed".to_owned(),
            Err(error) => format!("could not {error}"),
        };
        want.assert_eq(&said.replace(&folder.path().display().to_string(), "FOLDER"));
    }

    #[test]
    fn a_bundle_reads_back_as_the_run_it_was_made_of() {
        for history in [
            example::completed(),
            example::no_code(),
            example::rich(),
            example::forked(),
        ] {
            let folder = written(&history);
            let read = read_bundle(folder.path()).expect("nothing was changed");
            assert_eq!(read, (run(), history));
        }
    }

    #[test]
    fn one_other_byte_anywhere_is_noticed() {
        let folder = written(&example::rich());
        let files = files_of(folder.path()).expect("it was just written");
        assert!(14 < files.len(), "{:?}", files.keys());
        for (name, bytes) in files {
            let path = folder.path().join(&name);
            for at in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
                let mut other = bytes.clone();
                other[at] ^= 1;
                fs::write(&path, &other).expect("writable");
                let error = read_bundle(folder.path());
                assert!(error.is_err(), "byte {at} of {name} may be changed");
            }
            fs::write(&path, bytes).expect("writable");
        }
        read_bundle(folder.path()).expect("everything is as it was");
    }

    #[test]
    fn the_file_that_was_touched_is_named() {
        let put = |folder: &Path, name: &str, text: &str| {
            fs::write(folder.join(name), text).expect("writable");
        };
        check(
            |it| put(it, "patch.diff", "other"),
            expect![
                "could not trust `patch.diff` of the bundle: its content was changed after the run"
            ],
        );
        check(
            |it| fs::remove_file(it.join("usage.json")).expect("it was there"),
            expect!["could not trust `usage.json` of the bundle: it is missing"],
        );
        check(
            |it| put(it, "acceptance/more.py", ""),
            expect![
                "could not trust `acceptance/more.py` of the bundle: it doesn't belong to the bundle"
            ],
        );
        check(
            |it| fs::create_dir(it.join("empty")).expect("it wasn't there"),
            expect!["could not trust `empty` of the bundle: it is an empty folder"],
        );
        check(
            |it| {
                fs::remove_file(it.join("task.json")).expect("it was there");
                std::os::unix::fs::symlink("base.json", it.join("task.json"))
                    .expect("the name is free");
            },
            expect!["could not trust `task.json` of the bundle: it is neither a file nor a folder"],
        );
        check(
            |it| fs::remove_file(it.join(MARK)).expect("it was there"),
            expect!["could not read `FOLDER` as an evidence bundle: it has no bundle.json of ours"],
        );
    }

    /// Rewrites the digests after a change, as somebody would who knows how a bundle is made.
    fn with_digests_made_again(folder: &Path, edit: impl FnOnce(&mut Mark)) {
        let mut mark = mark_of(folder).expect("readable").expect("it is there");
        for (name, bytes) in files_of(folder).expect("readable") {
            if name != MARK {
                mark.files.insert(name, sha256(&bytes));
            }
        }
        edit(&mut mark);
        let mut json = serde_json::to_vec_pretty(&mark).expect("plain data");
        json.push(b'\n');
        fs::write(folder.join(MARK), json).expect("writable");
    }

    #[test]
    fn digests_that_were_made_again_do_not_help() {
        check(
            |it| {
                fs::write(it.join("outcomes.json"), "{}").expect("writable");
                with_digests_made_again(it, |_| {});
            },
            expect!["could not trust `bundle.json` of the bundle: it isn't what the journal gives"],
        );
        check(
            |it| with_digests_made_again(it, |mark| mark.run = RunId("another".into())),
            expect!["could not trust `bundle.json` of the bundle: it isn't what the journal gives"],
        );
        check(
            |it| {
                fs::write(it.join("outcomes.json"), "{}").expect("writable");
                with_digests_made_again(it, |mark| mark.program = "pipeline 9.9".into());
            },
            expect![
                "could not trust `bundle.json` of the bundle: it isn't what the journal gives (the bundle is of pipeline 9.9, and this is pipeline 0.1.0: use that version)"
            ],
        );
    }

    #[test]
    fn a_journal_whose_end_is_cut_off_is_not_read() {
        check(
            |it| {
                let path = it.join("journal.jsonl");
                let text = fs::read_to_string(&path).expect("readable");
                let cut: String = text.split_inclusive('\n').take(4).collect();
                fs::write(&path, cut).expect("writable");
                with_digests_made_again(it, |_| {});
            },
            expect![
                "could not trust line 4 of the bundle's journal: its digest isn't the last one that bundle.json names (was the end cut off?)"
            ],
        );
    }
}
