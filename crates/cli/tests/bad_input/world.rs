//! A closed world for the program: a home of its own, folders of the test's, and what it says with all that varies masked.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regex::{Captures, Regex};
use tempfile::TempDir;
use testkit::git::{git, repository};

/// The program.
const PIPELINE: &str = env!("CARGO_BIN_EXE_pipeline");
/// What worlds share.
const ENVIRONMENTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/environments");
/// After this the program is taken to hang.
const PROGRAM_SECONDS_MAX: &str = "240";
/// How an installation reaches the package index on the machine that runs the tests.
const INDEX_VARIABLES: [&str; 4] = ["PIP_INDEX_URL", "SSL_CERT_FILE", "PIP_CERT", "https_proxy"];

/// Runs a program on a terminal of its own, answers each of its questions with the first argument, and prints what it said.
const TERMINAL: &str = r#"
import os, pty, sys
answer, argv = sys.argv[1].encode(), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(argv[0], argv)
said, answered = b"", 0
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    said += piece
    if answered < said.count(b"[y/N] "):
        answered += 1
        os.write(terminal, answer)
sys.stdout.buffer.write(said.replace(b"\r\n", b"\n"))
sys.stdout.buffer.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;
/// What Ctrl-C types.
pub(crate) const CTRL_C: &str = "\u{3}";

/// A small package whose last page is lost, and its tests.
pub(crate) const PAGES: &[(&str, &str)] = &[
    (
        "pages.py",
        "def page_count(items: int, size: int) -> int:\n    return items // size\n",
    ),
    ("conftest.py", ""),
    (
        "tests/test_pages.py",
        "from pages import page_count\n\n\ndef test_full_pages():\n    assert page_count(20, 10) == 2\n",
    ),
];

/// A reply that finds the last page.
pub(crate) const ROUND_UP: &str = r#"
[[call]]
tool = "edit_file"
path = "pages.py"
old_text = "return items // size"
new_text = "return -(-items // size)"

[[call]]
tool = "finish"
summary = "Rounds up instead of down."
"#;

/// Folders for one test, gone at its end.
pub(crate) struct World {
    folder: TempDir,
    variables: Vec<(String, String)>,
    input: String,
}

/// How the program ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// An empty home and an empty working folder.
    pub(crate) fn new() -> World {
        let mut world = World {
            folder: TempDir::new().expect("a temporary folder can be made"),
            variables: Vec::new(),
            input: String::new(),
        }
        .variable("HOME", "[WORLD]/home")
        .variable("XDG_CACHE_HOME", "[WORLD]/cache")
        .variable("PATH", "/usr/local/bin:/usr/bin:/bin");
        for name in ["home", "here", "cache/pipeline"] {
            fs::create_dir_all(world.path(name)).expect("a folder can be made");
        }
        // Tools and environments are the same in every world and take long to fetch.
        let shared = Path::new(ENVIRONMENTS);
        fs::create_dir_all(shared).expect("a folder for all tests can be made");
        symlink(shared, world.path("cache/pipeline/python")).expect("a link can be made");
        for name in INDEX_VARIABLES {
            if let Ok(value) = std::env::var(name) {
                world = world.variable(name, &value);
            }
        }
        world
    }

    /// A world with the repository `repo`, whose one commit holds these files.
    pub(crate) fn with_repository(files: &[(&str, &str)]) -> World {
        let world = World::new();
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
            .collect();
        let folder = world.path("repo");
        fs::create_dir(&folder).expect("a folder can be made");
        repository(&folder, &files);
        world
    }

    /// Where something of this world is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let folder = fs::canonicalize(self.folder.path()).expect("the folder is there");
        folder.join(name)
    }

    fn root(&self) -> String {
        let root = self.path("").display().to_string();
        root.trim_end_matches('/').to_owned()
    }

    /// Writes a file of this world.
    pub(crate) fn file(self, path: &str, bytes: impl AsRef<[u8]>) -> World {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder"))
            .expect("a folder can be made");
        fs::write(path, bytes).expect("a file can be written");
        self
    }

    /// The replies of a role, in order.
    pub(crate) fn says(self, role: &str, replies: &[&str]) -> World {
        replies.iter().zip(1..).fold(self, |world, (reply, turn)| {
            world.file(&format!("replies/{role}/{turn:02}.toml"), reply)
        })
    }

    /// Sets a variable of the program's environment; an empty value takes it away.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> World {
        self.variables.retain(|(it, _)| it != name);
        if !value.is_empty() {
            self.variables.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// What the program reads on standard input.
    pub(crate) fn input(mut self, text: &str) -> World {
        text.clone_into(&mut self.input);
        self
    }

    /// Runs git in a folder of this world.
    pub(crate) fn git(&self, folder: &str, arguments: &[&str]) -> String {
        git(&self.path(folder), arguments)
    }

    /// Runs the program in the folder `here`. `[WORLD]` in an argument is this world's folder.
    pub(crate) fn pipeline(&self, arguments: &[&str]) -> Ended {
        self.pipeline_in("here", arguments)
    }

    /// Runs the program in a folder of this world.
    pub(crate) fn pipeline_in(&self, folder: &str, arguments: &[&str]) -> Ended {
        self.start(folder, &[&[PIPELINE], arguments].concat())
    }

    /// Runs the program in the folder `here`, on a terminal where somebody answers each question so. Both streams are
    /// standard output, without what moves the cursor.
    pub(crate) fn on_a_terminal(&self, answer: &str, arguments: &[&str]) -> Ended {
        let python = ["python3", "-c", TERMINAL, answer, PIPELINE];
        let mut ended = self.start("here", &[&python[..], arguments].concat());
        let moves = Regex::new("\u{1b}\\[[0-9;?]*[A-Za-z]|\r").expect("it is a pattern");
        ended.stdout = moves.replace_all(&ended.stdout, "").into_owned();
        ended
    }

    /// Runs a shell script in a folder of this world, in which `pipeline` is the program, and `$PROGRAM` its path.
    pub(crate) fn shell(&self, folder: &str, script: &str) -> Ended {
        let script =
            format!("PROGRAM='{PIPELINE}'\npipeline() {{ \"$PROGRAM\" \"$@\"; }}\n{script}");
        self.start(folder, &["bash", "-euo", "pipefail", "-c", &script])
    }

    /// Runs a shell script in which `"$PIPELINE"` is the program, with mounts of its own.
    pub(crate) fn apart(&self, script: &str) -> Ended {
        let unshare = ["unshare", "--map-root-user", "--mount"];
        let script = format!("PIPELINE='{PIPELINE}'\n{script}");
        self.start("here", &[&unshare[..], &["bash", "-euc", &script]].concat())
    }

    fn start(&self, folder: &str, argv: &[&str]) -> Ended {
        let here = |text: &str| text.replace("[WORLD]", &self.root());
        let mut command = program("/usr/bin/timeout");
        command
            .args(["-s", "KILL", PROGRAM_SECONDS_MAX])
            .args(argv.iter().map(|it| here(it)))
            .current_dir(self.path(folder))
            .env_clear()
            .envs(
                self.variables
                    .iter()
                    .map(|(name, value)| (name, here(value))),
            );
        let ended = ended(&mut command, &self.input);
        Ended {
            code: ended.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }

    /// Runs a small task on `repo` (unless another one is given) with the scripts in `replies`, quietly.
    pub(crate) fn walk(&self, more: &[&str]) -> Ended {
        let mut arguments = vec!["run", "Count the last page", "--quiet"];
        arguments.extend(["--scripted", "[WORLD]/replies"]);
        if !more.iter().any(|it| it.starts_with("--repo")) {
            arguments.extend(["--repo", "[WORLD]/repo"]);
        }
        arguments.extend(more);
        self.pipeline(&arguments)
    }

    /// What a person sees of an end, with everything masked that differs from one run to the next.
    pub(crate) fn seen(&self, ended: &Ended) -> String {
        let mut seen = format!("exit {}\n", ended.code);
        for (name, stream) in [("stderr", &ended.stderr), ("stdout", &ended.stdout)] {
            if !stream.is_empty() {
                seen += &format!("--- {name}\n{}", self.masked(stream));
            }
        }
        seen
    }

    /// A text without what differs from one run to the next.
    pub(crate) fn masked(&self, text: &str) -> String {
        let mut text = text
            .replace(&self.root(), "[WORLD]")
            .replace(ENVIRONMENTS, "[ENVIRONMENTS]");
        for (pattern, mask) in [
            (r"\b20\d{6}-\d{4}-[0-9a-z]{5}\b", "[RUN]"),
            (r"\b20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?", "[MOMENT]"),
            (r"\b20\d\d-\d\d-\d\d\b", "[DAY]"),
            (r"\b\d+\.\d s\b", "[TIME]"),
            (r"\b[0-9a-f]{40}\b", "[COMMIT]"),
            (r"\b[0-9a-f]{10}\b", "[COMMIT]"),
            (r"\b[0-9a-f]{32}\b", "[KEY]"),
            (r"\btree-\w{6}\b", "[TREE]"),
            (r"Python 3\.\d+\.\d+", "Python [VERSION]"),
            (r"(environment .*), cached", "$1"),
            (r"(set up in .*), from the cache", "$1"),
            (r"(?m)^walls .*$", "walls       [WALLS]"),
            (r"after \d+ ms", "after [TIME]"),
            (r"process \d+", "process [NUMBER]"),
        ] {
            let pattern = Regex::new(pattern).expect("the pattern is written right here");
            text = pattern
                .replace_all(&text, |found: &Captures<'_>| {
                    let mut filled = String::new();
                    found.expand(mask, &mut filled);
                    filled
                })
                .into_owned();
        }
        text
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program under test is started as a person starts it, outside of any walls"
)]
fn program(name: &str) -> Command {
    Command::new(name)
}

fn ended(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut stdin = child.stdin.take().expect("the program has an input");
    // A program that doesn't read its input closes it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the program ends")
}
