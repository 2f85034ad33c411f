//! Why a tool did not do what a model asked of it, in words the model can act on.

use protocol::WorkspaceError;

/// A call that was not carried out. Each reads on from "could not".
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// A tool that nobody offers.
    #[error("use `{tool}`: there is no such tool (there are: {offered})")]
    UnknownTool { tool: String, offered: String },
    /// Arguments that are not an object: half a JSON, a list, a number.
    #[error("read the arguments: they must be one whole JSON object (they were: {began})")]
    NotAnObject { began: String },
    /// An argument that the tool needs.
    #[error("read the arguments: `{argument}` is missing (given: {given})")]
    Missing {
        argument: &'static str,
        given: String,
    },
    /// An argument of another kind.
    #[error("read the arguments: `{argument}` must be {wanted}")]
    WrongType {
        argument: &'static str,
        wanted: &'static str,
    },
    /// More calls than one reply may hold.
    #[error(
        "carry out this call: a reply may hold at most {calls_max} (ask again in your next reply)"
    )]
    TooManyCalls { calls_max: u32 },
    /// The end was declared in the same reply as an edit that failed.
    #[error("finish: an earlier call of the same reply failed (set it right first)")]
    FinishAfterFailure,
    /// A binary file, or text in another encoding than it declares.
    #[error(
        "use `{path}` as text: it is binary, or not in UTF-8 nor in the encoding that it declares"
    )]
    NotText { path: String },
    /// A character that the file's encoding doesn't have.
    #[error(
        "write `{path}`: its encoding `{encoding}`, which it declares, has no '{character}' (U+{code:04X}) (use an escape in a \
         string, or other words)",
        code = u32::from(*.character)
    )]
    Unwritable {
        path: String,
        encoding: &'static str,
        character: char,
    },
    /// Bytes that no source file has.
    #[error("write `{path}`: the text contains a NUL character")]
    BinaryText { path: String },
    /// More than a tool takes.
    #[error("use `{path}`: its {bytes} bytes are more than the {bytes_max} that a tool takes")]
    TooLarge {
        path: String,
        bytes: usize,
        bytes_max: usize,
    },
    /// An edit without an anchor.
    #[error(
        "edit `{path}`: the old text is empty (give the lines to replace; a new file is written whole)"
    )]
    EmptyAnchor { path: String },
    /// An edit that changes nothing.
    #[error("edit `{path}`: the new text is the same as the old")]
    Unchanged { path: String },
    /// An edit whose anchor isn't there.
    #[error(
        "edit `{path}`: the old text does not occur in it (copy it exactly, indentation included, without line numbers)\n{nearest}"
    )]
    AnchorMissing { path: String, nearest: String },
    /// An edit whose anchor is there more than once.
    #[error(
        "edit `{path}`: the old text occurs {times} times, at lines {lines} (add neighbouring lines until it occurs once)"
    )]
    AnchorRepeated {
        path: String,
        times: usize,
        lines: String,
    },
    /// A line that the file doesn't have.
    #[error("use line {line} of `{path}`: it has {lines}")]
    NoSuchLine {
        path: String,
        line: usize,
        lines: usize,
    },
    /// A patch that is not in the form of one.
    #[error("read the patch at its line {line}: {why}")]
    PatchForm { line: usize, why: &'static str },
    /// A patch whose lines aren't in the file.
    #[error(
        "patch `{path}`: hunk {hunk} does not occur in it{after} (read the file again; context lines must be copied exactly)\n{nearest}"
    )]
    HunkMissing {
        path: String,
        hunk: usize,
        after: String,
        nearest: String,
    },
    /// A patch whose lines are in the file more than once.
    #[error(
        "patch `{path}`: hunk {hunk} fits at lines {lines} (add context, or an `@@` line with the function or class it is in)"
    )]
    HunkRepeated {
        path: String,
        hunk: usize,
        lines: String,
    },
    /// A command of the text editor that doesn't exist.
    #[error("use the command `{command}` (there are: view, create, str_replace, insert)")]
    UnknownCommand { command: String },
    /// A dispute that can't be heard.
    #[error("dispute a test: {why}")]
    Dispute { why: String },
    /// The workspace refused, or broke.
    #[error("{0}{hint}", hint = hint(.0))]
    Workspace(#[from] WorkspaceError),
}

/// What a model is likely to have meant.
fn hint(error: &WorkspaceError) -> &'static str {
    match error {
        WorkspaceError::Outside { .. } => {
            " (paths start at the root of the repository, as in `src/app.py`)"
        }
        _ => "",
    }
}
