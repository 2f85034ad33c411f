//! The tools with which the test author looks around in the base: it can read, and nothing else.

use protocol::{
    ListQuery, Listing, SearchQuery, ToolSpec, Workspace, WorkspaceError, source_text, visible,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Items of one list; the answer's length is bounded as well.
const ITEMS_MAX: usize = 400;
/// Lines of one answer when the author doesn't say how many.
const LINES_MAX: usize = 600;

/// What the author is offered for looking around.
pub(crate) fn specs() -> Vec<ToolSpec> {
    let path = json!({"type": "string", "description": "Relative to the repository's root."});
    let glob = json!({"type": "string", "description": "As in **/*.py"});
    vec![
        spec(
            "list_files",
            "Lists files, ignored ones left out.",
            &json!({"path": path, "glob": glob}),
            &[],
        ),
        spec(
            "search",
            "Finds lines that match a regular expression: path:line: text.",
            &json!({"pattern": {"type": "string"}, "path": path, "glob": glob}),
            &["pattern"],
        ),
        spec(
            "read_file",
            "Reads a file, or some of its lines, with line numbers.",
            &json!({
                "path": path,
                "start_line": {"type": "integer"},
                "end_line": {"type": "integer"}
            }),
            &["path"],
        ),
    ]
}

pub(crate) fn spec(
    name: &str,
    description: &str,
    properties: &Value,
    required: &[&str],
) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters: json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false
        }),
    }
}

#[derive(Deserialize)]
struct ListFiles {
    path: Option<String>,
    glob: Option<String>,
}

#[derive(Deserialize)]
struct Search {
    pattern: String,
    path: Option<String>,
    glob: Option<String>,
}

#[derive(Deserialize)]
struct ReadFile {
    path: String,
    start_line: Option<usize>,
    end_line: Option<usize>,
}

/// What a tool has to say; a refusal is words too, so that the model can do better.
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) is_error: bool,
}

impl Answer {
    pub(crate) fn refusal(text: impl Into<String>) -> Answer {
        Answer {
            text: text.into(),
            is_error: true,
        }
    }
}

/// Answers one call. `None` when it is no tool for looking around.
///
/// # Errors
///
/// When the checkout itself broke, and no other arguments would help.
pub(crate) async fn answer(
    tree: &dyn Workspace,
    tool: &str,
    arguments: &Value,
    bytes_max: usize,
) -> Result<Option<Answer>, WorkspaceError> {
    let said = match tool {
        "list_files" => match read::<ListFiles>(arguments) {
            Ok(it) => list_files(tree, it).await,
            Err(answer) => return Ok(Some(answer)),
        },
        "search" => match read::<Search>(arguments) {
            Ok(it) => search(tree, it).await,
            Err(answer) => return Ok(Some(answer)),
        },
        "read_file" => match read::<ReadFile>(arguments) {
            Ok(it) => read_file(tree, it).await,
            Err(answer) => return Ok(Some(answer)),
        },
        _ => return Ok(None),
    };
    match said {
        Ok(text) => Ok(Some(Answer {
            text: bounded(&visible(&text), bytes_max),
            is_error: false,
        })),
        Err(error) if error.is_the_callers_fault() => {
            Ok(Some(Answer::refusal(format!("could not {error}"))))
        }
        Err(error) => Err(error),
    }
}

/// Arguments as a model wrote them, which may be anything; some models write the object as a string.
pub(crate) fn read<T: DeserializeOwned>(arguments: &Value) -> Result<T, Answer> {
    let read = match arguments {
        Value::String(text) => serde_json::from_str(text),
        other => T::deserialize(other),
    };
    read.map_err(|error| Answer::refusal(format!("could not read the arguments: {error}")))
}

async fn list_files(tree: &dyn Workspace, call: ListFiles) -> Result<String, WorkspaceError> {
    let query = ListQuery {
        path: call.path.unwrap_or_default(),
        glob: call.glob,
        items_max: ITEMS_MAX,
    };
    Ok(listed(&tree.list(&query).await?))
}

async fn search(tree: &dyn Workspace, call: Search) -> Result<String, WorkspaceError> {
    let query = SearchQuery {
        pattern: call.pattern,
        path: call.path.unwrap_or_default(),
        glob: call.glob,
        items_max: ITEMS_MAX,
    };
    Ok(listed(&tree.search(&query).await?))
}

fn listed(listing: &Listing) -> String {
    if listing.items.is_empty() {
        return "nothing found".to_owned();
    }
    let mut text = listing.items.join("\n");
    if 0 < listing.left_out {
        text += &format!("\n[{} more left out; narrow it down]", listing.left_out);
    }
    text
}

async fn read_file(tree: &dyn Workspace, call: ReadFile) -> Result<String, WorkspaceError> {
    let bytes = tree.read(&call.path).await?;
    let text = source_text(&bytes).ok_or_else(|| WorkspaceError::Unusable {
        path: call.path.clone(),
        why: "it is not text in UTF-8, nor in the encoding that it declares".to_owned(),
    })?;
    let first = call.start_line.unwrap_or(1).max(1);
    let last = call
        .end_line
        .unwrap_or(usize::MAX)
        .min(first.saturating_add(LINES_MAX - 1));
    let total = text.lines().count();
    let mut shown: Vec<String> = (1..)
        .zip(text.lines())
        .skip(first - 1)
        .take_while(|(number, _)| *number <= last)
        .map(|(number, line)| format!("{number:>5}  {line}"))
        .collect();
    if shown.is_empty() {
        return Ok(format!("[the file has {total} lines]"));
    }
    if last < total {
        shown.push(format!("[{} more lines]", total - last));
    }
    Ok(shown.join("\n"))
}

/// The beginning of a text, with a note where it was cut.
fn bounded(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let kept = text.floor_char_boundary(bytes_max);
    format!(
        "{}\n[{} more bytes left out; ask for less]",
        &text[..kept],
        text.len() - kept
    )
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use testkit::FolderWorkspace;

    use super::*;

    async fn check(tool: &str, arguments: Value, want: Expect) {
        let tree = FolderWorkspace::new([("a.py", "one\ntwo\nthree\n"), ("b/c.py", "two\n")]);
        let answer = answer(&tree, tool, &arguments, 200)
            .await
            .expect("the folder can be read")
            .expect("it is a tool for looking around");
        let mark = if answer.is_error { "refused: " } else { "" };
        want.assert_eq(&format!("{mark}{}", answer.text));
    }

    #[tokio::test]
    async fn files_are_listed_searched_and_read() {
        check("list_files", json!({}), expect!["a.py\nb/c.py"]).await;
        check(
            "search",
            json!({"pattern": "^tw", "glob": "**/*.py"}),
            expect!["a.py:2: two\nb/c.py:1: two"],
        )
        .await;
        check(
            "read_file",
            json!({"path": "a.py", "start_line": 2, "end_line": 2}),
            expect!["    2  two\n[1 more lines]"],
        )
        .await;
        check(
            "read_file",
            json!({"path": "a.py", "start_line": 9}),
            expect!["[the file has 3 lines]"],
        )
        .await;
    }

    #[tokio::test]
    async fn bad_arguments_are_answered_in_words() {
        check(
            "read_file",
            json!({"file": "a.py"}),
            expect!["refused: could not read the arguments: missing field `path`"],
        )
        .await;
        check(
            "read_file",
            json!("{\"path\": \"a."),
            expect!["refused: could not read the arguments: EOF while parsing a string at line 1 column 12"],
        )
        .await;
        check(
            "read_file",
            json!({"path": "../secret"}),
            expect!["refused: could not use `../secret`: it is outside the repository or passes through a symbolic link"],
        )
        .await;
        check(
            "search",
            json!({"pattern": "("}),
            expect![[r#"
            refused: could not understand the pattern `(`: regex parse error:
                (
                ^
            error: unclosed group"#]],
        )
        .await;
    }

    #[test]
    fn a_long_answer_is_cut_and_says_so() {
        assert_eq!(bounded("éé", 3), "é\n[2 more bytes left out; ask for less]");
    }
}
