//! A look at the change's own Python files, by Python's own parser in the sandbox: nothing of them is imported.

use std::collections::HashSet;

use protocol::{
    AgentContext, AgentError, ChangeKind, Command, MarkedTest, RunState, SearchQuery, ToolFile,
    Trick, Workspace, WorkspaceError, source_text,
};
use serde::{Deserialize, Serialize};
use test_run::Settings;

use super::asked;
use super::collected::names;
use super::file::File;

/// The scanner; its first lines say what goes in and comes out.
const SCANNER: &str = include_str!("../../plugin/pipeline_scan.py");
const SCANNER_FILE: &str = "pipeline_scan.py";
/// A part of it.
const HIDING: &str = include_str!("../../plugin/pipeline_hiding.py");
const HIDING_FILE: &str = "pipeline_hiding.py";
/// Wall time of a scan.
const SECONDS_MAX: u64 = 60;
/// Files of one change that are looked at.
const FILES_MAX: usize = 500;
/// Bytes of one file that is looked at.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Code that uses pytest, in which a repository shows that it is about testing.
const ABOUT_TESTING: &str = r"^\s*(import|from)\s+(_?pytest|unittest\.mock|mock)\b";

#[derive(Serialize)]
struct Asked<'a> {
    files: Vec<File>,
    added: Vec<String>,
    modules: &'a [String],
}

#[derive(Deserialize)]
struct Answer {
    findings: Vec<Finding>,
    marked: Vec<MarkedTest>,
    /// Paths of files that could be parsed.
    read: Vec<String>,
}

#[derive(Deserialize)]
struct Finding {
    rule: String,
    path: String,
    line: u32,
    words: String,
    strong: bool,
    /// Words; a task that has all of one of them asks for it.
    names: Vec<String>,
}

/// What was found in a change.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Scan {
    /// Reasons to send it back.
    pub(crate) tricks: Vec<Trick>,
    /// What a reader should see.
    pub(crate) signs: Vec<Trick>,
    /// Tests that no longer judge.
    pub(crate) marked: Vec<MarkedTest>,
    /// Files that were looked at.
    #[serde(default)]
    pub(crate) scanned: Vec<String>,
}

/// Looks at every Python file that the change touches.
pub(crate) async fn of_change(cx: &AgentContext<'_>, state: &RunState) -> Result<Scan, AgentError> {
    let change = cx.work.change().await?;
    let mut asked = Asked {
        files: Vec::new(),
        added: Vec::new(),
        modules: &Settings::read(cx.base).await?.modules,
    };
    for file in &change.files {
        if file.kind == ChangeKind::Added {
            asked.added.push(file.path.clone());
        }
        if file.path.ends_with(".py") && asked.files.len() < FILES_MAX {
            asked.files.push(File {
                base: text(cx.base, &file.path).await?,
                now: text(cx.work, &file.path).await?,
                path: file.path.clone(),
            });
        }
    }
    if asked.files.is_empty() && asked.added.is_empty() {
        return Ok(Scan::default());
    }
    let answer = match ask(cx, &asked).await? {
        Ok(answer) => answer,
        Err(why) => return Ok(not_scanned(&why)),
    };
    let names = asked::names_of(&asked.files);
    sorted(cx, state, &names, answer).await
}

async fn ask(
    cx: &AgentContext<'_>,
    asked: &Asked<'_>,
) -> Result<Result<Answer, String>, WorkspaceError> {
    // Without `site`, so that no file of the tree runs.
    let scanner = format!("{{tools}}/{SCANNER_FILE}");
    let mut command = Command::new(["python", "-I", "-S", &scanner], SECONDS_MAX);
    command.stdin = serde_json::json!(asked).to_string().into_bytes();
    command.writes_tree = false;
    let tool = |name: &str, text: &str| ToolFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    command.tools = vec![tool(SCANNER_FILE, SCANNER), tool(HIDING_FILE, HIDING)];
    let ended = cx.base.run(&command).await?;
    if !ended.succeeded() {
        let tail = ended.tail();
        return Ok(Err(tail.lines().last().unwrap_or("it failed").to_owned()));
    }
    let answer = serde_json::from_str(&ended.stdout.text);
    Ok(answer.map_err(|_| "its answer can't be read".to_owned()))
}

async fn sorted(
    cx: &AgentContext<'_>,
    state: &RunState,
    of_the_change: &HashSet<String>,
    answer: Answer,
) -> Result<Scan, AgentError> {
    let task = state.task.as_markdown();
    let mut scan = Scan {
        scanned: answer.read,
        ..Scan::default()
    };
    let mut about_testing = None;
    for it in answer.findings {
        let asked_for = it
            .names
            .iter()
            .find(|name| asked::is_asked_for(&task, name, of_the_change));
        let mut words = it.words;
        if let (true, Some(name)) = (it.strong, asked_for) {
            words +=
                &format!(" (let pass because the task speaks of `{name}` beside what changes)");
        }
        let mut strong = it.strong && asked_for.is_none();
        if strong && it.rule == "imports-the-test-runner" {
            if about_testing.is_none() {
                about_testing = Some(is_about_testing(cx.base).await?);
            }
            strong = about_testing == Some(false);
        }
        let trick = Trick {
            rule: it.rule,
            path: it.path,
            line: it.line,
            words,
        };
        if strong {
            scan.tricks.push(trick);
        } else {
            scan.signs.push(trick);
        }
    }
    let marked = answer.marked.into_iter();
    scan.marked = marked.filter(|it| !names(&task, &it.id)).collect();
    Ok(scan)
}

/// Whether code of the base that is no test uses the test runner: then the change may too.
async fn is_about_testing(base: &dyn Workspace) -> Result<bool, WorkspaceError> {
    let query = SearchQuery {
        pattern: ABOUT_TESTING.to_owned(),
        path: String::new(),
        glob: Some("**/*.py".to_owned()),
        items_max: 10_000,
    };
    let found = base.search(&query).await?.items;
    Ok(found.iter().any(|line| {
        let path = line.split(':').next().unwrap_or(line);
        !["test", "conftest", "doc", "example"]
            .iter()
            .any(|it| path.contains(it))
    }))
}

fn not_scanned(why: &str) -> Scan {
    Scan {
        tricks: vec![Trick {
            rule: "not-scanned".to_owned(),
            path: String::new(),
            line: 0,
            words: format!("the change's own code could not be looked at: {why}"),
        }],
        ..Scan::default()
    }
}

/// A file's text; none when it isn't there, is no regular file, or isn't in the encoding that it declares.
async fn text(tree: &dyn Workspace, path: &str) -> Result<Option<String>, WorkspaceError> {
    match tree.read(path).await {
        Ok(bytes) if FILE_BYTES_MAX < bytes.len() => Ok(None),
        Ok(bytes) => Ok(source_text(&bytes)),
        Err(error) if error.is_the_callers_fault() => Ok(None),
        Err(error) => Err(error),
    }
}
