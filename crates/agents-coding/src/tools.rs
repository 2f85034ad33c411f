//! The tools a coding model is offered: what each is called, takes and does.

pub(crate) mod delete_file;
pub(crate) mod dispute_test;
pub(crate) mod edit_file;
pub(crate) mod finish;
pub(crate) mod list_files;
pub(crate) mod read_file;
pub(crate) mod run;
pub(crate) mod search;
pub(crate) mod write_file;

use protocol::{Limits, ListQuery, SearchQuery, ToolSpec, Workspace};
use serde_json::{Value, json};

use crate::answer::{Answer, glimpse};
use crate::arguments::Arguments;
use crate::edits::{self, FileEdit};
use crate::refusal::Refusal;

/// Characters of a call that a person who watches is shown.
pub(crate) const HEADLINE_CHARS_MAX: usize = 120;

/// A tool call that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    List(ListQuery),
    Search(SearchQuery),
    Read {
        path: String,
        first: Option<i64>,
        last: Option<i64>,
    },
    /// As `Read`, and a folder is listed.
    View {
        tool: &'static str,
        path: String,
        first: Option<i64>,
        last: Option<i64>,
    },
    Edit {
        tool: &'static str,
        edits: Vec<FileEdit>,
    },
    Run {
        line: String,
    },
    Dispute(dispute_test::Claim),
    Finish {
        summary: String,
    },
}

/// How a call of a tool is read.
pub(crate) type Understand = fn(&Arguments) -> Result<Call, Refusal>;

/// How a call is read of a tool that belongs to no dialect alone.
pub(crate) fn reader(tool: &str) -> Option<Understand> {
    Some(match tool {
        list_files::NAME => list_files::understand,
        search::NAME => search::understand,
        read_file::NAME => read_file::understand,
        edit_file::NAME => edit_file::understand,
        write_file::NAME => write_file::understand,
        delete_file::NAME => delete_file::understand,
        run::NAME => run::understand,
        dispute_test::NAME => dispute_test::understand,
        finish::NAME => finish::understand,
        _ => return None,
    })
}

impl Call {
    /// The tool's name.
    pub(crate) fn tool(&self) -> &'static str {
        match self {
            Call::List(_) => list_files::NAME,
            Call::Search(_) => search::NAME,
            Call::Read { .. } => read_file::NAME,
            Call::View { tool, .. } | Call::Edit { tool, .. } => tool,
            Call::Run { .. } => run::NAME,
            Call::Dispute(_) => dispute_test::NAME,
            Call::Finish { .. } => finish::NAME,
        }
    }

    /// Whether the tree may differ afterwards.
    pub(crate) fn changes_tree(&self) -> bool {
        matches!(self, Call::Edit { .. } | Call::Run { .. })
    }

    /// The tool and what it is about, in one line.
    pub(crate) fn headline(&self) -> String {
        let about = match self {
            Call::List(query) => query.glob.clone().unwrap_or_else(|| query.path.clone()),
            Call::Search(query) => query.pattern.clone(),
            Call::Read { path, .. } | Call::View { path, .. } => path.clone(),
            Call::Edit { edits, .. } => {
                let paths: Vec<&str> = edits.iter().map(FileEdit::path).collect();
                paths.join(" ")
            }
            Call::Run { line } => line.clone(),
            Call::Dispute(claim) => claim.test.clone(),
            Call::Finish { .. } => String::new(),
        };
        glimpse(&format!("{} {about}", self.tool()), HEADLINE_CHARS_MAX)
    }

    /// Does it.
    pub(crate) async fn carry_out(
        &self,
        work: &dyn Workspace,
        limits: &Limits,
    ) -> Result<Answer, Refusal> {
        let bytes_max = limits.answer_bytes_max;
        match self {
            Call::List(query) => list_files::list(work, query, bytes_max).await,
            Call::Search(query) => search::search(work, query, bytes_max).await,
            Call::Read { path, first, last } => {
                read_file::read(work, path, *first, *last, bytes_max).await
            }
            Call::View {
                path, first, last, ..
            } => read_file::view(work, path, *first, *last, bytes_max).await,
            Call::Edit { edits, .. } => edits::apply(work, edits).await,
            Call::Run { line } => run::run(work, line, limits).await,
            // The conversation takes these itself.
            Call::Dispute(_) | Call::Finish { .. } => Ok(Answer::says("noted")),
        }
    }
}

/// Tools that every model is offered before those that edit.
pub(crate) fn reading_specs() -> Vec<ToolSpec> {
    vec![list_files::spec(), search::spec(), read_file::spec()]
}

/// Tools that every model is offered after those that edit.
pub(crate) fn closing_specs() -> Vec<ToolSpec> {
    vec![run::spec(), finish::spec()]
}

/// A tool's specification from its properties.
pub(crate) fn spec(
    name: &str,
    description: &str,
    properties: Value,
    required: &[&str],
) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters: json!({
            "type": "object",
            "properties": properties,
            "required": required,
        }),
    }
}
