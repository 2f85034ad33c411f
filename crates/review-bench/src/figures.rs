//! What earlier benches found out about models.

use protocol::ReviewerFigure;
use serde::{Deserialize, Serialize};

use crate::error::BenchError;

/// Those that come with the program.
const BUNDLED: &str = include_str!("../reviewers.toml");

/// Figures of reviewers, at most one for a model, an effort and a version of the cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// The figures, the newest last.
    #[serde(default, rename = "reviewer", skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<ReviewerFigure>,
}

impl Figures {
    /// Those that come with the program.
    ///
    /// # Errors
    ///
    /// When they can't be read; a test sees to it that they can.
    pub fn bundled() -> Result<Figures, BenchError> {
        Figures::read(BUNDLED, "the program")
    }

    /// Reads a file of figures; `place` is named when it can't be.
    ///
    /// # Errors
    ///
    /// When it isn't one.
    pub fn read(text: &str, place: &str) -> Result<Figures, BenchError> {
        toml::from_str(text).map_err(|source| BenchError::Figures {
            place: place.to_owned(),
            source: Box::new(source),
        })
    }

    /// Takes in a figure; it replaces an older one of the same.
    pub fn learn(&mut self, figure: ReviewerFigure) {
        let of = |it: &ReviewerFigure| (it.model.clone(), it.effort, it.cases.clone());
        let same = |it: &ReviewerFigure| of(it) == of(&figure);
        self.known.retain(|it| !same(it));
        self.known.push(figure);
    }

    /// Those that were measured with these cases.
    #[must_use]
    pub fn with_cases(mut self, version: &str) -> Vec<ReviewerFigure> {
        self.known.retain(|it| it.cases == version);
        self.known
    }

    /// The file that [`Figures::read`] reads.
    ///
    /// # Errors
    ///
    /// When they can't be written as TOML.
    pub fn to_text(&self) -> Result<String, BenchError> {
        Ok(toml::to_string(self)?)
    }
}
