//! The prompts of the coding agents.

use serde::Serialize;

use crate::render::render;

/// Variables of `coding/system.md`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CodingSystem<'a> {
    /// How this model edits files: a sentence of ours about the edit tools it is offered.
    pub editing: &'a str,
}

impl CodingSystem<'_> {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../coding/system.md"), self)
    }
}

/// Variables of `coding/draft.md`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Draft<'a> {
    /// What was asked, in Markdown.
    pub task: &'a str,
    /// The user's own tests, each file below its path, if there are any.
    pub tests: Option<&'a str>,
    /// An overview of the repository, if there is one.
    pub repository: Option<&'a str>,
    /// The repository's own guidance, each file below its path, if there is any.
    pub guidance: Option<&'a str>,
}

impl Draft<'_> {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../coding/draft.md"), self)
    }
}

/// Variables of `coding/redraft.md`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Redraft<'a> {
    /// What was asked, in Markdown.
    pub task: &'a str,
    /// The user's own tests, each file below its path, if there are any.
    pub tests: Option<&'a str>,
    /// The change that was sent back: a unified diff against the base commit.
    pub change: &'a str,
    /// Why it was sent back.
    pub feedback: &'a str,
    /// Whether a test that sent it back may be disputed.
    pub may_dispute: bool,
    /// What came of an earlier dispute.
    pub decision: Option<&'a str>,
    /// An overview of the repository, if there is one.
    pub repository: Option<&'a str>,
    /// The repository's own guidance, each file below its path, if there is any.
    pub guidance: Option<&'a str>,
}

impl Redraft<'_> {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../coding/redraft.md"), self)
    }
}

/// Variables of `coding/refine.md`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Refine<'a> {
    /// What was asked, in Markdown.
    pub task: &'a str,
    /// The user's own tests, each file below its path, if there are any.
    pub tests: Option<&'a str>,
    /// The change to take over: a unified diff against the base commit.
    pub change: &'a str,
    /// Why an earlier form of the change was sent back, if it was.
    pub feedback: Option<&'a str>,
    /// Whether a test that sent it back may be disputed.
    pub may_dispute: bool,
    /// What came of an earlier dispute.
    pub decision: Option<&'a str>,
    /// An overview of the repository, if there is one.
    pub repository: Option<&'a str>,
    /// The repository's own guidance, each file below its path, if there is any.
    pub guidance: Option<&'a str>,
}

impl Refine<'_> {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../coding/refine.md"), self)
    }
}

/// Variables of `coding/nudge.md`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Nudge {
    /// Whether the reply ended at its length limit.
    pub cut_off: bool,
    /// Whether the vendor itself could not read the call that the model made.
    pub unreadable: bool,
}

impl Nudge {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../coding/nudge.md"), self)
    }
}

/// Variables of `coding/unfinished.md`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Unfinished<'a> {
    /// Why the model stopped.
    pub why: &'a str,
}

impl Unfinished<'_> {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../coding/unfinished.md"), self)
    }
}

#[cfg(test)]
mod tests;
