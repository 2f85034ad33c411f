//! Versions of Python, and the conditions that projects set on them.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A version such as `3.11.7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// The 3 of 3.11.7.
    pub major: u16,
    /// The 11 of 3.11.7.
    pub minor: u16,
    /// The 7 of 3.11.7.
    pub patch: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// Reads `3.11.7`; missing parts are zero, and what follows a digit is left out.
    pub fn parse(text: &str) -> Option<Version> {
        let (parts, _) = parts(text)?;
        Some(Version {
            major: parts[0],
            minor: parts[1],
            patch: parts[2],
        })
    }

    fn parts(self) -> [u16; 3] {
        [self.major, self.minor, self.patch]
    }
}

/// Up to three numbers, and how many there were.
fn parts(text: &str) -> Option<([u16; 3], usize)> {
    let mut parts = [0; 3];
    let mut count = 0;
    for piece in text.trim().split('.').take(3) {
        let digits: String = piece.chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() {
            break;
        }
        parts[count] = digits.parse().ok()?;
        count += 1;
        if digits.len() < piece.len() {
            break;
        }
    }
    (0 < count).then_some((parts, count))
}

/// Conditions on a version, of which all must hold; `||` of Poetry separates alternatives.
///
/// Understood are the specifiers of PEP 440 (<https://peps.python.org/pep-0440/#version-specifiers>) and Poetry's
/// `^` and `~`. A condition that isn't understood holds, because refusing every interpreter helps nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Specifiers(String);

impl Specifiers {
    /// The conditions as they are written.
    pub fn new(text: impl Into<String>) -> Specifiers {
        Specifiers(text.into())
    }

    /// As they were written; empty when there are none.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a version fulfils them.
    pub fn allow(&self, version: Version) -> bool {
        let close = closed_up(&self.0);
        close.split("||").any(|all| {
            all.split([',', ' '])
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .all(|it| holds(it, version))
        })
    }
}

/// The conditions without the space that may stand between an operator and its number, because others are separated by
/// a space.
fn closed_up(conditions: &str) -> String {
    let mut close = String::with_capacity(conditions.len());
    for it in conditions.chars() {
        let after_operator = close.ends_with(['<', '>', '=', '~', '!', '^']);
        if !(it.is_whitespace() && after_operator) {
            close.push(it);
        }
    }
    close
}

fn holds(condition: &str, version: Version) -> bool {
    let number_at = condition
        .find(|it: char| it.is_ascii_digit())
        .unwrap_or(condition.len());
    let (operator, number) = condition.split_at(number_at);
    let Some((wanted, count)) = parts(number) else {
        return true;
    };
    let ours = version.parts();
    let same_beginning = |length: usize| ours[..length] == wanted[..length];
    let at_least = ours.cmp(&wanted) != Ordering::Less;
    match operator.trim() {
        ">=" => at_least,
        ">" => ours.cmp(&wanted) == Ordering::Greater && !(count < 3 && same_beginning(count)),
        "<=" => ours.cmp(&wanted) != Ordering::Greater || same_beginning(count),
        "<" => ours.cmp(&wanted) == Ordering::Less,
        "==" | "===" | "" | "=" => same_beginning(count),
        "!=" => !same_beginning(count),
        "~=" => at_least && same_beginning(count.saturating_sub(1).max(1)),
        "^" => at_least && same_beginning(1),
        "~" => at_least && same_beginning(count.min(2)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(conditions: &str, version: &str, allowed: bool) {
        let version = Version::parse(version).expect("a version");
        let specifiers = Specifiers::new(conditions);
        assert_eq!(specifiers.allow(version), allowed, "{conditions} {version}");
    }

    #[test]
    fn conditions_hold_as_their_standards_say() {
        check("", "3.11.7", true);
        check(">=3.8", "3.11.7", true);
        check(">=3.12", "3.11.7", false);
        check(">=3.8,<4", "3.13.0", true);
        check(">=3.8, <3.13", "3.13.0", false);
        check(">= 3.7", "3.11.7", true);
        check(">= 3.12", "3.11.7", false);
        check(">=  3.8 , < 3.13", "3.13.0", false);
        check(">= 3.8 < 3.13", "3.12.1", true);
        check(">=3.8,!=3.9.*", "3.9.18", false);
        check("==3.11.*", "3.11.7", true);
        check("==3.11", "3.12.1", false);
        check("~=3.9", "3.13.0", true);
        check("~=3.9.1", "3.13.0", false);
        check("^3.8", "3.13.0", true);
        check("^3.8", "3.7.16", false);
        check("~3.9", "3.10.13", false);
        check("~2.7 || ^3.6", "3.11.7", true);
        check("<=3.11", "3.11.7", true);
        check(">3.11", "3.11.7", false);
        check(">3.11", "3.12.0", true);
        check("*", "3.11.7", true);
        check("what?", "3.11.7", true);
        check(">=3.14.0rc1", "3.13.0", false);
    }
}
