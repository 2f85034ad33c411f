//! Whether somebody can be reached: what one request that costs nothing came to.

use std::error::Error;

use serde::{Deserialize, Serialize};

/// What a request that costs nothing came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reach", rename_all = "snake_case")]
pub enum Reach {
    /// It answers, and takes the key where one was sent.
    Answers,
    /// It answers, but not with what was asked for: whether it takes the key isn't known.
    Unsure {
        /// The status of HTTP.
        status: u16,
    },
    /// It refuses the key, or wants one.
    KeyRefused {
        /// The status of HTTP.
        status: u16,
    },
    /// It answers that something is wrong with itself.
    Trouble {
        /// The status of HTTP.
        status: u16,
    },
    /// Nobody answered.
    NoRoute {
        /// The innermost words of the error.
        why: String,
    },
    /// Its certificate is signed by nobody whom this machine trusts.
    CertificateRefused {
        /// The innermost words of the error.
        why: String,
    },
}

impl Reach {
    /// What an answer of this status says.
    #[must_use]
    pub fn of_status(status: u16) -> Reach {
        match status {
            200..300 => Reach::Answers,
            401 | 403 => Reach::KeyRefused { status },
            500.. => Reach::Trouble { status },
            _ => Reach::Unsure { status },
        }
    }

    /// What an error without an answer says: the innermost words are the cause, all outer ones only that a request failed.
    #[must_use]
    pub fn of_error(error: &(dyn Error + 'static)) -> Reach {
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            why = inner.to_string();
            source = inner.source();
        }
        // The verifier's words, below every client of ours: "invalid peer certificate: UnknownIssuer".
        match why.contains("certificate") {
            true => Reach::CertificateRefused { why },
            false => Reach::NoRoute { why },
        }
    }

    /// What silence says.
    #[must_use]
    pub fn of_silence(seconds_max: u64) -> Reach {
        Reach::NoRoute {
            why: format!("no answer within {seconds_max} s"),
        }
    }
}
