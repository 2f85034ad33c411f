//! What is known of one file, whatever the task: its words, what it defines, what it imports.

use crate::python::{self, Definition, Listener};
use crate::words::{Term, exact, terms_of_name, terms_of_text};

/// How often each term occurs, terms in ascending order.
pub(crate) type Counts = Vec<(Term, u16)>;

/// What is known of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// All its words.
    pub(crate) words: Counts,
    /// The words of the names that it defines.
    pub(crate) defined: Counts,
    /// The names that it defines, each as [`exact`] has it, in ascending order.
    pub(crate) names: Vec<Term>,
    /// What it imports, in order.
    pub(crate) imports: Vec<Import>,
    /// Whether it defines a test.
    pub(crate) holds_tests: bool,
}

/// One imported module, with what is taken from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// Dots before the module's name.
    pub(crate) level: u8,
    /// The module, as in `a.b`; empty in `from . import c`.
    pub(crate) module: String,
    /// The names taken; none where the module itself is imported.
    pub(crate) names: Vec<String>,
}

impl Facts {
    /// Reads a file.
    pub(crate) fn of(text: &str) -> Facts {
        let mut collector = Collector::default();
        python::read(text, &mut collector);
        let mut names = collector.names;
        names.sort_unstable();
        names.dedup();
        Facts {
            words: counted(collector.words),
            defined: counted(collector.defined),
            names,
            imports: collector.imports,
            holds_tests: collector.holds_tests,
        }
    }

    /// Whether it defines this name.
    pub(crate) fn defines(&self, name: Term) -> bool {
        self.names.binary_search(&name).is_ok()
    }
}

/// How many terms were counted.
pub(crate) fn total(counts: &Counts) -> f64 {
    counts.iter().map(|(_, count)| f64::from(*count)).sum()
}

fn counted(mut terms: Vec<Term>) -> Counts {
    terms.sort_unstable();
    let mut counts = Counts::new();
    for term in terms {
        match counts.last_mut() {
            Some((last, count)) if *last == term => *count = count.saturating_add(1),
            _ => counts.push((term, 1)),
        }
    }
    counts.shrink_to_fit();
    counts
}

#[derive(Default)]
struct Collector {
    words: Vec<Term>,
    defined: Vec<Term>,
    names: Vec<Term>,
    imports: Vec<Import>,
    holds_tests: bool,
}

impl Listener for Collector {
    fn name(&mut self, name: &str) {
        terms_of_name(name, &mut |it| self.words.push(it));
    }

    fn text(&mut self, text: &str) {
        terms_of_text(text, &mut |it| self.words.push(it));
    }

    fn definition(&mut self, definition: Definition<'_>) {
        let name = definition.name;
        self.name(name);
        terms_of_name(name, &mut |it| self.defined.push(it));
        self.names.push(exact(name));
        self.holds_tests |= !definition.is_class && name.starts_with("test_");
    }

    fn import(&mut self, statement: &str) {
        for import in imports_of(statement) {
            self.text(&import.module);
            for name in &import.names {
                self.name(name);
            }
            self.imports.push(import);
        }
    }
}

/// The imports of one statement.
fn imports_of(statement: &str) -> Vec<Import> {
    // What follows `as` is another name for the same.
    let first_word = |it: &str| it.split_whitespace().next().unwrap_or_default().to_owned();
    let listed = |it: &str| -> Vec<String> {
        let words = it.split(',').map(first_word);
        words.filter(|it| !it.is_empty()).collect()
    };
    let Some(rest) = statement.strip_prefix("from") else {
        let modules = listed(statement.strip_prefix("import").unwrap_or_default());
        let whole = |module| Import {
            level: 0,
            module,
            names: Vec::new(),
        };
        return modules.into_iter().map(whole).collect();
    };
    let words: Vec<&str> = rest.split_whitespace().collect();
    // `from .import a` is legal.
    let is_import = |it: &&str| it.trim_start_matches('.') == "import";
    let Some(at) = words.iter().position(is_import) else {
        return Vec::new();
    };
    let from = words[..at].concat() + words[at].trim_end_matches("import");
    let module = from.trim_start_matches('.');
    let dots = from.len() - module.len();
    vec![Import {
        level: u8::try_from(dots).unwrap_or(u8::MAX),
        module: module.to_owned(),
        names: listed(&words[at + 1..].join(" ")),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::term;

    #[test]
    fn words_are_counted_and_definitions_once_more() {
        let facts = Facts::of("class Cart:\n    def add_item(self): return 'the cart'\n");
        let count = |counts: &Counts, word: &str| {
            let found = counts.binary_search_by_key(&term(word), |it| it.0);
            found.map_or(0, |it| counts[it].1)
        };
        assert_eq!(count(&facts.words, "cart"), 2);
        assert_eq!(count(&facts.words, "add_item"), 1);
        assert_eq!(count(&facts.words, "item"), 1);
        assert_eq!(count(&facts.defined, "item"), 1);
        assert_eq!(count(&facts.defined, "self"), 0);
        assert!(facts.defines(exact("Cart")) && facts.defines(exact("add_item")));
        assert!(!facts.defines(exact("item")) && !facts.holds_tests);
        assert!(Facts::of("def test_a(): ...").holds_tests);
    }

    #[test]
    fn imports_are_understood() {
        let check = |statement: &str, want: &str| {
            let shown = |it: Import| format!("{} {}: {}", it.level, it.module, it.names.join(" "));
            let found: Vec<String> = imports_of(statement).into_iter().map(shown).collect();
            assert_eq!(found.join("\n"), want, "{statement}");
        };
        check("import a.b as c, d", "0 a.b: \n0 d: ");
        check("from a.b import c as d, e", "0 a.b: c e");
        check("from . import c", "1 : c");
        check("from ..a.b import *", "2 a.b: *");
        check("from .importer import c", "1 importer: c");
        check("from .import c", "1 : c");
        check("from", "");
    }
}
