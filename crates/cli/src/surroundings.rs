//! What the process was started with: variables, folders, terminal. The one place that reads them.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::failure::Failure;

/// What the process was started with.
#[derive(Debug)]
pub(crate) struct Surroundings {
    variables: BTreeMap<String, String>,
    /// The working folder.
    pub(crate) folder: PathBuf,
    /// The user's home folder, if there is one.
    pub(crate) home: Option<PathBuf>,
    /// Where things are kept that can be made again.
    pub(crate) cache: PathBuf,
    /// Where runs are kept.
    pub(crate) state: PathBuf,
    /// Where the user's configuration is.
    pub(crate) configuration: PathBuf,
    /// Whether a person watches standard error.
    pub(crate) watched: bool,
}

impl Surroundings {
    /// Reads the process's environment and, for variables that it doesn't set, `.env` in the working folder.
    pub(crate) fn read() -> Result<Surroundings, Failure> {
        let folder = std::env::current_dir()
            .map_err(|source| Failure::usage("find the working folder", source))?;
        // Variables that aren't Unicode can't be any of ours.
        let mut variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        read_dotenv(&folder.join(".env"), &mut variables)?;
        let home = variables
            .get("HOME")
            .filter(|it| !it.is_empty())
            .map(PathBuf::from);
        let place = |variable: &str, below_home: &str| -> Result<PathBuf, Failure> {
            variables
                .get(variable)
                .map(PathBuf::from)
                .filter(|it| it.is_absolute())
                .or_else(|| home.as_ref().map(|it| it.join(below_home)))
                .map(|it| it.join("pipeline"))
                .ok_or_else(|| {
                    Failure::plain_usage(format!(
                        "find a place for files: neither {variable} nor HOME is set (set one of them)"
                    ))
                })
        };
        let cache = place("XDG_CACHE_HOME", ".cache")?;
        let state = place("XDG_STATE_HOME", ".local/state")?;
        let configuration = place("XDG_CONFIG_HOME", ".config")?;
        Ok(Surroundings {
            cache,
            state,
            configuration,
            home,
            folder,
            watched: std::io::stderr().is_terminal(),
            variables,
        })
    }

    /// A variable, unless it is unset or empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|it| !it.trim().is_empty())
    }

    /// A variable that must not be shown.
    pub(crate) fn secret(&self, name: &str) -> Option<SecretString> {
        self.variable(name).map(|it| SecretString::from(it.trim()))
    }

    /// Variables whose names begin so, without that beginning.
    pub(crate) fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.variables
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// The folders in which programs are looked for.
    pub(crate) fn path(&self) -> Vec<PathBuf> {
        self.variable("PATH")
            .map(|it| std::env::split_paths(it).collect())
            .unwrap_or_default()
    }

    /// A path as the user means it.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

/// `.env` never overrides what the process was started with.
fn read_dotenv(file: &Path, variables: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    if !file.is_file() {
        return Ok(());
    }
    let doing = || format!("read {} (is each line NAME=value?)", file.display());
    let lines = dotenvy::from_path_iter(file).map_err(|source| Failure::usage(doing(), source))?;
    for line in lines {
        let (name, value) = line.map_err(|source| Failure::usage(doing(), source))?;
        variables.entry(name).or_insert(value);
    }
    Ok(())
}
