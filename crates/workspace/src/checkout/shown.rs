//! What a model is shown of a program that ran here: the same words in every run, on every machine.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use protocol::{Captured, Execution, Place, Places};

use super::{Checkout, Ready, Shared};

/// How the folder of a command's tools is known.
const TOOLS: &str = "/tools";
/// How the repository's environment is known.
const ENVIRONMENT: &str = "/environment";
/// How the folder of our own programs is known.
const TOOLBOX: &str = "/toolbox";
/// How an interpreter outside the system's folders is known.
const INTERPRETER: &str = "/python";
/// How everything else of the run's own folder is known.
const RUN: &str = "/run";
/// Where every machine has its own programs; nothing here tells one from another.
const OF_THE_SYSTEM: [&str; 5] = ["/usr", "/bin", "/lib", "/etc", "/opt"];

/// Programs whose output is text of files, or words of the line itself. A model quotes such text to say where to edit, so
/// it stays as it is but for places of this run, which no file of a repository can name.
const SHOW_FILES: [&str; 32] = [
    "basename", "cat", "chmod", "cmp", "comm", "cp", "cut", "diff", "dirname", "echo", "egrep",
    "false", "fgrep", "git", "grep", "head", "mkdir", "mv", "nl", "printf", "pwd", "readlink",
    "realpath", "rg", "sed", "sort", "tail", "test", "tr", "true", "uniq", "wc",
];

/// Programs that go through folders in the order in which a file system happens to keep them, as bash functions that put
/// what they find in order. What can't be put in order line by line runs as it is.
const IN_ORDER: [(&str, &str); 3] = [
    (
        "find",
        r#"() { local it
for it; do case $it in -print0 | -printf | -ls | -quit) command find "$@"; return;; esac; done
command find "$@" | LC_ALL=C sort; return "${PIPESTATUS[0]}"; }"#,
    ),
    (
        "grep",
        r#"() { local it below=
for it; do case $it in
  --recursive | --dereference-recursive) below=1;;
  -[A-Za-z]*) case ${it#-} in
    *[!rRinlLHwsocEFPvx]*) case $it in -*[ABChqzZ]*) command grep "$@"; return;; esac;;
    *[rR]*) below=1;;
  esac;;
  --context* | --after-context* | --before-context* | --no-filename | --null*) command grep "$@"; return;;
esac; done
if [ -z "$below" ]; then command grep "$@"; return; fi
command grep -H "$@" | LC_ALL=C sort -s -t: -k1,1; return "${PIPESTATUS[0]}"; }"#,
    ),
    ("rg", r#"() { command rg --sort path "$@"; }"#),
];

impl Shared {
    /// Places of this run, and those of the user's that no file of a repository names.
    pub(super) fn places_of_the_run(&self, ready: Option<&Ready>) -> Places {
        let run = self.scratch.parent().unwrap_or(&self.scratch);
        let mut places = self.users_places.clone();
        let mut add = |path: &Path, place: &dyn Fn(&Path) -> Place| {
            places.push(place(path));
            // A program is told where it really is, whatever links lead there.
            if let Ok(real) = std::fs::canonicalize(path)
                && real != path
            {
                places.push(place(&real));
            }
        };
        add(&self.trees, &|it| Place::each_below(it, "", ""));
        add(&self.scratch, &|it| Place::each_below(it, "", TOOLS));
        add(run, &|it| Place::new(it, RUN));
        for lent in self.door.lent_places() {
            places.push(lent);
        }
        if let Some(ready) = ready {
            for (folder, name) in folders_of(ready) {
                places.push(Place::new(&folder, name));
            }
        }
        Places::new(places)
    }
}

/// The folders of an environment, each with its name.
fn folders_of(ready: &Ready) -> Vec<(PathBuf, &'static str)> {
    let is_own = |it: &Path| !OF_THE_SYSTEM.iter().any(|system| it.starts_with(system));
    let mut programs = ready.programs.iter().filter_map(|it| it.parent());
    let mut found: Vec<(PathBuf, &'static str)> = Vec::new();
    found.extend(programs.next().map(|it| (it.to_owned(), ENVIRONMENT)));
    found.extend(programs.map(|it| (it.to_owned(), TOOLBOX)));
    found.extend(ready.readable.iter().map(|it| (it.clone(), INTERPRETER)));
    found.retain(|(folder, _)| is_own(folder));
    found
}

impl Checkout {
    /// What a program may name: the places that no file of a repository names, and the home folder.
    fn all_places(&self) -> Places {
        self.own_places().and(self.shared.home.clone())
    }

    /// See [`protocol::Workspace::places`].
    pub(super) fn own_places(&self) -> Places {
        let shared = &self.shared;
        match shared.ready.get() {
            Some(ready) => shared
                .places_ready
                .get_or_init(|| shared.places_of_the_run(Some(ready)))
                .clone(),
            None => shared.places_of_the_run(None),
        }
    }

    /// See [`protocol::Workspace::steady`].
    pub(super) fn steady_words(&self, output: &str) -> String {
        protocol::steady(output, &self.all_places(), SystemTime::now())
    }

    /// The streams with places under their names.
    pub(super) fn named(&self, ended: Execution) -> Execution {
        let places = self.all_places();
        of_streams(ended, |text| places.named(text).into_owned())
    }

    /// The streams of a command line as the model is shown them that wrote it.
    pub(super) fn shown(&self, ended: Execution, line: &str, programs: &[String]) -> Execution {
        if only_shows_files(line, programs) {
            let places = self.own_places();
            return of_streams(ended, |text| places.named(text).into_owned());
        }
        of_streams(ended, |text| self.steady_words(text))
    }
}

fn of_streams(ended: Execution, words: impl Fn(&str) -> String) -> Execution {
    let stream = |it: Captured| Captured {
        text: words(&it.text),
        ..it
    };
    Execution {
        stdout: stream(ended.stdout),
        stderr: stream(ended.stderr),
        ..ended
    }
}

/// Whether what a line prints is text of files.
fn only_shows_files(line: &str, programs: &[String]) -> bool {
    // It tells when lines were written that aren't committed: now.
    let dates_lines = line.contains("blame");
    !dates_lines && programs.iter().all(|it| SHOW_FILES.contains(&it.as_str()))
}

/// Variables that make bash put in order what these programs find.
pub(super) fn in_order(programs: &[String]) -> Vec<(String, String)> {
    let used = |name: &str| programs.iter().any(|it| it == name);
    let functions = IN_ORDER.iter().filter(|(name, _)| used(name));
    functions
        .map(|(name, body)| (format!("BASH_FUNC_{name}%%"), (*body).to_owned()))
        .collect()
}
