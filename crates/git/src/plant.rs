//! A new repository of given files, for a demonstration that begins from nothing.

use std::fs;
use std::path::Path;

use git2::{Repository, RepositoryInitOptions};

use super::{GitError, Identity};

/// Makes a repository in `folder`, which is created, with one commit of `files` on the branch `main`; returns the
/// commit in hexadecimal. Paths are relative, with `/` between their parts, and come from the program itself.
pub fn plant<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    message: &str,
    author: &Identity,
) -> Result<String, GitError> {
    let git = GitError::git;
    let mut options = RepositoryInitOptions::new();
    // No template: hooks and configuration of the user's git have no place here.
    options
        .mkpath(true)
        .external_template(false)
        .initial_head("main");
    let repository = Repository::init_opts(folder, &options).map_err(git("create a repository"))?;
    let mut index = repository.index().map_err(git("read the index"))?;
    for (path, bytes) in files {
        let place = folder.join(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(GitError::files("create the folder", parent))?;
        }
        fs::write(&place, bytes).map_err(GitError::files("write", &place))?;
        index
            .add_path(Path::new(path))
            .map_err(git("stage a file"))?;
    }
    index.write().map_err(git("write the index"))?;
    let tree = index.write_tree().map_err(git("write the tree"))?;
    let tree = repository.find_tree(tree).map_err(git("read the tree"))?;
    let author = author.sign_now()?;
    repository
        .commit(Some("HEAD"), &author, &author, message, &tree, &[])
        .map(|it| it.to_string())
        .map_err(git("make the first commit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planted_is_there_committed_and_clean() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let author = Identity {
            name: "Ada".into(),
            email: "ada@example.org".into(),
        };
        let place = folder.path().join("new/repository");
        let files: [(&str, &[u8]); 2] = [("a.py", b"1\n"), ("src/b.py", b"2\n")];
        let commit = plant(&place, files, "first", &author).expect("a repository");

        let repository = Repository::open(&place).expect("it is one");
        let head = repository.head().expect("it has a commit");
        assert_eq!(
            head.peel_to_commit().expect("a commit").id().to_string(),
            commit
        );
        assert_eq!(head.shorthand().ok(), Some("main"));
        let status = repository.statuses(None).expect("it can be looked at");
        assert!(status.is_empty(), "{} files differ", status.len());
    }
}
