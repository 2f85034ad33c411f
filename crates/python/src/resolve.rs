//! What is asked of uv before anything is installed: whether all is ready-made, and what locks fix.

use std::collections::BTreeSet;

use protocol::{Network, WorkspaceError};

use super::install::Installation;
use super::requirements::name_of;
use super::toolbox::fresh_folder;

impl Installation<'_> {
    /// Whether the index has everything ready-made for this interpreter, as far as that is known before a build.
    /// Installs nothing.
    pub(super) async fn is_ready_made(&self) -> Result<bool, WorkspaceError> {
        fresh_folder(&self.workshop)?;
        std::fs::create_dir_all(&self.downloads)
            .map_err(|it| WorkspaceError::failed("create the folder for downloads", it))?;
        let ours = self.names_of_projects();
        let from_index = |it: &&String| !ours.contains(&name_of(it)) && !it.contains('/');
        let asked: Vec<String> = self
            .plan
            .requirements
            .iter()
            .filter(from_index)
            .cloned()
            .collect();
        let list = self.write("requirements.txt", &asked)?;
        let constraints = self.write("constraints.txt", &self.plan.constraints)?;
        let python = self.interpreter.path.display().to_string();
        let aside = self.workshop.join("aside").display().to_string();
        let arguments = [
            "pip",
            "install",
            "--dry-run",
            "--no-build",
            "--python",
            &python,
            "--target",
            &aside,
            "--requirements",
            &list,
            "--constraints",
            &constraints,
        ];
        let runner = self.runner_as_of();
        let runner: Vec<&str> = runner.iter().map(String::as_str).collect();
        let arguments = [&arguments[..], &runner].concat();
        let workshop = self.workshop.clone();
        let mut step = self.step(
            self.uv(&arguments),
            "uv pip install --dry-run".to_owned(),
            &workshop,
        );
        step.env = self.variables(&self.downloads);
        step.writable = vec![self.workshop.clone(), self.downloads.clone()];
        match step.run(self.door, self.limits).await {
            Ok(_) => Ok(true),
            Err(WorkspaceError::Blocked { tail, .. }) => {
                tracing::debug!(%tail, version = %self.interpreter.version, "isn't all ready-made");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The names of the tree's packages, spelt as names are compared, where their files say them.
    fn names_of_projects(&self) -> BTreeSet<String> {
        let projects = self.plan.projects.iter();
        projects
            .filter_map(|it| Some(name_of(&self.says(it).0?)))
            .collect()
    }

    /// What each `uv.lock` fixes, as requirements files.
    pub(super) async fn export_locks(&self) -> Result<Vec<String>, WorkspaceError> {
        let mut files = Vec::new();
        for (number, locked) in self.plan.locked.iter().enumerate() {
            let path = self.workshop.join(format!("locked-{number}.txt"));
            let path = path.display().to_string();
            let mut arguments = vec!["export", "--frozen", "--offline", "--quiet"];
            match locked.is_workspace {
                true => arguments.extend(["--all-packages", "--no-emit-workspace"]),
                false => arguments.push("--no-emit-project"),
            }
            arguments.extend([
                "--python",
                self.interpreter.path.to_str().unwrap_or("python3"),
            ]);
            for extra in &locked.extras {
                arguments.extend(["--extra", extra]);
            }
            for group in &locked.groups {
                arguments.extend(["--group", group]);
            }
            arguments.extend(["--output-file", &path]);
            let folder = self.tree().join(&locked.folder);
            let mut step = self.step(
                self.uv(&arguments),
                "uv export --frozen".to_owned(),
                &folder,
            );
            step.network = Network::Loopback;
            step.run(self.door, self.limits).await?;
            files.push(path);
        }
        Ok(files)
    }
}
