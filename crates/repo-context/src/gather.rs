//! Reads the base of a run: what is known of its files comes from an earlier run where the same bytes were seen, and
//! from the files themselves where not.

use futures::stream::{self, StreamExt, TryStreamExt};
use protocol::{BaseFile, ContentId, Workspace, WorkspaceError};

use crate::facts::Facts;
use crate::files::Part;
use crate::kept::{self, Kept};
use crate::rank::File;

/// Under which name facts are kept.
const KEPT_NAME: &str = "repository context";
/// Files that are read for their words; those of a larger repository that lie deepest are known by their paths alone.
const FILES_MAX: usize = 20_000;
/// Largest file that is read for its words; what is larger was not written by hand.
const FILE_BYTES_MAX: u64 = 512 << 10;
/// Files that are read at a time.
const BATCH_FILES: usize = 128;
/// Batches that are under way at once: one is fetched while another is counted.
const BATCHES_AT_ONCE: usize = 4;
/// New files that are worth keeping facts for; fewer are read again sooner than they are kept.
const NEW_FILES_MIN: usize = 64;

/// The files of the base with what is known of them, by path.
pub(crate) async fn files_of(
    work: &dyn Workspace,
    base: &[BaseFile],
) -> Result<Vec<File>, WorkspaceError> {
    let mut wanted: Vec<(&BaseFile, Part)> =
        base.iter().map(|it| (it, Part::of(&it.path))).collect();
    let paths_alone: Vec<(&BaseFile, Part)> = wanted.extract_if(.., |it| !it.1.is_read()).collect();
    wanted.sort_by_key(|(it, _)| (it.path.matches('/').count(), &*it.path));
    let too_many = wanted.split_off(wanted.len().min(FILES_MAX));
    let mut known = facts_of(work, &wanted).await?;
    let mut files: Vec<File> = wanted
        .into_iter()
        .map(|(it, part)| file(it, part, known.remove(&it.content)))
        .collect();
    files.extend(
        paths_alone
            .into_iter()
            .chain(too_many)
            .map(|(it, part)| file(it, part, None)),
    );
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn file(of: &BaseFile, part: Part, facts: Option<Facts>) -> File {
    let part = match (part, &facts) {
        (Part::CodeOrTest, Some(facts)) if facts.holds_tests => Part::Test,
        (Part::CodeOrTest, _) => Part::Code,
        (part, _) => part,
    };
    File {
        path: of.path.clone(),
        part,
        facts: facts.filter(|_| part.is_read()),
    }
}

/// What is known of these files, by content.
async fn facts_of(
    work: &dyn Workspace,
    files: &[(&BaseFile, Part)],
) -> Result<Kept, WorkspaceError> {
    if files.len() < NEW_FILES_MIN {
        return read(work, files.iter().map(|it| it.0.content.clone()).collect()).await;
    }
    // What can't be recalled is read again, and what can't be kept costs the next run some time.
    let recalled = work.recall_for_repository(KEPT_NAME).await.ok().flatten();
    let mut old = match recalled {
        Some(bytes) => decoded(bytes).await?,
        None => Kept::new(),
    };
    let mut known = Kept::new();
    let mut new = Vec::new();
    for (file, _) in files {
        match old.remove(&file.content) {
            Some(facts) => drop(known.insert(file.content.clone(), facts)),
            None if known.contains_key(&file.content) => {}
            None => new.push(file.content.clone()),
        }
    }
    let is_worth_keeping = NEW_FILES_MIN <= new.len();
    known.extend(read(work, new).await?);
    if is_worth_keeping {
        let mut all: Vec<(&ContentId, &Facts)> = known.iter().collect();
        all.sort_unstable_by_key(|it| it.0);
        let bytes = kept::write(all.into_iter());
        if let Err(error) = work.remember_for_repository(KEPT_NAME, &bytes).await {
            tracing::debug!(%error, "could not keep what was read of the repository");
        }
    }
    Ok(known)
}

/// Reads files and counts their words, on threads of their own.
async fn read(work: &dyn Workspace, contents: Vec<ContentId>) -> Result<Kept, WorkspaceError> {
    let batches = contents.chunks(BATCH_FILES).map(<[ContentId]>::to_vec);
    let read_batch = |batch: Vec<ContentId>| async move {
        let bytes = work.contents(&batch, FILE_BYTES_MAX).await?;
        on_a_thread(move || {
            let facts = bytes
                .into_iter()
                .map(|it| facts_in(it.as_deref().unwrap_or_default()));
            batch.into_iter().zip(facts).collect::<Vec<_>>()
        })
        .await
    };
    let read: Vec<Vec<(ContentId, Facts)>> = stream::iter(batches)
        .map(read_batch)
        .buffered(BATCHES_AT_ONCE)
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().collect())
}

fn facts_in(bytes: &[u8]) -> Facts {
    Facts::of(&String::from_utf8_lossy(bytes))
}

async fn decoded(bytes: Vec<u8>) -> Result<Kept, WorkspaceError> {
    on_a_thread(move || kept::read(&bytes).unwrap_or_default()).await
}

/// Work that takes a while, where nobody else waits for the thread.
pub(crate) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WorkspaceError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|it| WorkspaceError::failed("look through the repository", it))
}
