//! Reads a bundle back, and refuses it when a byte of any file isn't what was written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::sha256;
use protocol::{Entry, RunId};

use crate::bundle::{Bundle, MARK, Mark, PROGRAM};
use crate::chain::verify_chain;
use crate::error::DeliveryError;
use crate::folder::{mark_of, read_plain};

/// All files of one bundle together.
const BUNDLE_BYTES_MAX: u64 = 1 << 30;
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

/// Reads them once all of them together are known to be small enough.
fn files_of(folder: &Path) -> Result<Files, DeliveryError> {
    let too_large = || DeliveryError::TooLarge {
        path: folder.to_owned(),
        bytes_max: BUNDLE_BYTES_MAX,
    };
    let mut list = Vec::new();
    let mut entries_left = ENTRIES_MAX;
    list_below(folder, "", DEPTH_MAX, &mut entries_left, &mut list)?;
    let sizes = list.iter().map(|it| it.bytes);
    if BUNDLE_BYTES_MAX < sizes.fold(0, u64::saturating_add) {
        return Err(too_large());
    }
    let mut found = Files::new();
    let mut bytes_left = BUNDLE_BYTES_MAX;
    for file in list {
        let read = match read_plain(&file.path, bytes_left) {
            // It grew meanwhile.
            Err(DeliveryError::TooLarge { .. }) => return Err(too_large()),
            read => read?,
        };
        let bytes = read.ok_or_else(|| changed(&file.name, NO_FILE))?;
        bytes_left -= bytes.len() as u64;
        found.insert(file.name, bytes);
    }
    Ok(found)
}

/// A file that is yet to be read.
struct Listed {
    name: String,
    path: PathBuf,
    bytes: u64,
}

const NO_FILE: &str = "it is neither a file nor a folder";

fn list_below(
    folder: &Path,
    inside: &str,
    depth_left: usize,
    entries_left: &mut usize,
    found: &mut Vec<Listed>,
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
        let there = entry.metadata().map_err(refused)?;
        if there.is_dir() {
            let before = found.len();
            list_below(&entry.path(), &name, depth_left - 1, entries_left, found)?;
            if found.len() == before {
                return Err(changed(&name, "it is an empty folder"));
            }
        } else if there.is_file() {
            found.push(Listed {
                name,
                path: entry.path(),
                bytes: there.len(),
            });
        } else {
            return Err(changed(&name, NO_FILE));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use rustix::fs::{CWD, FileType, Mode, mknodat};
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

    /// In the place of a file: a named pipe that nobody writes into.
    fn pipe(folder: &Path, name: &str) {
        let path = folder.join(name);
        fs::remove_file(&path).expect("it was there");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).expect("a free name");
    }

    /// In the place of a file: one that only seems to hold so many bytes.
    fn sparse(folder: &Path, name: &str, bytes: u64) {
        let file = fs::File::create(folder.join(name)).expect("writable");
        file.set_len(bytes).expect("it takes no place");
    }

    #[test]
    fn what_cannot_be_read_to_its_end_is_not_begun() {
        check(
            |it| pipe(it, "usage.json"),
            expect![
                "could not trust `usage.json` of the bundle: it is neither a file nor a folder"
            ],
        );
        check(
            |it| pipe(it, MARK),
            expect!["could not read `FOLDER` as an evidence bundle: it has no bundle.json of ours"],
        );
        check(
            |it| sparse(it, "usage.json", 3 << 30),
            expect!["could not read `FOLDER`: it is larger than 1073741824 bytes"],
        );
        check(
            |it| sparse(it, MARK, 3 << 30),
            expect!["could not read `FOLDER/bundle.json`: it is larger than 65536 bytes"],
        );
        check(
            |it| {
                for number in 0..16 {
                    sparse(it, &format!("acceptance/{number}.py"), 1 << 29);
                }
            },
            expect!["could not read `FOLDER`: it is larger than 1073741824 bytes"],
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
