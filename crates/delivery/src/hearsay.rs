//! Whether any model was asked in a run: a figure of a rehearsal must not be taken for one of a model.

use protocol::{Entry, RunEvent, Seat};
use serde_json::Value;

/// The vendor that the names of scripts have.
const SCRIPTED: &str = "scripted";

/// That nobody was asked in a run, or in a part of it, when that is so: in a sentence.
pub fn nobody_was_asked(history: &[Entry]) -> Option<&'static str> {
    let mut is_replayed = false;
    for entry in history {
        let (RunEvent::Opened { settings, crew, .. } | RunEvent::Reopened { settings, crew, .. }) =
            &entry.event
        else {
            continue;
        };
        match kind_of_source(settings) {
            Some("scripts" | "demo") => return Some(SCRIPTS),
            Some("replay") => is_replayed = true,
            _ => {}
        }
        if crew.iter().any(is_a_script) {
            return Some(SCRIPTS);
        }
    }
    is_replayed.then_some(REPLAY)
}

const SCRIPTS: &str =
    "No model was asked: what is told here as a model's words comes from scripts.";
const REPLAY: &str =
    "No model was asked: what is told here as a model's words was recorded in an earlier run.";

/// As whoever started the run wrote it into the event's settings.
fn kind_of_source(settings: &Value) -> Option<&str> {
    settings.get("source")?.get("kind")?.as_str()
}

fn is_a_script(seat: &Seat) -> bool {
    seat.model.as_ref().is_some_and(|it| it.vendor == SCRIPTED)
}

#[cfg(test)]
mod tests {
    use protocol::ModelId;
    use serde_json::json;

    use super::*;
    use crate::example;

    #[test]
    fn who_was_not_asked_is_told_by_settings_and_by_names() {
        let check = |kind: &str, vendor: &str, want: Option<&str>| {
            let mut history = example::rich();
            let Some(RunEvent::Opened { settings, crew, .. }) =
                history.first_mut().map(|it| &mut it.event)
            else {
                unreachable!("a run begins with its opening")
            };
            *settings = json!({"source": {"kind": kind}});
            for seat in crew.iter_mut() {
                seat.model = seat.model.as_ref().map(|_| ModelId::new(vendor, "m"));
            }
            assert_eq!(nobody_was_asked(&history), want, "{kind}, {vendor}");
        };
        check("vendors", "openai", None);
        check("replay", "openai", Some(REPLAY));
        check("scripts", "openai", Some(SCRIPTS));
        check("demo", "openai", Some(SCRIPTS));
        check("vendors", "scripted", Some(SCRIPTS));
        check("replay", "scripted", Some(SCRIPTS));
    }
}
