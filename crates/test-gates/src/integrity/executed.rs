//! What ran is what was looked at: files whose code ran, held against the base and against what the scan has read.

use std::collections::{HashMap, HashSet};

use protocol::{AgentContext, AgentError, ChangeKind, Trick};
use test_run::tree_files::read_bytes;
use test_run::{Ran, tricks};

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
            let before = read_bytes(cx.base, &trick.path).await?.unwrap_or_default();
            let before = String::from_utf8_lossy(&before);
            if words.iter().any(|it| before.contains(it)) {
                continue;
            }
        }
        kept.push(trick);
    }
    Ok(kept)
}
