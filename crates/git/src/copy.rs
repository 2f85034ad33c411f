//! Copies what a commit or tree consists of from one object store into another, children before parents.

use git2::{ObjectType, Odb, Oid, Repository};

use super::GitError;

/// Copies a tree with everything in it. A tree that is there already is complete, because it is written last.
pub(crate) fn copy_tree(from: &Repository, into: &Repository, tree: Oid) -> Result<(), GitError> {
    let source = from
        .odb()
        .map_err(GitError::git("open the source's objects"))?;
    let target = into
        .odb()
        .map_err(GitError::git("open the target's objects"))?;
    // A folder is opened on the way down and written on the way up.
    let mut open = vec![(tree, false)];
    while let Some((id, children_done)) = open.pop() {
        if !children_done && target.exists(id) {
            continue;
        }
        if children_done {
            copy_object(&source, &target, id)?;
            continue;
        }
        open.push((id, true));
        let tree = from.find_tree(id).map_err(GitError::git(
            "read a tree of the repository (is it a partial clone, or damaged?)",
        ))?;
        for item in &tree {
            match item.kind() {
                Some(ObjectType::Tree) => open.push((item.id(), false)),
                Some(ObjectType::Blob) if !target.exists(item.id()) => {
                    copy_object(&source, &target, item.id())?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Copies a commit, without its parents, and everything in its tree.
pub(crate) fn copy_commit(
    from: &Repository,
    into: &Repository,
    commit: Oid,
) -> Result<(), GitError> {
    let tree = from
        .find_commit(commit)
        .map_err(GitError::git("read a commit"))?
        .tree_id();
    copy_tree(from, into, tree)?;
    let source = from
        .odb()
        .map_err(GitError::git("open the source's objects"))?;
    let target = into
        .odb()
        .map_err(GitError::git("open the target's objects"))?;
    copy_object(&source, &target, commit)
}

fn copy_object(source: &Odb<'_>, target: &Odb<'_>, id: Oid) -> Result<(), GitError> {
    let object = source.read(id).map_err(GitError::git(
        "read an object of the repository (is it a partial clone, or damaged?)",
    ))?;
    target
        .write(object.kind(), object.data())
        .map_err(GitError::git("write an object"))?;
    Ok(())
}
