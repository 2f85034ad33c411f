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
        }
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
    listed.map(|(_, kind)| *kind).or_else(|| by_family(name))
}

/// Names with a free part in the middle.
fn by_family(name: &str) -> Option<Kind> {
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
        ] {
            check(path, Some(kind));
        }
        for path in [
            "pages.py",
            "pyproject.toml",
            "setup.cfg",
            "setup.py",
            ".editorconfig",
            ".mailmap",
            ".gitignore",
            "github/client.py",
            "docs/conftest.md",
            "requirements.txt",
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
