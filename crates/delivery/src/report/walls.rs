//! The walls that stood around the programs, and the environment these ran in.

use super::{TITLE_CHARS_MAX, WORDS_CHARS_MAX};
use crate::quote;
use crate::record::Record;
use crate::words;

/// Adds the section.
pub(super) fn section(text: &mut String, record: &Record) {
    *text += "## Walls around the programs that ran\n\n";
    let Some((environment, confinement)) = &record.set_up else {
        *text += "No program of the repository ran: its environment was not set up.\n\n";
        return;
    };
    if confinement.layers.is_empty() {
        *text += "**None.** The run was asked to work unconfined: the repository's code could reach what the user can.\n";
    } else {
        let layers: Vec<String> = confinement
            .layers
            .iter()
            .map(|it| quote::span(it, TITLE_CHARS_MAX))
            .collect();
        *text += &format!("Active, strongest first: {}.\n", layers.join(", "));
    }
    for gap in &confinement.gaps {
        *text += &format!(
            "- does not hold here: {}\n",
            quote::span(gap, WORDS_CHARS_MAX)
        );
    }
    let sources: Vec<String> = environment
        .sources
        .iter()
        .map(|it| quote::span(it, TITLE_CHARS_MAX))
        .collect();
    let declared = if sources.is_empty() {
        "nothing the repository declares".to_owned()
    } else {
        sources.join(", ")
    };
    let python = match environment.python_version.as_str() {
        "" => "The system's Python".to_owned(),
        version => format!("Python {}", quote::span(version, TITLE_CHARS_MAX)),
    };
    *text += &format!(
        "\n{python} with packages from {declared}; {}.\n\n",
        if environment.cached {
            "the environment was there already".to_owned()
        } else {
            format!("installed in {}", words::duration(environment.wall_ms))
        }
    );
    for note in &environment.notes {
        *text += &format!("- {}\n", quote::span(note, WORDS_CHARS_MAX));
    }
    if !environment.notes.is_empty() {
        *text += "\n";
    }
}
