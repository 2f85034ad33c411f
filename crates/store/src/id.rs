//! Names of runs: when the run began, in UTC, and a few random letters, as in `20261120-1432-k7m2q`.

use std::hash::{BuildHasher, Hasher, RandomState};

use protocol::RunId;

/// Crockford's base32: no letter that looks like another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Random letters at the end: five make a clash within one minute unlikely, and the database refuses it anyway.
const LETTERS: u32 = 5;

/// A new name, sortable by the minute.
pub(crate) fn new(at_ms: i64) -> RunId {
    // Seeded by the operating system; good for unlikely clashes, not for secrets.
    named(at_ms, RandomState::new().build_hasher().finish())
}

fn named(at_ms: i64, random: u64) -> RunId {
    let minutes = at_ms.div_euclid(60_000);
    let (year, month, day) = civil(minutes.div_euclid(1440));
    let (hour, minute) = (minutes.rem_euclid(1440) / 60, minutes.rem_euclid(60));
    let letters: String = (0..LETTERS)
        .map(|it| char::from(ALPHABET[(random >> (5 * it)) as usize % ALPHABET.len()]))
        .collect();
    RunId(format!(
        "{year:04}{month:02}{day:02}-{hour:02}{minute:02}-{letters}"
    ))
}

/// Year, month and day of a day counted from 1970-01-01, by Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(at_ms: i64, random: u64, expected: Expect) {
        expected.assert_eq(&named(at_ms, random).0);
    }

    #[test]
    fn a_name_tells_when_the_run_began() {
        check(0, 0, expect!["19700101-0000-00000"]);
        check(951_782_399_999, 31, expect!["20000228-2359-z0000"]);
        check(951_782_400_000, 32, expect!["20000229-0000-01000"]);
        check(1_795_184_580_000, u64::MAX, expect!["20261120-1423-zzzzz"]);
    }
}
