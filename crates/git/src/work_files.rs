//! A patch put into the files of a user's own repository, whole or not at all.

use std::path::Path;

use git2::{ApplyLocation, ApplyOptions, Delta, Diff, Patch};
use protocol::patch_bytes;

use super::GitError;
use super::commit::{open_around, top_of};

/// Applies a patch to the files of the repository around `folder`, and stages nothing. Gives the files it touched, sorted.
///
/// Every line that the patch takes away or stands beside must be where it says, as it says. No hook and no filter program runs.
///
/// # Errors
/// [`GitError::DoesNotFit`] when a file isn't as the patch expects it, and then nothing has changed;
/// [`GitError::NotARepository`] when there is none with files.
pub fn apply_to_files(folder: &Path, patch: &str) -> Result<Vec<String>, GitError> {
    let repository = open_around(folder)?;
    let top = top_of(&repository, folder)?;
    let refuse = |why: String| GitError::DoesNotFit {
        folder: top.clone(),
        why,
    };
    let bytes = patch_bytes(patch);
    let diff = Diff::from_buffer(&bytes).map_err(|it| refuse(it.message().to_owned()))?;
    let mut files = Vec::new();
    for (at, delta) in diff.deltas().enumerate() {
        let path = match delta.status() {
            Delta::Deleted => delta.old_file().path(),
            _ => delta.new_file().path(),
        };
        let path = path.ok_or_else(|| refuse("it names no file".to_owned()))?;
        // libgit2 would write over a file that nobody tracks.
        let is_new = delta.status() == Delta::Added;
        if is_new && top.join(path).symlink_metadata().is_ok() {
            return Err(refuse(format!(
                "`{}` is there already, and the change adds it",
                path.display()
            )));
        }
        // Nor does it look at what is deleted.
        if delta.status() == Delta::Deleted && !is_as_expected(&diff, at, &top.join(path)) {
            return Err(refuse(format!(
                "`{}` isn't what the change deletes",
                path.display()
            )));
        }
        files.push(path.display().to_string());
    }
    // Each file alone and without effect first: the library doesn't say which one doesn't fit.
    for path in &files {
        let mut only = ApplyOptions::new();
        only.check(true).delta_callback(|delta| {
            let of = |it: git2::DiffFile<'_>| it.path() == Some(Path::new(path));
            delta.is_some_and(|it| of(it.new_file()) || of(it.old_file()))
        });
        repository
            .apply(&diff, ApplyLocation::WorkDir, Some(&mut only))
            .map_err(|it| refuse(format!("`{path}`: {}", it.message())))?;
    }
    repository
        .apply(&diff, ApplyLocation::WorkDir, None)
        .map_err(|it| refuse(it.message().to_owned()))?;
    files.sort_unstable();
    files.dedup();
    Ok(files)
}

/// Whether a file holds what the patch takes away from it.
fn is_as_expected(diff: &Diff<'_>, at: usize, file: &Path) -> bool {
    let (Ok(there), Ok(patch)) = (std::fs::read(file), Patch::from_diff(diff, at)) else {
        return false;
    };
    let Some(patch) = patch.filter(|it| 0 < it.num_hunks()) else {
        // A binary file, or one without content, stands without its lines in a patch.
        return true;
    };
    let mut gone = Vec::new();
    for hunk in 0..patch.num_hunks() {
        for line in 0..patch.num_lines_in_hunk(hunk).unwrap_or(0) {
            let line = patch.line_in_hunk(hunk, line).ok();
            if let Some(line) = line.filter(|it| it.origin() == '-') {
                gone.extend_from_slice(line.content());
            }
        }
    }
    gone == there
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use git2::{Repository, Signature};

    use super::*;

    const BEFORE: &str = "one\ntwo\nthree\n";
    const PATCH: &str = "\
diff --git a/a.txt b/a.txt
--- a/a.txt
+++ b/a.txt
@@ -1,3 +1,3 @@
 one
-two
+2
 three
diff --git a/new.txt b/new.txt
new file mode 100644
--- /dev/null
+++ b/new.txt
@@ -0,0 +1 @@
+new
diff --git a/old.txt b/old.txt
deleted file mode 100644
--- a/old.txt
+++ /dev/null
@@ -1 +0,0 @@
-old
";

    fn world() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = Repository::init(folder.path()).expect("a repository");
        write(folder.path(), "a.txt", BEFORE);
        write(folder.path(), "old.txt", "old\n");
        let mut index = repository.index().expect("an index");
        for name in ["a.txt", "old.txt"] {
            index.add_path(Path::new(name)).expect("it is there");
        }
        index.write().expect("it can be written");
        let tree = index.write_tree().expect("a tree");
        let tree = repository.find_tree(tree).expect("it is there");
        let who = Signature::now("a", "a@b").expect("a name");
        repository
            .commit(Some("HEAD"), &who, &who, "x", &tree, &[])
            .expect("a commit");
        folder
    }

    fn write(folder: &Path, name: &str, text: &str) {
        fs::write(folder.join(name), text).expect("a file can be written");
    }

    fn files(folder: &Path) -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> = fs::read_dir(folder)
            .expect("a folder")
            .map(|it| it.expect("an entry").path())
            .filter(|it| it.is_file())
            .map(|it| {
                let name = it
                    .file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned();
                (name, fs::read_to_string(it).expect("text"))
            })
            .collect();
        files.sort_unstable();
        files
    }

    #[test]
    fn a_patch_that_fits_changes_the_files_and_stages_nothing() {
        let world = world();
        // What the user did elsewhere in the file stays.
        write(world.path(), "a.txt", &format!("{BEFORE}four\n"));
        let sub = world.path().join("sub");
        fs::create_dir(&sub).expect("a folder");
        let touched = apply_to_files(&sub, PATCH).expect("it fits");
        assert_eq!(touched, ["a.txt", "new.txt", "old.txt"]);
        let text = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(
            files(world.path()),
            [
                text("a.txt", "one\n2\nthree\nfour\n"),
                text("new.txt", "new\n")
            ]
        );
        let repository = Repository::open(world.path()).expect("it is there");
        let index = repository.index().expect("an index");
        let staged: Vec<Vec<u8>> = index.iter().map(|it| it.path).collect();
        assert_eq!(staged, [b"a.txt".to_vec(), b"old.txt".to_vec()]);
    }

    #[test]
    fn one_that_does_not_fit_changes_nothing() {
        let check = |spoil: &dyn Fn(&Path), words: &str| {
            let world = world();
            spoil(world.path());
            let before = files(world.path());
            let error = apply_to_files(world.path(), PATCH).expect_err("it doesn't fit");
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(files(world.path()), before);
        };
        check(&|it| write(it, "a.txt", "one\n22\nthree\n"), "a.txt");
        check(
            &|it| write(it, "new.txt", "mine\n"),
            "`new.txt` is there already",
        );
        check(&|it| write(it, "old.txt", "older\n"), "old.txt");
        check(
            &|it| fs::remove_file(it.join("old.txt")).expect("it is there"),
            "old.txt",
        );
    }
}
