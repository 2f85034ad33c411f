//! What the process was started with: variables, folders, terminal. The one place that reads them.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use llm::{Catalog, Day};
use protocol::Place;
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
    /// The day on which the process started; prices depend on it.
    pub(crate) today: Day,
    /// Whether a person watches standard error.
    pub(crate) watched: bool,
    /// Whether a person types on standard input.
    pub(crate) typed: bool,
    /// Whether files of the working folder may configure us.
    trusts_folder: bool,
}

/// Names the folders, as `PATH` does, whose repositories' files may configure us.
const TRUSTED_FOLDERS: &str = "PIPELINE_TRUSTED_FOLDERS";

/// The file in the working folder with more variables.
const DOTENV: &str = ".env";

impl Surroundings {
    /// Reads the process's environment and, for variables that it doesn't set, `.env` in the working folder.
    pub(crate) fn read() -> Result<Surroundings, Failure> {
        let folder = std::env::current_dir()
            .map_err(|source| Failure::usage("find the working folder", source))?;
        // Variables that aren't Unicode can't be any of ours.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Surroundings::of(variables, folder)
    }

    fn of(variables: BTreeMap<String, String>, folder: PathBuf) -> Result<Surroundings, Failure> {
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
                        "find a place for files: neither HOME nor {variable} is set (set HOME)"
                    ))
                })
        };
        let cache = place("XDG_CACHE_HOME", ".cache")?;
        let state = place("XDG_STATE_HOME", ".local/state")?;
        let configuration = place("XDG_CONFIG_HOME", ".config")?;
        let is_trusted = is_trusted(&folder, &variables);
        let trusts_folder = !is_in_a_repository(&folder) || is_trusted;
        // After the places: where our own files are is for the user's session alone to say.
        let mut variables = variables;
        if trusts_folder {
            let of_session = variables.clone();
            let file = folder.join(DOTENV);
            read_dotenv(&file, &mut variables)?;
            if !is_trusted {
                keys_stay_with_their_addresses(&file, &of_session, &variables)?;
            }
        }
        Ok(Surroundings {
            trusts_folder,
            cache,
            state,
            configuration,
            home,
            folder,
            today: Day::at(SystemTime::now()),
            watched: std::io::stderr().is_terminal(),
            typed: std::io::stdin().is_terminal(),
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

    /// Whether there is a desktop on which something can be opened.
    pub(crate) fn has_desktop(&self) -> bool {
        ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|it| self.variable(it).is_some())
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

    /// Where a configuration file may be, in the order in which later ones win.
    pub(crate) fn configuration_folders(&self) -> Vec<&Path> {
        let mut folders = vec![self.configuration.as_path()];
        folders.extend(self.trusts_folder.then_some(self.folder.as_path()));
        folders
    }

    /// Files of the working folder that would configure us, were they not part of a repository that anybody may
    /// have written; `names` are those of the configuration.
    pub(crate) fn distrusted(&self, names: &[&str]) -> Option<String> {
        if self.trusts_folder {
            return None;
        }
        let there: Vec<&str> = [DOTENV]
            .iter()
            .chain(names)
            .copied()
            .filter(|it| self.folder.join(it).exists())
            .collect();
        (!there.is_empty()).then(|| {
            format!(
                "{} of this repository left unread: a repository must not choose models, addresses, money or keys \
                 (if it is your own, add its folder to {TRUSTED_FOLDERS})",
                there.join(" and ")
            )
        })
    }

    /// Places of the user that no file of a repository names, with the names that a model is told instead.
    pub(crate) fn places(&self) -> Vec<Place> {
        let named = [
            (&self.cache, "/cache"),
            (&self.state, "/state"),
            (&self.configuration, "/configuration"),
        ];
        let named = named.into_iter();
        named
            .flat_map(|(path, name)| places_at(path, name))
            .collect()
    }

    /// The user's home folder in the same form.
    pub(crate) fn home_place(&self) -> Vec<Place> {
        let home = self.home_of_a_person();
        home.map_or_else(Vec::new, |it| places_at(it, "~"))
    }

    /// Paths that a recording must not tell.
    pub(crate) fn personal_paths(&self) -> Vec<PathBuf> {
        let own = [&self.cache, &self.state, &self.configuration];
        let own = own.into_iter().map(PathBuf::as_path);
        own.chain(self.home_of_a_person())
            .flat_map(as_it_really_is)
            .collect()
    }

    /// The home folder, unless every system has it and its path tells nothing of anybody.
    pub(crate) fn home_of_a_person(&self) -> Option<&Path> {
        const OF_EVERY_SYSTEM: [&str; 3] = ["/", "/root", "/nonexistent"];
        let home = self.home.as_deref()?;
        let is_of_every_system = OF_EVERY_SYSTEM.iter().any(|it| home == Path::new(it));
        (!is_of_every_system && home.is_absolute()).then_some(home)
    }

    /// The root of the repository that the working folder belongs to, if it belongs to a work tree.
    pub(crate) fn repository(&self) -> Option<&Path> {
        let is_root = |it: &&Path| it.join(".git").symlink_metadata().is_ok();
        self.folder.ancestors().find(is_root)
    }

    /// A path whose `~` is the home folder.
    pub(crate) fn with_home(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(below), Some(home)) => home.join(below),
            (None, Some(home)) if path == "~" => home.clone(),
            _ => PathBuf::from(path),
        }
    }

    /// A path as the user means it.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

/// A path, and where it leads: a program is told where it really is.
fn as_it_really_is(path: &Path) -> Vec<PathBuf> {
    let real = std::fs::canonicalize(path).ok().filter(|it| it != path);
    std::iter::once(path.to_owned()).chain(real).collect()
}

fn places_at(path: &Path, name: &str) -> Vec<Place> {
    let both = as_it_really_is(path);
    both.iter().map(|it| Place::new(it, name)).collect()
}

/// `.env` never overrides what the process was started with.
fn read_dotenv(file: &Path, variables: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    if !file.is_file() {
        return Ok(());
    }
    let doing = || format!("read {}", file.display());
    let text = std::fs::read_to_string(file).map_err(|source| Failure::usage(doing(), source))?;
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        let (name, value) = line.map_err(|source| match source {
            // Neither the line nor the library's words are shown: they may hold a key.
            dotenvy::Error::LineParse(line, _) => Failure::plain_usage(format!(
                "read line {} of {} (each line is NAME=value, with quotes closed; the line isn't shown because it may hold a key)",
                line_number(&text, &line),
                file.display()
            )),
            other => Failure::usage(doing(), other),
        })?;
        variables.entry(name).or_insert(value);
    }
    Ok(())
}

/// Refuses an address that only the file names, for a key that only the session has: whoever unpacks an archive and works in its
/// folder would send the key wherever its `.env` says.
fn keys_stay_with_their_addresses(
    file: &Path,
    of_session: &BTreeMap<String, String>,
    all: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let is_set = |from: &BTreeMap<String, String>, name: &str| {
        from.get(name).is_some_and(|it| !it.trim().is_empty())
    };
    let of_vendors = Catalog::bundled().vendors().map(|(_, entry)| {
        let keys = entry.keys.iter().map(String::as_str).collect();
        (entry.base_url_variable.as_str(), keys)
    });
    let of_trackers = [
        (
            "GITHUB_API_URL",
            vec![
                "GITHUB_TOKEN",
                "GITHUB_APP_PRIVATE_KEY",
                "GITHUB_APP_PRIVATE_KEY_FILE",
            ],
        ),
        ("JIRA_BASE_URL", vec!["JIRA_API_TOKEN"]),
    ];
    for (address, keys) in of_vendors.chain(of_trackers) {
        if is_set(of_session, address) || !is_set(all, address) {
            continue;
        }
        if let Some(key) = keys.into_iter().find(|it| is_set(of_session, it)) {
            return Err(Failure::plain_usage(format!(
                "use {address} of {} together with {key} from elsewhere: the key would go where a file of this folder says",
                file.display()
            ))
            .advise(format!(
                "Put {key} into the same file, or set {address} where {key} is set. If the folder is your own, add it to {TRUSTED_FOLDERS}."
            )));
        }
    }
    Ok(())
}

/// Where a piece of a text begins, in lines counted from 1.
fn line_number(text: &str, piece: &str) -> usize {
    let first = piece.lines().next().unwrap_or_default();
    1 + text.lines().position(|it| it == first).unwrap_or(0)
}

/// Whether a folder lies in a work tree of git, or in a bare repository.
fn is_in_a_repository(folder: &Path) -> bool {
    let is_root = |it: &Path| {
        it.join(".git").symlink_metadata().is_ok()
            || (it.join("HEAD").is_file() && it.join("objects").is_dir())
    };
    folder.ancestors().any(is_root)
}

fn is_trusted(folder: &Path, variables: &BTreeMap<String, String>) -> bool {
    let named = variables.get(TRUSTED_FOLDERS).map(String::as_str);
    std::env::split_paths(named.unwrap_or_default())
        .filter(|it| it.is_absolute())
        .any(|it| folder.starts_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address that models would be asked at, with a `.env` in the working folder.
    fn address(in_repository: bool, trusted: &str) -> Option<String> {
        let world = tempfile::tempdir().expect("a temporary folder");
        let folder = world.path().join("project/part");
        std::fs::create_dir_all(&folder).expect("a folder");
        if in_repository {
            // A link to nowhere is enough for git to look.
            std::os::unix::fs::symlink("nowhere", world.path().join("project/.git"))
                .expect("a link");
        }
        let text = "OPENAI_BASE_URL=http://evil.test/\nXDG_CACHE_HOME=/evil\n";
        std::fs::write(folder.join(DOTENV), text).expect("a file");
        let here = world.path().display().to_string();
        let variables = [
            ("HOME", here.clone()),
            (TRUSTED_FOLDERS, trusted.replace("HERE", &here)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let read = Surroundings::of(variables, folder).expect("everything needed is there");
        assert_eq!(read.cache, world.path().join(".cache/pipeline"));
        let address = read.variable("OPENAI_BASE_URL").map(str::to_owned);
        assert_eq!(read.distrusted(&[]).is_none(), address.is_some());
        assert_eq!(read.configuration_folders().len() == 2, address.is_some());
        address
    }

    #[test]
    fn files_of_the_working_folder_configure_us_but_not_those_of_a_repository() {
        assert!(address(false, "").is_some());
        assert!(address(true, "").is_none());
        assert!(address(true, "/elsewhere:relative:HERE/proj").is_none());
        assert!(address(true, "/elsewhere:HERE/project").is_some());
    }

    #[test]
    fn an_address_of_the_folder_gets_no_key_from_elsewhere() {
        let read = |dotenv: &str, session: &[(&str, &str)]| {
            let world = tempfile::tempdir().expect("a temporary folder");
            std::fs::write(world.path().join(DOTENV), dotenv).expect("a file");
            let here = world.path().display().to_string();
            let mut variables: BTreeMap<String, String> = session
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.replace("HERE", &here)))
                .collect();
            variables.insert("HOME".to_owned(), here);
            Surroundings::of(variables, world.path().to_owned()).map(drop)
        };
        let refused = |dotenv: &str, session: &[(&str, &str)], names: &[&str]| {
            let words = read(dotenv, session)
                .expect_err("it is refused")
                .to_string();
            assert!(names.iter().all(|it| words.contains(it)), "{words}");
            assert!(
                !words.contains("evil") && !words.contains("secret"),
                "{words}"
            );
        };
        let key = ("OPENAI_API_KEY", "secret");
        let address = "OPENAI_BASE_URL=http://evil.test/\n";
        refused(address, &[key], &["OPENAI_BASE_URL", "OPENAI_API_KEY"]);
        // The session's comes before the file's, so its own would not be used.
        refused(
            &format!("{address}OPENAI_API_KEY=own\n"),
            &[key],
            &["OPENAI_BASE_URL"],
        );
        refused(
            "GITHUB_API_URL=http://evil.test\n",
            &[("GITHUB_TOKEN", "secret")],
            &["GITHUB_TOKEN"],
        );
        refused(
            "JIRA_BASE_URL=http://evil.test\n",
            &[("JIRA_API_TOKEN", "secret")],
            &["JIRA_API_TOKEN"],
        );
        let gemini = ("GEMINI_API_KEY", "secret");
        refused(
            "GOOGLE_GEMINI_BASE_URL=http://evil.test\n",
            &[gemini],
            &["GEMINI_API_KEY"],
        );

        let taken = |dotenv: &str, session: &[(&str, &str)]| {
            read(dotenv, session).expect("it is taken");
        };
        taken(address, &[]);
        taken(address, &[("ANTHROPIC_API_KEY", "secret")]);
        taken(&format!("{address}OPENAI_API_KEY=own\n"), &[]);
        taken(
            "OPENAI_API_KEY=own\n",
            &[("OPENAI_BASE_URL", "http://mine.test/")],
        );
        taken(address, &[key, ("OPENAI_BASE_URL", "http://mine.test/")]);
        taken(address, &[key, (TRUSTED_FOLDERS, "HERE")]);
    }
}
