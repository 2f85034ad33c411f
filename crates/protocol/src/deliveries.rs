//! The deliveries behind the end of a run, and the run before them.

use crate::destination::Destination;
use crate::journal::{Entry, RunEvent};

impl RunEvent {
    /// Whether it tells of a delivery; only such events follow the end of a run.
    pub fn is_delivery(&self) -> bool {
        matches!(
            self,
            RunEvent::Delivering { .. } | RunEvent::Delivered { .. }
        )
    }
}

/// The part of a journal that tells the run itself: all of it, but for the deliveries behind its end. Whatever is proven of a
/// run is proven of this part, so that it stays the same however often its change is delivered.
pub fn walked(history: &[Entry]) -> &[Entry] {
    let deliveries = history.iter().rev().take_while(|it| it.event.is_delivery());
    &history[..history.len() - deliveries.count()]
}

/// What the last delivery to a place came to, if one came to its end.
pub fn delivered<'a>(history: &'a [Entry], place: &Destination) -> Option<&'a str> {
    history.iter().rev().find_map(|it| match &it.event {
        RunEvent::Delivered { to, reference } if to == place => Some(reference.as_str()),
        _ => None,
    })
}
