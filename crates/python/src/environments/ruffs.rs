//! The Ruff that a repository's configuration was written for, where the usual one refuses it: installed once beside it.

use std::path::{Path, PathBuf};

use git::BaseTree;
use protocol::{Network, Note, WorkspaceError, sha256};
use toml::{Table, Value};

use super::PythonEnvironments;
use crate::Ready;
use crate::step::Step;
use crate::toolbox::{Toolbox, fresh_folder};
use crate::version::{Specifiers, Version};

/// Options that are gone, with the value that they must have for it, and the first version that refuses them. Measured
/// with the last release of every minor version from 0.0.292 on, as are the rules.
const REMOVED_OPTIONS: &[(&str, Option<&str>, &str)] = &[
    ("show-source", None, "0.5.0"),
    ("tab-size", None, "0.5.0"),
    ("output-format", Some("text"), "0.5.0"),
];
/// Once this option was a word, and then a table.
const FORMAT_IS_A_TABLE: &str = "0.1.0";
/// Rules that can't be selected any more, and the first version that says so.
const REMOVED_RULES: &[(&str, &str)] = &[
    ("ANN101", "0.8.0"),
    ("ANN102", "0.8.0"),
    ("ASYNC101", "0.5.0"),
    ("ASYNC102", "0.5.0"),
    ("E999", "0.8.0"),
    ("PD901", "0.13.0"),
    ("PLR1706", "0.2.0"),
    ("PT004", "0.8.0"),
    ("PT005", "0.8.0"),
    ("S320", "0.12.0"),
    ("S410", "0.3.0"),
    ("UP027", "0.8.0"),
    ("UP038", "0.13.0"),
];
/// Options whose rules must be there.
const SELECTING: [&str; 5] = [
    "select",
    "extend-select",
    "fixable",
    "unfixable",
    "extend-fixable",
];
/// Files that Ruff takes its configuration from.
const CONFIGURATION: [&str; 3] = ["pyproject.toml", "ruff.toml", ".ruff.toml"];
/// Most of them that are read.
const FILES_MAX: usize = 50;
/// Largest one that is read, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Another Ruff than the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WantedRuff {
    /// As in `==0.3.0` or `<0.5.0`.
    range: String,
    /// Why, for people.
    why: String,
}

/// What the base's configuration asks for; none where the usual Ruff reads it.
pub(super) fn wanted(
    paths: impl Iterator<Item = String>,
    read: impl Fn(&str) -> Option<String>,
    usual: Version,
) -> Option<WantedRuff> {
    let is_one = |it: &String| CONFIGURATION.contains(&it.rsplit('/').next().unwrap_or(it));
    let found: Vec<(String, Table)> = paths
        .filter(is_one)
        .take(FILES_MAX)
        .filter_map(|path| Some((options_of(&path, &read(&path)?)?, path)))
        .map(|(options, path)| (path, options))
        .collect();
    // Those of the whole tree, or of its projects; what lies deeper may be anything, such as data of tests.
    let depth = |path: &str| path.matches('/').count();
    let least = found.iter().map(|it| depth(&it.0)).min()?;
    let mut required: Option<(String, String)> = None;
    let mut below: Option<(Version, String)> = None;
    for (path, options) in found.iter().filter(|it| depth(&it.0) == least) {
        if let Some(range) = options.get("required-version").and_then(Value::as_str) {
            let range = range_of(range);
            let refuses = |it: &String| !Specifiers::new(it.as_str()).allow(usual);
            if let Some(range) = range.filter(refuses) {
                required = required.or(Some((range, format!("`{path}` requires it"))));
            }
        }
        for (gone, version) in refused(options) {
            let version = Version::parse(version)?;
            let is_lower = below.as_ref().is_none_or(|it| version < it.0);
            if version <= usual && is_lower {
                let why = format!("`{path}` has `{gone}`, which Ruff {version} removed");
                below = Some((version, why));
            }
        }
    }
    let (range, why) = match (required, below) {
        (Some(required), _) => required,
        (None, Some((version, why))) => {
            let bound = format!("<{version}");
            let pinned = read(".pre-commit-config.yaml").and_then(|it| pinned_hook(&it));
            match pinned.filter(|it| *it < version) {
                Some(pinned) => (
                    format!("=={pinned}"),
                    format!("{why}, and its hook is pinned to {pinned}"),
                ),
                None => (bound, why),
            }
        }
        (None, None) => return None,
    };
    Some(WantedRuff { range, why })
}

/// Ruff's own options in a file.
fn options_of(path: &str, text: &str) -> Option<Table> {
    let whole: Table = toml::from_str(text).ok()?;
    if !path.ends_with("pyproject.toml") {
        return Some(whole);
    }
    whole.get("tool")?.get("ruff")?.as_table().cloned()
}

/// A requirement that is a version or a range of versions, and nothing else: a stranger wrote it.
fn range_of(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|it| !it.is_whitespace()).collect();
    let is_of_range = |it: char| it.is_ascii_digit() || "<>=!~.,*".contains(it);
    if text.is_empty() || 100 < text.len() || !text.chars().all(is_of_range) {
        return None;
    }
    match text.starts_with(|it: char| it.is_ascii_digit()) {
        true => Some(format!("=={text}")),
        false => Some(text),
    }
}

/// What no later Ruff reads, and the first one that doesn't.
fn refused(options: &Table) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for (option, value, version) in REMOVED_OPTIONS {
        let there = options.get(*option);
        let is_it = |it: &&Value| value.is_none() || it.as_str() == *value;
        if there.filter(is_it).is_some() {
            found.push(((*option).to_owned(), *version));
        }
    }
    if options.get("format").is_some_and(Value::is_str) {
        found.push(("format".to_owned(), FORMAT_IS_A_TABLE));
    }
    let lint = options.get("lint").and_then(Value::as_table);
    for table in [Some(options), lint].into_iter().flatten() {
        let lists = SELECTING.iter().filter_map(|it| table.get(*it)?.as_array());
        for rule in lists.flatten().filter_map(Value::as_str) {
            let gone = REMOVED_RULES.iter().find(|it| it.0 == rule);
            found.extend(gone.map(|(rule, version)| ((*rule).to_owned(), *version)));
        }
    }
    found
}

/// The version in `rev:` of the hook `ruff-pre-commit`. Lines are enough: nobody writes this file otherwise.
fn pinned_hook(text: &str) -> Option<Version> {
    let mut lines = text
        .lines()
        .skip_while(|it| !it.contains("/ruff-pre-commit"));
    let hook = lines.next()?;
    let starts_another = |it: &&str| !it.trim_start().starts_with("- repo");
    let mut of_hook = [hook].into_iter().chain(lines.take_while(starts_another));
    let rev = of_hook.find_map(|it| it.trim().trim_start_matches("- ").strip_prefix("rev:"))?;
    let rev = rev.split('#').next().unwrap_or(rev);
    Version::parse(rev.trim().trim_matches(['"', '\'']).trim_start_matches('v'))
}

impl PythonEnvironments {
    /// Puts the Ruff that the base was written for before the usual one, where that refuses its configuration. Where it can't
    /// be installed, a note says why, and Ruff's own refusal is what formatting ends with. What the base itself installs
    /// comes first in any case.
    pub(super) async fn choose_ruff(
        &self,
        base: &BaseTree,
        toolbox: &Toolbox,
        ready: &mut Ready,
    ) -> Result<(), WorkspaceError> {
        let installs_its_own = ready
            .programs
            .first()
            .is_some_and(|it| it.join("ruff").exists());
        let usual = Version::parse(&toolbox.ruff.version).filter(|_| !installs_its_own);
        let Some(usual) = usual else {
            return Ok(());
        };
        let looking = base.clone();
        let look = move || {
            let read = |path: &str| {
                let bytes = looking.read(path, FILE_BYTES_MAX)?;
                String::from_utf8(bytes).ok()
            };
            wanted(looking.paths(), read, usual)
        };
        let wanted = tokio::task::spawn_blocking(look)
            .await
            .map_err(|it| WorkspaceError::failed("read the configuration of Ruff", it))?;
        let Some(WantedRuff { range, why }) = wanted else {
            return Ok(());
        };
        let installed = Installing {
            toolbox,
            environments: self,
            requirement: format!("ruff{range}"),
        };
        let note = match installed.folder().await {
            Ok(folder) => {
                ready.programs.insert(1, folder.join("bin"));
                ready.readable.push(folder);
                format!("formatted by `ruff{range}` instead of {usual}: {why}")
            }
            Err(WorkspaceError::Blocked { command, .. }) => {
                format!("`{command}` failed, so Ruff {usual} is used: {why}")
            }
            Err(error) => return Err(error),
        };
        ready.environment.notes.push(note);
        Ok(())
    }
}

struct Installing<'a> {
    toolbox: &'a Toolbox,
    environments: &'a PythonEnvironments,
    requirement: String,
}

impl Installing<'_> {
    /// The folder with it, which is there already or is made now.
    async fn folder(&self) -> Result<PathBuf, WorkspaceError> {
        let tools = self.environments.places.tools();
        let name = format!("{:.16}", sha256(&self.requirement));
        let folder = tools.join(format!("ruff-{name}"));
        if is_whole(&folder) {
            return Ok(folder);
        }
        let _lock = self
            .environments
            .lock(&tools.join(format!("ruff-{name}.lock")))
            .await?;
        if !is_whole(&folder) {
            self.install(&folder).await?;
        }
        Ok(folder)
    }

    async fn install(&self, folder: &Path) -> Result<(), WorkspaceError> {
        fresh_folder(folder)?;
        self.environments.log.note(Note::Progress {
            what: "tools".to_owned(),
            how_far: format!("installing {}, once", self.requirement),
        });
        let index = &self.environments.places.index;
        let interpreter = self.toolbox.interpreters.first().ok_or_else(|| {
            WorkspaceError::failed("install another Ruff", "there is no interpreter")
        })?;
        let downloads = folder.join("downloads");
        let uv = self.toolbox.uv.path.display().to_string();
        let python = interpreter.path.display().to_string();
        let target = folder.display().to_string();
        let argv = [
            uv.as_str(),
            "pip",
            "install",
            "--python",
            &python,
            "--target",
            &target,
            "--no-deps",
            "--only-binary",
            ":all:",
            &self.requirement,
        ];
        let mut env = index.variables();
        for (name, value) in [
            ("UV_CACHE_DIR", downloads.display().to_string()),
            ("UV_LINK_MODE", "copy".to_owned()),
            ("UV_NO_CONFIG", "1".to_owned()),
            ("UV_NO_PROGRESS", "1".to_owned()),
            ("UV_PYTHON_DOWNLOADS", "never".to_owned()),
            ("NO_COLOR", "1".to_owned()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ] {
            env.insert(name.to_owned(), value);
        }
        let mut readable = vec![self.toolbox.uv.path.clone(), interpreter.prefix.clone()];
        readable.extend(index.certificates.clone());
        let step = Step {
            argv: argv.map(str::to_owned).to_vec(),
            shown: format!("uv pip install {}", self.requirement),
            directory: folder,
            env,
            writable: vec![folder.to_owned()],
            readable,
            network: Network::PackageIndex,
        };
        let door = (self.environments.make_door)(self.toolbox.egress(index));
        step.run(&door, &self.environments.limits).await?;
        // It fills again by itself, and takes more room than what it was for.
        let _ = std::fs::remove_dir_all(&downloads);
        std::fs::write(folder.join(WHOLE), &self.requirement)
            .map_err(|it| WorkspaceError::failed("write down that Ruff is installed", it))
    }
}

/// Says that an installation came to its end.
const WHOLE: &str = "requirement.txt";

fn is_whole(folder: &Path) -> bool {
    folder.join(WHOLE).is_file() && folder.join("bin/ruff").is_file()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What a repository of these files wants beside Ruff 0.17.5.
    #[track_caller]
    fn check(files: &[(&str, &str)], want: Option<(&str, &str)>) {
        let files: BTreeMap<&str, &str> = files.iter().copied().collect();
        let paths = files.keys().map(|it| (*it).to_owned());
        let usual = Version::parse("0.17.5").expect("it is a version");
        let found = wanted(paths, |it| files.get(it).map(|it| (*it).to_owned()), usual);
        let found = found
            .as_ref()
            .map(|it| (it.range.as_str(), it.why.as_str()));
        assert_eq!(found, want, "{files:?}");
    }

    #[test]
    fn a_configuration_that_the_usual_one_reads_wants_no_other() {
        check(&[], None);
        check(
            &[("pyproject.toml", "[tool.black]\nshow-source = true\n")],
            None,
        );
        check(
            &[("ruff.toml", "line-length = 100\n[format]\npreview = true\n")],
            None,
        );
        check(&[("ruff.toml", "required-version = '>=0.4'\n")], None);
        check(&[("ruff.toml", "[lint]\nignore = ['ANN101']\n")], None);
        check(&[("ruff.toml", "output-format = 'full'\n")], None);
        check(&[("ruff.toml", "not toml")], None);
        // A stranger's words are no options of the program that installs.
        check(
            &[("ruff.toml", "required-version = '==1 --index-url=x'\n")],
            None,
        );
        check(&[("ruff.toml", "required-version = '@ x'\n")], None);
    }

    #[test]
    fn what_was_removed_wants_the_last_one_that_reads_it() {
        let gone = |option: &str, version: &str| {
            format!("`ruff.toml` has `{option}`, which Ruff {version} removed")
        };
        check(
            &[("ruff.toml", "show-source = true\n")],
            Some(("<0.5.0", &gone("show-source", "0.5.0"))),
        );
        check(
            &[(
                "ruff.toml",
                "tab-size = 2\n[lint]\nselect = ['E', 'UP038']\n",
            )],
            Some(("<0.5.0", &gone("tab-size", "0.5.0"))),
        );
        check(
            &[("ruff.toml", "extend-select = ['S410']\n")],
            Some(("<0.3.0", &gone("S410", "0.3.0"))),
        );
        check(
            &[("ruff.toml", "format = 'grouped'\n")],
            Some(("<0.1.0", &gone("format", "0.1.0"))),
        );
    }

    #[test]
    fn a_pinned_one_is_wanted_as_it_is_pinned() {
        check(
            &[(
                "a/pyproject.toml",
                "[tool.ruff]\nrequired-version = '0.3.2'\n",
            )],
            Some(("==0.3.2", "`a/pyproject.toml` requires it")),
        );
        check(
            &[(
                "ruff.toml",
                "required-version = '>=0.1, <0.2'\nshow-source = true\n",
            )],
            Some((">=0.1,<0.2", "`ruff.toml` requires it")),
        );
        let hook = "repos:\n- repo: https://example.org/black\n  rev: 23.1\n- repo: https://example.org/ruff-pre-commit\n  \
                    rev: v0.3.0  # old\n  hooks:\n  - id: ruff\n";
        check(
            &[
                ("ruff.toml", "show-source = true\n"),
                (".pre-commit-config.yaml", hook),
            ],
            Some((
                "==0.3.0",
                "`ruff.toml` has `show-source`, which Ruff 0.5.0 removed, and its hook is pinned to 0.3.0",
            )),
        );
        // A hook that can't have read the file says nothing.
        check(
            &[
                ("ruff.toml", "show-source = true\n"),
                (".pre-commit-config.yaml", &hook.replace("0.3.0", "0.9.1")),
            ],
            Some((
                "<0.5.0",
                "`ruff.toml` has `show-source`, which Ruff 0.5.0 removed",
            )),
        );
        // It reads what the usual one reads.
        check(&[(".pre-commit-config.yaml", hook)], None);
    }
}
