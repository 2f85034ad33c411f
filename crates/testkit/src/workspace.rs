//! A checkout that is a plain folder: no git, no walls, and programs that the test answers for.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use futures::future::BoxFuture;
use globset::GlobBuilder;
use protocol::{
    Base, BaseFile, Captured, Change, Command, Confinement, ContentId, Environment, Execution,
    Exit, ListQuery, Listing, Place, Places, SearchQuery, TreeId, Workspace, WorkspaceError,
    source_text,
};
use regex::Regex;
use tempfile::TempDir;

use crate::folder::{self, Files, Node};

/// Answers for the programs of a [`FolderWorkspace`]: the folder and the command go in, how it ended comes out.
type Programs = Arc<
    dyn Fn(PathBuf, Command) -> BoxFuture<'static, Result<Execution, WorkspaceError>> + Send + Sync,
>;

/// What is remembered, by the base's tree, or for every one, and a name.
type Findings = Arc<Mutex<BTreeMap<(Option<TreeId>, String), Vec<u8>>>>;

/// The base's plain files with the names of their bytes, hashed when somebody first asks.
#[derive(Default)]
struct Contents {
    base: Vec<BaseFile>,
    /// A path for each name.
    paths: BTreeMap<ContentId, String>,
}

/// Files in a temporary folder, gone when dropped. Trees are kept in memory and shared with forks.
pub struct FolderWorkspace {
    folder: TempDir,
    base: Base,
    base_files: Files,
    contents: OnceLock<Contents>,
    confinement: Confinement,
    kept: Arc<Mutex<BTreeMap<TreeId, Files>>>,
    programs: Programs,
    ran: Arc<Mutex<Vec<Command>>>,
    blocked: Option<fn() -> WorkspaceError>,
    findings: Findings,
}

impl FolderWorkspace {
    /// A tree of these files, which are also its base. Every program ends with status 127, as one that is missing.
    pub fn new<P: AsRef<str>, T: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        let node = |bytes: &[u8]| folder::Node::File {
            bytes: bytes.to_owned(),
            executable: false,
        };
        let files = files
            .into_iter()
            .map(|(path, text)| (path.as_ref().to_owned(), node(text.as_ref())))
            .collect();
        let missing = |_, command: Command| -> BoxFuture<'static, _> {
            let program = command.argv.first().cloned().unwrap_or_default();
            Box::pin(async move {
                let mut ended = exits(127, "");
                ended.stderr = captured(&format!("{program}: no such program in this test\n"));
                Ok(ended)
            })
        };
        FolderWorkspace::of(files, Arc::new(missing))
            .expect("a test's files can be written to a temporary folder")
    }

    fn of(files: Files, programs: Programs) -> io::Result<FolderWorkspace> {
        let folder = TempDir::new()?;
        folder::write_all(folder.path(), &files)?;
        let tree = folder::id_of(&files);
        Ok(FolderWorkspace {
            folder,
            base: Base {
                repository: "test".to_owned(),
                commit: "0".repeat(40),
                tree: tree.clone(),
                uncommitted: false,
            },
            confinement: Confinement::default(),
            kept: Arc::new(Mutex::new(BTreeMap::from([(tree, files.clone())]))),
            base_files: files,
            contents: OnceLock::new(),
            programs,
            ran: Arc::default(),
            blocked: None,
            findings: Arc::default(),
        })
    }

    /// Programs answer at once, with what this says.
    #[must_use]
    pub fn answering(self, answer: impl Fn(&Command) -> Execution + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        self.running(move |_, command| {
            let answer = answer.clone();
            async move { Ok(answer(&command)) }
        })
    }

    /// Programs are run by this, in the folder it is handed.
    #[must_use]
    pub fn running<F>(mut self, run: impl Fn(PathBuf, Command) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Execution, WorkspaceError>> + Send + 'static,
    {
        self.programs = Arc::new(move |root, command| Box::pin(run(root, command)));
        self
    }

    /// Setting up the environment fails like this.
    #[must_use]
    pub fn that_cannot_be_set_up(mut self, why: fn() -> WorkspaceError) -> Self {
        self.blocked = Some(why);
        self
    }

    /// These walls are said to stand around its programs.
    #[must_use]
    pub fn behind(mut self, walls: Confinement) -> Self {
        self.confinement = walls;
        self
    }

    /// Remembers what `earlier` remembers, as a later run of the same user does.
    #[must_use]
    pub fn after(mut self, earlier: &FolderWorkspace) -> Self {
        self.findings = earlier.findings.clone();
        self
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The commands so far, of all forks too, in order. A command line is `bash -c LINE`.
    pub fn ran(&self) -> Vec<Command> {
        lock(&self.ran).clone()
    }

    /// A file's text, for a test to look at.
    #[track_caller]
    pub fn text(&self, path: &str) -> String {
        let bytes = fs::read(self.root().join(path));
        let bytes = bytes.unwrap_or_else(|error| panic!("read {path}: {error}"));
        source_text(&bytes).unwrap_or_else(|| panic!("read {path}: it is no text"))
    }

    fn contents(&self) -> &Contents {
        self.contents.get_or_init(|| {
            let mut contents = Contents::default();
            for (path, content) in folder::contents(&self.base_files) {
                contents.paths.insert(content.clone(), path.clone());
                contents.base.push(BaseFile { path, content });
            }
            contents
        })
    }

    fn files(&self) -> Result<Files, WorkspaceError> {
        folder::read_all(self.root()).map_err(|it| WorkspaceError::failed("read the tree", it))
    }

    /// Where a path is, unless it leaves the folder or passes a link.
    fn place(&self, path: &str) -> Result<PathBuf, WorkspaceError> {
        let outside = || WorkspaceError::Outside {
            path: path.to_owned(),
        };
        let mut place = self.root().to_owned();
        for part in Path::new(path).components() {
            match part {
                Component::Normal(name) if name == ".git" => {
                    return Err(WorkspaceError::Protected {
                        path: path.to_owned(),
                        why: "it belongs to git".to_owned(),
                    });
                }
                Component::Normal(name) => place.push(name),
                Component::CurDir => {}
                Component::ParentDir if place != self.root() => {
                    place.pop();
                }
                _ => return Err(outside()),
            }
            if place.is_symlink() {
                return Err(outside());
            }
        }
        Ok(place)
    }

    /// Where a file is that must exist.
    fn existing(&self, path: &str) -> Result<PathBuf, WorkspaceError> {
        let place = self.place(path)?;
        if place.is_dir() {
            return Err(a_folder(path));
        }
        if !place.exists() {
            return Err(WorkspaceError::NotFound {
                path: path.to_owned(),
            });
        }
        Ok(place)
    }

    /// Paths below a folder, or the path of a file itself, that fit a pattern.
    fn matching(&self, below: &str, glob: Option<&str>) -> Result<Vec<String>, WorkspaceError> {
        let place = self.place(below)?;
        if !place.exists() {
            return Err(WorkspaceError::NotFound {
                path: below.to_owned(),
            });
        }
        let glob = glob.map(glob_of).transpose()?;
        let prefix = below.trim_start_matches("./").trim_matches(['/', '.']);
        let fits = |path: &str| {
            let inside = prefix.is_empty()
                || path == prefix
                || path
                    .strip_prefix(prefix)
                    .is_some_and(|it| it.starts_with('/'));
            inside && glob.as_ref().is_none_or(|it| it.is_match(path))
        };
        Ok(self.files()?.into_keys().filter(|it| fits(it)).collect())
    }
}

fn glob_of(pattern: &str) -> Result<globset::GlobMatcher, WorkspaceError> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    let glob = glob.map_err(|error| bad_pattern(pattern, &error))?;
    Ok(glob.compile_matcher())
}

fn bad_pattern(pattern: &str, error: &dyn std::error::Error) -> WorkspaceError {
    WorkspaceError::Pattern {
        pattern: pattern.to_owned(),
        why: error.to_string(),
    }
}

fn a_folder(path: &str) -> WorkspaceError {
    WorkspaceError::Unusable {
        path: path.to_owned(),
        why: "it is a folder".to_owned(),
    }
}

fn cut(mut items: Vec<String>, items_max: usize) -> Listing {
    let left_out = items.len().saturating_sub(items_max);
    items.truncate(items_max);
    Listing { items, left_out }
}

/// A program that ended by itself, having printed this.
pub fn exits(code: i32, stdout: &str) -> Execution {
    Execution {
        exit: Exit::Code(code),
        stdout: captured(stdout),
        stderr: Captured::default(),
        report: Vec::new(),
        wall_ms: 1,
    }
}

fn captured(text: &str) -> Captured {
    Captured {
        text: text.to_owned(),
        bytes_total: text.len() as u64,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Workspace for FolderWorkspace {
    fn base(&self) -> &Base {
        &self.base
    }

    fn confinement(&self) -> &Confinement {
        &self.confinement
    }

    async fn set_up(&self) -> Result<Environment, WorkspaceError> {
        if let Some(why) = self.blocked {
            return Err(why());
        }
        Ok(Environment {
            key: "test".to_owned(),
            python_version: "3.11.0".to_owned(),
            sources: Vec::new(),
            cached: true,
            wall_ms: 0,
            test_folder: String::new(),
            notes: Vec::new(),
        })
    }

    async fn list(&self, query: &ListQuery) -> Result<Listing, WorkspaceError> {
        let paths = self.matching(&query.path, query.glob.as_deref())?;
        Ok(cut(paths, query.items_max))
    }

    async fn search(&self, query: &SearchQuery) -> Result<Listing, WorkspaceError> {
        let pattern = Regex::new(&query.pattern);
        let pattern = pattern.map_err(|error| bad_pattern(&query.pattern, &error))?;
        let mut found = Vec::new();
        for path in self.matching(&query.path, query.glob.as_deref())? {
            // Links and binary files are not searched.
            let Ok(text) = self.place(&path).and_then(|place| {
                fs::read_to_string(place).map_err(|it| WorkspaceError::failed("search", it))
            }) else {
                continue;
            };
            for (line, number) in text.lines().zip(1..) {
                if pattern.is_match(line) {
                    found.push(format!("{path}:{number}: {line}"));
                }
            }
        }
        Ok(cut(found, query.items_max))
    }

    async fn read(&self, path: &str) -> Result<Vec<u8>, WorkspaceError> {
        let place = self.existing(path)?;
        fs::read(place).map_err(|it| WorkspaceError::failed(format!("read `{path}`"), it))
    }

    async fn base_files(&self) -> Result<Vec<BaseFile>, WorkspaceError> {
        Ok(self.contents().base.clone())
    }

    async fn contents(
        &self,
        of: &[ContentId],
        bytes_max: u64,
    ) -> Result<Vec<Option<Vec<u8>>>, WorkspaceError> {
        let contents = self.contents();
        let read = |it: &ContentId| {
            let path = contents.paths.get(it);
            match path.and_then(|it| self.base_files.get(it)) {
                Some(Node::File { bytes, .. }) if bytes.len() as u64 <= bytes_max => {
                    Ok(Some(bytes.clone()))
                }
                Some(_) => Ok(None),
                None => Err(WorkspaceError::failed("read files of the base", &*it.0)),
            }
        };
        of.iter().map(read).collect()
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), WorkspaceError> {
        let place = self.place(path)?;
        if place.is_dir() {
            return Err(a_folder(path));
        }
        let failed = |it| WorkspaceError::failed(format!("write `{path}`"), it);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        fs::write(place, bytes).map_err(failed)
    }

    async fn delete(&self, path: &str) -> Result<(), WorkspaceError> {
        let place = self.existing(path)?;
        fs::remove_file(place).map_err(|it| WorkspaceError::failed(format!("delete `{path}`"), it))
    }

    async fn snapshot(&self) -> Result<TreeId, WorkspaceError> {
        let files = self.files()?;
        let tree = folder::id_of(&files);
        lock(&self.kept).insert(tree.clone(), files);
        Ok(tree)
    }

    async fn restore(&self, tree: &TreeId) -> Result<(), WorkspaceError> {
        let files = lock(&self.kept).get(tree).cloned();
        let files = files.ok_or_else(|| WorkspaceError::NotFound {
            path: format!("tree {}", tree.0),
        })?;
        folder::write_all(self.root(), &files)
            .map_err(|it| WorkspaceError::failed("write the tree", it))
    }

    async fn change(&self) -> Result<Change, WorkspaceError> {
        Ok(folder::difference(&self.base_files, &self.files()?))
    }

    async fn fork(&self, tree: &TreeId) -> Result<Arc<dyn Workspace>, WorkspaceError> {
        let failed = |it| WorkspaceError::failed("make a fork", it);
        let fork = FolderWorkspace {
            kept: self.kept.clone(),
            ran: self.ran.clone(),
            blocked: self.blocked,
            findings: self.findings.clone(),
            ..FolderWorkspace::of(self.base_files.clone(), self.programs.clone()).map_err(failed)?
        };
        fork.restore(tree).await?;
        Ok(Arc::new(fork))
    }

    async fn run(&self, command: &Command) -> Result<Execution, WorkspaceError> {
        lock(&self.ran).push(command.clone());
        (self.programs)(self.root().to_owned(), command.clone()).await
    }

    async fn recall(&self, name: &str) -> Result<Option<Vec<u8>>, WorkspaceError> {
        let key = (Some(self.base.tree.clone()), name.to_owned());
        Ok(lock(&self.findings).get(&key).cloned())
    }

    async fn remember(&self, name: &str, bytes: &[u8]) -> Result<(), WorkspaceError> {
        let key = (Some(self.base.tree.clone()), name.to_owned());
        lock(&self.findings).insert(key, bytes.to_vec());
        Ok(())
    }

    async fn recall_for_repository(&self, name: &str) -> Result<Option<Vec<u8>>, WorkspaceError> {
        Ok(lock(&self.findings).get(&(None, name.to_owned())).cloned())
    }

    async fn remember_for_repository(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), WorkspaceError> {
        lock(&self.findings).insert((None, name.to_owned()), bytes.to_vec());
        Ok(())
    }

    fn places(&self) -> Places {
        Places::new([Place::new(self.root(), "")])
    }

    fn steady(&self, output: &str) -> String {
        protocol::steady(output, &self.places(), SystemTime::now())
    }

    async fn run_line(&self, line: &str, seconds_max: u64) -> Result<Execution, WorkspaceError> {
        let command = Command::new(["bash", "-c", line], seconds_max);
        let mut ended = self.run(&command).await?;
        for stream in [&mut ended.stdout, &mut ended.stderr] {
            stream.text = self.steady(&stream.text);
        }
        Ok(ended)
    }
}

#[cfg(test)]
mod tests;
