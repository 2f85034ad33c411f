//! Tries an environment before money is spent: whether the base's suite can be collected in it, and of an old base whether
//! most of it passes.
//!
//! It decides between environments only. What becomes of each test is measured elsewhere, by a session that can be
//! believed.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use git::BaseTree;
use protocol::{DjangoProject, Execution, Exit, Limits, Network, WorkspaceError};
use regex::Regex;
use sandbox::command::{Door, Spawn, View};

use super::step::bounds;
use crate::Ready;

/// Wall time for collecting a suite.
const COLLECT_SECONDS_MAX: u64 = 120;
/// Wall time for running it: what fails for its age does so soon, and nobody should wait for all of it twice.
const RUN_SECONDS_MAX: u64 = 45;
/// Tests of a thousand that may fail without another environment being tried.
const FAILING_PERMILLE_MAX: u32 = 20;
/// As many may fail of a small suite: more likely they are wrong than the packages.
const FAILING_FEW_MAX: u32 = 3;
/// The end of the output that goes into an error.
const TAIL_BYTES_MAX: usize = 4 * 1024;
/// The command, as it is told.
pub(super) const COMMAND: &str = "python -m pytest --collect-only";

/// The same for a Django project, whose models can't be imported before it knows its settings.
const DJANGO_START: &str = include_str!("django_start.py");

/// How an environment did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trial {
    /// Whether nothing at all could be collected, though there is something.
    pub(super) is_broken: bool,
    pub(super) passed: u32,
    pub(super) failed: u32,
    /// The end of the output.
    pub(super) tail: String,
}

impl Trial {
    /// Whether tests say something in this environment.
    pub(super) fn works(&self) -> bool {
        !self.is_broken && self.failed <= self.passed
    }

    /// Whether so few fail that no other environment need be tried: some tests fail on any machine but their authors'.
    pub(super) fn is_clean(&self) -> bool {
        let few = self.failed <= FAILING_FEW_MAX || self.failing_permille() <= FAILING_PERMILLE_MAX;
        self.works() && few
    }

    /// Whether another one did worse. Of two that did alike, neither is better.
    pub(super) fn is_better_than(&self, other: &Trial) -> bool {
        (self.is_broken, self.failing_permille()) < (other.is_broken, other.failing_permille())
    }

    /// How many of a thousand tests fail; half of them where nothing is known.
    fn failing_permille(&self) -> u32 {
        let all = self.failed + self.passed;
        (self.failed * 1000).checked_div(all).unwrap_or(500)
    }

    /// What happened, in a few words.
    pub(super) fn words(&self) -> String {
        match self.is_broken {
            true => "no test can be collected".to_owned(),
            false => match self.failed {
                1 => format!("1 test fails and {} pass", self.passed),
                failed => format!("{failed} tests fail and {} pass", self.passed),
            },
        }
    }
}

/// Where a trial takes place.
pub(super) struct Place<'a> {
    pub(super) door: &'a Door,
    pub(super) limits: &'a Limits,
    /// An empty folder for a copy of the tree.
    pub(super) folder: &'a Path,
    pub(super) ready: &'a Ready,
    /// The folder in the tree in which the tests are run.
    pub(super) test_folder: &'a str,
    /// The Django project whose tests these are.
    pub(super) django: Option<DjangoProject>,
}

impl Place<'_> {
    /// Collects the suite, and runs it where `runs` says so.
    pub(super) async fn hold(&self, base: &BaseTree, runs: bool) -> Result<Trial, WorkspaceError> {
        let (laying, folder) = (base.clone(), self.folder.to_owned());
        tokio::task::spawn_blocking(move || laying.lay_out_in(&folder))
            .await
            .map_err(|it| WorkspaceError::failed("finish a copy of the tree", it))?
            .map_err(|it| WorkspaceError::failed("lay out a copy of the tree", it))?;
        let mut start = Start::Plain;
        let mut collected = self.collect(base, &start).await?;
        // Where a repository configures it itself, nothing of Django is missing.
        if let Some(django) = self.django.clone().filter(|_| !is_whole(&collected)) {
            let with_settings = Start::Django(django);
            let again = self.collect(base, &with_settings).await?;
            if has_ids(&again) {
                (start, collected) = (with_settings, again);
            }
        }
        let mut trial = Trial {
            is_broken: is_broken(&collected),
            tail: tail(&collected),
            ..Trial::default()
        };
        if runs && !trial.is_broken && has_ids(&collected) {
            let ran = self
                .pytest(base, &start, &["--tb=no", "--maxfail=100"], RUN_SECONDS_MAX)
                .await?;
            (trial.passed, trial.failed) = match ran.exit {
                Exit::Code(_) => counts(&ran.stdout.text),
                // One that takes longer was at least not stopped by its failures.
                _ => so_far(&ran.stdout.text),
            };
            if matches!(ran.exit, Exit::Code(_)) {
                trial.tail = tail(&ran);
            }
        }
        Ok(trial)
    }

    async fn collect(&self, base: &BaseTree, start: &Start) -> Result<Execution, WorkspaceError> {
        let how = ["--collect-only"];
        self.pytest(base, start, &how, COLLECT_SECONDS_MAX).await
    }

    async fn pytest(
        &self,
        base: &BaseTree,
        start: &Start,
        how: &[&str],
        seconds_max: u64,
    ) -> Result<Execution, WorkspaceError> {
        let always = ["-q", "--continue-on-collection-errors", "--color=no"];
        let tree = self.folder.display().to_string();
        let modules;
        let start = match start {
            Start::Django(django) => {
                modules = self.folder.join(&django.folder).display().to_string();
                vec!["python", "-c", DJANGO_START, &modules, &django.settings]
            }
            Start::Plain => vec!["python", "-m", "pytest"],
        };
        let mut env = self.ready.variables.clone();
        for value in env.values_mut() {
            *value = value.replace("{tree}", &tree);
        }
        let programs = self
            .ready
            .programs
            .iter()
            .map(|it| it.display().to_string());
        let programs: Vec<String> = programs.chain(["/usr/bin:/bin".to_owned()]).collect();
        env.insert("PATH".to_owned(), programs.join(":"));
        let mut readable: Vec<PathBuf> = self.ready.readable.clone();
        readable.extend(base.objects());
        let mut bounds = bounds(self.limits);
        bounds.wall_seconds_max = bounds.wall_seconds_max.min(seconds_max);
        let spawn = Spawn {
            argv: start
                .iter()
                .chain(&always)
                .chain(how)
                .map(|it| (*it).to_owned())
                .collect(),
            directory: self.folder.join(self.test_folder),
            env,
            stdin: Vec::new(),
            view: View::Confined {
                writable: vec![self.folder.to_owned()],
                readable,
                sealed: Vec::new(),
                network: Network::Loopback,
            },
            bounds,
            report: false,
        };
        self.door
            .run(&spawn)
            .await
            .map_err(|it| WorkspaceError::failed(format!("run `{COMMAND}`"), it))
    }
}

/// How pytest is started.
enum Start {
    Plain,
    /// With a Django project's settings.
    Django(DjangoProject),
}

/// Whether everything there is was collected.
fn is_whole(execution: &Execution) -> bool {
    matches!(execution.exit, Exit::Code(0 | 5))
}

/// Whether nothing was collected, and not because there is nothing.
fn is_broken(execution: &Execution) -> bool {
    match execution.exit {
        // 5 is pytest's word for a suite without tests.
        Exit::Code(0 | 5) | Exit::TooSlow | Exit::TooMuchOutput => false,
        Exit::Code(_) | Exit::Signal(_) => !has_ids(execution),
    }
}

/// Whether any line names a test.
fn has_ids(execution: &Execution) -> bool {
    let is_id = |it: &str| it.contains(".py::") && !it.starts_with("ERROR");
    execution.stdout.text.lines().any(is_id)
}

/// Passed, and failed or broken, from the last line.
fn counts(output: &str) -> (u32, u32) {
    static COUNT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(\d+) (passed|failed|errors?)\b").expect("the pattern is written here")
    });
    let mut sums = (0, 0);
    let last = output
        .lines()
        .rev()
        .find(|it| COUNT.is_match(it))
        .unwrap_or_default();
    for count in COUNT.captures_iter(last) {
        let number: u32 = count[1].parse().unwrap_or_default();
        match &count[2] {
            "passed" => sums.0 += number,
            _ => sums.1 += number,
        }
    }
    sums
}

/// Passed, and failed or broken, from the letters that pytest writes while it runs.
fn so_far(output: &str) -> (u32, u32) {
    let is_letter = |it: char| ".FEsxX".contains(it);
    let is_progress = |line: &&str| {
        let letters = line.split(" [").next().unwrap_or_default();
        !letters.is_empty() && letters.chars().all(is_letter)
    };
    let letters = output.lines().filter(is_progress);
    let letters = letters.flat_map(|it| it.split(" [").next().unwrap_or_default().chars());
    letters.fold((0, 0), |(passed, failed), it| match it {
        '.' => (passed + 1, failed),
        'F' | 'E' => (passed, failed + 1),
        _ => (passed, failed),
    })
}

fn tail(execution: &Execution) -> String {
    let whole = execution.tail();
    let whole = whole.trim();
    let from = whole.len().saturating_sub(TAIL_BYTES_MAX);
    whole[whole.ceil_char_boundary(from)..].to_owned()
}

#[cfg(test)]
mod tests {
    use protocol::Captured;

    use super::*;

    #[track_caller]
    fn check(exit: Exit, output: &str, broken: bool) {
        let execution = Execution {
            exit,
            stdout: Captured {
                text: output.to_owned(),
                bytes_total: output.len() as u64,
            },
            stderr: Captured::default(),
            report: Vec::new(),
            wall_ms: 0,
        };
        assert_eq!(is_broken(&execution), broken, "{exit:?} {output}");
    }

    #[test]
    fn a_suite_is_broken_when_nothing_of_it_can_be_collected() {
        check(
            Exit::Code(0),
            "a.py::test_a\n\n1 test collected in 0.01s",
            false,
        );
        check(Exit::Code(5), "no tests collected in 0.01s", false);
        check(
            Exit::Code(2),
            "ERROR a.py\nno tests collected, 1 error in 0.1s",
            true,
        );
        check(
            Exit::Code(2),
            "a.py::test_a\nERROR b.py\n1 test collected, 1 error",
            false,
        );
        check(Exit::Code(4), "", true);
        check(Exit::Signal(11), "", true);
        check(Exit::TooSlow, "", false);
    }

    #[test]
    fn outcomes_are_counted_from_the_last_line() {
        assert_eq!(
            counts("3 passed\n2 failed, 1 passed, 4 errors in 0.1s\n"),
            (1, 6)
        );
        assert_eq!(counts("no tests ran"), (0, 0));
        let stopped = "..F.s [ 40%]\nE.\nFailing is no fault.\n";
        assert_eq!(so_far(stopped), (4, 2));
    }

    #[test]
    fn another_environment_is_better_when_fewer_of_its_tests_fail() {
        let trial = |passed, failed| Trial {
            passed,
            failed,
            ..Trial::default()
        };
        let with_the_newest = trial(1168, 142);
        assert!(with_the_newest.works() && !with_the_newest.is_clean());
        assert!(trial(1300, 26).is_clean() && trial(0, 0).is_clean());
        assert!(!trial(1300, 28).is_clean());
        assert!(trial(3, 3).is_clean() && !trial(3, 4).is_clean() && !trial(4, 4).is_clean());
        assert!(trial(600, 0).is_better_than(&with_the_newest));
        assert!(!trial(1, 99).is_better_than(&with_the_newest));
        assert!(!with_the_newest.is_better_than(&with_the_newest));
        let broken = Trial {
            is_broken: true,
            ..Trial::default()
        };
        assert!(trial(1, 99).is_better_than(&broken) && !broken.is_better_than(&trial(0, 0)));
    }
}
