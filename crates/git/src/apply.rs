//! Whether a patch fits the tree it was made for, as the real `git apply` sees it.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{Index, Oid};
use protocol::{Network, TreeId, patch_bytes};
use sandbox::command::{Bounds, Door, Spawn, View};

use super::mirror::blocking;
use super::refusal::shortened;
use super::store::parse_id;
use super::tree::read_tree;
use super::{GitError, Store, environment};

impl Store {
    /// The tree that `base` becomes with `patch`, kept in this store.
    ///
    /// A patch that doesn't fit, or that would put a file where none may be, is an error. Nothing is written but
    /// objects of the store and an index in the folder `scratch`.
    pub async fn applied(
        &self,
        door: &Door,
        bounds: Bounds,
        scratch: &Path,
        base: &TreeId,
        patch: &str,
    ) -> Result<TreeId, GitError> {
        let base = parse_id(&base.0)?;
        if patch.trim().is_empty() {
            return Ok(TreeId(base.to_string()));
        }
        let folder = tempfile::tempdir_in(scratch)
            .map_err(GitError::files("create a folder in", scratch))?;
        let index = folder.path().join("index");
        let (store, path) = (self.clone(), index.clone());
        blocking(move || store.write_index(&path, base)).await?;
        let spawn = self.apply_command(bounds, folder.path(), &index, patch);
        let ended = door.run(&spawn).await.map_err(GitError::Program)?;
        if !ended.succeeded() {
            let said = shortened(&ended.tail(), ended.exit);
            return Err(GitError::PatchDoesNotApply { said });
        }
        let store = self.clone();
        blocking(move || store.read_index(&index)).await
    }

    fn write_index(&self, path: &Path, tree: Oid) -> Result<(), GitError> {
        let git = GitError::git;
        let repository = self.repository()?;
        let tree = repository
            .find_tree(tree)
            .map_err(git("read the base tree"))?;
        let mut index = Index::open(path).map_err(git("start an index"))?;
        index.read_tree(&tree).map_err(git("fill an index"))?;
        index.write().map_err(git("write an index"))
    }

    fn read_index(&self, path: &Path) -> Result<TreeId, GitError> {
        let git = GitError::git;
        let repository = self.repository()?;
        let mut index = Index::open(path).map_err(git("read the patched index"))?;
        let tree = index
            .write_tree_to(&repository)
            .map_err(git("write the patched tree"))?;
        // Reading it checks every name in it.
        read_tree(&repository, tree)?;
        Ok(TreeId(tree.to_string()))
    }

    fn apply_command(&self, bounds: Bounds, scratch: &Path, index: &Path, patch: &str) -> Spawn {
        let argv = [
            "git",
            &format!("--git-dir={}", self.folder().display()),
            "apply",
            "--cached",
            "--whitespace=nowarn",
            "-",
        ];
        let mut env = environment::for_local_work();
        env.insert("GIT_INDEX_FILE".to_owned(), index.display().to_string());
        let beneath = self.object_folders().into_iter();
        // What lies in the store's own folder is writable already; said again as readable, it would be only that.
        let beneath: Vec<PathBuf> = beneath
            .filter(|it| !it.starts_with(self.folder()) && fs::metadata(it).is_ok())
            .collect();
        Spawn {
            argv: argv.map(str::to_owned).to_vec(),
            directory: scratch.to_owned(),
            env,
            stdin: patch_bytes(patch),
            view: View::Confined {
                writable: vec![scratch.to_owned(), self.folder().to_owned()],
                readable: beneath,
                sealed: Vec::new(),
                network: Network::Loopback,
            },
            bounds,
            report: false,
        }
    }
}
