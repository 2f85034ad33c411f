//! The Python interpreters of this machine: found in the given folders, asked once who they are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use protocol::{Limits, WorkspaceError};
use sandbox::command::{Door, Spawn, View};
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::step::bounds;
use super::version::{Specifiers, Version};

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
        Err(sandbox::error::CommandError::Start { .. }) => Ok(None),
        Err(error) => Err(WorkspaceError::failed(format!("ask `{program}`"), error)),
    }
}

/// The interpreters for a plan, best first: one the repository's authors use; the machine's usual one, unless the
/// repository is tested on others only; the newest it is tested on; then those nearest to these.
pub(super) fn in_order<'a>(
    plan: &Plan,
    interpreters: &'a [Interpreter],
) -> Result<Vec<&'a Interpreter>, WorkspaceError> {
    let mut fits: Vec<&Interpreter> = interpreters
        .iter()
        .filter(|it| plan.python.allow(it.version))
        .collect();
    if fits.is_empty() {
        return Err(none_fits(plan, interpreters));
    }
    let tested = &plan.python_tested;
    let wish_of = |it: &Interpreter| {
        let is = |wish: &String| Specifiers::new(format!("=={wish}")).allow(it.version);
        plan.python_wishes.iter().position(is).unwrap_or(usize::MAX)
    };
    let is_tested = |it: &Interpreter| tested.contains(&(it.version.major, it.version.minor));
    let newest = tested.last().copied();
    fits.sort_by_key(|it| {
        let is_usual = interpreters.first() == Some(*it);
        let minor = (it.version.major, it.version.minor);
        // Newer than anything it was tested on: the older, the likelier it works. Otherwise the newer.
        let beyond = newest.is_some_and(|newest| newest < minor);
        let age = match beyond {
            true => i32::from(minor.1),
            false => -i32::from(minor.1),
        };
        let rank = match (is_usual, is_tested(it)) {
            (true, true) => 0,
            (true, false) if tested.is_empty() => 0,
            (_, true) => 1,
            (true, false) if newest.is_some_and(|newest| minor < newest) => 2,
            _ => 3,
        };
        (
            wish_of(it),
            rank,
            beyond,
            age,
            std::cmp::Reverse(it.version),
        )
    });
    Ok(fits)
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
    fn check(requires: &str, wishes: &[&str], tested: &[u16], expected: &str) {
        let interpreters: Vec<Interpreter> = ["3.11.2", "3.8.18", "3.9.18", "3.13.0", "3.12.1"]
            .into_iter()
            .map(|it| Interpreter {
                path: PathBuf::from(format!("/py/{it}")),
                version: Version::parse(it).expect("a version"),
                prefix: PathBuf::from("/py"),
            })
            .collect();
        let plan = Plan {
            python: Specifiers::new(requires),
            python_wishes: wishes.iter().map(|it| (*it).to_owned()).collect(),
            python_tested: tested.iter().map(|it| (3, *it)).collect(),
            ..Plan::default()
        };
        let found = in_order(&plan, &interpreters).unwrap_or_default();
        let minors: Vec<String> = found
            .iter()
            .map(|it| it.version.minor.to_string())
            .collect();
        assert_eq!(
            minors.join(" "),
            expected,
            "{requires} {wishes:?} {tested:?}"
        );
    }

    #[test]
    fn the_wish_comes_first_then_the_usual_one_then_the_newest() {
        check("", &[], &[], "11 13 12 9 8");
        check(">=3.8", &["3.12"], &[], "12 11 13 9 8");
        check(">=3.8", &["3.14", "3.9"], &[], "9 11 13 12 8");
        check(">=3.12", &[], &[], "13 12");
        check(">=3.12,<3.13", &[], &[], "12");
        check("<3.10", &[], &[], "9 8");
        check(">=3.14", &[], &[], "");
    }

    #[test]
    fn what_it_is_tested_on_comes_before_what_is_usual_here() {
        check("", &[], &[7, 8], "8 9 11 12 13");
        check("", &[], &[8, 9, 10], "9 8 11 12 13");
        check("", &[], &[10, 11, 12], "11 12 9 8 13");
        check("", &[], &[12, 13], "13 12 11 9 8");
        check("", &[], &[6, 7], "8 9 11 12 13");
        check("", &["3.11"], &[8], "11 8 9 12 13");
    }
}
