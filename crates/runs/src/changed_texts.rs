//! The files of a change before and after, for whoever shows them side by side.

use git::GitError;
use protocol::{RunEvent, TreeId};
use workspace::checkout::Checkout;

use crate::error::RunsError;
use crate::past::Past;
use crate::runs::Runs;

/// Larger files are left out, in bytes.
const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Further files are left out.
const FILES_MAX: usize = 200;

/// A file of a change, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedText {
    /// Its path in the repository.
    pub path: String,
    /// Before; none for a file that the change adds.
    pub before: Option<String>,
    /// After; none for a file that the change deletes.
    pub after: Option<String>,
}

impl Runs {
    /// The files of a run's last draft, or of its final change, that are text; those of more than a mebibyte are left out.
    ///
    /// # Errors
    /// [`RunsError::Base`] when what the run kept can't be read.
    pub async fn changed_texts(&self, past: &Past) -> Result<Vec<ChangedText>, RunsError> {
        let last = past.history.iter().rev().find_map(|it| match &it.event {
            RunEvent::Finished {
                tree,
                proposed_code,
                ..
            }
            | RunEvent::Reported {
                tree,
                proposed_code,
                ..
            } => Some((tree.clone(), proposed_code.clone())),
            _ => None,
        });
        let Some((tree, patch)) = last else {
            return Ok(Vec::new());
        };
        let (folder, base) = (self.host().folders.run(&past.run), past.base.tree.clone());
        let reading = move || read(&folder, &base, &tree, &patch);
        let read = tokio::task::spawn_blocking(reading).await;
        let read = read.map_err(|source| RunsError::Panicked {
            run: past.run.clone(),
            source,
        })?;
        read.map_err(RunsError::Open)
    }
}

fn read(
    folder: &std::path::Path,
    base: &TreeId,
    tree: &TreeId,
    patch: &str,
) -> Result<Vec<ChangedText>, GitError> {
    let kept = Checkout::kept_in(folder)?;
    let text = |tree: &TreeId, path: &str| {
        let bytes = kept.read_file(tree, path, FILE_BYTES_MAX)?;
        Ok::<_, GitError>(bytes.map(String::from_utf8))
    };
    let mut found = Vec::new();
    for file in delivery::changed_files(patch).into_iter().take(FILES_MAX) {
        let both = (text(base, &file.path)?, text(tree, &file.path)?);
        let (before, after) = match both {
            (Some(Err(_)), _) | (_, Some(Err(_))) | (None, None) => continue,
            (before, after) => (before.and_then(Result::ok), after.and_then(Result::ok)),
        };
        found.push(ChangedText {
            path: file.path,
            before,
            after,
        });
    }
    Ok(found)
}
