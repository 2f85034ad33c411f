//! How often somebody was right where that is known, and what it says about the next time.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::Effort;

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// How many did.
    pub hits: u32,
    /// How many could have.
    pub of: u32,
}

impl Share {
    /// Counts one more that could have.
    pub fn count(&mut self, hit: bool) {
        self.of += 1;
        self.hits += u32::from(hit);
    }

    /// The share as seen, between 0 and 1; nothing can be said of none.
    pub fn seen(&self) -> Option<f64> {
        (0 < self.of).then(|| f64::from(self.hits) / f64::from(self.of))
    }

    /// Where the true share is, between 0 and 1, with a confidence of 95 %; nothing can be said of none.
    ///
    /// The score interval of E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal
    /// of the American Statistical Association 22 (1927), 209–212. It stays within bounds and says something where
    /// everything or nothing was hit, with few cases too: L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a
    /// binomial proportion", Statistical Science 16 (2001), 101–133.
    pub fn interval_95(&self) -> Option<(f64, f64)> {
        // The standard normal distribution has 2.5 % beyond it.
        const Z: f64 = 1.959_963_984_540_054;
        let share = self.seen()?;
        let cases = f64::from(self.of);
        let denominator = 1.0 + Z * Z / cases;
        let centre = (share + Z * Z / (2.0 * cases)) / denominator;
        let spread = share * (1.0 - share) / cases + Z * Z / (4.0 * cases * cases);
        let half = Z * spread.sqrt() / denominator;
        // The share itself is always within; rounding must not say otherwise where all or none were hit.
        let (low, high) = (centre - half, centre + half);
        Some((low.clamp(0.0, share), high.clamp(share, 1.0)))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.hits, self.of)?;
        let (Some(seen), Some((low, high))) = (self.seen(), self.interval_95()) else {
            return Ok(());
        };
        write!(
            f,
            " ({:.1} %, 95 % interval {:.1} to {:.1} %)",
            100.0 * seen,
            100.0 * low,
            100.0 * high
        )
    }
}

/// How often a reviewer's model was right on changes of which it is known whether they are wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewerFigure {
    /// The model, as in `gemini:gemini-3.8-flash`.
    pub model: String,
    /// How hard it was told to think; none when nobody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// The version of the changes and of what else the reviewer was told. Figures of different ones don't compare.
    pub cases: String,
    /// The day on which it was measured, as in `2026-05-21`.
    pub day: String,
    /// Changes with a defect that it blocked for that defect.
    pub caught: Share,
    /// Changes with a defect that it blocked for another reason only.
    pub blocked_otherwise: u32,
    /// Changes without one that it blocked.
    pub false_blocks: Share,
    /// Changes on which it gave no verdict that can be read. They are in no other count.
    pub no_verdict: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(hits: u32, of: u32, want: &str) {
        assert_eq!(Share { hits, of }.to_string(), want);
    }

    /// The four worked examples of R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of
    /// seven methods", Statistics in Medicine 17 (1998), 857–872, method 3, which he rounds to four digits.
    #[test]
    fn the_interval_is_wilsons() {
        for (hits, of, want) in [
            (81, 263, ("0.2553", "0.3662")),
            (15, 148, ("0.0624", "0.1605")),
            (0, 20, ("0.0000", "0.1611")),
            (1, 29, ("0.0061", "0.1718")),
        ] {
            let (low, high) = Share { hits, of }
                .interval_95()
                .expect("there are cases to speak of");
            let got = (format!("{low:.4}"), format!("{high:.4}"));
            assert_eq!((got.0.as_str(), got.1.as_str()), want, "{hits} of {of}");
        }
    }

    #[test]
    fn a_share_is_told_with_its_interval_and_stays_between_none_and_all() {
        check(35, 40, "35 of 40 (87.5 %, 95 % interval 73.9 to 94.5 %)");
        check(40, 40, "40 of 40 (100.0 %, 95 % interval 91.2 to 100.0 %)");
        check(0, 40, "0 of 40 (0.0 %, 95 % interval 0.0 to 8.8 %)");
        check(0, 0, "0 of 0");
        for of in 1..=60 {
            for hits in 0..=of {
                let share = Share { hits, of };
                let (low, high) = share.interval_95().expect("there are cases to speak of");
                let seen = share.seen().expect("there are cases to speak of");
                assert!(
                    0.0 <= low && low <= seen && seen <= high && high <= 1.0,
                    "{share}"
                );
            }
        }
    }
}
