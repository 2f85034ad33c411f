//! The definitions of one file, each with how much a task speaks of it.

use crate::python::{self, Definition, Listener};
use crate::rank::Weights;
use crate::words::{Term, terms_of_name, terms_of_text};

/// A definition of usual length, in terms.
const USUAL_LENGTH: f64 = 80.0;
/// How much length counts (BM25's `b`).
const LENGTH_SHARE: f64 = 0.5;
/// How soon another occurrence of a word adds little (BM25's `k1`).
const SATURATION: f64 = 1.5;

/// A function or a class.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Defined {
    pub(crate) name: String,
    /// Counted from 1.
    pub(crate) line: u32,
    pub(crate) is_class: bool,
    /// The definition around it, by its place in the list.
    pub(crate) within: Option<usize>,
    /// How much the task speaks of its own lines, those of definitions inside left out.
    pub(crate) score: f64,
}

/// All definitions of a file, in order, and the score of what the task speaks of most, code outside of all of them
/// included.
pub(crate) fn of(text: &str, weights: &Weights) -> (Vec<Defined>, f64) {
    let mut splitter = Splitter {
        weights,
        defined: Vec::new(),
        outside: Counted::default(),
        counted: Vec::new(),
        open: Vec::new(),
    };
    python::read(text, &mut splitter);
    let mut best = splitter.outside.score(weights);
    let mut defined = splitter.defined;
    for (it, counted) in defined.iter_mut().zip(splitter.counted) {
        it.score = counted.score(weights);
        best = best.max(it.score);
    }
    (defined, best)
}

/// The words of a task that occur in one place.
#[derive(Clone, Debug, Default)]
struct Counted {
    /// Places in the list of weights.
    found: Vec<usize>,
    length: u32,
}

impl Counted {
    fn score(mut self, weights: &Weights) -> f64 {
        self.found.sort_unstable();
        let share = f64::from(self.length) / USUAL_LENGTH;
        let norm = 1.0 - LENGTH_SHARE + LENGTH_SHARE * share;
        let groups = self.found.chunk_by(|a, b| a == b);
        // Not `sum`, whose nothing is less than zero.
        groups.fold(0.0, |score, group| {
            let count = f64::from(u32::try_from(group.len()).unwrap_or(u32::MAX)) / norm;
            score + weights[group[0]].1 * count * (SATURATION + 1.0) / (count + SATURATION)
        })
    }
}

struct Splitter<'w> {
    weights: &'w Weights,
    defined: Vec<Defined>,
    outside: Counted,
    counted: Vec<Counted>,
    /// The definitions around the current place, with their columns.
    open: Vec<(usize, u32)>,
}

impl Splitter<'_> {
    fn add(&mut self, term: Term) {
        let counted = match self.open.last() {
            Some((at, _)) => &mut self.counted[*at],
            None => &mut self.outside,
        };
        counted.length += 1;
        if let Ok(at) = self.weights.binary_search_by_key(&term, |it| it.0) {
            counted.found.push(at);
        }
    }
}

impl Listener for Splitter<'_> {
    fn name(&mut self, name: &str) {
        terms_of_name(name, &mut |it| self.add(it));
    }

    fn text(&mut self, text: &str) {
        terms_of_text(text, &mut |it| self.add(it));
    }

    fn line(&mut self, indent: u32) {
        self.open.retain(|(_, columns)| *columns < indent);
    }

    fn definition(&mut self, definition: Definition<'_>) {
        self.line(definition.indent);
        let within = self.open.last().map(|it| it.0);
        self.open.push((self.defined.len(), definition.indent));
        self.counted.push(Counted::default());
        self.defined.push(Defined {
            name: definition.name.to_owned(),
            line: definition.line,
            is_class: definition.is_class,
            within,
            score: 0.0,
        });
        self.name(definition.name);
    }

    fn import(&mut self, _: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::term;

    #[test]
    fn words_count_for_the_innermost_definition() {
        let text = "apple = 1\nclass A:\n    apple = 2\n    def f(self):\n        apple\n        apple\n\
                    def g():\n    def h():\n        pass\n    apple\nif x:\n    apple\n";
        let weights = vec![(term("appl"), 1.0)];
        let (defined, best) = of(text, &weights);
        let shown: Vec<String> = defined
            .iter()
            .map(|it| format!("{}:{} {:.2} {:?}", it.name, it.line, it.score, it.within))
            .collect();
        assert_eq!(
            shown,
            [
                "A:2 1.42 None",
                "f:4 1.80 Some(0)",
                "g:7 1.42 None",
                "h:8 0.00 Some(2)"
            ]
        );
        assert!((best - 1.79).abs() < 0.05, "{best}");
    }
}
