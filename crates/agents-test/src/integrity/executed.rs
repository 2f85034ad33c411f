//! What ran is what was looked at: files whose code ran, held against the base and against what the scan has read.

use std::collections::{HashMap, HashSet};

use protocol::{
    AcceptanceTests, AgentContext, AgentError, ChangeKind, Trick, Workspace, WorkspaceError,
};

use super::tricks;
use crate::pytest::Ran;

/// What code of a file may have had on the base already, by the rule of a trick.
const BEFORE: [(&str, &[&str]); 2] = [
    (
        "makes-code",
        &[
            "exec",
            "eval",
            "compile",
            "marshal",
            "FunctionType",
            "CodeType",
            "code",
        ],
    ),
    (
        "reaches-into-the-run",
        &[
            "gc.",
            "settrace",
            "setprofile",
            "addaudithook",
            "__code__",
            "__defaults__",
        ],
    ),
];

/// Leaves only files that the change touches, or that the base doesn't have.
pub(crate) async fn keep_strange(
    cx: &AgentContext<'_>,
    acceptance: Option<&AcceptanceTests>,
    ran: &mut Ran,
) -> Result<(), AgentError> {
    let change = cx.work.change().await?;
    let changed: HashSet<&str> = change.files.iter().map(|it| it.path.as_str()).collect();
    let frozen = acceptance.into_iter().flat_map(|it| &it.files);
    let frozen: HashSet<&str> = frozen.map(|it| it.path.as_str()).collect();
    let mut strange = Vec::new();
    for path in std::mem::take(&mut ran.executed) {
        let is_known = frozen.contains(path.as_str())
            || !changed.contains(path.as_str()) && is_there(cx.base, &path).await?;
        if !is_known {
            strange.push(path);
        }
    }
    ran.executed = strange;
    Ok(())
}

/// Tricks of what ran and was not looked at. `scanned` are the files of the change that were.
pub(crate) async fn unscanned(
    cx: &AgentContext<'_>,
    ran: &Ran,
    scanned: &HashSet<String>,
) -> Result<Vec<Trick>, AgentError> {
    let change = cx.work.change().await?;
    let kinds: HashMap<&str, ChangeKind> = change
        .files
        .iter()
        .map(|it| (it.path.as_str(), it.kind))
        .collect();
    let mut found = Vec::new();
    for path in ran.executed.iter().filter(|it| !scanned.contains(*it)) {
        let is_made = !matches!(
            kinds.get(path.as_str()),
            Some(ChangeKind::Added | ChangeKind::Modified)
        );
        found.push(tricks::not_looked_at(path, is_made));
    }
    found.dedup();
    Ok(found)
}

/// Without what code does that the change doesn't touch, or that it did on the base already.
pub(crate) async fn without_the_bases(
    cx: &AgentContext<'_>,
    found: Vec<Trick>,
) -> Result<Vec<Trick>, AgentError> {
    let change = cx.work.change().await?;
    let mut kept = Vec::new();
    for trick in found {
        if let Some((_, words)) = BEFORE.iter().find(|it| it.0 == trick.rule) {
            if change.files.iter().all(|it| it.path != trick.path) {
                continue;
            }
            let before = match cx.base.read(&trick.path).await {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(error) if error.is_the_callers_fault() => String::new(),
                Err(error) => return Err(error.into()),
            };
            if words.iter().any(|it| before.contains(it)) {
                continue;
            }
        }
        kept.push(trick);
    }
    Ok(kept)
}

/// Whether a tree has a file.
pub(crate) async fn is_there(tree: &dyn Workspace, path: &str) -> Result<bool, WorkspaceError> {
    match tree.read(path).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_the_callers_fault() => Ok(false),
        Err(error) => Err(error),
    }
}
