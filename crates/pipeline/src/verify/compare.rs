//! Compares what a journal claims with what came out, figure by figure, and says it gate by gate.

use std::collections::BTreeSet;

use serde::Serialize;

use super::figures::{Figure, Place, THE_END, Told, UNTRIED, function_of};
use super::gate::Gate;

/// One gate and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The gate.
    pub gate: Gate,
    /// What came of it.
    #[serde(flatten)]
    pub word: Word,
}

/// Whether a gate's figures hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "word", rename_all = "kebab-case")]
pub enum Word {
    /// Every figure came out the same.
    Holds {
        /// How many there are.
        figures: usize,
    },
    /// Some figure came out differently.
    Differs {
        /// The first one, in words.
        first: String,
        /// How many there are.
        differences: usize,
    },
    /// The run claims nothing about it.
    NotClaimed,
    /// The walk ended before.
    NotReached,
}

impl Word {
    /// Whether it speaks against the bundle.
    pub fn holds(&self) -> bool {
        matches!(self, Word::Holds { .. } | Word::NotClaimed)
    }
}

/// The words of every gate when one of them ended the walk.
pub(super) fn broken_off_at(broken: Gate, why: &str) -> Vec<Checked> {
    let word = |gate| {
        if gate == broken {
            Word::Differs {
                first: why.to_owned(),
                differences: 1,
            }
        } else {
            Word::NotReached
        }
    };
    Gate::ALL
        .map(|gate| Checked {
            gate,
            word: word(gate),
        })
        .to_vec()
}

/// Characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 160;

/// A word for every gate, and what could not be compared. `ended` says how the walk ended.
pub(super) fn compare(claimed: &Told, found: &Told, ended: &str) -> (Vec<Checked>, Vec<String>) {
    let mut notes = Vec::new();
    if claimed.tools != found.tools {
        notes.push(format!(
            "formatted by {} then, and by {} now",
            in_words(&claimed.tools),
            in_words(&found.tools)
        ));
    }
    let aside = Aside { claimed, found };
    let skipped: BTreeSet<&str> = claimed
        .flaky
        .union(&found.flaky)
        .map(String::as_str)
        .collect();
    if !skipped.is_empty() {
        notes.push(format!(
            "not compared, because they are flaky: {}",
            skipped.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
    if claimed.left_out != found.left_out {
        notes.push(
            "the suite was cut down to fit its time; what ran on one side only is not compared"
                .to_owned(),
        );
    }
    let lost = first_lost_visit(claimed, found);
    let mut broken = false;
    let words = Gate::ALL.map(|gate| {
        let mut word = word(gate, &aside, lost, ended);
        let lost_here = lost.is_some_and(|(_, at)| at <= gate);
        if broken && lost_here && matches!(word, Word::Differs { .. }) {
            // It follows from what was said already.
            word = Word::NotReached;
        }
        broken |= matches!(word, Word::Differs { .. });
        Checked { gate, word }
    });
    (words.to_vec(), notes)
}

fn in_words(tools: &[String]) -> String {
    match tools {
        [] => "nothing".to_owned(),
        [tool, ..] => tool.clone(),
    }
}

/// The first visit that the journal tells of and that didn't come to its end here.
fn first_lost_visit<'a>(claimed: &'a Told, found: &Told) -> Option<(&'a Place, Gate)> {
    claimed
        .visits
        .iter()
        .find(|it| !found.visits.contains(it))
        .map(|(place, gate)| (place, *gate))
}

/// Both sides, and what is left aside.
struct Aside<'a> {
    claimed: &'a Told,
    found: &'a Told,
}

impl Aside<'_> {
    /// What flickers, or didn't run on one side for lack of time, says nothing about the other side.
    fn is_aside(&self, figure: &Figure) -> bool {
        let Some(test) = &figure.test else {
            return false;
        };
        let file = test.split_once("::").map_or(test.as_str(), |it| it.0);
        // The base's own run has the ids of that run; both sides compare its tests by their places.
        let sides = [self.claimed, self.found];
        let is_by_place = |it: &str| sides.iter().all(|side| side.by_place.contains(it));
        if function_of(test).is_some_and(is_by_place) {
            return true;
        }
        [self.claimed, self.found]
            .iter()
            .any(|it| it.flaky.contains(test) || it.left_out.contains(file))
    }

    /// Names and values of one gate that differ, in order, and the number of figures that were compared.
    fn differences(&self, gate: Gate) -> (Vec<Difference<'_>>, usize) {
        let of_gate = |it: &&Figure| it.gate == gate;
        let names: BTreeSet<_> = self
            .claimed
            .figures
            .keys()
            .chain(self.found.figures.keys())
            .collect();
        let mut compared = 0;
        let mut differences = Vec::new();
        for key in names {
            let claimed = self.claimed.figures.get(key).filter(of_gate);
            let found = self.found.figures.get(key).filter(of_gate);
            let sides = [claimed, found];
            if sides.iter().flatten().next().is_none()
                || sides.iter().flatten().any(|it| self.is_aside(it))
            {
                continue;
            }
            // How far the hunks get hangs on the time that is left.
            let untried = |it: &Figure| it.value.starts_with(UNTRIED);
            if sides.iter().flatten().all(|it| it.gate == Gate::Bite)
                && sides.iter().flatten().any(|it| untried(it))
                && claimed.is_some() == found.is_some()
            {
                continue;
            }
            if gate == Gate::Patch && key.0.1 == THE_END && found.is_none() {
                continue;
            }
            compared += 1;
            if claimed.map(|it| &it.value) != found.map(|it| &it.value) {
                differences.push(Difference {
                    place: &key.0,
                    name: &key.1,
                    claimed: claimed.map(|it| it.value.as_str()),
                    found: found.map(|it| it.value.as_str()),
                });
            }
        }
        (differences, compared)
    }
}

struct Difference<'a> {
    place: &'a Place,
    name: &'a str,
    claimed: Option<&'a str>,
    found: Option<&'a str>,
}

impl Difference<'_> {
    fn in_words(&self) -> String {
        let place = match self.place {
            (0, agent) => format!("{agent}, before the drafts"),
            (u8::MAX, end) => end.clone(),
            (draft, agent) => format!("{agent}, draft {draft}"),
        };
        let (claimed, found) = match (self.claimed, self.found) {
            (Some(claimed), Some(found)) => first_different_line(claimed, found),
            (claimed, found) => (
                claimed.unwrap_or("nothing").to_owned(),
                found.unwrap_or("nothing").to_owned(),
            ),
        };
        format!(
            "{} ({place}): the bundle says {}, and here it is {}",
            self.name,
            shown(&claimed),
            shown(&found)
        )
    }
}

fn first_different_line(claimed: &str, found: &str) -> (String, String) {
    let mut claimed_lines = claimed.lines();
    let mut found_lines = found.lines();
    for number in 1_usize.. {
        match (claimed_lines.next(), found_lines.next()) {
            (None, None) => break,
            (one, other) if one == other => {}
            (one, other) if claimed.contains('\n') || found.contains('\n') => {
                let line = |it: Option<&str>| match it {
                    Some(text) => format!("{text:?} in line {number}"),
                    None => format!("no line {number}"),
                };
                return (line(one), line(other));
            }
            _ => break,
        }
    }
    (claimed.to_owned(), found.to_owned())
}

fn shown(value: &str) -> String {
    if value.is_empty() {
        return "nothing".to_owned();
    }
    let cut: String = value.chars().take(VALUE_CHARS_MAX).collect();
    if cut.len() < value.len() {
        cut + "…"
    } else {
        cut
    }
}

fn word(gate: Gate, aside: &Aside<'_>, lost: Option<(&Place, Gate)>, ended: &str) -> Word {
    let (differences, compared) = aside.differences(gate);
    let reached = lost.is_none_or(|(_, at)| gate < at);
    // Beyond the place where the walk ended, everything differs, and none of it is what went wrong.
    let told: Vec<&Difference<'_>> = differences
        .iter()
        .filter(|it| reached || it.found.is_some())
        .collect();
    if let Some(first) = told.first() {
        return Word::Differs {
            first: first.in_words(),
            differences: told.len(),
        };
    }
    if let Some((place, at)) = lost
        && at == gate
    {
        return Word::Differs {
            first: format!(
                "{} came to no word in draft {} here: {ended}",
                place.1, place.0
            ),
            differences: 1,
        };
    }
    if !differences.is_empty() {
        return Word::NotReached;
    }
    match compared {
        0 => Word::NotClaimed,
        figures => Word::Holds { figures },
    }
}
