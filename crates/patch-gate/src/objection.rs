//! Why a draft is sent back, in words that a coder can act on.

use protocol::{ChangeKind, ChangedFile, Report, visible};

/// Objections that are told one by one.
const TOLD_MAX: usize = 20;

/// One reason to send a draft back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    /// The path; empty when it is about the whole patch.
    pub(crate) path: String,
    /// What is wrong with it.
    pub(crate) what: String,
    /// What to do.
    pub(crate) remedy: String,
    /// What to do instead, told once for all objections that say the same; may be empty.
    pub(crate) instead: &'static str,
}

impl Objection {
    /// To something that no task can ask for.
    pub(crate) fn never(file: &ChangedFile, what: String) -> Objection {
        Objection {
            path: file.path.clone(),
            what: format!("{what} (never taken, whatever the task says)"),
            remedy: undo(file),
            instead: "",
        }
    }

    fn told(&self) -> String {
        let place = match self.path.as_str() {
            "" => String::new(),
            path => format!("`{path}`: "),
        };
        visible(&format!("{place}{}", self.what)).into_owned()
    }
}

/// How to make a file what it was.
pub(crate) fn undo(file: &ChangedFile) -> String {
    let what = match file.kind {
        ChangeKind::Added => "Delete it again.",
        ChangeKind::Modified => {
            "Put it back as it was: its lines that begin with `-` in the change are the old ones."
        }
        ChangeKind::Deleted => {
            "Write it again as it was: its lines that begin with `-` in the change are the old ones."
        }
    };
    what.to_owned()
}

/// The draft goes back.
pub(crate) fn report(objections: &[Objection]) -> Report {
    let mut feedback =
        "The draft is refused for what it touches, before any test has run. Set this right and keep the rest:\n".to_owned();
    for objection in objections.iter().take(TOLD_MAX) {
        feedback += &format!("\n- {}. {}", objection.told(), objection.remedy);
    }
    let more = objections.len().saturating_sub(TOLD_MAX);
    if 0 < more {
        feedback += &format!("\n- And {more} more files of the same kinds.");
    }
    let mut told: Vec<&str> = Vec::new();
    for words in objections.iter().map(|it| it.instead) {
        if !words.is_empty() && !told.contains(&words) {
            told.push(words);
            feedback += &format!("\n\n{words}");
        }
    }
    let first = objections.first().map(Objection::told).unwrap_or_default();
    let summary = match objections.len() {
        0 | 1 => format!("refused: {first}"),
        n => format!("refused: {first}; and {} more", n - 1),
    };
    Report::rejected(summary, feedback)
}
