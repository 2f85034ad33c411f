//! A closer look at the best files: which of their definitions the task is about.

use std::collections::{BTreeMap, HashMap};

use crate::params::params;
use crate::python::{self, Definition, Listener};
use crate::words::{Term, terms_of_name, terms_of_text};

/// One definition with the words of its own lines.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub name: String,
    pub is_class: bool,
    pub indent: u32,
    pub line: u32,
    pub parent: Option<usize>,
    pub(crate) counts: BTreeMap<Term, u32>,
    pub length: u32,
    pub score: f32,
}

struct Splitter<'q> {
    wanted: &'q HashMap<Term, f32>,
    chunks: Vec<Chunk>,
    open: Vec<usize>,
}

impl Splitter<'_> {
    fn add(&mut self, term: Term) {
        let at = self.open.last().copied().unwrap_or(0);
        let chunk = &mut self.chunks[at];
        chunk.length += 1;
        if self.wanted.contains_key(&term) { *chunk.counts.entry(term).or_default() += 1; }
    }
}

impl Listener for Splitter<'_> {
    fn name(&mut self, name: &str, _: u32) { terms_of_name(name, |it| self.add(it)); }
    fn text(&mut self, text: &str, _: u32) { terms_of_text(text, |it| self.add(it)); }
    fn line(&mut self, indent: u32) {
        while let Some(at) = self.open.last() && indent <= self.chunks[*at].indent { self.open.pop(); }
    }
    fn definition(&mut self, d: Definition<'_>) {
        while let Some(at) = self.open.last() && d.indent <= self.chunks[*at].indent { self.open.pop(); }
        let parent = self.open.last().copied();
        self.open.push(self.chunks.len());
        self.chunks.push(Chunk { name: d.name.to_owned(), is_class: d.is_class, indent: d.indent, line: d.line, parent, counts: BTreeMap::new(), length: 0, score: 0.0 });
    }
    fn import(&mut self, statement: &str) { let _ = statement; }
}

/// The chunks of a file; the first one is the module itself.
pub(crate) fn chunks(text: &str, weights: &HashMap<Term, f32>) -> Vec<Chunk> {
    let p = params();
    let module = Chunk { name: String::new(), is_class: false, indent: 0, line: 0, parent: None, counts: BTreeMap::new(), length: 0, score: 0.0 };
    let mut s = Splitter { wanted: weights, chunks: vec![module], open: vec![] };
    python::read(text, &mut s);
    let mut chunks = s.chunks;
    for c in &mut chunks {
        let norm = 1.0 - p.cb + p.cb * c.length as f32 / p.clen;
        c.score = c.counts.iter().map(|(t, n)| { let tf = *n as f32 / norm; weights[t] * tf * (p.ck1 + 1.0) / (tf + p.ck1) }).sum();
    }
    chunks
}
