//! The edit tools each vendor's models are trained on, all of which turn into the same edits.

pub(crate) mod apply_patch;
pub(crate) mod functions;
pub(crate) mod prose;
pub(crate) mod text_editor;

use protocol::{ModelId, ToolSpec};

use crate::tools;

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
