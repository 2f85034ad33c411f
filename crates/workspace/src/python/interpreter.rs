//! The Python interpreters of this machine: found in the given folders, asked once who they are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use protocol::{Limits, WorkspaceError};
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::step::bounds;
use super::version::{Specifiers, Version};
use crate::command::{Door, Spawn, View};

/// Interpreters that are asked; more than anybody keeps.
const CANDIDATES_MAX: usize = 64;
/// Wall time for one answer.
const ANSWER_SECONDS_MAX: u64 = 20;
/// What current packages, pytest among them, still run on.
const OLDEST: Version = Version {
    major: 3,
    minor: 8,
    patch: 0,
};
const WHO_ARE_YOU: &str = "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.base_prefix); print(getattr(sys, '_base_executable', None) or sys.executable)";

/// A Python interpreter of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// Its executable.
    pub path: PathBuf,
    /// Its version.
    pub version: Version,
    /// The folder with its library.
    pub prefix: PathBuf,
}

/// What tells whether a file is still the one we looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    modified_ns: i128,
    bytes: u64,
}

impl Seal {
    pub(super) fn of(path: &Path) -> Option<Seal> {
        let metadata = std::fs::metadata(path).ok()?;
        let modified_ns = i128::from(metadata.mtime()) * 1_000_000_000;
        Some(Seal {
            modified_ns: modified_ns + i128::from(metadata.mtime_nsec()),
            bytes: metadata.len(),
        })
    }
}

/// Finds the interpreters: first those on the search path, in its order, then one in each folder of a collection
/// such as `~/.pyenv/versions`.
pub(super) async fn find(
    search_path: &[PathBuf],
    collections: &[PathBuf],
    door: &Door,
    limits: &Limits,
) -> Result<Vec<Interpreter>, WorkspaceError> {
    let mut seen = BTreeSet::new();
    let mut found: Vec<Interpreter> = Vec::new();
    let files = candidates(search_path, collections);
    for path in files.into_iter().take(CANDIDATES_MAX) {
        let real = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if !seen.insert(real) || !is_machine_code(&path) {
            continue;
        }
        if let Some(interpreter) = ask(&path, door, limits).await?
            && OLDEST <= interpreter.version
        {
            found.push(interpreter);
        }
    }
    Ok(found)
}

fn candidates(search_path: &[PathBuf], collections: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in search_path.iter().filter(|it| it.is_absolute()) {
        let mut here: Vec<PathBuf> = entries(folder)
            .into_iter()
            .filter(|it| is_python(it))
            .collect();
        // `python3` before `python3.9`: the shortest name is the machine's usual one.
        here.sort_by_key(|it| it.as_os_str().len());
        files.extend(here);
    }
    for collection in collections {
        let mut versions = entries(collection);
        versions.sort();
        files.extend(versions.into_iter().rev().map(|it| it.join("bin/python3")));
    }
    files.retain(|it| it.is_file());
    files
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|it| Some(it.ok()?.path())).collect()
}

/// `python3`, `python3.11`.
fn is_python(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix("python3").is_some_and(|rest| {
        rest.is_empty()
            || rest
                .strip_prefix('.')
                .is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()))
    })
}

/// Whether a file is a program itself, not a script that looks for one.
pub(super) fn is_machine_code(path: &Path) -> bool {
    let mut first = [0; 4];
    std::fs::File::open(path)
        .and_then(|mut it| it.read_exact(&mut first))
        .is_ok_and(|()| first == *b"\x7fELF")
}

/// An interpreter's own words; nothing when it doesn't work.
async fn ask(
    path: &Path,
    door: &Door,
    limits: &Limits,
) -> Result<Option<Interpreter>, WorkspaceError> {
    let argv = [
        path.display().to_string(),
        "-I".into(),
        "-c".into(),
        WHO_ARE_YOU.into(),
    ];
    let Some(answer) = answer(argv.to_vec(), door, limits).await? else {
        return Ok(None);
    };
    let lines: Vec<&str> = answer.lines().collect();
    let [version, prefix, executable] = lines.as_slice() else {
        return Ok(None);
    };
    Ok(Version::parse(version).map(|version| Interpreter {
        path: PathBuf::from(executable),
        version,
        prefix: PathBuf::from(prefix),
    }))
}

/// What a program of the user's own says on standard output; nothing when it fails.
pub(super) async fn answer(
    argv: Vec<String>,
    door: &Door,
    limits: &Limits,
) -> Result<Option<String>, WorkspaceError> {
    let mut bounds = bounds(limits);
    bounds.wall_seconds_max = bounds.wall_seconds_max.min(ANSWER_SECONDS_MAX);
    let program = argv.first().cloned().unwrap_or_default();
    let spawn = Spawn {
        argv,
        directory: PathBuf::from("/"),
        env: BTreeMap::new(),
        stdin: Vec::new(),
        // No repository has a word in it, and where its libraries are is not known yet.
        view: View::Bounded,
        bounds,
        report: false,
    };
    match door.run(&spawn).await {
        Ok(execution) => Ok(execution.succeeded().then_some(execution.stdout.text)),
        Err(crate::error::CommandError::Start { .. }) => Ok(None),
        Err(error) => Err(WorkspaceError::failed(format!("ask `{program}`"), error)),
    }
}

/// The interpreter for a plan: one the repository's authors use, else the machine's usual one, else the newest
/// that will do.
pub(super) fn choose<'a>(
    plan: &Plan,
    interpreters: &'a [Interpreter],
) -> Result<&'a Interpreter, WorkspaceError> {
    let fits: Vec<&Interpreter> = interpreters
        .iter()
        .filter(|it| plan.python.allow(it.version))
        .collect();
    let wish = plan.python_wish.as_deref().unwrap_or_default();
    let wished = Specifiers::new(format!("=={}", wish.trim_start_matches("cpython-")));
    let is_wished = |it: &&&Interpreter| !wish.is_empty() && wished.allow(it.version);
    let usual = fits.first().filter(|it| Some(**it) == interpreters.first());
    fits.iter()
        .find(is_wished)
        .or(usual)
        .or_else(|| fits.iter().max_by_key(|it| it.version))
        .copied()
        .ok_or_else(|| none_fits(plan, interpreters))
}

fn none_fits(plan: &Plan, interpreters: &[Interpreter]) -> WorkspaceError {
    let there: Vec<String> = interpreters
        .iter()
        .map(|it| format!("{} ({})", it.version, it.path.display()))
        .collect();
    WorkspaceError::Blocked {
        command: format!("find Python {}", plan.python.as_str()),
        tail: format!(
            "the repository asks for Python {}; this machine has {} (install a version that fits, for instance with pyenv or `uv python install`)",
            plan.python.as_str(),
            there.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(requires: &str, wish: Option<&str>, chosen: Option<&str>) {
        let interpreters: Vec<Interpreter> = ["3.11.2", "3.9.18", "3.13.0", "3.12.1"]
            .into_iter()
            .map(|it| Interpreter {
                path: PathBuf::from(format!("/py/{it}")),
                version: Version::parse(it).expect("a version"),
                prefix: PathBuf::from("/py"),
            })
            .collect();
        let plan = Plan {
            python: Specifiers::new(requires),
            python_wish: wish.map(str::to_owned),
            ..Plan::default()
        };
        let found = choose(&plan, &interpreters)
            .ok()
            .map(|it| it.version.to_string());
        assert_eq!(found.as_deref(), chosen, "{requires} {wish:?}");
    }

    #[test]
    fn the_wish_comes_first_then_the_usual_one_then_the_newest() {
        check("", None, Some("3.11.2"));
        check(">=3.8", Some("3.12"), Some("3.12.1"));
        check(">=3.8", Some("3.14"), Some("3.11.2"));
        check(">=3.8", Some("cpython-3.9"), Some("3.9.18"));
        check(">=3.12", None, Some("3.13.0"));
        check(">=3.12,<3.13", None, Some("3.12.1"));
        check("<3.10", None, Some("3.9.18"));
        check(">=3.14", None, None);
    }
}
