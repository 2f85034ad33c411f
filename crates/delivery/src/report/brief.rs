//! Parts of the report for other places: a first line, and what a pull request shows.

use protocol::Tier;

use super::{asked, draft_tier, gates, missing, status_in_words, tests_section, walk};
use crate::outcomes::Outcomes;
use crate::record::Record;

/// How the run stands, for a first line elsewhere.
pub(crate) fn headline(record: &Record) -> String {
    let tier = match record.state.tier {
        Some(Tier::Proven) => ", proven",
        _ => draft_tier(&record.state),
    };
    format!("{}{tier}", status_in_words(record))
}

/// The sections that a pull request shows, the most important first. Nothing in them differs between two runs that did the
/// same.
pub(crate) fn for_a_request(record: &Record, outcomes: &Outcomes) -> Vec<String> {
    let section = |write: &dyn Fn(&mut String)| {
        let mut text = String::new();
        write(&mut text);
        text
    };
    vec![
        section(&|it| gates::allowed_paths(it, record)),
        section(&|it| gates::amendment(it, record)),
        section(&|it| asked(it, record)),
        section(&|it| tests_section::section(it, record, outcomes, tests_section::Times::LeftOut)),
        section(&|it| gates::bite(it, record)),
        section(&|it| walk::review(it, record)),
        section(&|it| missing(it, record)),
    ]
}
