//! Ranks the files of a repository by how much a task speaks of them: by content first (BM25 over the words of paths,
//! definitions and whole files), then by what the best of them import.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Facts, total};
use crate::files::{Part, is_named_as_a_test};
use crate::places::{Meant, Places};
use crate::wanted::Wanted;
use crate::words::{Term, names_in, terms_of_name};

/// How soon another occurrence of a word adds little. Code repeats what it is about, so this is more than for prose.
const SATURATION: f64 = 5.0;
/// How soon it adds little that a task says a word again.
const TASK_SATURATION: f64 = 5.0;
/// How much the length of a file counts (BM25's `b`).
const LENGTH_SHARE: f64 = 0.6;
/// What a word counts in the names that a file defines, and in its path; in its text it counts 1.
const DEFINED_WEIGHT: f64 = 2.0;
/// The same for the last part of its path; an earlier one counts half.
const PATH_WEIGHT: f64 = 4.0;
/// What it counts that a file defines a name that the task quotes, if no other file does.
const DEFINES_WEIGHT: f64 = 3.0;
/// What is left of the score of code that builds or measures the rest, and of a package's front, which names everything.
const SIDE_SHARE: f64 = 0.5;
const FRONT_SHARE: f64 = 0.7;
/// What it adds that a dotted name means a file, and that the name in a path does.
const DOTTED_BONUS: f64 = 20.0;
const NAME_BONUS: f64 = 20.0;
/// The best files, whose imports count, and the share of their score that is handed on.
const HUBS_MAX: usize = 20;
const IMPORT_SHARE: f64 = 0.03;
/// What it adds to a test that it is called as the best file is.
const TESTED_BONUS: f64 = 20.0;
/// Steps in which a word's weight is counted, so that no last bit of a logarithm decides about an order.
const WEIGHT_STEPS: f64 = 1024.0;

/// The words of a task with their weights, by term.
pub(crate) type Weights = Vec<(Term, f64)>;

/// A file of the repository.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) part: Part,
    /// None of what isn't read for its words.
    pub(crate) facts: Option<Facts>,
}

/// How the files of a repository stand to a task.
#[derive(Clone, Debug)]
pub(crate) struct Ranking {
    /// What the task's words weigh here.
    pub(crate) weights: Weights,
    /// By file.
    scores: Vec<f64>,
    /// Files that the task names by their path.
    named: BTreeSet<usize>,
}

/// A file while its words are counted.
struct Counted {
    file: usize,
    /// How often it has which word of the task, by the word's place.
    found: Vec<(usize, f64)>,
}

impl Ranking {
    /// By content, and by the places that the task names.
    pub(crate) fn new(files: &[File], wanted: &Wanted) -> Ranking {
        let mut ranking = Ranking {
            weights: Vec::new(),
            scores: vec![0.0; files.len()],
            named: BTreeSet::new(),
        };
        ranking.by_words(files, wanted);
        ranking.by_definitions(files, wanted);
        for (score, file) in ranking.scores.iter_mut().zip(files) {
            if file.part == Part::Side {
                *score *= SIDE_SHARE;
            }
            if file.path.ends_with("__init__.py") {
                *score *= FRONT_SHARE;
            }
        }
        ranking.by_places(files, wanted);
        ranking
    }

    /// The files to show: those that the task names, then the code, the best first.
    pub(crate) fn order(&self, files: &[File]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..files.len()).collect();
        order.retain(|it| files[*it].part.is_read() || self.named.contains(it));
        let depth = |at: usize| files[at].path.matches('/').count();
        order.sort_by(|a, b| {
            let is_named = |at: &usize| self.named.contains(at);
            is_named(b)
                .cmp(&is_named(a))
                .then_with(|| self.scores[*b].total_cmp(&self.scores[*a]))
                .then_with(|| depth(*a).cmp(&depth(*b)))
                .then_with(|| files[*a].path.cmp(&files[*b].path))
        });
        order
    }

    /// Tests, those first that are called as the best files are.
    pub(crate) fn tests(&self, files: &[File], best: &[usize]) -> Vec<usize> {
        let stems: Vec<Vec<(Term, f64)>> =
            best.iter().map(|it| stem_words(&files[*it].path)).collect();
        let mut tests: Vec<(usize, f64)> = Vec::new();
        for (at, file) in files.iter().enumerate() {
            if file.part != Part::Test || !is_named_as_a_test(&file.path) {
                continue;
            }
            let words = path_words(&file.path);
            let has = |it: &(Term, f64)| words.binary_search_by_key(&it.0, |it| it.0).is_ok();
            let rank = stems
                .iter()
                .position(|it| !it.is_empty() && it.iter().all(has));
            let bonus = rank.map_or(0.0, |it| {
                TESTED_BONUS / f64::from(u32::try_from(it).unwrap_or(u32::MAX) + 1)
            });
            tests.push((at, self.scores[at] + bonus));
        }
        tests.sort_by(|a, b| {
            let by_path = || files[a.0].path.cmp(&files[b.0].path);
            b.1.total_cmp(&a.1).then_with(by_path)
        });
        tests.into_iter().map(|it| it.0).collect()
    }

    /// Adds what a closer look at a file brought.
    pub(crate) fn add(&mut self, file: usize, score: f64) {
        self.scores[file] += score;
    }

    /// Hands a share of the best files' scores on to the files that they import.
    pub(crate) fn spread(&mut self, files: &[File]) {
        let places = places_of(files);
        let mut more: BTreeMap<usize, f64> = BTreeMap::new();
        for at in self.order(files).into_iter().take(HUBS_MAX) {
            let file = &files[at];
            let Some(facts) = &file.facts else {
                continue;
            };
            let mut imported = places.imported(&file.path, &facts.imports);
            imported.remove(&at);
            let count = f64::from(u32::try_from(imported.len()).unwrap_or(u32::MAX));
            for to in imported {
                *more.entry(to).or_default() += IMPORT_SHARE * self.scores[at] / count.sqrt();
            }
        }
        for (to, score) in more {
            self.scores[to] += score;
        }
    }

    fn by_words(&mut self, files: &[File], wanted: &Wanted) {
        let terms: Vec<Term> = wanted.words.keys().copied().collect();
        let counted = count(files, &terms);
        let read = || counted.iter().filter(|it| files[it.file].part.is_read());
        let mut files_with = vec![0_u32; terms.len()];
        for it in read() {
            it.found.iter().for_each(|(word, _)| files_with[*word] += 1);
        }
        let files_in_all = u32::try_from(read().count()).unwrap_or(u32::MAX);
        let weights: Vec<f64> = wanted
            .words
            .values()
            .zip(files_with)
            .map(|(said, with)| said_weight(*said) * rarity(with, files_in_all))
            .collect();
        for it in &counted {
            // Not `sum`, whose nothing is less than zero.
            self.scores[it.file] = it.found.iter().fold(0.0, |score, (word, count)| {
                score + weights[*word] * count * (SATURATION + 1.0) / (count + SATURATION)
            });
        }
        self.weights = terms.into_iter().zip(weights).collect();
    }

    fn by_definitions(&mut self, files: &[File], wanted: &Wanted) {
        let read: Vec<(usize, &Facts)> = (0..)
            .zip(files)
            .filter_map(|(at, it)| Some((at, it.facts.as_ref()?)))
            .collect();
        let files_in_all = u32::try_from(read.len()).unwrap_or(u32::MAX);
        for (name, said) in &wanted.names {
            let defining: Vec<usize> = read
                .iter()
                .filter(|(_, it)| it.defines(*name))
                .map(|it| it.0)
                .collect();
            let with = u32::try_from(defining.len()).unwrap_or(u32::MAX);
            let weight = said_weight(*said) * rarity(with, files_in_all) / f64::from(with).sqrt();
            for at in defining {
                self.scores[at] += DEFINES_WEIGHT * weight;
            }
        }
    }

    fn by_places(&mut self, files: &[File], wanted: &Wanted) {
        let places = places_of(files);
        let mut bonus: BTreeMap<usize, f64> = BTreeMap::new();
        for path in &wanted.paths {
            match places.meant_by(path) {
                Meant::Surely(files) => self.named.extend(files),
                Meant::Perhaps(files) => bonus.extend(files.into_iter().map(|it| (it, NAME_BONUS))),
                Meant::Nothing => {}
            }
        }
        for dotted in &wanted.dotted {
            bonus.extend(places.module_of(dotted).map(|it| (it, DOTTED_BONUS)));
        }
        for (at, more) in bonus {
            self.scores[at] += more;
        }
    }
}

/// How often each file has each word, by weight of the place.
fn count(files: &[File], terms: &[Term]) -> Vec<Counted> {
    let of_all = |of: fn(&Facts) -> f64| {
        let all: Vec<f64> = files
            .iter()
            .filter_map(|it| it.facts.as_ref())
            .map(of)
            .collect();
        let count = f64::from(u32::try_from(all.len()).unwrap_or(u32::MAX));
        (all.iter().sum::<f64>() / count.max(1.0)).max(1.0)
    };
    let usual_words = of_all(|it| total(&it.words));
    let usual_defined = of_all(|it| total(&it.defined));
    let norm = |length: f64, usual: f64| 1.0 - LENGTH_SHARE + LENGTH_SHARE * length / usual;
    let count_one = |(at, file): (usize, &File)| {
        let mut found: BTreeMap<usize, f64> = BTreeMap::new();
        for (word, count) in both(terms, &path_words(&file.path)) {
            *found.entry(word).or_default() += PATH_WEIGHT * count;
        }
        if let Some(facts) = &file.facts {
            let (words, defined) = (&facts.words, &facts.defined);
            let words_norm = norm(total(words), usual_words);
            let defined_norm = norm(total(defined), usual_defined);
            for (word, count) in both(terms, words) {
                *found.entry(word).or_default() += f64::from(count) / words_norm;
            }
            for (word, count) in both(terms, defined) {
                *found.entry(word).or_default() += DEFINED_WEIGHT * f64::from(count) / defined_norm;
            }
        }
        Counted {
            file: at,
            found: found.into_iter().collect(),
        }
    };
    files.iter().enumerate().map(count_one).collect()
}

fn places_of(files: &[File]) -> Places<'_> {
    let numbered = files.iter().enumerate();
    Places::of(numbered.map(|(at, it)| (at, &*it.path, it.facts.is_some())))
}

/// What a word counts that a task says with this weight in all.
fn said_weight(said: f64) -> f64 {
    said * (TASK_SATURATION + 1.0) / (said + TASK_SATURATION)
}

/// What a word counts that this many of all files have (BM25's inverse document frequency).
fn rarity(files_with: u32, files_in_all: u32) -> f64 {
    let (with, all) = (f64::from(files_with), f64::from(files_in_all));
    let odds = (all - with + 0.5) / (with + 0.5);
    ((1.0 + odds).ln() * WEIGHT_STEPS).round() / WEIGHT_STEPS
}

/// The places of the terms that both ascending lists have, with the second one's count.
fn both<C: Copy>(terms: &[Term], counts: &[(Term, C)]) -> Vec<(usize, C)> {
    let mut found = Vec::new();
    let (mut at, mut rest) = (0, counts);
    while let (Some(term), Some((other, count))) = (terms.get(at), rest.first()) {
        match term.cmp(other) {
            Ordering::Less => at += 1,
            Ordering::Greater => rest = &rest[1..],
            Ordering::Equal => {
                found.push((at, *count));
                at += 1;
                rest = &rest[1..];
            }
        }
    }
    found
}

/// The words of a path, ascending; the last part's count more.
fn path_words(path: &str) -> Vec<(Term, f64)> {
    let module = path.rsplit_once('.').map_or(path, |(module, _)| module);
    let module = module.strip_suffix("/__init__").unwrap_or(module);
    let mut words: BTreeMap<Term, f64> = BTreeMap::new();
    for (from_end, part) in module.rsplit('/').enumerate() {
        let count: f64 = if from_end == 0 { 1.0 } else { 0.5 };
        for name in names_in(part) {
            terms_of_name(name, &mut |it| {
                let most = words.entry(it).or_default();
                *most = most.max(count);
            });
        }
    }
    words.into_iter().collect()
}

/// The words of a file's name alone, or of its folder's where all are called so.
fn stem_words(path: &str) -> Vec<(Term, f64)> {
    let module = path.strip_suffix("/__init__.py").unwrap_or(path);
    path_words(module.rsplit('/').next().unwrap_or(module))
}

#[cfg(test)]
mod tests;
