//! Versions that come from git: who asks for one, which it is, and how each tool is told.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use git::{Counts, Described, GitError, Mode, Store};
use git2::Oid;
use regex::Regex;

use super::requirements::normalized;

/// Words in a project's files that tell of a version from git; the tools' own names, and git's.
const WORDS: &[&str] = &[
    "setuptools_scm",
    "setuptools-scm",
    "vcs-versioning",
    "hatch-vcs",
    "hatch_vcs",
    "versioneer",
    "pbr",
    "dynamic-versioning",
    "dynamic_versioning",
    "dunamai",
    "versioningit",
    "flit_scm",
    "flit-scm",
    "setuptools-git",
    "setuptools_git",
    "miniver",
    "source = \"scm\"",
    "source = 'scm'",
    "git describe",
    "'git'",
    "\"git\"",
];
/// Settings that make a version out of a tag in a way of the project's own, so that only its own tool can tell it.
const OWN_WAYS: &[&str] = &[
    "version_scheme",
    "local_scheme",
    "tag_regex",
    "git_describe_command",
    "describe_command",
    "parentdir_prefix_version",
    "version_cls",
    "tag_filter",
    "format-jinja",
    "version_format",
    "tag-pattern",
];

/// Whether a project's own files speak of a version from git.
pub(super) fn asks_git(text: &str) -> bool {
    WORDS.iter().any(|it| text.contains(it))
}

/// Whether a file may say where a version comes from: at the root, or in a project a few folders below.
pub(super) fn may_say(path: &str) -> bool {
    const DEPTH_MAX: usize = 3;
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, "pyproject.toml" | "setup.py" | "setup.cfg")
        && path.matches('/').count() <= DEPTH_MAX
}

/// Which tags count, where the projects of a kept tree speak of a version from git.
pub fn asked_by(store: &Store, tree: Oid) -> Result<Option<Counts>, GitError> {
    const BYTES_MAX: usize = 1 << 20;
    let repository = store.repository()?;
    let mut texts = String::new();
    for (path, entry) in store.read_tree(tree)? {
        let path = String::from_utf8_lossy(&path);
        if !may_say(&path) || !matches!(entry.mode, Mode::File | Mode::Executable) {
            continue;
        }
        let blob = repository
            .find_blob(entry.id)
            .map_err(GitError::git("read what a project declares"))?;
        if blob.size() <= BYTES_MAX {
            texts.push_str(&String::from_utf8_lossy(blob.content()));
            texts.push('\n');
        }
    }
    Ok(asks_git(&texts).then(|| counting(&texts)))
}

/// Which tags count, for a repository whose projects say this to their tools: those that name a version, and of these
/// the ones with the beginning that a project asks for.
pub(super) fn counting(own_files: &str) -> Counts {
    static MATCH: LazyLock<Regex> = LazyLock::new(|| {
        let text = r#"(?m)--match[\s=,'"]+([^'"\s*\[]+)|^\s*tag_prefix\s*=\s*['"]?([^'"\s]+)"#;
        Regex::new(text).expect("the pattern is written here")
    });
    let prefixes: Vec<String> = MATCH
        .captures_iter(own_files)
        .filter_map(|it| it.get(1).or(it.get(2)))
        .map(|it| it.as_str().to_owned())
        .collect();
    Arc::new(move |tag| {
        let begins = prefixes.is_empty() || prefixes.iter().any(|it| tag.starts_with(it.as_str()));
        begins && version_in(tag).is_some()
    })
}

/// The version in a tag such as `v2.1.0`, `2.1.0`, `release-2.1.0` or `package/v2.1.0`.
fn version_in(tag: &str) -> Option<&str> {
    static TAG: LazyLock<Regex> = LazyLock::new(|| {
        let text = r"^(?:[A-Za-z][A-Za-z0-9_.]*[-_/@])*[vV]?(\d+(?:\.\d+)*(?:[-._]?(?i:alpha|beta|preview|post|pre|dev|rev|rc|a|b|c|r)[-._]?\d*)*)(?:\+[\w.]+)?$";
        Regex::new(text).expect("the pattern is written here")
    });
    let found = TAG.captures(tag)?.get(1)?;
    Some(found.as_str())
}

/// The version of a base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FromGit {
    /// The version in the nearest tag.
    tagged: Option<String>,
    /// Commits after it.
    distance: u32,
    /// The beginning of the commit's name.
    commit: String,
}

impl FromGit {
    /// What `git describe` says of the commit; nothing where no tag leads to it.
    pub(super) fn new(described: Option<&Described>, commit: &str) -> FromGit {
        let versions = described.into_iter().flat_map(|it| &it.tags);
        // Of several tags on one commit, the last version: a release stands where its candidate stood.
        let newest = versions
            .filter_map(|it| version_in(it))
            .max_by_key(|it| order(it));
        FromGit {
            tagged: newest.map(str::to_owned),
            distance: described.map_or(0, |it| it.distance),
            commit: commit.chars().take(8).collect(),
        }
    }

    /// Whether there is a tag to take a version from.
    pub(super) fn is_known(&self) -> bool {
        self.tagged.is_some()
    }

    /// Whether a version was asked for and there is none.
    pub(super) fn is_missing(&self) -> bool {
        self.tagged.is_none() && !self.commit.is_empty()
    }

    /// The version, as most tools make it: that of the tag, or the next one in development.
    pub(super) fn version(&self) -> String {
        match (&self.tagged, self.distance) {
            (None, _) => "0.0.0".to_owned(),
            (Some(tagged), 0) => tagged.clone(),
            (Some(tagged), far) => format!("{}.dev{far}+g{}", next(tagged), self.commit),
        }
    }

    /// Variables that tell each tool the version. `name` is the package's; `own_files` are what the project says to
    /// its tools. Where it has a way of its own to make a version, its tool asks the copy's git instead.
    pub(super) fn variables(
        &self,
        name: Option<&str>,
        own_files: &str,
    ) -> BTreeMap<String, String> {
        if self.is_known() && OWN_WAYS.iter().any(|it| own_files.contains(it)) {
            return BTreeMap::new();
        }
        let version = self.version();
        let for_one = match name {
            // Its requirements may be built beside it, and are no part of this history.
            Some(name) if self.is_known() => format!(
                "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{}",
                normalized(name).replace('-', "_").to_uppercase()
            ),
            _ => "SETUPTOOLS_SCM_PRETEND_VERSION".to_owned(),
        };
        let plain = version.split('+').next().unwrap_or(&version).to_owned();
        [
            (for_one, version.clone()),
            ("PDM_BUILD_SCM_VERSION".to_owned(), version.clone()),
            (
                "POETRY_DYNAMIC_VERSIONING_BYPASS".to_owned(),
                version.clone(),
            ),
            ("UV_DYNAMIC_VERSIONING_BYPASS".to_owned(), version),
            ("PBR_VERSION".to_owned(), plain),
        ]
        .into()
    }
}

/// What a version is compared by: its numbers, and whether it is a release.
fn order(version: &str) -> (Vec<u64>, bool) {
    let release: &str = version
        .find(|it: char| it.is_ascii_alphabetic())
        .map_or(version, |at| &version[..at]);
    let numbers = release
        .split(['.', '-', '_'])
        .filter_map(|it| it.parse().ok());
    (numbers.collect(), release.len() == version.len())
}

/// The version after this one: its last number raised, as setuptools-scm's `guess-next-dev` has it. One in development is
/// on its way to the version that it names itself.
fn next(version: &str) -> String {
    static DEV: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[-._]?(?i:dev)[-._]?\d*$").expect("the pattern is written here")
    });
    if let Some(dev) = DEV.find(version) {
        return version[..dev.start()].to_owned();
    }
    let digits = version.len()
        - version
            .trim_end_matches(|it: char| it.is_ascii_digit())
            .len();
    let (front, last) = version.split_at(version.len() - digits);
    match last.parse::<u64>() {
        Ok(number) => format!("{front}{}", number + 1),
        Err(_) => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tags: &[&str], distance: u32, expected: &str) {
        let described = Described {
            tags: tags.iter().map(|it| (*it).to_owned()).collect(),
            distance,
        };
        let from_git = FromGit::new(Some(&described), "0123456789abcdef");
        assert_eq!(from_git.version(), expected, "{tags:?}");
    }

    #[test]
    fn a_version_is_that_of_the_tag_or_the_next_one() {
        check(&["v2.1.0"], 0, "2.1.0");
        check(&["v2.1.0"], 3, "2.1.1.dev3+g01234567");
        check(&["release-2.1"], 1, "2.2.dev1+g01234567");
        check(&["pkg/v1.0rc1", "pkg/v1.0"], 0, "1.0");
        check(&["1.9", "1.10"], 0, "1.10");
        check(&["3.0.0b2"], 1, "3.0.0b3.dev1+g01234567");
        check(&["7.2.0.dev0"], 466, "7.2.0.dev466+g01234567");
        check(&["v7.2-DEV"], 1, "7.2.dev1+g01234567");
        check(&["7.2.0.dev0"], 0, "7.2.0.dev0");
        check(&["nightly"], 4, "0.0.0");
        assert!(!FromGit::new(None, "0123").is_known());
    }

    #[test]
    fn a_tag_is_a_version_only_as_a_whole() {
        let is_version_tag = |tag: &str| counting("")(tag);
        for tag in [
            "v1",
            "V1.2",
            "1.2.3.post1",
            "django-4.2",
            "a/b@1.0",
            "1.0+local.1",
            "2024.1.2",
        ] {
            assert!(is_version_tag(tag), "{tag}");
        }
        for tag in [
            "nightly-2023-01-01",
            "latest",
            "v",
            "1.0-final-build",
            "x1y2",
        ] {
            assert!(!is_version_tag(tag), "{tag}");
        }
        let told = "git_describe_command = ['git', 'describe', '--match', 'core-*']";
        assert!(counting(told)("core-1.2") && !counting(told)("v3"));
        assert!(counting("[versioneer]\ntag_prefix = rel-\n")("rel-1"));
        assert!(counting("[versioneer]\ntag_prefix =\n")("1.0"));
    }

    #[test]
    fn tools_are_told_by_the_name_of_the_package() {
        let described = Described {
            tags: vec!["v1.0".to_owned()],
            distance: 0,
        };
        let known = FromGit::new(Some(&described), "0123456789abcdef");
        let told = known.variables(Some("My.Package_x"), "");
        let name = "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_MY_PACKAGE_X";
        assert_eq!(told.get(name).map(String::as_str), Some("1.0"));
        assert!(!told.contains_key("SETUPTOOLS_SCM_PRETEND_VERSION"));
        assert!(known.variables(None, "version_scheme = 'x'").is_empty());
        let unknown = FromGit::new(None, "0123456789abcdef");
        let told = unknown.variables(Some("x"), "version_scheme = 'x'");
        assert_eq!(told["SETUPTOOLS_SCM_PRETEND_VERSION"], "0.0.0");
    }
}
