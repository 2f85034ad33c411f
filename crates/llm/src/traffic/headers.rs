//! What vendors' headers say of limits.
//!
//! OpenAI and most compatible servers: `x-ratelimit-remaining-requests`, with `-limit-` and `-reset-`, the last as a span
//! like `6m0s` (<https://platform.openai.com/docs/guides/rate-limits>). Anthropic: `anthropic-ratelimit-requests-remaining`
//! with `-limit` and `-reset`, the last as an RFC 3339 time (<https://docs.anthropic.com/en/api/rate-limits>). Gemini has
//! none and says it in its refusals alone.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    Requests,
    Tokens,
    InputTokens,
}

impl Unit {
    /// What one request takes of it, in tokens read where tokens are counted.
    pub(super) fn wanted(self, tokens: u64) -> u64 {
        match self {
            Unit::Requests => 1,
            Unit::Tokens | Unit::InputTokens => tokens,
        }
    }
}

/// What is left of one limit, as an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) amount: u64,
    pub(super) limit: Option<u64>,
    pub(super) resets_in: Duration,
}

/// The header of each limit: with `{}` for `remaining`, `limit` and `reset`.
const LIMITS: &[(Unit, &str)] = &[
    (Unit::Requests, "x-ratelimit-{}-requests"),
    (Unit::Tokens, "x-ratelimit-{}-tokens"),
    (Unit::Requests, "anthropic-ratelimit-requests-{}"),
    (Unit::Tokens, "anthropic-ratelimit-tokens-{}"),
    (Unit::InputTokens, "anthropic-ratelimit-input-tokens-{}"),
];

/// The limits that an answer tells of. One without a number or without a time to come is none.
pub(super) fn left_of(headers: &HeaderMap, now: SystemTime) -> Vec<(Unit, Told)> {
    let told = |template: &str| {
        let header = |what| {
            let value = headers.get(template.replace("{}", what))?;
            value.to_str().ok().map(str::trim)
        };
        Some(Told {
            amount: header("remaining")?.parse().ok()?,
            limit: header("limit").and_then(|it| it.parse().ok()),
            resets_in: span(header("reset")?, now)?,
        })
    };
    let limits = LIMITS.iter();
    limits
        .filter_map(|(unit, template)| Some((*unit, told(template)?)))
        .collect()
}

/// `6m0s`, `120ms`, `1.5` (seconds) or an RFC 3339 time.
fn span(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(then) = chrono::DateTime::parse_from_rfc3339(text) {
        let then = SystemTime::from(then);
        return Some(then.duration_since(now).unwrap_or_default());
    }
    let seconds = text.parse().ok().filter(|it: &f64| 0.0 <= *it);
    match seconds {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => go_duration(text),
    }
}

/// A span as Go prints it, which OpenAI's servers do: numbers, each with a unit, fractions allowed.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|it: char| !it.is_ascii_digit() && it != '.')?;
        let unit = &rest[number..];
        let unit_ends = unit.find(|it: char| it.is_ascii_digit());
        let (unit, after) = unit.split_at(unit_ends.unwrap_or(unit.len()));
        let seconds = match unit {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        sum += rest[..number].parse::<f64>().ok()? * seconds;
        rest = after;
    }
    Duration::try_from_secs_f64(sum)
        .ok()
        .filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], want: Expect) {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let noon = httpdate::parse_http_date("Sat, 21 Nov 2026 12:00:00 GMT").unwrap();
        let lines: Vec<String> = left_of(&headers.collect(), noon)
            .into_iter()
            .map(|(unit, it)| {
                let limit = it.limit.map_or("?".to_owned(), |it| it.to_string());
                format!(
                    "{unit:?}: {} of {limit}, reset in {:?}",
                    it.amount, it.resets_in
                )
            })
            .collect();
        want.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn limits_are_read_as_openai_and_anthropic_put_them() {
        check(
            &[
                ("x-ratelimit-limit-requests", "60"),
                ("x-ratelimit-remaining-requests", "59"),
                ("x-ratelimit-reset-requests", "1s"),
                ("x-ratelimit-limit-tokens", "150000"),
                ("x-ratelimit-remaining-tokens", "149984"),
                ("x-ratelimit-reset-tokens", "6m0s"),
            ],
            expect![[r#"
                Requests: 59 of 60, reset in 1s
                Tokens: 149984 of 150000, reset in 360s"#]],
        );
        check(
            &[
                ("anthropic-ratelimit-requests-limit", "50"),
                ("anthropic-ratelimit-requests-remaining", "0"),
                ("anthropic-ratelimit-requests-reset", "2026-11-21T12:00:30Z"),
                ("anthropic-ratelimit-input-tokens-remaining", "1000"),
                (
                    "anthropic-ratelimit-input-tokens-reset",
                    "2026-11-21T11:59:00Z",
                ),
            ],
            expect![[r#"
                Requests: 0 of 50, reset in 30s
                InputTokens: 1000 of ?, reset in 0ns"#]],
        );
    }

    #[test]
    fn what_tells_no_amount_or_no_time_is_no_limit() {
        let nothing = || expect![[""]];
        check(&[], nothing());
        check(&[("x-ratelimit-remaining-requests", "0")], nothing());
        for reset in ["soon", "", "-1", "5 apples", "s", "1e400"] {
            check(
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", reset),
                ],
                nothing(),
            );
        }
        check(
            &[
                ("x-ratelimit-remaining-tokens", "many"),
                ("x-ratelimit-reset-tokens", "1s"),
            ],
            nothing(),
        );
    }

    #[test]
    fn spans_have_units_or_are_seconds() {
        for (text, ms) in [
            ("1.5", 1500),
            ("120ms", 120),
            ("1h2m3.5s", 3_723_500),
            ("1d", 86_400_000),
        ] {
            assert_eq!(
                span(text, SystemTime::UNIX_EPOCH).map(|it| it.as_millis()),
                Some(ms),
                "{text}"
            );
        }
    }
}
