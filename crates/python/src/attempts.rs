//! The environments that are tried for a base, one after the other: with the newest releases, and with those of its day.

use std::time::{SystemTime, UNIX_EPOCH};

use git::BaseTree;
use protocol::WorkspaceError;

use super::interpreter::Interpreter;
use super::plan::Plan;
use super::step::CERTIFICATES;

/// Interpreters that are tried with the same releases.
pub(super) const INTERPRETERS_MAX: usize = 2;
/// Interpreters of which it is found out whether the index has everything ready-made for them.
pub(super) const LOOKED_AT_MAX: usize = 5;

const DAY: i64 = 24 * 60 * 60;
/// For a base that is younger, the newest releases are those of its day.
const YOUNG_DAYS_MAX: i64 = 7;
/// An older base is run, not only collected: what passed then may fail with the releases of today.
const OLD_DAYS_MIN: i64 = 180;
/// 2021-01-01: before that there was no pytest that can be spoken with.
const OLDEST_DAY: i64 = 18_628;

/// One environment to try.
#[derive(Clone, Debug)]
pub(super) struct Attempt<'a> {
    pub(super) plan: Plan,
    pub(super) interpreter: &'a Interpreter,
    /// Take releases up to this day only, as in `2021-05-03`.
    pub(super) as_of: Option<String>,
    /// Whether what developers need besides tests is left out.
    pub(super) is_for_tests_alone: bool,
}

impl Attempt<'_> {
    /// The day whose releases of pytest are taken: at least those that know the interpreter, two months after it came.
    pub(super) fn runner_day(&self) -> Option<String> {
        let known = known_by(self.interpreter);
        self.as_of.clone().map(|it| it.max(known))
    }

    /// It in words, for a person.
    pub(super) fn words(&self) -> String {
        let version = self.interpreter.version;
        let of_what = match self.is_for_tests_alone {
            true => " of what tests need",
            false => "",
        };
        match &self.as_of {
            None => format!("Python {version} with the newest releases{of_what}"),
            Some(day) => format!("Python {version} with the releases of {day}{of_what}"),
        }
    }
}

/// Which releases are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Era {
    Newest,
    /// Those of the base's day.
    Day(String),
    /// Those of the time when the interpreter was new, for a base that is older: what was there on its day was often
    /// never made for this interpreter, and what is there today has moved on.
    Interpreter(String),
}

impl Era {
    /// All that are tried for a base of this day, in order.
    pub(super) fn of(day: Option<String>) -> Vec<Era> {
        let old = day.map(|it| [Era::Day(it.clone()), Era::Interpreter(it)]);
        let old = old.into_iter().flatten();
        [Era::Newest].into_iter().chain(old).collect()
    }

    /// The last day whose releases are taken with an interpreter; none where this era says the same as the one before.
    pub(super) fn as_of(&self, interpreter: &Interpreter) -> Option<Option<String>> {
        match self {
            Era::Newest => Some(None),
            Era::Day(day) => Some(Some(day.clone())),
            Era::Interpreter(day) => {
                let known = known_by(interpreter);
                (*day < known).then_some(Some(known))
            }
        }
    }
}

/// The age of a base, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Age {
    committed_unix_s: i64,
    now_unix_s: i64,
}

impl Age {
    /// Of a base; one that can't be read is taken for new.
    pub(super) fn of(base: &BaseTree) -> Age {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_unix_s = now.map_or(0, |it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX));
        Age {
            committed_unix_s: base.committed_unix_s().unwrap_or(now_unix_s),
            now_unix_s,
        }
    }

    fn days(self) -> i64 {
        (self.now_unix_s - self.committed_unix_s) / DAY
    }

    /// Whether its tests may fail for no other reason than the years.
    pub(super) fn is_old(self) -> bool {
        OLD_DAYS_MIN <= self.days()
    }

    /// The day whose releases it was written for, unless that is about today.
    pub(super) fn day(self) -> Option<String> {
        let day = (self.committed_unix_s / DAY).max(OLDEST_DAY);
        (YOUNG_DAYS_MAX < self.days()).then(|| date(day))
    }

    /// Puts interpreters first that were there on the day of the base, unless it says itself which ones it takes.
    pub(super) fn sort(self, plan: &Plan, interpreters: &mut [&Interpreter]) {
        if !plan.python_wishes.is_empty() || !plan.python_tested.is_empty() {
            return;
        }
        let months = |it: &Interpreter| released_year(it) * 12 + 10;
        let (year, month, _) = civil(self.committed_unix_s / DAY);
        let day = year * 12 + month;
        interpreters.sort_by_key(|it| {
            let there = months(it) <= day;
            (!there, if there { -months(it) } else { months(it) })
        });
    }
}

/// The oldest of the interpreters that a repository is tested on, or of all where it doesn't say.
pub(super) fn oldest<'a>(plan: &Plan, interpreters: &[&'a Interpreter]) -> Option<&'a Interpreter> {
    let is_tested = |it: &&&Interpreter| {
        let minor = (it.version.major, it.version.minor);
        plan.python_tested.is_empty() || plan.python_tested.contains(&minor)
    };
    let tested = interpreters.iter().filter(is_tested);
    tested.min_by_key(|it| it.version).copied()
}

/// The day on which packages had had two months to be made for an interpreter.
pub(super) fn known_by(interpreter: &Interpreter) -> String {
    format!("{}-12-01", released_year(interpreter))
}

/// The year in whose October an interpreter's minor version came, as one has every year since 3.9 in 2020.
fn released_year(interpreter: &Interpreter) -> i64 {
    i64::from(interpreter.version.minor) + 2011
}

/// What to write where nothing worked.
pub(super) fn advice(tried: &[String]) -> String {
    format!(
        "(tried: {}. Say in `pyproject.toml` how the repository is set up for its tests:\n[tool.pipeline]\ninstall_command = \"uv pip install -e . pytest\")",
        tried.join("; ")
    )
}

/// The last line of what was said that says anything.
pub(super) fn last_line(tail: &str) -> String {
    const CHARS_MAX: usize = 160;
    let has_words = |it: &&str| it.contains(char::is_alphabetic);
    let line = tail.lines().rev().map(str::trim).find(has_words);
    line.unwrap_or_default().chars().take(CHARS_MAX).collect()
}

/// A failure with everything that was tried behind it.
pub(super) fn with_advice(error: WorkspaceError, tried: &[String]) -> WorkspaceError {
    match error {
        // No line of a project helps there.
        WorkspaceError::Blocked { command, tail } if tail.starts_with(CERTIFICATES) => {
            WorkspaceError::Blocked { command, tail }
        }
        WorkspaceError::Blocked { command, tail } => WorkspaceError::Blocked {
            command,
            tail: format!("{tail}\n{}", advice(tried)),
        },
        other => other,
    }
}

fn date(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of a number of days since 1970, by <https://howardhinnant.github.io/date_algorithms.html>.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Version;

    #[track_caller]
    fn check(committed_day: i64, days_ago: i64, day: Option<&str>, old: bool) {
        let age = Age {
            committed_unix_s: committed_day * DAY + 5,
            now_unix_s: (committed_day + days_ago) * DAY + 5,
        };
        assert_eq!(age.day().as_deref(), day);
        assert_eq!(age.is_old(), old);
    }

    #[test]
    fn a_base_has_the_releases_of_its_day_and_never_those_before_a_usable_pytest() {
        check(18_750, 0, None, false);
        check(18_750, 8, Some("2021-05-03"), false);
        check(18_750, 1000, Some("2021-05-03"), true);
        check(15_000, 5000, Some("2021-01-01"), true);
        check(19_782, 100, Some("2024-02-29"), false);
    }

    #[test]
    fn an_interpreter_that_came_later_is_tried_with_the_releases_of_its_own_time() {
        let check = |version: &str, base: &str, want: &[Option<&str>]| {
            let interpreter = Interpreter {
                path: PathBuf::from(version),
                version: Version::parse(version).expect("a version"),
                prefix: PathBuf::new(),
            };
            let eras = Era::of(Some(base.to_owned()));
            let found: Vec<Option<String>> = eras
                .iter()
                .filter_map(|it| it.as_of(&interpreter))
                .collect();
            let found: Vec<Option<&str>> = found.iter().map(Option::as_deref).collect();
            assert_eq!(found, want, "{version} {base}");
        };
        let (day, later) = (Some("2021-03-02"), Some("2022-12-01"));
        check("3.11.2", "2021-03-02", &[None, day, later]);
        check("3.9.1", "2021-03-02", &[None, day]);
        assert_eq!(Era::of(None), [Era::Newest]);
    }

    #[test]
    fn the_oldest_interpreter_is_one_that_the_base_is_tested_on() {
        let interpreters: Vec<Interpreter> = ["3.11.2", "3.8.1", "3.9.1"]
            .into_iter()
            .map(|it| Interpreter {
                path: PathBuf::from(it),
                version: Version::parse(it).expect("a version"),
                prefix: PathBuf::new(),
            })
            .collect();
        let all: Vec<&Interpreter> = interpreters.iter().collect();
        let of = |tested: &[u16]| {
            let plan = Plan {
                python_tested: tested.iter().map(|it| (3, *it)).collect(),
                ..Plan::default()
            };
            oldest(&plan, &all).map(|it| it.version.minor)
        };
        assert_eq!(of(&[]), Some(8));
        assert_eq!(of(&[7, 9, 11]), Some(9));
        assert_eq!(of(&[7]), None);
    }

    #[test]
    fn an_old_base_that_says_nothing_has_the_interpreter_of_its_day() {
        let interpreters: Vec<Interpreter> = ["3.11.2", "3.8.1", "3.9.1", "3.13.0"]
            .into_iter()
            .map(|it| Interpreter {
                path: PathBuf::from(it),
                version: Version::parse(it).expect("a version"),
                prefix: PathBuf::new(),
            })
            .collect();
        let mut sorted: Vec<&Interpreter> = interpreters.iter().collect();
        let age = Age {
            committed_unix_s: 18_750 * DAY,
            now_unix_s: 0,
        };
        age.sort(&Plan::default(), &mut sorted);
        let minors: Vec<u16> = sorted.iter().map(|it| it.version.minor).collect();
        assert_eq!(minors, [9, 8, 11, 13]);
    }
}
