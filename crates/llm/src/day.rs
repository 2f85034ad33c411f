//! A day of the calendar: prices change on one.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A day in UTC, as in `2026-11-29`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

/// Days of a year's months; February has one more in leap years.
const DAYS: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

impl Day {
    /// A day by its parts, if the calendar has it.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Day> {
        let this = Day { year, month, day };
        let in_year = (1..=12).contains(&month) && (1970..=9999).contains(&year);
        (in_year && (1..=this.days_of_month()).contains(&day)).then_some(this)
    }

    /// The day of a moment; moments before 1970 are on its first day.
    pub fn at(time: SystemTime) -> Day {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut days = since.as_secs() / SECONDS_A_DAY;
        let mut this = Day {
            year: 1970,
            month: 1,
            day: 1,
        };
        // At most one step a month: a few hundred of them in our time.
        while this.year < 9999 && u64::from(this.days_of_month()) <= days {
            days -= u64::from(this.days_of_month());
            this.month += 1;
            if 12 < this.month {
                (this.year, this.month) = (this.year + 1, 1);
            }
        }
        this.day = u8::try_from(days + 1)
            .unwrap_or(u8::MAX)
            .min(this.days_of_month());
        this
    }

    fn days_of_month(self) -> u8 {
        let is_leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        DAYS[usize::from(self.month) - 1] + u8::from(is_leap && self.month == 2)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(given: &str) -> Result<Day, String> {
        let parts: Vec<&str> = given.split('-').collect();
        let read = || match parts.as_slice() {
            [year, month, day] if (year.len(), month.len(), day.len()) == (4, 2, 2) => {
                Day::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
            }
            _ => None,
        };
        read().ok_or_else(|| format!("`{given}` is no day (write it as in 2026-11-29)"))
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(given: String) -> Result<Day, String> {
        given.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_has_a_day() {
        let check = |seconds, want: &str| {
            let day = Day::at(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(day.to_string(), want);
            assert_eq!(want.parse(), Ok(day));
        };
        check(0, "1970-01-01");
        check(951_782_399, "2000-02-28");
        check(951_782_400, "2000-02-29");
        check(1_798_761_599, "2026-12-31");
        check(1_798_761_600, "2027-01-01");
        check(4_107_542_400, "2100-03-01");
    }

    #[test]
    fn what_the_calendar_lacks_is_no_day() {
        for given in [
            "",
            "2026-11",
            "2026-13-01",
            "2026-02-29",
            "2026-1-1",
            "2026-04-31",
            "x-01-01",
            "2026-00-10",
        ] {
            assert!(given.parse::<Day>().is_err(), "{given}");
        }
    }
}
