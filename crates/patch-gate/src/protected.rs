//! Which paths steer how a change is judged, built or started, and so are changed only when the task names them.

/// What a protected path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Runs with the keys of the repository's own services.
    ContinuousIntegration,
    /// Runs on the machine of whoever commits.
    Hook,
    /// What people and services call to build and test.
    BuildCommands,
    /// Says which tests run, and how.
    TestRunner,
    /// Code that every test goes through.
    TestFixtures,
    /// Says what counts as well written.
    Linter,
    /// Says which packages are installed.
    LockFile,
    /// Says how git shows and stores files.
    GitAttributes,
    /// Other repositories inside this one.
    Submodules,
    /// Python runs it at every start, whatever is asked of it.
    StartUp,
    /// Compiled code, which may differ from its source.
    Compiled,
    /// What an agent takes for its orders.
    Agents,
    /// Settings of an editor, a shell or another tool, which may run commands on the machine of whoever opens the folder.
    Tools,
    /// Says how the package is built and what is installed with it.
    Dependencies,
}

impl Kind {
    /// In words, after "it is".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Kind::ContinuousIntegration => "part of the continuous integration",
            Kind::Hook => "a hook, or says which ones run",
            Kind::BuildCommands => "a file of build commands",
            Kind::TestRunner => "configuration of the test runner",
            Kind::TestFixtures => "code that every test goes through",
            Kind::Linter => "configuration of the linter",
            Kind::LockFile => "a lock file",
            Kind::GitAttributes => "attributes of git",
            Kind::Submodules => "a list of submodules",
            Kind::StartUp => "run by Python at every start",
            Kind::Compiled => "compiled code",
            Kind::Agents => "instructions of agents",
            Kind::Tools => "settings of a tool, which may run commands",
            Kind::Dependencies => "a declaration of what is built or installed",
        }
    }

    /// Whether a repository that holds nothing yet may bring it along: it has to be installed somehow.
    pub(crate) fn may_begin_with(self) -> bool {
        self == Kind::Dependencies
    }

    /// Whether a task that names the path may have it changed.
    pub(crate) fn may_be_asked_for(self) -> bool {
        !matches!(self, Kind::Submodules | Kind::StartUp | Kind::Compiled)
    }
}

/// Folders, at the root or anywhere else, below which everything is of one kind.
const FOLDERS: &[(&str, Kind)] = &[
    (".github", Kind::ContinuousIntegration),
    (".gitlab", Kind::ContinuousIntegration),
    (".circleci", Kind::ContinuousIntegration),
    (".buildkite", Kind::ContinuousIntegration),
    (".woodpecker", Kind::ContinuousIntegration),
    (".azure-pipelines", Kind::ContinuousIntegration),
    (".ci", Kind::ContinuousIntegration),
    (".gitea", Kind::ContinuousIntegration),
    (".forgejo", Kind::ContinuousIntegration),
    (".tekton", Kind::ContinuousIntegration),
    (".semaphore", Kind::ContinuousIntegration),
    (".teamcity", Kind::ContinuousIntegration),
    (".husky", Kind::Hook),
    (".githooks", Kind::Hook),
    ("__pycache__", Kind::Compiled),
];

/// Names of files, in any folder; all in lower case.
const FILES: &[(&str, Kind)] = &[
    (".gitlab-ci.yml", Kind::ContinuousIntegration),
    (".travis.yml", Kind::ContinuousIntegration),
    (".cirrus.yml", Kind::ContinuousIntegration),
    (".drone.yml", Kind::ContinuousIntegration),
    (".woodpecker.yml", Kind::ContinuousIntegration),
    ("appveyor.yml", Kind::ContinuousIntegration),
    (".appveyor.yml", Kind::ContinuousIntegration),
    ("bitbucket-pipelines.yml", Kind::ContinuousIntegration),
    ("buildspec.yml", Kind::ContinuousIntegration),
    ("cloudbuild.yaml", Kind::ContinuousIntegration),
    ("jenkinsfile", Kind::ContinuousIntegration),
    ("codecov.yml", Kind::ContinuousIntegration),
    (".codecov.yml", Kind::ContinuousIntegration),
    (".pre-commit-config.yaml", Kind::Hook),
    (".pre-commit-config.yml", Kind::Hook),
    (".pre-commit-hooks.yaml", Kind::Hook),
    ("lefthook.yml", Kind::Hook),
    ("makefile", Kind::BuildCommands),
    ("gnumakefile", Kind::BuildCommands),
    ("justfile", Kind::BuildCommands),
    ("taskfile.yml", Kind::BuildCommands),
    ("pytest.ini", Kind::TestRunner),
    (".pytest.ini", Kind::TestRunner),
    ("pytest.toml", Kind::TestRunner),
    (".pytest.toml", Kind::TestRunner),
    ("tox.ini", Kind::TestRunner),
    ("tox.toml", Kind::TestRunner),
    ("noxfile.py", Kind::TestRunner),
    (".coveragerc", Kind::TestRunner),
    ("conftest.py", Kind::TestFixtures),
    ("ruff.toml", Kind::Linter),
    (".ruff.toml", Kind::Linter),
    (".flake8", Kind::Linter),
    (".pylintrc", Kind::Linter),
    ("pylintrc", Kind::Linter),
    (".isort.cfg", Kind::Linter),
    ("mypy.ini", Kind::Linter),
    (".mypy.ini", Kind::Linter),
    ("pyrightconfig.json", Kind::Linter),
    (".bandit", Kind::Linter),
    ("uv.lock", Kind::LockFile),
    ("poetry.lock", Kind::LockFile),
    ("pdm.lock", Kind::LockFile),
    ("pipfile.lock", Kind::LockFile),
    ("pixi.lock", Kind::LockFile),
    ("pylock.toml", Kind::LockFile),
    ("conda-lock.yml", Kind::LockFile),
    ("cargo.lock", Kind::LockFile),
    ("package-lock.json", Kind::LockFile),
    ("yarn.lock", Kind::LockFile),
    ("pnpm-lock.yaml", Kind::LockFile),
    ("circle.yml", Kind::ContinuousIntegration),
    ("wercker.yml", Kind::ContinuousIntegration),
    ("bitrise.yml", Kind::ContinuousIntegration),
    ("codemagic.yaml", Kind::ContinuousIntegration),
    ("codefresh.yml", Kind::ContinuousIntegration),
    ("zuul.yaml", Kind::ContinuousIntegration),
    ("sonar-project.properties", Kind::ContinuousIntegration),
    ("dodo.py", Kind::BuildCommands),
    ("fabfile.py", Kind::BuildCommands),
    ("rakefile", Kind::BuildCommands),
    ("gruntfile.js", Kind::BuildCommands),
    ("gulpfile.js", Kind::BuildCommands),
    ("vagrantfile", Kind::BuildCommands),
    ("procfile", Kind::BuildCommands),
    ("sconstruct", Kind::BuildCommands),
    ("wscript", Kind::BuildCommands),
    ("agents.md", Kind::Agents),
    ("claude.md", Kind::Agents),
    ("gemini.md", Kind::Agents),
    ("copilot-instructions.md", Kind::Agents),
    ("setup.py", Kind::Dependencies),
    ("hatch_build.py", Kind::Dependencies),
    ("build.rs", Kind::Dependencies),
    ("pipfile", Kind::Dependencies),
    ("environment.yml", Kind::Dependencies),
    ("environment.yaml", Kind::Dependencies),
    ("package.json", Kind::Dependencies),
    ("deno.json", Kind::Dependencies),
    ("cargo.toml", Kind::Dependencies),
    ("go.mod", Kind::Dependencies),
    ("gemfile", Kind::Dependencies),
    ("composer.json", Kind::Dependencies),
    ("pom.xml", Kind::Dependencies),
    ("build.gradle", Kind::Dependencies),
    ("build.gradle.kts", Kind::Dependencies),
    ("cmakelists.txt", Kind::Dependencies),
    ("meson.build", Kind::Dependencies),
    ("flake.nix", Kind::Dependencies),
    ("shell.nix", Kind::Dependencies),
    ("default.nix", Kind::Dependencies),
    (".gitattributes", Kind::GitAttributes),
    (".gitmodules", Kind::Submodules),
    ("sitecustomize.py", Kind::StartUp),
    ("usercustomize.py", Kind::StartUp),
];

/// Ends of names of any part of a path; all in lower case.
const ENDS: &[(&str, Kind)] = &[
    (".pth", Kind::StartUp),
    // Installed metadata: an entry point there is a plugin of the test runner.
    (".dist-info", Kind::StartUp),
    (".egg-info", Kind::StartUp),
    (".egg-link", Kind::StartUp),
    (".pyc", Kind::Compiled),
    (".pyo", Kind::Compiled),
];

/// The kind of a protected path; none for all others. Case doesn't count, because some file systems don't know it.
pub(crate) fn kind_of(path: &str) -> Option<Kind> {
    let path = path.to_lowercase();
    let parts: Vec<&str> = path.split('/').collect();
    let (name, folders) = parts.split_last()?;
    let in_folder = FOLDERS.iter().find(|(it, _)| folders.contains(it));
    let by_name = || FILES.iter().find(|(it, _)| it == name);
    let by_end = || {
        let ends = |end: &str| parts.iter().any(|part| part.ends_with(end));
        ENDS.iter().find(|(it, _)| ends(it))
    };
    let listed = in_folder.or_else(by_name).or_else(by_end);
    listed
        .map(|(_, kind)| *kind)
        .or_else(|| by_family(name, folders))
        .or_else(|| parts.iter().find_map(|it| hidden(it)))
}

/// Names that begin with a dot and that nobody runs or obeys.
const HARMLESS: &[&str] = &[
    ".gitignore",
    ".gitkeep",
    ".keep",
    ".mailmap",
    ".editorconfig",
    ".dockerignore",
    ".npmignore",
    ".prettierignore",
    ".eslintignore",
    ".nojekyll",
    ".changes",
    ".changeset",
    ".changelog",
    ".news",
    ".well-known",
];

/// By convention, what begins with a dot is not the program but belongs to a tool: whichever it is, and whatever it is
/// called, such files say what that tool does on somebody's machine.
fn hidden(part: &str) -> Option<Kind> {
    let is_hidden = part.starts_with('.') && 1 < part.len();
    let is_of_agents = part.ends_with("rules") && !HARMLESS.contains(&part);
    match is_hidden && !HARMLESS.contains(&part) {
        true if is_of_agents => Some(Kind::Agents),
        true => Some(Kind::Tools),
        false => None,
    }
}

/// Names with a free part in the middle.
fn by_family(name: &str, folders: &[&str]) -> Option<Kind> {
    let is_list = name.ends_with(".txt") || name.ends_with(".in");
    let among_lists = folders
        .iter()
        .any(|it| matches!(*it, "requirements" | "reqs" | "constraints"));
    let says_what_is_installed = ["requirement", "constraint"]
        .iter()
        .any(|it| name.contains(it))
        || among_lists;
    if is_list && says_what_is_installed {
        return Some(Kind::Dependencies);
    }
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    if name.starts_with("jenkinsfile") || name.starts_with("cloudbuild") && is_yaml {
        return Some(Kind::ContinuousIntegration);
    }
    let is_image = name.starts_with("dockerfile")
        || name.ends_with(".dockerfile")
        || name.starts_with("containerfile")
        || is_yaml && (name.starts_with("docker-compose") || name.starts_with("compose."));
    if is_image {
        return Some(Kind::BuildCommands);
    }
    if name.starts_with("azure-pipelines") && (name.ends_with(".yml") || name.ends_with(".yaml")) {
        Some(Kind::ContinuousIntegration)
    } else if name.starts_with("pylock.") && name.ends_with(".toml") {
        Some(Kind::LockFile)
    } else {
        None
    }
}

/// Whether a line of `.gitattributes` keeps a file's changes from being shown.
pub(crate) fn hides_a_difference(line: &str) -> bool {
    let line = line.trim();
    !line.starts_with('#')
        && line.split_whitespace().skip(1).any(|attribute| {
            let name = attribute.split('=').next().unwrap_or_default();
            matches!(attribute, "-diff" | "binary" | "-text" | "!diff")
                || matches!(
                    name,
                    "linguist-generated"
                        | "linguist-vendored"
                        | "gitlab-generated"
                        | "filter"
                        | "diff"
                        | "merge"
                        | "export-ignore"
                )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protected_paths_are_known_in_any_folder_and_in_any_case() {
        let check = |path: &str, want: Option<Kind>| assert_eq!(kind_of(path), want, "{path}");
        for (path, kind) in [
            (".github/workflows/ci.yml", Kind::ContinuousIntegration),
            (".GitHub/workflows/ci.yml", Kind::ContinuousIntegration),
            (".gitlab-ci.yml", Kind::ContinuousIntegration),
            (".circleci/config.yml", Kind::ContinuousIntegration),
            ("azure-pipelines-nightly.yml", Kind::ContinuousIntegration),
            ("Jenkinsfile", Kind::ContinuousIntegration),
            (".travis.yml", Kind::ContinuousIntegration),
            (".pre-commit-config.yaml", Kind::Hook),
            (".husky/pre-push", Kind::Hook),
            ("Makefile", Kind::BuildCommands),
            ("docs/makefile", Kind::BuildCommands),
            ("tox.ini", Kind::TestRunner),
            ("noxfile.py", Kind::TestRunner),
            ("sub/pytest.ini", Kind::TestRunner),
            ("ruff.toml", Kind::Linter),
            (".ruff.toml", Kind::Linter),
            (".flake8", Kind::Linter),
            ("mypy.ini", Kind::Linter),
            ("conftest.py", Kind::TestFixtures),
            ("tests/unit/conftest.py", Kind::TestFixtures),
            ("src/sitecustomize.py", Kind::StartUp),
            ("usercustomize.py", Kind::StartUp),
            ("evil.pth", Kind::StartUp),
            ("x-1.dist-info/entry_points.txt", Kind::StartUp),
            ("x.egg-info/entry_points.txt", Kind::StartUp),
            ("pkg/__pycache__/a.cpython-311.py", Kind::Compiled),
            ("pkg/a.pyc", Kind::Compiled),
            ("uv.lock", Kind::LockFile),
            ("pylock.dev.toml", Kind::LockFile),
            (".gitattributes", Kind::GitAttributes),
            ("docs/.gitattributes", Kind::GitAttributes),
            (".gitmodules", Kind::Submodules),
            (".gitea/workflows/x.yml", Kind::ContinuousIntegration),
            (".forgejo/workflows/x.yml", Kind::ContinuousIntegration),
            ("ci/Jenkinsfile.nightly", Kind::ContinuousIntegration),
            (".vscode/tasks.json", Kind::Tools),
            ("pkg/.idea/workspace.xml", Kind::Tools),
            (".envrc", Kind::Tools),
            (".devcontainer/devcontainer.json", Kind::Tools),
            (".claude/settings.json", Kind::Tools),
            (".something-new/hooks.json", Kind::Tools),
            (".cursorrules", Kind::Agents),
            ("docs/AGENTS.md", Kind::Agents),
            ("setup.py", Kind::Dependencies),
            ("requirements.txt", Kind::Dependencies),
            ("requirements-dev.txt", Kind::Dependencies),
            ("dev_requirements.in", Kind::Dependencies),
            ("requirements/test.txt", Kind::Dependencies),
            ("web/package.json", Kind::Dependencies),
            ("deploy/Dockerfile.web", Kind::BuildCommands),
        ] {
            check(path, Some(kind));
        }
        for path in [
            "pages.py",
            "pyproject.toml",
            "setup.cfg",
            ".editorconfig",
            ".mailmap",
            ".gitignore",
            "github/client.py",
            "docs/conftest.md",
            "docs/requirements.md",
            "pkg/requirements.py",
            ".changeset/brave-dogs.md",
            "pkg/locks.py",
        ] {
            check(path, None);
        }
    }

    #[test]
    fn an_attribute_that_hides_is_told_from_one_that_does_not() {
        for line in [
            "*.py -diff",
            "*.py binary",
            "pages.py linguist-generated",
            "*.py linguist-generated=true",
            "*.py diff=none",
            "*.py filter=x",
            "*.py eol=lf -diff",
        ] {
            assert!(hides_a_difference(line), "{line}");
        }
        for line in ["# *.py -diff", "*.py text eol=lf", "*.png", ""] {
            assert!(!hides_a_difference(line), "{line}");
        }
    }
}
