//! The edit tools each vendor's models are trained on, all of which turn into the same edits.

pub(crate) mod apply_patch;
pub(crate) mod functions;
pub(crate) mod prose;
pub(crate) mod text_editor;

use protocol::{ModelId, ToolSpec};
use serde_json::Value;

use crate::answer::glimpse;
use crate::arguments::Arguments;
use crate::refusal::Refusal;
use crate::tools::{self, Call, HEADLINE_CHARS_MAX, Understand};

/// Which edit tools a model is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `edit_file`, `write_file` and `delete_file`: for any model.
    Functions,
    /// The `apply_patch` envelope, which OpenAI's models are trained on.
    ApplyPatch,
    /// The commands of `str_replace_based_edit_tool`, which Anthropic's models are trained on.
    TextEditor,
}

impl Dialect {
    /// The dialect of a model, by its vendor; [`Dialect::Functions`] for every vendor without one of its own.
    pub fn of(model: &ModelId) -> Dialect {
        match &*model.vendor {
            "openai" => Dialect::ApplyPatch,
            "anthropic" => Dialect::TextEditor,
            _ => Dialect::Functions,
        }
    }

    /// One sentence for the system prompt about how to edit.
    pub(crate) fn editing(self) -> &'static str {
        match self {
            Dialect::Functions => functions::EDITING,
            Dialect::ApplyPatch => apply_patch::EDITING,
            Dialect::TextEditor => text_editor::EDITING,
        }
    }

    /// All tools on offer. Calls of the other dialects' tools are understood too, but not offered.
    pub(crate) fn specs(self) -> Vec<ToolSpec> {
        let mut specs = tools::reading_specs();
        specs.extend(match self {
            Dialect::Functions => functions::specs(),
            Dialect::ApplyPatch => apply_patch::specs(),
            Dialect::TextEditor => text_editor::specs(),
        });
        specs.extend(tools::closing_specs());
        specs
    }
}

/// Reads a call of any tool there is, whether it was offered or not.
pub(crate) fn understand(
    tool: &str,
    arguments: &Value,
    offered: &[ToolSpec],
) -> Result<Call, Refusal> {
    let of_a_dialect = match tool {
        apply_patch::NAME => Some(apply_patch::understand as Understand),
        text_editor::NAME => Some(text_editor::understand as Understand),
        _ => None,
    };
    let Some(understand) = of_a_dialect.or_else(|| tools::reader(tool)) else {
        let names: Vec<&str> = offered.iter().map(|it| &*it.name).collect();
        return Err(Refusal::UnknownTool {
            tool: glimpse(tool, HEADLINE_CHARS_MAX),
            offered: names.join(", "),
        });
    };
    understand(&Arguments::read(arguments)?)
}
