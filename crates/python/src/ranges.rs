//! Whether two requirements can hold at once, as far as their plain version numbers tell.

use std::cmp::Ordering;

use super::requirements::name_of;

/// The versions that a requirement takes; an open end is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Range {
    low: Option<(Vec<u64>, bool)>,
    high: Option<(Vec<u64>, bool)>,
}

/// Whether no version fulfils both. Markers, extras and what isn't understood don't count.
pub(super) fn contradict(one: &str, other: &str) -> bool {
    if name_of(one) != name_of(other) || one.contains(['@', ';']) || other.contains(['@', ';']) {
        return false;
    }
    let (one, other) = (range(one), range(other));
    is_beyond(one.low.as_ref(), other.high.as_ref())
        || is_beyond(other.low.as_ref(), one.high.as_ref())
}

/// Whether a lower end lies above an upper one.
fn is_beyond(low: Option<&(Vec<u64>, bool)>, high: Option<&(Vec<u64>, bool)>) -> bool {
    let (Some((low, low_in)), Some((high, high_in))) = (low, high) else {
        return false;
    };
    match compare(low, high) {
        Ordering::Greater => true,
        Ordering::Equal => !(*low_in && *high_in),
        Ordering::Less => false,
    }
}

fn compare(one: &[u64], other: &[u64]) -> Ordering {
    let length = one.len().max(other.len());
    let part = |of: &[u64], at: usize| of.get(at).copied().unwrap_or_default();
    (0..length)
        .map(|at| part(one, at).cmp(&part(other, at)))
        .find(|it| it.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn range(requirement: &str) -> Range {
    let mut range = Range::default();
    let at = requirement
        .find(['<', '>', '=', '~', '!'])
        .unwrap_or(requirement.len());
    for condition in requirement[at..].split(',') {
        let condition = condition.split(" --hash").next().unwrap_or_default().trim();
        let number_at = condition
            .find(|it: char| it.is_ascii_digit())
            .unwrap_or(condition.len());
        let (operator, number) = condition.split_at(number_at);
        let numbers: Vec<u64> = number
            .trim_end_matches(".*")
            .split('.')
            .map_while(|it| it.trim().parse().ok())
            .collect();
        if numbers.is_empty() {
            continue;
        }
        let after = |count: usize| {
            let mut bound = numbers[..count.clamp(1, numbers.len())].to_vec();
            if let Some(last) = bound.last_mut() {
                *last += 1;
            }
            bound
        };
        match operator.trim() {
            "==" | "===" if number.ends_with(".*") => {
                range.low = Some((numbers.clone(), true));
                range.high = Some((after(numbers.len()), false));
            }
            "==" | "===" => {
                range.low = Some((numbers.clone(), true));
                range.high = Some((numbers, true));
            }
            "~=" => {
                range.high = Some((after(numbers.len().saturating_sub(1)), false));
                range.low = Some((numbers, true));
            }
            ">=" => range.low = Some((numbers, true)),
            ">" => range.low = Some((numbers, false)),
            "<=" => range.high = Some((numbers, true)),
            "<" => range.high = Some((numbers, false)),
            _ => {}
        }
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, contradictory: bool) {
        assert_eq!(contradict(one, other), contradictory, "{one} {other}");
        assert_eq!(contradict(other, one), contradictory, "{other} {one}");
    }

    #[test]
    fn requirements_contradict_each_other_when_no_version_is_in_both() {
        check("django==4.2", "django==5.0", true);
        check("django==4.2", "Django==4.2.0", false);
        check("django>=4.2,<5", "django>=5.0", true);
        check("django~=4.2.1", "django==4.3", true);
        check("django~=4.2", "django==4.9", false);
        check("django==4.*", "django==4.9", false);
        check("django<5", "django==5", true);
        check("django", "django==5", false);
        check("django==4", "flask==5", false);
        check("django==4 ; python_version<'3.8'", "django==5", false);
        check("django @ https://h.example/x", "django==5", false);
    }
}
