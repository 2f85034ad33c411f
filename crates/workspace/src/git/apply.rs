//! Whether a patch fits the tree it was made for.

use git2::{Diff, Oid};
use protocol::TreeId;

use super::store::parse_id;
use super::tree::read_tree;
use super::{GitError, Store};

impl Store {
    /// The tree that `base` becomes with `patch`, kept in this store. A patch that doesn't fit, or that would put
    /// a file where none may be, is an error; nothing is written outside the store.
    pub fn applied(&self, base: &TreeId, patch: &str) -> Result<TreeId, GitError> {
        let base = parse_id(&base.0)?;
        if patch.trim().is_empty() {
            return Ok(TreeId(base.to_string()));
        }
        let id = self.apply(base, patch)?;
        // Reading it checks every name in it.
        read_tree(&self.repository()?, id)?;
        Ok(TreeId(id.to_string()))
    }

    fn apply(&self, base: Oid, patch: &str) -> Result<Oid, GitError> {
        let repository = self.repository()?;
        let tree = repository
            .find_tree(base)
            .map_err(GitError::git("read the base tree"))?;
        let doesnt = |source| GitError::PatchDoesNotApply { source };
        let diff = Diff::from_buffer(patch.as_bytes()).map_err(doesnt)?;
        let mut index = repository
            .apply_to_tree(&tree, &diff, None)
            .map_err(doesnt)?;
        index
            .write_tree_to(&repository)
            .map_err(GitError::git("write the patched tree"))
    }
}
