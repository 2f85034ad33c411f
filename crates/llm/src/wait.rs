//! How long a vendor asks us to wait before the next try.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// The wait that an answer asks for: in milliseconds, in seconds, as a date, or in Google's error details.
///
/// What is neither, or lies before zero, is no wish at all.
pub(crate) fn asked_wait(headers: &HeaderMap, body: &Value, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(wait) = header("retry-after-ms").and_then(|it| seconds(it, 1e-3)) {
        return Some(wait);
    }
    if let Some(given) = header(RETRY_AFTER.as_str()) {
        if let Some(wait) = seconds(given, 1.0) {
            return Some(wait);
        }
        if let Ok(then) = httpdate::parse_http_date(given) {
            // Counted from the server's own clock where it tells the time.
            let date = header(DATE.as_str()).and_then(|it| httpdate::parse_http_date(it).ok());
            return Some(then.duration_since(date.unwrap_or(now)).unwrap_or_default());
        }
    }
    let details = body["error"]["details"].as_array()?;
    let delay = details.iter().find_map(|it| it["retryDelay"].as_str())?;
    seconds(delay.strip_suffix('s')?, 1.0)
}

fn seconds(text: &str, unit: f64) -> Option<Duration> {
    let number: f64 = text.parse().ok()?;
    if !number.is_finite() || number < 0.0 {
        return None;
    }
    // A number too large for a duration is still a wish: for longer than anybody waits.
    Some(Duration::try_from_secs_f64(number * unit).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], want_ms: Option<u128>) {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let noon = httpdate::parse_http_date("Sat, 21 Nov 2026 12:00:00 GMT").unwrap();
        let got = asked_wait(&headers.collect(), &Value::Null, noon);
        assert_eq!(got.map(|it| it.as_millis()), want_ms);
    }

    #[test]
    fn seconds_milliseconds_and_dates_are_understood() {
        check(&[("retry-after", "1")], Some(1000));
        check(&[("retry-after", " 2.5 ")], Some(2500));
        check(&[("retry-after-ms", "200")], Some(200));
        check(
            &[("retry-after-ms", "200"), ("retry-after", "1")],
            Some(200),
        );
        check(
            &[("retry-after", "Sat, 21 Nov 2026 12:00:07 GMT")],
            Some(7000),
        );
        check(&[("retry-after", "Sat, 21 Nov 2026 11:00:00 GMT")], Some(0));
        check(
            &[
                ("retry-after", "Sat, 21 Nov 2026 09:00:30 GMT"),
                ("date", "Sat, 21 Nov 2026 09:00:00 GMT"),
            ],
            Some(30_000),
        );
        check(&[("retry-after", "86400")], Some(86_400_000));
    }

    #[test]
    fn what_is_no_wait_is_no_wish() {
        for value in ["soon", "-5", "", "NaN", "inf"] {
            check(&[("retry-after", value)], None);
        }
        check(&[], None);
    }

    #[test]
    fn google_asks_in_the_details() {
        let body = json!({"error": {"details": [{"retryDelay": "34.5s"}]}});
        let got = asked_wait(&HeaderMap::new(), &body, SystemTime::UNIX_EPOCH);
        assert_eq!(got, Some(Duration::from_millis(34_500)));
    }
}
