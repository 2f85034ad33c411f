//! The guidance that agents were shown.

use super::WORDS_CHARS_MAX;
use crate::quote;
use crate::record::Record;
use crate::words;

/// What a reader must know of guidance that was shown.
pub(crate) const GUIDANCE_WORDS: &str = "These files of the base commit were shown to those who wrote the change and \
                                         the tests, as data that sets no rules. Neither the reviewer nor a gate was given them.";

/// Nothing where the repository keeps none, as most do.
pub(super) fn section(text: &mut String, record: &Record) {
    let found = record.guidance();
    if found.is_empty() {
        return;
    }
    *text += &format!("Guidance of the repository. {GUIDANCE_WORDS}\n\n");
    for (guide, agents) in found {
        *text += &format!(
            "- {}, {}: {}\n",
            quote::span(&guide.path, WORDS_CHARS_MAX),
            words::guide_shown(guide.shown),
            quote::span(&agents.join(", "), WORDS_CHARS_MAX)
        );
    }
    *text += "\n";
}
