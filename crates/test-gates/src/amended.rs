//! The base as its tests stand after a dispute.

use std::borrow::Cow;

use protocol::{RunState, TestRun};
use test_run::ids::belongs;

/// The base's own run without the tests that the author took out of the repository's files.
///
/// What it put in their place has its outcomes in the acceptance tests. A test that is gone by a decision about the
/// task isn't broken by the change.
pub(crate) fn baseline(state: &RunState) -> Option<Cow<'_, TestRun>> {
    let run = state.baseline()?;
    let acceptance = state.acceptance_tests();
    let amended: Vec<&str> = acceptance
        .and_then(|it| it.amendment.as_deref())
        .into_iter()
        .flat_map(|it| &it.files)
        .filter(|it| it.existed)
        .map(|it| it.path.as_str())
        .collect();
    if amended.is_empty() {
        return Some(Cow::Borrowed(run));
    }
    let on_base = acceptance.map_or(&[][..], |it| &it.on_base);
    let mut run = run.clone();
    let green: Vec<String> = run
        .results
        .iter()
        .filter(|it| it.outcome.is_green())
        .map(|it| it.id.clone())
        .collect();
    let is_gone = |id: &str| {
        amended.iter().any(|path| belongs(id, path))
            && green.iter().any(|it| it == id)
            && on_base.iter().all(|it| it.id != id)
    };
    run.results.retain(|it| !is_gone(&it.id));
    run.collected.retain(|it| !is_gone(it));
    Some(Cow::Owned(run))
}
