//! Builds wheels: of the tree's own packages, and of what the index has only as source. Whatever a build runs, it can't
//! change the environment that its wheel will be installed in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use protocol::WorkspaceError;

use super::install::Installation;
use super::plan::LocalProject;
use super::pyproject::Pyproject;
use super::requirements::name_of;

/// Wheels that one installation may build.
const WHEELS_MAX: usize = 1000;
/// Folders that are looked through for wheels.
const FOLDERS_MAX: usize = 100_000;

/// A package of the tree, built.
pub(super) struct Built<'a> {
    pub(super) project: &'a LocalProject,
    /// Its wheel.
    pub(super) wheel: PathBuf,
}

impl Built<'_> {
    /// As uv wants to read it.
    pub(super) fn target(&self) -> String {
        let wheel = self.wheel.display();
        match self.project.extras.is_empty() {
            true => wheel.to_string(),
            false => format!("{wheel}[{}]", self.project.extras.join(",")),
        }
    }

    /// The package's name, spelt as names are compared.
    pub(super) fn name(&self) -> String {
        let file = self.wheel.file_name().unwrap_or_default().to_string_lossy();
        name_of(file.split('-').next().unwrap_or_default())
    }
}

impl Installation<'_> {
    /// Builds a wheel of every package of the tree.
    pub(super) async fn build_projects(&self) -> Result<Vec<Built<'_>>, WorkspaceError> {
        let mut built = Vec::new();
        if !self.plan.projects.is_empty() {
            self.note("building the repository's own package");
        }
        for (number, project) in self.plan.projects.iter().enumerate() {
            let folder = self.workshop.join(format!("wheels/{number}"));
            std::fs::create_dir_all(&folder)
                .map_err(|it| WorkspaceError::failed("create a folder for a wheel", it))?;
            let (out, source) = (folder.display().to_string(), project.source());
            let python = self.python();
            let arguments = [
                "build",
                "--wheel",
                "--python",
                &python,
                "--out-dir",
                &out,
                &source,
            ];
            let shown = format!("uv build --wheel {source}");
            let tree = self.tree();
            let mut step = self.building(self.uv(&arguments), shown.clone(), &tree);
            let (name, own_files) = self.says(project);
            step.env
                .extend(self.from_git.variables(name.as_deref(), &own_files));
            step.run(self.door, self.limits).await?;
            let wheel = wheels_in(&folder)?.into_iter().next();
            built.push(Built {
                project,
                wheel: wheel.ok_or_else(|| WorkspaceError::Blocked {
                    command: shown,
                    tail: "the build ended well and left no wheel".to_owned(),
                })?,
            });
        }
        Ok(built)
    }

    /// A package's name and what its own files say, as far as they say it without being run.
    pub(super) fn says(&self, project: &LocalProject) -> (Option<String>, String) {
        let text = |name: &str| {
            let path = match project.path.as_str() {
                "" => name.to_owned(),
                folder => format!("{folder}/{name}"),
            };
            self.files.get(&path).cloned().unwrap_or_default()
        };
        let [pyproject, config, script] = ["pyproject.toml", "setup.cfg", "setup.py"].map(text);
        let name = Pyproject::read(&pyproject)
            .ok()
            .and_then(|it| it.name().map(str::to_owned));
        (name, [pyproject, config, script].join("\n"))
    }

    /// Builds what `arguments` ask for and the index has only as source; gives the folder with the wheels.
    pub(super) async fn build_sources(
        &self,
        arguments: &[String],
        shown: String,
    ) -> Result<String, WorkspaceError> {
        let aside = self.workshop.join("aside").display().to_string();
        let tree = self.tree();
        let argv = [arguments, &["--target".to_owned(), aside]].concat();
        let mut step = self.building(argv, shown, &tree);
        step.env
            .insert("UV_COMPILE_BYTECODE".to_owned(), "0".to_owned());
        step.run(self.door, self.limits).await?;
        let folder = self.workshop.join("built");
        std::fs::create_dir_all(&folder)
            .map_err(|it| WorkspaceError::failed("create a folder for wheels", it))?;
        for wheel in wheels_in(&self.private_downloads())? {
            let name = wheel.file_name().unwrap_or_default();
            std::fs::copy(&wheel, folder.join(name))
                .map_err(|it| WorkspaceError::failed("keep a wheel that was built", it))?;
        }
        Ok(folder.display().to_string())
    }
}

impl LocalProject {
    /// Its folder, as a command line names it.
    pub(super) fn source(&self) -> String {
        match self.path.as_str() {
            "" => ".".to_owned(),
            path => format!("./{path}"),
        }
    }
}

/// Wheels below a folder that builds have written to: plain files only, as a link may lead anywhere.
fn wheels_in(folder: &Path) -> Result<Vec<PathBuf>, WorkspaceError> {
    let looking = |it| WorkspaceError::failed("look for the wheels that were built", it);
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    let mut folders = 0;
    while let Some(next) = open.pop() {
        folders += 1;
        for entry in std::fs::read_dir(&next).map_err(looking)? {
            let entry = entry.map_err(looking)?;
            let kind = entry.file_type().map_err(looking)?;
            let path = entry.path();
            if kind.is_dir() && folders < FOLDERS_MAX {
                open.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|it| it == "whl") {
                found.insert(path);
            }
        }
    }
    Ok(found.into_iter().take(WHEELS_MAX).collect())
}
