//! What a SQLite store keeps on the disk, and what happens when somebody touches it.

#![expect(clippy::unwrap_used, reason = "a broken test world may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use store::Store;

async fn open(folder: &Path) -> Store {
    let path = folder.join("new/state/runs.db");
    Store::open(&format!("sqlite:{}", path.display()))
        .await
        .unwrap()
}

/// The only output in a store's folder.
async fn stored(folder: &Path, store: &Store, text: &str) -> (String, PathBuf) {
    let hash = store.put_blob(text.as_bytes().to_vec()).await.unwrap();
    let path = folder
        .join("new/state/blobs")
        .join(&hash[..2])
        .join(&hash[2..]);
    (hash, path)
}

/// The error and its causes, with the folder's name replaced.
fn check_error<T, E: std::error::Error>(result: Result<T, E>, folder: &Path, expected: Expect) {
    let error = result.err().unwrap();
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(it) = cause {
        words += &format!(": {it}");
        cause = it.source();
    }
    expected.assert_eq(&words.replace(&folder.display().to_string(), "FOLDER"));
}

#[tokio::test]
async fn what_is_kept_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let (_, blob) = stored(folder.path(), &store, "text").await;
    let state = folder.path().join("new/state");
    for path in [
        state.clone(),
        state.join("runs.db"),
        state.join("runs.db-wal"),
        state.join("blobs"),
        blob,
    ] {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
}

#[tokio::test]
async fn a_damaged_output_is_noticed_and_healed_by_putting_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let (hash, path) = stored(folder.path(), &store, "text").await;
    fs::write(&path, "tex!").unwrap();
    check_error(
        store.get_blob(&hash).await,
        folder.path(),
        expect![
            "trust the stored output 982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1: its content has changed (restore `FOLDER/new/state/blobs/98/2d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1` from a backup)"
        ],
    );
    stored(folder.path(), &store, "text").await;
    assert_eq!(store.get_blob(&hash).await.unwrap(), b"text");
    fs::remove_file(&path).unwrap();
    check_error(
        store.get_blob(&hash).await,
        folder.path(),
        expect![
            "find the stored output 982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1 (was `FOLDER/new/state/blobs/98/2d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1` removed or restored without it?)"
        ],
    );
}

#[tokio::test]
async fn no_draft_of_an_output_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    stored(folder.path(), &store, "text").await;
    let shelves: Vec<_> = fs::read_dir(folder.path().join("new/state/blobs"))
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(shelves, ["98"]);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "my notes, longer than the header of a database file, so that nobody takes it for an empty one";
    fs::write(&path, notes).unwrap();
    let opened = Store::open(&format!("sqlite:{}", path.display())).await;
    check_error(
        opened,
        folder.path(),
        expect![
            "open the database `FOLDER/notes.txt` (is it there, and a database of this program?): error returned from database: (code: 26) file is not a database: (code: 26) file is not a database"
        ],
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), notes);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("new"), "a file").unwrap();
    let path = folder.path().join("new/state/runs.db");
    let opened = Store::open(&format!("sqlite:{}", path.display())).await;
    check_error(
        opened,
        folder.path(),
        expect![
            "create `FOLDER/new/state` for the database (may this user write there?): Not a directory (os error 20)"
        ],
    );
}
