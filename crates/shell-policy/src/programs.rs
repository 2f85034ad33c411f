//! The programs a command line may start, one row each, and what is refused of their options.

/// One program: how its arguments are read, and which of them are refused.
#[derive(Debug)]
pub(super) struct Program {
    /// Its name, never a path.
    pub(super) name: &'static str,
    /// How the rest of the row is to be used.
    pub(super) kind: Kind,
    /// Short options that take a value.
    pub(super) takes: &'static str,
    /// Long options that may take their value from the next word.
    pub(super) takes_long: &'static [&'static str],
    /// Those of the options above whose value is text and never a path.
    pub(super) text: &'static [&'static str],
    /// How many operands, from the first, are text and never paths.
    pub(super) text_operands: usize,
    /// The first operand must be one of these, if there are any here.
    pub(super) verbs: &'static [&'static str],
    /// Options that are refused, and why. A shortened long option is its whole.
    pub(super) refused: &'static [(&'static str, &'static str)],
}

/// What is special about a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: options and operands.
    Plain,
    /// A builtin of bash; the shell runs it even where a program of that name exists.
    Builtin,
    /// An expression of words with one dash.
    Find,
    /// Its first operand is a program of its own.
    Sed,
    /// Runs files, modules and text.
    Python,
    /// `coverage run` does what Python does.
    Coverage,
    /// Options before the verb, and verbs that must not write.
    Git,
    /// Verbs depend on the phase.
    Pip,
    /// As pip.
    Uv,
    /// Only what makes a file executable.
    Chmod,
    /// Another program follows.
    Timeout,
}

const PLAIN: Program = Program {
    name: "",
    kind: Kind::Plain,
    takes: "",
    takes_long: &[],
    text: &[],
    text_operands: 0,
    verbs: &[],
    refused: &[],
};

const ENDLESS: &str = "it never ends; read the file with `tail -n`";
const STARTS: &str = "it starts another program";
const WAITS: &str = "it waits for input that never comes";

/// The table. What isn't here isn't allowed.
#[rustfmt::skip]
const PROGRAMS: &[Program] = &[
    // Looking
    Program { name: "ls", takes: "ITw", ..PLAIN },
    Program { name: "cat", ..PLAIN },
    Program { name: "nl", takes: "bdfhilnsvw", text: &["-d", "-s"], ..PLAIN },
    Program { name: "head", takes: "nc", ..PLAIN },
    Program { name: "tail", takes: "ncs", refused: &[("-f", ENDLESS), ("-F", ENDLESS), ("--follow", ENDLESS), ("--retry", ENDLESS)], ..PLAIN },
    Program { name: "wc", ..PLAIN },
    Program { name: "stat", takes: "cf", takes_long: &["--format", "--printf"], text: &["-c", "--format", "--printf"], ..PLAIN },
    Program { name: "du", takes: "dtX", takes_long: &["--max-depth", "--exclude"], ..PLAIN },
    Program { name: "file", takes: "mPFef", ..PLAIN },
    Program { name: "basename", ..PLAIN },
    Program { name: "dirname", ..PLAIN },
    Program { name: "realpath", ..PLAIN },
    Program { name: "readlink", ..PLAIN },
    Program { name: "which", ..PLAIN },
    Program { name: "pwd", kind: Kind::Builtin, ..PLAIN },
    // Searching
    Program { name: "grep", takes: "eABCmfdD", takes_long: GREP_TAKES, text: &["-e", "--regexp", "--label"], text_operands: 1, ..PLAIN },
    Program { name: "egrep", takes: "eABCmfdD", takes_long: GREP_TAKES, text: &["-e", "--regexp", "--label"], text_operands: 1, ..PLAIN },
    Program { name: "fgrep", takes: "eABCmfdD", takes_long: GREP_TAKES, text: &["-e", "--regexp", "--label"], text_operands: 1, ..PLAIN },
    Program { name: "rg", takes: "eABCmfgtTjrEM", takes_long: &["--regexp", "--glob", "--iglob", "--type", "--type-not", "--replace", "--max-count", "--max-depth", "--context", "--file", "--ignore-file", "--sort", "--sortr"],
        text: &["-e", "--regexp", "-g", "--glob", "--iglob", "-r", "--replace"], text_operands: 1,
        refused: &[("--pre", STARTS), ("--hostname-bin", STARTS), ("-z", STARTS), ("--search-zip", STARTS)], ..PLAIN },
    Program { name: "find", kind: Kind::Find,
        takes_long: &["-name", "-iname", "-path", "-ipath", "-wholename", "-iwholename", "-regex", "-iregex", "-lname", "-ilname", "-printf", "-newermt"],
        refused: &[("-exec", "it starts a program for each file; list the files, then name them"), ("-execdir", STARTS), ("-ok", STARTS), ("-okdir", STARTS),
            ("-delete", "delete files with the `delete_file` tool"), ("-fprint", WRITES), ("-fprint0", WRITES), ("-fprintf", WRITES), ("-fls", WRITES), ("-files0-from", "name the folders")], ..PLAIN },
    // Text
    Program { name: "sed", kind: Kind::Sed, takes: "eflE", refused: &[("-f", "its script isn't in the line; write it with `-e`"), ("--file", "its script isn't in the line; write it with `-e`")], ..PLAIN },
    Program { name: "sort", takes: "kotST", takes_long: &["--key", "--field-separator", "--output", "--temporary-directory", "--buffer-size"], text: &["-t", "--field-separator"], refused: &[("--compress-program", STARTS)], ..PLAIN },
    Program { name: "uniq", takes: "fsw", ..PLAIN },
    Program { name: "cut", takes: "bcdf", takes_long: &["--delimiter", "--fields", "--output-delimiter"], text: &["-d", "--delimiter", "--output-delimiter"], ..PLAIN },
    Program { name: "tr", text_operands: usize::MAX, ..PLAIN },
    Program { name: "diff", takes: "UCIFxXW", takes_long: &["--ignore-matching-lines", "--exclude", "--label", "--show-function-line"], text: &["-I", "-F", "-x", "--ignore-matching-lines", "--exclude", "--label", "--show-function-line"], refused: &[("-l", STARTS), ("--paginate", STARTS)], ..PLAIN },
    Program { name: "cmp", ..PLAIN },
    Program { name: "comm", ..PLAIN },
    Program { name: "echo", kind: Kind::Builtin, text_operands: usize::MAX, ..PLAIN },
    Program { name: "printf", kind: Kind::Builtin, text_operands: usize::MAX, refused: &[("-v", "it sets a variable; print the text")], ..PLAIN },
    Program { name: "true", kind: Kind::Builtin, ..PLAIN },
    Program { name: "false", kind: Kind::Builtin, ..PLAIN },
    Program { name: "test", kind: Kind::Builtin, refused: &[("-v", "it evaluates its operand"), ("-R", "it evaluates its operand")], ..PLAIN },
    // Files, where no tool does it
    Program { name: "mkdir", takes: "m", ..PLAIN },
    Program { name: "cp", takes: "tS", takes_long: &["--target-directory", "--suffix"], ..PLAIN },
    Program { name: "mv", takes: "tS", takes_long: &["--target-directory", "--suffix"], ..PLAIN },
    Program { name: "chmod", kind: Kind::Chmod, ..PLAIN },
    // Python
    Program { name: "python", kind: Kind::Python, ..PLAIN },
    Program { name: "python3", kind: Kind::Python, ..PLAIN },
    Program { name: "pytest", takes: "kmncopWr", takes_long: PYTEST_TAKES, text: &["-k", "-m", "-W", "--deselect"], refused: PYTEST_REFUSED, ..PLAIN },
    Program { name: "py.test", takes: "kmncopWr", takes_long: PYTEST_TAKES, text: &["-k", "-m", "-W", "--deselect"], refused: PYTEST_REFUSED, ..PLAIN },
    Program { name: "coverage", kind: Kind::Coverage, verbs: &["run", "report", "html", "xml", "json", "lcov", "combine", "erase", "annotate", "help"], takes: "moid", ..PLAIN },
    Program { name: "ruff", verbs: &["check", "format", "rule", "config", "linter", "version", "help"], takes_long: &["--config", "--select", "--ignore", "--output-file", "--stdin-filename", "--range"], refused: &[("-w", ENDLESS_WATCH), ("--watch", ENDLESS_WATCH)], ..PLAIN },
    Program { name: "black", takes: "cltWCx", takes_long: &["--code", "--line-length", "--config", "--include", "--exclude", "--extend-exclude"], text: &["-c", "--code", "--include", "--exclude", "--extend-exclude"], ..PLAIN },
    Program { name: "isort", takes: "lmpost", ..PLAIN },
    Program { name: "flake8", takes: "j", takes_long: &["--select", "--ignore", "--format", "--config"], text: &["--format"], ..PLAIN },
    Program { name: "pyflakes", ..PLAIN },
    Program { name: "pylint", takes: "jdefr", takes_long: &["--msg-template"], text: &["--msg-template"], refused: &[("--init-hook", "it runs its text; use `python -c`")], ..PLAIN },
    Program { name: "mypy", takes: "cmp", takes_long: &["--command", "--module", "--package"], text: &["-c", "--command"], refused: &[("--python-executable", STARTS), ("--install-types", "nothing can be installed here")], ..PLAIN },
    Program { name: "pip", kind: Kind::Pip, takes: "rce", takes_long: PIP_TAKES, refused: PIP_REFUSED, ..PLAIN },
    Program { name: "pip3", kind: Kind::Pip, takes: "rce", takes_long: PIP_TAKES, refused: PIP_REFUSED, ..PLAIN },
    Program { name: "uv", kind: Kind::Uv, takes: "rcep", takes_long: PIP_TAKES, refused: PIP_REFUSED, ..PLAIN },
    // History, read only
    Program { name: "git", kind: Kind::Git, takes: "nSGLeABCmOU", takes_long: GIT_TAKES, text: &["-S", "-G", "-L", "-e", "--grep", "--author", "--committer", "--format", "--pretty", "--since", "--until", "--after", "--before", "--date"],
        refused: &[("--output", "redirect with `>` to a file in the repository"), ("--ext-diff", STARTS), ("--textconv", STARTS), ("--filters", STARTS), ("--open-files-in-pager", STARTS), ("--show-signature", STARTS), ("--contents", "name a revision"), ("--no-index", "use `diff`")], ..PLAIN },
    // Around another program
    Program { name: "timeout", kind: Kind::Timeout, ..PLAIN },
];

const WRITES: &str = "it writes files; redirect with `>` to a file in the repository";
const ENDLESS_WATCH: &str = "it never ends; run it once";
const GREP_TAKES: &[&str] = &[
    "--regexp",
    "--file",
    "--max-count",
    "--context",
    "--after-context",
    "--before-context",
    "--include",
    "--exclude",
    "--exclude-dir",
    "--label",
];
const GIT_TAKES: &[&str] = &[
    "--grep",
    "--author",
    "--committer",
    "--since",
    "--until",
    "--after",
    "--before",
    "--max-count",
    "--date",
];
const PYTEST_TAKES: &[&str] = &[
    "--deselect",
    "--ignore",
    "--ignore-glob",
    "--rootdir",
    "--confcutdir",
    "--junitxml",
    "--junit-xml",
    "--maxfail",
    "--durations",
    "--tb",
    "--color",
    "--cov",
    "--cov-report",
    "--log-file",
    "--override-ini",
    "--import-mode",
];
const PYTEST_REFUSED: &[(&str, &str)] = &[
    ("--pdb", WAITS),
    ("--trace", WAITS),
    ("--pdbcls", WAITS),
    ("--basetemp", "it empties that folder first; leave it out"),
    (
        "--pastebin",
        "it sends the output elsewhere; read it from the answer",
    ),
    ("-f", ENDLESS_WATCH),
    ("--looponfail", ENDLESS_WATCH),
];
const PIP_TAKES: &[&str] = &["--extra", "--group", "--requirement", "--constraint"];
const ONE_INDEX: &str = "the package index is set by the user of the pipeline; leave it out";
const PIP_REFUSED: &[(&str, &str)] = &[
    ("--python", STARTS),
    ("-i", ONE_INDEX),
    ("--index-url", ONE_INDEX),
    ("--index", ONE_INDEX),
    ("--default-index", ONE_INDEX),
    ("--extra-index-url", ONE_INDEX),
    ("-f", ONE_INDEX),
    ("--find-links", ONE_INDEX),
    ("--trusted-host", ONE_INDEX),
    ("--allow-insecure-host", ONE_INDEX),
    ("--proxy", ONE_INDEX),
    ("--cert", ONE_INDEX),
];

/// The advice for programs that are missing on purpose.
#[rustfmt::skip]
const INSTEAD: &[(&[&str], &str)] = &[
    (&["rm", "unlink", "rmdir", "shred"], "delete files with the `delete_file` tool"),
    (&["touch", "tee", "truncate", "dd", "install", "ed", "vi", "vim", "nano", "emacs", "patch"], "write files with the editing tools"),
    (&["awk", "gawk", "perl", "ruby", "node", "jq"], "use `python -c '…'` instead"),
    (&["bash", "sh", "dash", "zsh", "fish", "ksh", "eval", "exec", "source", ".", "command", "builtin", "env", "time", "nice", "nohup", "setsid", "sudo", "doas", "su", "watch", "parallel", "script"],
        "write the command itself; each command line runs in bash already, with a time limit"),
    (&["xargs"], "name the files in the command, or use a pattern such as `src/*.py`"),
    (&["curl", "wget", "nc", "ncat", "ssh", "scp", "rsync", "telnet", "ping", "ftp", "socat"], "there is no network here; work with what the repository holds"),
    (&["less", "more", "man"], "use `cat`, `head` or `sed -n '1,80p'`"),
    (&["pipx", "poetry", "pdm", "pipenv", "conda", "hatch", "npm", "apt", "apt-get", "brew"], "the environment is installed already; run `pytest` or `python` directly, and declare a new dependency in the project's own files"),
    (&["tox", "nox", "make", "just", "invoke"], "run what it would run directly: `pytest`, `ruff check`, `mypy`"),
    (&["sleep", "wait", "kill", "pkill", "killall", "jobs", "fg", "bg", "disown"], "nothing runs in the background here, and every command ends by itself or at its time limit"),
    (&["ln"], "copy the file with `cp`"),
    (&["export", "declare", "set", "alias", "unset", "trap", "ulimit", "umask", "shopt", "readonly", "local", "let", "read"], "each command line starts afresh; write values where they are used"),
    (&["printenv", "ps", "top", "lsof", "id", "whoami", "hostname", "uname"], "nothing about this machine matters to the task"),
];

/// The row of a program, or what to use instead of it.
pub(super) fn find(name: &str) -> Result<&'static Program, String> {
    if let Some(row) = PROGRAMS.iter().find(|it| it.name == name) {
        return Ok(row);
    }
    if name.contains('/') {
        return Err(format!(
            "`{name}` is a path; say the bare name, as in `python`, `pytest` or `ruff`, and run the repository's scripts with `python`"
        ));
    }
    let advice = INSTEAD.iter().find(|(names, _)| names.contains(&name));
    match advice {
        Some((_, instead)) => Err(format!("`{name}` isn't allowed: {instead}")),
        None => Err(format!(
            "`{name}` isn't on the list; there are: {}",
            listed()
        )),
    }
}

/// Whether bash itself answers to this name.
pub(super) fn is_builtin(name: &str) -> bool {
    let builtin = |it: &Program| it.kind == Kind::Builtin && it.name == name;
    name == "cd" || PROGRAMS.iter().any(builtin)
}

/// All names, for a prompt or a refusal.
fn listed() -> String {
    let names: Vec<&str> = PROGRAMS.iter().map(|it| it.name).collect();
    format!("cd {}", names.join(" "))
}
