//! The user's own tests: read from files and folders, given a place in the repository, and frozen.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use protocol::{Task, TestFile, holds_tests, sha256, visible};

use crate::error::IntakeError;

/// Files that are taken in all.
const FILES_MAX: usize = 64;
/// Bytes of one file.
const FILE_BYTES_MAX: usize = 256 * 1024;
/// Bytes of all files; they travel with the run's first event.
const ALL_BYTES_MAX: usize = 1024 * 1024;
/// Deepest folder below a given one.
const DEPTH_MAX: usize = 8;
/// What stands beside a test file and belongs to it.
const CONFTEST: &str = "conftest.py";

/// Tests as the user gave them, before the repository is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenTests {
    files: Vec<GivenFile>,
    /// Tests of the repository, by their ids.
    ids: Vec<String>,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct GivenFile {
    /// As the user knows it.
    shown: String,
    /// Its name, below the name of the folder that was given, if one was.
    name: String,
    text: String,
    /// Its place, when it was taken from the repository's own folder.
    at: Option<String>,
    /// Whether it wasn't asked for, and may be left out where the repository has its own.
    along: bool,
}

impl GivenTests {
    /// Reads what was given: files, folders, and ids such as `tests/test_a.py::test_b`. Paths are relative to
    /// `folder`; `repository` is the local one that the task is about, if it is one.
    ///
    /// # Errors
    /// [`IntakeError::Tests`].
    pub fn read(
        given: &[String],
        folder: &Path,
        repository: Option<&Path>,
    ) -> Result<GivenTests, IntakeError> {
        let mut tests = GivenTests::default();
        let repository = repository.and_then(|it| fs::canonicalize(it).ok());
        for one in given {
            let refused = |why: &str| Err(wrong(one, why));
            if let Some((path, test)) = one.split_once("::") {
                let real = fs::canonicalize(folder.join(path)).ok();
                let inside = real.as_deref().zip(repository.as_deref());
                match inside.map(|(real, root)| below(root, real)) {
                    Some(Some(path)) => tests.ids.push(format!("{path}::{test}")),
                    Some(None) => {
                        return refused(
                            "such a name stands for a test of the repository, and the file is outside of it (give the \
                             whole file)",
                        );
                    }
                    None if real.is_some() => {
                        return refused(
                            "such a name stands for a test of the repository, and this isn't one (give the whole file)",
                        );
                    }
                    None => tests.ids.push(one.clone()),
                }
                continue;
            }
            let Ok(real) = fs::canonicalize(folder.join(one)) else {
                return refused("there is no such file or folder");
            };
            let before = tests.files.len();
            let root = repository.as_deref();
            if real.is_dir() {
                let name = name_of(&real, one)?;
                tests.take_folder(one, &real, &name, root, DEPTH_MAX)?;
            } else {
                let name = name_of(&real, one)?;
                if !name.ends_with(".py") {
                    return refused("it is neither a folder nor a Python file");
                }
                tests.take_file(one, &real, name, root, false)?;
                tests.take_conftest(one, &real, root)?;
            }
            if !tests.files[before..]
                .iter()
                .any(|it| holds_tests(&it.name, &it.text))
            {
                return refused(
                    "there is no test in it (no function whose name begins with `test`)",
                );
            }
        }
        Ok(tests)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.ids.is_empty()
    }

    /// Where the files belong in a repository with these paths. Named tests stay where they are.
    pub fn places(&self, existing: &[String]) -> Vec<String> {
        let folder = tests_folder(existing);
        let of_files = self.files.iter().map(|it| match &it.at {
            Some(at) => at.clone(),
            None => placed(folder, &it.name),
        });
        let of_ids = self.ids.iter().map(|it| file_of(it).to_owned());
        of_files.chain(of_ids).collect()
    }

    /// Freezes the tests into the task. `base` holds what the repository has at [`GivenTests::places`].
    ///
    /// # Errors
    /// [`IntakeError::Tests`], when a place is taken by another file or a named test's file isn't there.
    pub fn freeze_into(
        mut self,
        task: &mut Task,
        existing: &[String],
        base: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Vec<String>, IntakeError> {
        let places = self.places(existing);
        let mut frozen: BTreeMap<String, TestFile> = BTreeMap::new();
        for (file, place) in self.files.iter().zip(&places) {
            let there = base.get(place);
            if file.at.is_none() && there.is_some_and(|it| it != file.text.as_bytes()) {
                if file.along {
                    let note = format!("{} left out: the repository has its own", file.shown);
                    self.notes.push(note);
                    continue;
                }
                return Err(wrong(
                    &file.shown,
                    &format!(
                        "it would stand at {place}, where the repository has another file (give it another name)"
                    ),
                ));
            }
            let of_place = freeze(place.clone(), file.text.clone());
            if let Some(other) = frozen.insert(place.clone(), of_place)
                && other.text != file.text
            {
                return Err(wrong(
                    &file.shown,
                    &format!("two of the given files would stand at {place}"),
                ));
            }
        }
        for id in &self.ids {
            let path = file_of(id);
            let Some(bytes) = base.get(path) else {
                return Err(wrong(id, &format!("the repository has no file {path}")));
            };
            let text = text_of(id, bytes.clone())?;
            if !holds_tests(path, &text) {
                return Err(wrong(id, &format!("there is no test in {path}")));
            }
            frozen
                .entry(path.to_owned())
                .or_insert_with(|| freeze(path.to_owned(), text));
        }
        task.tests = frozen.into_values().collect();
        task.test_ids = self.ids;
        Ok(self.notes)
    }

    fn take_folder(
        &mut self,
        given: &str,
        folder: &Path,
        name: &str,
        root: Option<&Path>,
        depth: usize,
    ) -> Result<(), IntakeError> {
        if depth == 0 {
            return Err(wrong(
                given,
                &format!("it is nested more than {DEPTH_MAX} folders deep"),
            ));
        }
        let failed = |it: std::io::Error| wrong(given, &it.to_string());
        let mut entries = fs::read_dir(folder)
            .map_err(failed)?
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let kind = entry.file_type().map_err(failed)?;
            let path = entry.path();
            let file_name = entry.file_name();
            let own = file_name.to_string_lossy();
            let idle = own.starts_with('.') || own == "__pycache__" || own.ends_with(".pyc");
            // Links are not followed: they may lead anywhere.
            if idle || !(kind.is_dir() || kind.is_file()) {
                continue;
            }
            let inside = format!("{name}/{}", name_of(&path, given)?);
            if kind.is_dir() {
                self.take_folder(given, &path, &inside, root, depth - 1)?;
            } else {
                self.take_file(given, &path, inside, root, false)?;
            }
        }
        Ok(())
    }

    fn take_conftest(
        &mut self,
        given: &str,
        file: &Path,
        root: Option<&Path>,
    ) -> Result<(), IntakeError> {
        let beside = file.with_file_name(CONFTEST);
        let outside = root.is_none_or(|it| below(it, file).is_none());
        let taken = self.files.iter().any(|it| it.name == CONFTEST);
        if outside && !taken && file != beside && beside.is_file() {
            self.take_file(given, &beside, CONFTEST.to_owned(), root, true)?;
            self.notes.push(format!(
                "{} is taken along with the tests",
                visible(&beside.display().to_string())
            ));
        }
        Ok(())
    }

    fn take_file(
        &mut self,
        given: &str,
        path: &Path,
        name: String,
        root: Option<&Path>,
        along: bool,
    ) -> Result<(), IntakeError> {
        let shown = visible(&path.display().to_string()).into_owned();
        if self.files.len() == FILES_MAX {
            return Err(wrong(
                given,
                &format!("there are more than {FILES_MAX} files"),
            ));
        }
        let mut bytes = Vec::new();
        // One byte more than is allowed, so that too much is noticed and not cut.
        fs::File::open(path)
            .and_then(|it| it.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
            .map_err(|it| wrong(&shown, &it.to_string()))?;
        let so_far: usize = self.files.iter().map(|it| it.text.len()).sum();
        if FILE_BYTES_MAX < bytes.len() {
            return Err(wrong(
                &shown,
                &format!("it has more than {FILE_BYTES_MAX} bytes"),
            ));
        }
        if ALL_BYTES_MAX < so_far + bytes.len() {
            return Err(wrong(
                given,
                &format!("all files have more than {ALL_BYTES_MAX} bytes"),
            ));
        }
        self.files.push(GivenFile {
            text: text_of(&shown, bytes)?,
            at: root.and_then(|it| below(it, path)),
            shown,
            name,
            along,
        });
        Ok(())
    }
}

fn wrong(given: &str, why: &str) -> IntakeError {
    IntakeError::Tests {
        given: visible(given).into_owned(),
        why: why.to_owned(),
    }
}

fn text_of(shown: &str, bytes: Vec<u8>) -> Result<String, IntakeError> {
    String::from_utf8(bytes).map_err(|it| {
        let at = it.utf8_error().valid_up_to();
        wrong(shown, &format!("byte {at} isn't UTF-8, and tests are text"))
    })
}

/// The last part of a path, when it can stand in a repository without surprises: git quotes other names in patches.
fn name_of(path: &Path, given: &str) -> Result<String, IntakeError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = |it: char| it.is_ascii_alphanumeric() || "._-+".contains(it);
    if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(plain) {
        return Err(wrong(
            given,
            &format!(
                "the name `{}` has other characters than letters, digits, `.`, `_`, `-` and `+`",
                visible(&name)
            ),
        ));
    }
    Ok(name.into_owned())
}

/// A path relative to a folder above it.
fn below(root: &Path, path: &Path) -> Option<String> {
    let relative: PathBuf = path.strip_prefix(root).ok()?.to_owned();
    let parts: Option<Vec<&str>> = relative.iter().map(|it| it.to_str()).collect();
    parts.map(|it| it.join("/"))
}

fn file_of(id: &str) -> &str {
    id.split("::").next().unwrap_or(id)
}

/// The topmost folder of the repository with the most tests; none where there are no tests yet.
fn tests_folder(existing: &[String]) -> Option<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for path in existing {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.ends_with("_test.py") || name.starts_with("test_") && name.ends_with(".py") {
            *counts.entry(top_of_tests(folder)).or_default() += 1;
        }
    }
    let most = |(name, count): &(&str, usize)| (*count, std::cmp::Reverse(name.len()));
    counts
        .into_iter()
        .max_by_key(most)
        .map(|(folder, _)| folder)
}

/// `tests` of `tests/unit`, `pkg/test` of `pkg/test/x`; otherwise the folder itself.
fn top_of_tests(folder: &str) -> &str {
    let mut end = 0;
    for part in folder.split('/') {
        end += part.len();
        if part == "tests" || part == "test" {
            return &folder[..end];
        }
        end += 1;
    }
    folder
}

fn placed(folder: Option<&str>, name: &str) -> String {
    let Some(folder) = folder.filter(|it| !it.is_empty()) else {
        return name.to_owned();
    };
    let last = folder.rsplit('/').next().unwrap_or(folder);
    match name.split_once('/') {
        // A folder `tests` goes into the repository's folder `tests`, not below it.
        Some((first, rest)) if first == last => format!("{folder}/{rest}"),
        _ => format!("{folder}/{name}"),
    }
}

fn freeze(path: String, text: String) -> TestFile {
    let sha256 = sha256(&text);
    TestFile { path, text, sha256 }
}

#[cfg(test)]
mod tests;
