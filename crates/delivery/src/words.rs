//! Times, tokens and money as people write them.

use protocol::{GuideShown, TestOutcome};

/// A moment in UTC, from milliseconds since 1970-01-01, as in `2026-05-21 14:03:09 UTC`.
pub fn moment(at_ms: u64) -> String {
    let seconds = at_ms / 1000;
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// A time span from milliseconds, as in `0.4 s` or `3 min 20 s`.
pub fn duration(ms: u64) -> String {
    match ms {
        0..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
    }
}

/// A number with its thousands apart, as in `12,345`.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if 0 < at && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A number of things, as in `1 file` or `2,000 files`.
pub fn counted(count: usize, thing: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", number(count as u64))
}

/// Money from millionths of a US dollar, as in `$0.0123`; a price that isn't known says so.
pub fn money(microusd: Option<u64>) -> String {
    match microusd {
        // Rounded up: a call that cost something never looks free.
        Some(amount) => {
            let parts = amount.div_ceil(100);
            format!("${}.{:04}", parts / 10_000, parts % 10_000)
        }
        None => "unknown price".to_owned(),
    }
}

/// How a test ended.
pub fn outcome(outcome: TestOutcome) -> &'static str {
    match outcome {
        TestOutcome::Passed => "passed",
        TestOutcome::Failed => "failed",
        TestOutcome::Error => "error",
        TestOutcome::Skipped => "skipped",
        TestOutcome::Xfailed => "failed as expected",
        TestOutcome::Xpassed => "passed unexpectedly",
    }
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar.
///
/// Counts in eras of 400 years that begin on 1 March, so that the leap day is the last day of a year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// How much of a file of guidance was shown.
pub(crate) fn guide_shown(shown: GuideShown) -> &'static str {
    match shown {
        GuideShown::Whole => "the whole of it",
        GuideShown::Beginning => "its beginning",
        GuideShown::Nothing => "nothing of it (no text, or no room)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_follow_the_calendar() {
        let check = |at_ms: u64, want: &str| assert_eq!(moment(at_ms), want);
        check(0, "1970-01-01 00:00:00 UTC");
        check(951_782_400_000, "2000-02-29 00:00:00 UTC");
        check(951_868_799_999, "2000-02-29 23:59:59 UTC");
        check(951_868_800_000, "2000-03-01 00:00:00 UTC");
        check(4_107_542_399_000, "2100-02-28 23:59:59 UTC");
        check(4_107_542_400_000, "2100-03-01 00:00:00 UTC");
    }

    #[test]
    fn figures_read_as_people_write_them() {
        let check = |shown: String, want: &str| assert_eq!(shown, want);
        check(duration(420), "0.4 s");
        check(duration(200_900), "3 min 20 s");
        check(number(7), "7");
        check(number(1_234_567), "1,234,567");
        check(counted(1, "file"), "1 file");
        check(counted(0, "file"), "0 files");
        check(money(Some(12_300)), "$0.0123");
        check(money(Some(1)), "$0.0001");
        check(money(Some(2_000_000)), "$2.0000");
        check(money(None), "unknown price");
    }
}
