//! GitHub Apps of the fake: who signs, where they are installed, and tokens that run out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use axum::response::Response;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Asked, json as answer};

/// The key that the fake's app signs with; it signs nothing else.
pub const APP_KEY: &str = include_str!("app_key.pem");
const APP_PUBLIC_KEY: &str = include_str!("app_key.pub.pem");
/// The app's number.
pub const APP_ID: u64 = 41;
/// What the app is called.
pub const APP_SLUG: &str = "acme-pipeline";
/// The number of its only installation.
const INSTALLATION: u64 = 9;
/// The longest time that a signature may be good for.
const SIGNATURE_SECONDS_MAX: u64 = 10 * 60;

/// What an app says in its signature.
#[derive(Debug, Deserialize, Serialize)]
struct Claims {
    iss: Value,
    iat: u64,
    exp: u64,
}

/// A token of an installation.
struct Token {
    repositories: BTreeSet<String>,
    runs_out: SystemTime,
}

/// The app, as the fake knows it.
pub(super) struct App {
    /// Repositories that it is installed on.
    pub(super) installed: BTreeSet<String>,
    pub(super) permissions: BTreeMap<String, String>,
    /// How long a new token lasts.
    pub(super) lasting: Duration,
    tokens: BTreeMap<String, Token>,
}

/// Who asks.
pub(super) enum Speaker {
    /// The app itself.
    App,
    /// Its installation, for these repositories.
    Installation(BTreeSet<String>),
}

impl App {
    pub(super) fn new() -> App {
        let permissions = [
            ("contents", "write"),
            ("issues", "write"),
            ("pull_requests", "write"),
            ("checks", "write"),
            ("actions", "read"),
            ("metadata", "read"),
        ];
        App {
            installed: BTreeSet::new(),
            permissions: permissions
                .map(|(name, level)| (name.to_owned(), level.to_owned()))
                .into(),
            lasting: Duration::from_secs(60 * 60),
            tokens: BTreeMap::new(),
        }
    }

    /// Who a bearer is; what is wrong with them, in GitHub's words.
    pub(super) fn speaker(&self, bearer: &str) -> Result<Speaker, &'static str> {
        if let Some(token) = self.tokens.get(bearer) {
            return match SystemTime::now() < token.runs_out {
                true => Ok(Speaker::Installation(token.repositories.clone())),
                false => Err("Bad credentials"),
            };
        }
        if bearer.split('.').count() == 3 {
            return signed_at(bearer, now()).map(|()| Speaker::App);
        }
        Err("Bad credentials")
    }

    /// Whether git may use a token for a repository.
    pub(super) fn is_token_of(&self, token: &str, repository: &str) -> bool {
        matches!(self.speaker(token), Ok(Speaker::Installation(all)) if all.contains(repository))
    }

    /// The part of the interface that an app itself may ask; refused for everything else, as GitHub does.
    pub(super) fn answer(&mut self, path: &str, asked: &Asked) -> Response {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts[..] {
            ["app"] => answer(
                StatusCode::OK,
                &json!({"id": APP_ID, "slug": APP_SLUG, "name": "Pipeline of Acme"}),
            ),
            ["app", "hook", "config"] => answer(
                StatusCode::OK,
                &json!({"content_type": "json", "url": "https://bot.example/webhooks/github", "secret": "********"}),
            ),
            ["repos", owner, name, "installation"] => {
                match self.installed.contains(&format!("{owner}/{name}")) {
                    true => answer(
                        StatusCode::OK,
                        &json!({"id": INSTALLATION, "permissions": self.permissions}),
                    ),
                    false => refuse(StatusCode::NOT_FOUND, "Not Found"),
                }
            }
            ["app", "installations", number, "access_tokens"] if !asked.is_read() => {
                if number != INSTALLATION.to_string() {
                    return refuse(StatusCode::NOT_FOUND, "Not Found");
                }
                self.token(&asked.json())
            }
            _ => refuse(
                StatusCode::UNAUTHORIZED,
                "A JSON web token could not be used here",
            ),
        }
    }

    fn token(&mut self, wanted: &Value) -> Response {
        let names = wanted["repositories"].as_array().cloned();
        let names: Option<Vec<String>> = names.map(|it| {
            let names = it.iter().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        });
        let named = |full: &str, names: &[String]| {
            full.split('/')
                .nth(1)
                .is_some_and(|it| names.iter().any(|name| name == it))
        };
        let repositories: BTreeSet<String> = match &names {
            None => self.installed.clone(),
            Some(names) => {
                let all = self.installed.iter();
                all.filter(|it| named(it, names)).cloned().collect()
            }
        };
        if names.is_some_and(|it| it.len() != repositories.len()) {
            return refuse(
                StatusCode::UNPROCESSABLE_ENTITY,
                "There is at least one repository that does not exist or is not accessible to the parent installation.",
            );
        }
        let token = format!("ghs_{:04}", self.tokens.len() + 1);
        let runs_out = SystemTime::now() + self.lasting;
        let kept = Token {
            repositories,
            runs_out,
        };
        self.tokens.insert(token.clone(), kept);
        answer(
            StatusCode::CREATED,
            &json!({"token": token, "expires_at": rfc3339(runs_out), "permissions": self.permissions}),
        )
    }
}

fn refuse(status: StatusCode, message: &str) -> Response {
    answer(status, &json!({"message": message}))
}

fn now() -> u64 {
    seconds(SystemTime::now())
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Whether the app signed this, and whether it counts at a moment.
fn signed_at(signature: &str, now: u64) -> Result<(), &'static str> {
    let key = DecodingKey::from_rsa_pem(APP_PUBLIC_KEY.as_bytes()).expect("the key is one");
    let mut validation = Validation::new(Algorithm::RS256);
    // Compared below, with a moment that a test can choose.
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Claims>(signature, &key, &validation);
    let Ok(claims) = claims.map(|it| it.claims) else {
        return Err("A JSON web token could not be decoded");
    };
    let issuer = claims.iss.as_u64();
    if issuer.or_else(|| claims.iss.as_str()?.parse().ok()) != Some(APP_ID) {
        return Err("Integration not found");
    }
    if now + 30 < claims.iat {
        return Err(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        );
    }
    if claims.exp <= now {
        return Err(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        );
    }
    if now + SIGNATURE_SECONDS_MAX < claims.exp {
        return Err("'Expiration time' claim ('exp') is too far in the future");
    }
    Ok(())
}

/// A moment as GitHub writes it.
fn rfc3339(at: SystemTime) -> String {
    let all = seconds(at);
    let (days, rest) = (all / 86_400, all % 86_400);
    // Days to a date, after Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}Z")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use jsonwebtoken::{EncodingKey, Header};

    use super::*;

    /// What the fake says at second 10,000 to a signature with these claims.
    fn check(iss: u64, iat: u64, exp: u64, want: Expect) {
        let key = EncodingKey::from_rsa_pem(APP_KEY.as_bytes()).expect("it is one");
        let claims = Claims {
            iss: json!(iss),
            iat,
            exp,
        };
        let signature = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key);
        let signature = signature.expect("it signs");
        let said = signed_at(&signature, 10_000);
        want.assert_eq(said.err().unwrap_or("taken"));
        // Another one's hand below the same words.
        let forged = &signature[..signature.len() - 8];
        assert!(signed_at(&format!("{forged}AAAAAAAA"), 10_000).is_err());
    }

    #[test]
    fn only_a_fresh_signature_of_the_app_counts() {
        check(APP_ID, 9_940, 10_540, expect!["taken"]);
        check(APP_ID + 1, 9_940, 10_540, expect!["Integration not found"]);
        check(
            APP_ID,
            9_000,
            9_600,
            expect![
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
            ],
        );
        check(
            APP_ID,
            9_940,
            10_700,
            expect!["'Expiration time' claim ('exp') is too far in the future"],
        );
        check(
            APP_ID,
            10_100,
            10_500,
            expect![
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
            ],
        );
    }

    #[test]
    fn a_moment_is_written_as_github_writes_it() {
        let at = |seconds| rfc3339(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(1_709_208_000), "2024-02-29T12:00:00Z");
        assert_eq!(at(4_102_444_799), "2099-12-31T23:59:59Z");
    }
}
