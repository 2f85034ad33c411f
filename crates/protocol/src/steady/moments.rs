//! Dates and times around the moment at which a program ran. Other ones are what a test is about, and stay.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use regex::{Captures, Regex};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;
/// A program may show another time zone's day, or have run past midnight.
const DAYS_AROUND: u64 = 1;
/// Longest time between the clock that a program read and ours.
const EPOCH_SECONDS_AROUND: u64 = 60 * 60;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Year, month, day.
type Date = (u64, u64, u64);

struct Forms {
    /// `2025-11-29`, with or without a time.
    iso: Regex,
    /// `datetime.datetime(2025, 11, 29, 16, 40)`, and dates.
    python: Regex,
    /// `Sat Nov 29 16:40:12 2025`.
    ctime: Regex,
    /// `Sat, 29 Nov 2025 16:40:12 GMT`.
    mail: Regex,
    /// Seconds since 1970, or thousandths, millionths … of them.
    epoch: Regex,
    /// A time of day as logs have it at the beginning of a line.
    clock: Regex,
}

static FORMS: LazyLock<Forms> = LazyLock::new(|| {
    let form = |pattern: &str| Regex::new(pattern).expect("the pattern is tried by a test");
    let time = r"\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?";
    let zone = r"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?";
    let day = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
    let month = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";
    Forms {
        iso: form(&format!(
            r"\b(\d{{4}})-(\d\d)-(\d\d)(?:(?P<time>[T ]{time}{zone})|\b)"
        )),
        python: form(r"\b(date|datetime)\((\d{4}), (\d{1,2}), (\d{1,2})(?:, \d{1,6})*"),
        ctime: form(&format!(
            r"\b{day} {month} +(\d{{1,2}}) {time}(?: [A-Z]{{3,4}})? (\d{{4}})\b"
        )),
        mail: form(&format!(
            r"\b(?:{day}, )?(\d{{1,2}}) {month} (\d{{4}})(?: {time}{zone})?"
        )),
        epoch: form(r"\b(1\d{9})(\d{3}|\d{6}|\d{9})?(?:\.\d+)?\b"),
        clock: form(r"(?m)^(\[?)\d\d:\d\d:\d\d[.,]\d{3,6}\b"),
    }
});

/// The text with every moment around `now` called so.
pub(super) fn without_now(text: &str, now: SystemTime) -> String {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let today = now.as_secs() / DAY;
    let is_now = |date: Date| {
        let around = today.saturating_sub(DAYS_AROUND)..=today + DAYS_AROUND;
        around.into_iter().any(|it| date_of(it) == date)
    };
    let number = |found: &Captures<'_>, group: usize| -> u64 {
        found
            .get(group)
            .and_then(|it| it.as_str().parse().ok())
            .unwrap_or(0)
    };
    let month = |found: &Captures<'_>, group: usize| {
        let named = MONTHS.iter().position(|it| *it == &found[group]);
        named.map_or(0, |it| it as u64 + 1)
    };
    let forms = &*FORMS;
    let text = replaced(&forms.iso, text, |found| {
        is_now((number(found, 1), number(found, 2), number(found, 3))).then(|| {
            match found.name("time") {
                Some(_) => "now".to_owned(),
                None => "today".to_owned(),
            }
        })
    });
    let text = replaced(&forms.python, &text, |found| {
        is_now((number(found, 2), number(found, 3), number(found, 4)))
            .then(|| format!("{}(now", &found[1]))
    });
    let text = replaced(&forms.ctime, &text, |found| {
        is_now((number(found, 3), month(found, 1), number(found, 2))).then(|| "now".to_owned())
    });
    let text = replaced(&forms.mail, &text, |found| {
        is_now((number(found, 3), month(found, 2), number(found, 1))).then(|| "now".to_owned())
    });
    let text = replaced(&forms.epoch, &text, |found| {
        let apart = number(found, 1).abs_diff(now.as_secs());
        (apart <= EPOCH_SECONDS_AROUND).then(|| "now".to_owned())
    });
    replaced(&forms.clock, &text, |found| {
        Some(format!("{}now", &found[1]))
    })
}

/// The text with what the function says instead of a finding; where it says nothing, the finding stays.
fn replaced(form: &Regex, text: &str, instead: impl Fn(&Captures<'_>) -> Option<String>) -> String {
    let instead = |found: &Captures<'_>| instead(found).unwrap_or_else(|| found[0].to_owned());
    form.replace_all(text, instead).into_owned()
}

/// The date of a day that is counted from 1970-01-01 (the civil calendar, from Howard Hinnant's "chrono-Compatible
/// Low-Level Date Algorithms").
fn date_of(days: u64) -> Date {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-29 16:40:12 UTC.
    const NOW: u64 = 1_764_434_412;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        assert_eq!(without_now(text, now), want);
    }

    #[test]
    fn days_are_counted_by_the_calendar() {
        assert_eq!(date_of(0), (1970, 1, 1));
        assert_eq!(date_of(11_016), (2000, 2, 29));
        assert_eq!(date_of(NOW / DAY), (2025, 11, 29));
        assert_eq!(date_of(NOW / DAY + 33), (2026, 1, 1));
    }

    #[test]
    fn a_moment_of_today_is_now_in_every_form() {
        check("2025-11-29 16:40:12,123 INFO x", "now INFO x");
        check("at 2025-11-29T16:40:12.123456+00:00.", "at now.");
        check("until 2025-11-30", "until today");
        check(
            "datetime.datetime(2025, 11, 29, 16, 40, 12, 5, tzinfo=utc)",
            "datetime.datetime(now, tzinfo=utc)",
        );
        check("date(2025, 11, 28)", "date(now)");
        check("Sat Nov 29 16:40:12 2025", "now");
        check("Sat, 29 Nov 2025 16:40:12 GMT", "now");
        check("time 1764434412.125 and 1764434412125", "time now and now");
        check("[16:40:12.123] x\n09:00:00,5 y", "[now] x\n09:00:00,5 y");
    }

    #[test]
    fn other_moments_stay() {
        for text in [
            "1969-12-31T23:59:59.999 and 2025-10-29",
            "date(2024, 2, 29)",
            "Sat, 29 Nov 2014 16:40:12 GMT",
            "1500000000 and 17644344120000",
            "12:30:00 and 16:40:12",
            "2025-11-299",
        ] {
            check(text, text);
        }
    }
}
