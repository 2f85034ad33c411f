//! The closed tables of stop reasons: every documented value of a vendor, and nothing else.

use protocol::StopReason;

use crate::fault::{Again, Billed, Cause, Fault};

/// A vendor's words for why a model stopped, and what each means.
pub(super) type Stops = &'static [(&'static str, StopReason)];

/// What a word means. A word that isn't in the table is a fault: guessing would take half a reply for a whole one.
pub(super) fn stop_of(table: Stops, word: Option<&str>) -> Result<StopReason, Fault> {
    let word = word.unwrap_or_default();
    match table.iter().find(|(known, _)| *known == word) {
        Some((_, stop)) => Ok(*stop),
        None if word.is_empty() => Err(Fault::unreadable("it doesn't say why the model stopped")),
        // The same model would stop for it again.
        None => {
            let message = format!("it stopped for a reason that isn't documented: {word:?}");
            Err(Fault::new(Cause::Answer, &message, Again::Never).billed(Billed::Unknown))
        }
    }
}

/// The vendor's own word with what it says about it.
pub(super) fn details(word: &str, said: &[&str]) -> String {
    let said: Vec<&str> = said
        .iter()
        .map(|it| it.trim())
        .filter(|it| !it.is_empty())
        .collect();
    match said.is_empty() {
        true => word.to_owned(),
        false => format!("{word}: {}", said.join(": ")),
    }
}
