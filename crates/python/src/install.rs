//! Installs one environment: the tree's own packages are built first, where the environment can't be changed; then they
//! are installed together with what others made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use git::BaseTree;
use protocol::{Limits, Log, Network, Note, WorkspaceError};
use sandbox::command::Door;
use shell_policy::Phase;

use super::build::Built;
use super::built;
use super::index::Index;
use super::interpreter::Interpreter;
use super::plan::Plan;
use super::requirements::name_of;
use super::scm::FromGit;
use super::startup::Start;
use super::step::Step;
use super::toolbox::{Toolbox, fresh_folder};

/// Everything one installation needs to know.
pub(super) struct Installation<'a> {
    pub(super) plan: &'a Plan,
    /// Take releases up to this day only.
    pub(super) as_of: Option<&'a str>,
    /// The same for pytest and what it needs itself.
    pub(super) runner_as_of: Option<String>,
    /// What the repository declares, by path.
    pub(super) files: &'a BTreeMap<String, String>,
    /// The version that git gives the base.
    pub(super) from_git: &'a FromGit,
    pub(super) toolbox: &'a Toolbox,
    pub(super) interpreter: &'a Interpreter,
    pub(super) index: &'a Index,
    pub(super) door: &'a Door,
    pub(super) limits: &'a Limits,
    pub(super) log: &'a dyn Log,
    /// Where git finds the objects of the copy of the tree.
    pub(super) objects: Vec<PathBuf>,
    /// The environment to make.
    pub(super) folder: PathBuf,
    /// For a copy of the tree and what builds leave behind; ours alone, and gone afterwards.
    pub(super) workshop: PathBuf,
    /// Downloads of all environments. Only uv itself ever writes there: no code of a package runs beside it.
    pub(super) downloads: PathBuf,
}

impl Installation<'_> {
    /// Installs, and gives the folders of the tree that programs must find first.
    pub(super) async fn run(&self, base: &BaseTree) -> Result<Vec<String>, WorkspaceError> {
        fresh_folder(&self.folder)?;
        fresh_folder(&self.workshop)?;
        fresh_folder(&self.private_downloads())?;
        std::fs::create_dir_all(&self.downloads)
            .map_err(|it| WorkspaceError::failed("create the folder for downloads", it))?;
        self.lay_out(base).await?;
        self.make().await?;
        let start = Start::of(&self.folder, &self.site())
            .map_err(|it| WorkspaceError::failed("look at the new environment", it))?;
        if self.plan.commands.is_empty() {
            let built = self.build_projects().await?;
            self.install_requirements(&built).await?;
            self.install_alone(&built).await?;
        } else {
            self.run_commands().await?;
            self.install_requirements(&[]).await?;
        }
        self.finish(base, start).await
    }

    pub(super) fn tree(&self) -> PathBuf {
        self.workshop.join("tree")
    }

    pub(super) fn private_downloads(&self) -> PathBuf {
        self.workshop.join("downloads")
    }

    pub(super) fn python(&self) -> String {
        self.folder.join("bin/python").display().to_string()
    }

    /// The folder of packages.
    fn site(&self) -> PathBuf {
        let version = self.interpreter.version;
        self.folder.join(format!(
            "lib/python{}.{}/site-packages",
            version.major, version.minor
        ))
    }

    pub(super) fn note(&self, how_far: impl Into<String>) {
        self.log.note(Note::Progress {
            what: "environment".to_owned(),
            how_far: how_far.into(),
        });
    }

    /// A private copy of the tree: builds leave files in it.
    async fn lay_out(&self, base: &BaseTree) -> Result<(), WorkspaceError> {
        let (base, tree) = (base.clone(), self.tree());
        std::fs::create_dir_all(&tree)
            .map_err(|it| WorkspaceError::failed("create a folder for a copy of the tree", it))?;
        tokio::task::spawn_blocking(move || base.lay_out_in(&tree))
            .await
            .map_err(|it| WorkspaceError::failed("finish a copy of the tree", it))?
            .map_err(|it| WorkspaceError::failed("lay out a copy of the tree", it))
    }

    /// A program that runs code of the tree, or of packages that it builds: it can't change the environment, and shares
    /// nothing.
    pub(super) fn building<'a>(
        &self,
        argv: Vec<String>,
        shown: String,
        directory: &'a Path,
    ) -> Step<'a> {
        let mut step = self.step(argv, shown, directory);
        step.writable.retain(|it| *it != self.folder);
        step.readable.push(self.folder.clone());
        step
    }

    /// A program that changes the environment, and shares nothing with others.
    pub(super) fn step<'a>(
        &self,
        argv: Vec<String>,
        shown: String,
        directory: &'a Path,
    ) -> Step<'a> {
        let mut readable = vec![
            self.toolbox.uv.path.clone(),
            self.interpreter.prefix.clone(),
        ];
        readable.extend(self.index.certificates.clone());
        readable.extend(self.objects.iter().cloned());
        Step {
            argv,
            shown,
            directory,
            env: self.variables(&self.private_downloads()),
            writable: vec![self.folder.clone(), self.workshop.clone()],
            readable,
            network: Network::PackageIndex,
        }
    }

    pub(super) fn variables(&self, downloads: &Path) -> BTreeMap<String, String> {
        let mut variables = self.index.variables();
        let bin = self.folder.join("bin");
        let uv = self
            .toolbox
            .uv
            .path
            .parent()
            .unwrap_or(Path::new("/usr/bin"));
        let fixed = [
            ("UV_CACHE_DIR", downloads.display().to_string()),
            // A hard link would let an environment change the downloads of all others.
            ("UV_LINK_MODE", "copy".to_owned()),
            ("UV_NO_CONFIG", "1".to_owned()),
            ("UV_NO_PROGRESS", "1".to_owned()),
            ("UV_PYTHON_DOWNLOADS", "never".to_owned()),
            ("UV_COMPILE_BYTECODE", "1".to_owned()),
            ("PIP_DISABLE_PIP_VERSION_CHECK", "1".to_owned()),
            ("PIP_NO_INPUT", "1".to_owned()),
            ("VIRTUAL_ENV", self.folder.display().to_string()),
            ("NO_COLOR", "1".to_owned()),
            ("PYTHONNOUSERSITE", "1".to_owned()),
            ("GIT_OPTIONAL_LOCKS", "0".to_owned()),
            (
                "PATH",
                format!(
                    "{}:{}:/usr/local/bin:/usr/bin:/bin",
                    bin.display(),
                    uv.display()
                ),
            ),
        ];
        variables.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
        if let Some(day) = self.as_of {
            variables.insert("UV_EXCLUDE_NEWER".to_owned(), day.to_owned());
        }
        variables
    }

    /// Arguments that let pytest be of another day than everything else.
    pub(super) fn runner_as_of(&self) -> Vec<String> {
        const RUNNER: [&str; 5] = ["pytest", "pluggy", "iniconfig", "exceptiongroup", "tomli"];
        let day = self.runner_as_of.iter();
        day.flat_map(|day| RUNNER.map(|it| format!("--exclude-newer-package={it}={day}")))
            .collect()
    }

    pub(super) fn uv(&self, arguments: &[&str]) -> Vec<String> {
        let program = self.toolbox.uv.path.display().to_string();
        [program]
            .into_iter()
            .chain(arguments.iter().map(|it| (*it).to_owned()))
            .collect()
    }

    /// An empty environment.
    async fn make(&self) -> Result<(), WorkspaceError> {
        let interpreter = self.interpreter.path.display().to_string();
        let folder = self.folder.display().to_string();
        let mut arguments = vec![
            "venv",
            "--no-project",
            "--allow-existing",
            "--python",
            &interpreter,
        ];
        // The repository's own commands may say `pip`.
        if !self.plan.commands.is_empty() {
            arguments.push("--seed");
        }
        arguments.push(&folder);
        let shown = format!("uv venv --python {}", self.interpreter.version);
        let tree = self.tree();
        self.step(self.uv(&arguments), shown, &tree)
            .run(self.door, self.limits)
            .await
            .map(drop)
    }

    /// What `python -m venv` puts into an environment: tests that start `python -m pip`, or import `pkg_resources`, were
    /// written in one, and nobody declares it.
    fn of_a_plain_environment(&self) -> Vec<String> {
        let version = self.interpreter.version;
        let with_setuptools = (version.major, version.minor) < (3, 12);
        let names = ["pip"]
            .into_iter()
            .chain(with_setuptools.then_some("setuptools"));
        names.map(str::to_owned).collect()
    }

    /// Everything that comes from the index, and the packages of the tree that only their builds know the needs of.
    async fn install_requirements(&self, built: &[Built<'_>]) -> Result<(), WorkspaceError> {
        let locked = self.export_locks().await?;
        let ours: BTreeSet<String> = built.iter().map(Built::name).collect();
        // A package of the tree must not come from the index, whoever published one of its name there.
        let foreign = |it: &&String| !ours.contains(&name_of(it));
        let requirements: Vec<String> = self
            .plan
            .requirements
            .iter()
            .filter(foreign)
            .cloned()
            .collect();
        let plain = self.of_a_plain_environment();
        let plain: Vec<String> = plain.into_iter().filter(|it| foreign(&it)).collect();
        let list = self.write("requirements.txt", &[&requirements[..], &plain].concat())?;
        let constraints = self.write("constraints.txt", &self.plan.constraints)?;
        let python = self.python();
        let mut arguments = vec!["pip", "install", "--python", &python];
        for file in &locked {
            arguments.extend(["--requirements", file]);
        }
        arguments.extend(["--requirements", &list, "--constraints", &constraints]);
        let runner = self.runner_as_of();
        arguments.extend(runner.iter().map(String::as_str));
        let with_needs = built.iter().filter(|it| it.project.with_dependencies);
        let targets: Vec<String> = with_needs.clone().map(Built::target).collect();
        arguments.extend(targets.iter().map(String::as_str));
        let sources: Vec<String> = with_needs.map(|it| it.project.source()).collect();
        let shown = format!(
            "uv pip install {}",
            words(&[requirements, sources].concat())
        );
        self.note(format!(
            "installing what {} asks for",
            self.plan.sources.join(", ")
        ));
        let tree = self.tree();
        // The repository's own commands may have left code that the environment's Python runs when it starts.
        if !self.plan.commands.is_empty() {
            let step = self.step(self.uv(&arguments), shown, &tree);
            return step.run(self.door, self.limits).await.map(drop);
        }
        match self.install_ready_made(&arguments, shown.clone()).await {
            Err(WorkspaceError::Blocked { tail, .. }) if needs_a_build(&tail) => {}
            other => return other,
        }
        self.note("building packages that come as source");
        let wheels = self
            .build_sources(&self.uv(&arguments), shown.clone())
            .await?;
        arguments.extend(["--no-build", "--find-links", &wheels]);
        let mut step = self.step(self.uv(&arguments), shown, &tree);
        step.env
            .insert("UV_COMPILE_BYTECODE".to_owned(), "0".to_owned());
        step.run(self.door, self.limits).await?;
        self.compile().await
    }

    /// Ready-made packages: as long as no code of theirs runs, the downloads can be shared. Any start of the new
    /// environment's Python would run some, so their modules are compiled later, without the downloads.
    async fn install_ready_made(
        &self,
        arguments: &[&str],
        shown: String,
    ) -> Result<(), WorkspaceError> {
        let tree = self.tree();
        let argv = self.uv(&[arguments, &["--no-build"]].concat());
        let mut shared = self.step(argv, shown, &tree);
        shared.env = self.variables(&self.downloads);
        shared
            .env
            .insert("UV_COMPILE_BYTECODE".to_owned(), "0".to_owned());
        shared.writable.push(self.downloads.clone());
        shared.run(self.door, self.limits).await?;
        self.compile().await
    }

    /// Compiles the modules of everything that is installed so far.
    pub(super) async fn compile(&self) -> Result<(), WorkspaceError> {
        let tree = self.tree();
        let library = self.folder.join("lib").display().to_string();
        let argv = ["-m", "compileall", "-q", "-j", "0", &library].map(str::to_owned);
        let argv = [self.python()].into_iter().chain(argv).collect();
        let mut compile = self.step(argv, "python -m compileall".to_owned(), &tree);
        compile.network = Network::Loopback;
        match compile.run(self.door, self.limits).await {
            // A package may hold templates that only look like modules; compiling is no more than a convenience.
            Err(WorkspaceError::Blocked { tail, .. }) => {
                tracing::debug!(%tail, "left modules uncompiled");
                Ok(())
            }
            other => other.map(drop),
        }
    }

    /// The packages of the tree whose needs are installed already.
    async fn install_alone(&self, built: &[Built<'_>]) -> Result<(), WorkspaceError> {
        let alone = built.iter().filter(|it| !it.project.with_dependencies);
        let targets: Vec<String> = alone.clone().map(Built::target).collect();
        if targets.is_empty() {
            return Ok(());
        }
        let python = self.python();
        let mut arguments = vec![
            "pip",
            "install",
            "--python",
            &python,
            "--no-deps",
            "--no-build",
        ];
        arguments.extend(targets.iter().map(String::as_str));
        let sources: Vec<String> = alone.map(|it| it.project.source()).collect();
        let shown = format!("uv pip install {}", sources.join(" "));
        let tree = self.tree();
        let mut step = self.step(self.uv(&arguments), shown, &tree);
        step.network = Network::Loopback;
        step.run(self.door, self.limits).await.map(drop)
    }

    /// The repository's own command lines.
    async fn run_commands(&self) -> Result<(), WorkspaceError> {
        let tree = self.tree();
        for line in &self.plan.commands {
            shell_policy::judge(line, Phase::Install, &tree).map_err(|denied| {
                WorkspaceError::Denied {
                    line: line.clone(),
                    why: denied.why,
                }
            })?;
            self.note(format!("running `{line}`"));
            let argv = ["bash", "--noprofile", "--norc", "-c", line].map(str::to_owned);
            self.step(argv.to_vec(), line.clone(), &tree)
                .run(self.door, self.limits)
                .await?;
        }
        Ok(())
    }

    /// Takes the tree's sources out of the environment and hangs the hook.
    async fn finish(&self, base: &BaseTree, start: Start) -> Result<Vec<String>, WorkspaceError> {
        let site = self.site();
        let paths: BTreeSet<String> = base.paths().collect();
        let (copy, workshop) = (self.tree(), self.workshop.clone());
        let (own, folders) = (self.plan.source_paths.clone(), self.plan.folders.clone());
        let environment = self.folder.clone();
        let finishing = move || {
            built::make_plain(&environment, &site)?;
            let found = built::take_apart(&site, &workshop, &copy, &paths)?;
            start.check()?;
            built::check_runner(&site)?;
            built::hang_hook(&site)?;
            std::fs::remove_dir_all(&workshop)?;
            Ok::<_, built::BuiltError>(roots(own, found, &folders, &paths))
        };
        tokio::task::spawn_blocking(finishing)
            .await
            .map_err(|it| WorkspaceError::failed("finish the environment", it))?
            .map_err(|error| match error {
                refused @ (built::BuiltError::Moved { .. }
                | built::BuiltError::Foreign { .. }
                | built::BuiltError::OldRunner { .. }) => WorkspaceError::Blocked {
                    command: "uv pip install .".to_owned(),
                    tail: refused.to_string(),
                },
                error => WorkspaceError::failed("finish the environment", error),
            })
    }

    pub(super) fn write(&self, name: &str, lines: &[String]) -> Result<String, WorkspaceError> {
        let path = self.workshop.join(name);
        let text: String = lines.iter().map(|it| format!("{it}\n")).collect();
        std::fs::write(&path, text)
            .map_err(|it| WorkspaceError::failed(format!("write {name} for uv"), it))?;
        Ok(path.display().to_string())
    }
}

/// Whether uv gave up only because a package comes as source, or from an address.
fn needs_a_build(tail: &str) -> bool {
    [
        "no-build",
        "no usable wheels",
        "no wheels",
        "building",
        "Building",
        "source distribution",
    ]
    .iter()
    .any(|it| tail.contains(it))
}

/// Folders to put in front: those the repository names; else those that were found, with the folders of projects that
/// are no packages; else the usual ones.
fn roots(
    own: Vec<String>,
    found: Vec<String>,
    folders: &[String],
    paths: &BTreeSet<String>,
) -> Vec<String> {
    if !own.is_empty() {
        return own;
    }
    let mut roots = found;
    let of_root = [String::new()];
    let usual = match (roots.is_empty(), folders.is_empty()) {
        (true, true) => &of_root,
        (_, _) => folders,
    };
    for folder in usual {
        let source = match folder.as_str() {
            "" => "src".to_owned(),
            folder => format!("{folder}/src"),
        };
        let in_source = |it: &String| it.starts_with(&format!("{source}/")) && it.ends_with(".py");
        if paths.iter().any(in_source) {
            roots.push(source);
        }
        roots.push(folder.clone());
    }
    roots
}

/// Requirements in one line, cut.
fn words(requirements: &[String]) -> String {
    const SHOWN_MAX: usize = 12;
    let mut text: Vec<&str> = requirements
        .iter()
        .take(SHOWN_MAX)
        .map(|it| it.split(" --hash").next().unwrap_or(it).trim())
        .collect();
    if SHOWN_MAX < requirements.len() {
        text.push("…");
    }
    text.join(" ")
}
