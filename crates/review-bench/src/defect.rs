//! One defect put into a real fix: what is wrong, where a reviewer must point, and the edit that makes it so.

use std::fmt;

use protocol::LineRange;
use serde::{Deserialize, Serialize};

/// What is wrong with a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Of which kind it is.
    pub kind: Kind,
    /// What is wrong, in a sentence.
    pub wrong: String,
    /// The file it is in.
    pub file: String,
    /// The lines that were edited, in the file with the change; none where the change shows nothing of it.
    pub lines: Option<LineRange>,
    /// The task's own words that are not met, where there are any.
    pub requirement: Option<String>,
    /// Whether no test notices: neither one of the package's own nor one that its authors wrote for the fix.
    pub unseen: bool,
}

/// Of which kind a defect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The first, the last, the empty or the one beyond is treated wrongly.
    Boundary,
    /// A condition holds for more, or for less, than it should.
    Condition,
    /// A wrong value, or none, is handed on.
    Argument,
    /// Something is changed that others share.
    State,
    /// Things happen in an order in which some never do.
    Order,
    /// What a value is isn't looked at any more.
    Check,
    /// An exception doesn't reach whom it is for.
    Swallowed,
    /// What was forbidden or escaped isn't any more.
    Security,
    /// A part of the task isn't done.
    Requirement,
    /// Behaviour changed that nobody asked to change.
    Unrelated,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 10] = [
        Kind::Boundary,
        Kind::Condition,
        Kind::Argument,
        Kind::State,
        Kind::Order,
        Kind::Check,
        Kind::Swallowed,
        Kind::Security,
        Kind::Requirement,
        Kind::Unrelated,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Boundary => "boundary",
            Kind::Condition => "condition",
            Kind::Argument => "argument",
            Kind::State => "state",
            Kind::Order => "order",
            Kind::Check => "check",
            Kind::Swallowed => "swallowed",
            Kind::Security => "security",
            Kind::Requirement => "requirement",
            Kind::Unrelated => "unrelated",
        })
    }
}

/// `defect.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefectFile {
    kind: Kind,
    wrong: String,
    file: String,
    lines: Option<[u32; 2]>,
    requirement: Option<String>,
    #[serde(default)]
    unseen: bool,
    /// What is done to the fixed file.
    #[serde(rename = "edit")]
    pub(crate) edits: Vec<Edit>,
}

/// `repair.toml`: what the authors' own change gets wrong, and is put right before anybody is shown it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepairFile {
    pub(crate) wrong: String,
    pub(crate) file: String,
    /// What is done to the file as its authors changed it.
    #[serde(rename = "edit")]
    pub(crate) edits: Vec<Edit>,
}

/// Whole lines of the fixed file, and what stands there instead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    /// They must occur exactly once.
    pub(crate) old: String,
    pub(crate) new: String,
}

impl DefectFile {
    pub(crate) fn defect(&self) -> Defect {
        Defect {
            kind: self.kind,
            wrong: self.wrong.clone(),
            file: self.file.clone(),
            lines: self.lines.map(|[first, last]| LineRange { first, last }),
            requirement: self.requirement.clone(),
            unseen: self.unseen,
        }
    }

    /// The one file that is edited.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }
}
