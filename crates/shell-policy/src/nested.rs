//! Programs that start others, or are themselves run by others: the whole chain is judged.

use super::Phase;
use super::arguments::{self, refusal};
use super::directory::Directories;
use super::programs::{self, Kind, Program};
use super::sed;
use super::word::Word;

/// Python modules that serve, wait or install instead of doing work that ends.
const MODULES_REFUSED: &[(&str, &str)] = &[
    (
        "http.server",
        "it serves for ever; start a server inside a test",
    ),
    ("pdb", "it waits for input; print values instead"),
    ("code", "it waits for input; use `python -c`"),
    ("idlelib", "it needs a screen"),
    ("turtledemo", "it needs a screen"),
    ("webbrowser", "it needs a screen"),
    ("pydoc", "it may serve or page; use `python -c 'help(…)'`"),
    ("venv", "the environment is installed already"),
    ("virtualenv", "the environment is installed already"),
    ("ensurepip", "the environment is installed already"),
    ("tox", "run `pytest` directly"),
    ("nox", "run `pytest` directly"),
];

/// Verbs of git that only read. A verb with arguments listed takes these and no others.
const GIT_VERBS: &[(&str, Option<&[&str]>)] = &[
    ("status", None),
    ("diff", None),
    ("log", None),
    ("show", None),
    ("blame", None),
    ("grep", None),
    ("ls-files", None),
    ("ls-tree", None),
    ("rev-parse", None),
    ("rev-list", None),
    ("merge-base", None),
    ("describe", None),
    ("shortlog", None),
    ("cat-file", None),
    ("check-ignore", None),
    ("version", None),
    (
        "branch",
        Some(&["-a", "-r", "-v", "-vv", "--all", "--list", "--show-current"]),
    ),
    ("tag", Some(&["-l", "--list", "-n"])),
];

/// Judges a program and its arguments, and whatever it would start.
pub(super) fn judge_program(
    words: &[Word],
    at: &Directories,
    phase: Phase,
    started: &mut Vec<String>,
) -> Result<(), String> {
    let (name, arguments) = words.split_first().ok_or("it runs nothing")?;
    let program = programs::find(&name.text)?;
    started.push(program.name.to_owned());
    match program.kind {
        Kind::Plain | Kind::Builtin => plain(program, arguments, at),
        Kind::Find => find(program, arguments, at),
        Kind::Sed => sed::judge(program, arguments, at),
        Kind::Python => python(program, arguments, at, phase, started),
        Kind::Coverage => coverage(program, arguments, at, phase, started),
        Kind::Git => git(program, arguments, at),
        Kind::Pip => pip(program, arguments, at, phase),
        Kind::Uv => uv(program, arguments, at, phase),
        Kind::Chmod => chmod(arguments, at),
        Kind::Timeout => timeout(arguments, at, phase, started),
    }
}

fn plain(program: &Program, arguments: &[Word], at: &Directories) -> Result<(), String> {
    let operands = arguments::judge(program, arguments, at)?;
    // `%n` of bash's printf assigns to what its argument names, and evaluates it for that.
    if program.name == "printf"
        && let Some(format) = operands.first()
        && format.text.split('%').skip(1).any(assigns)
    {
        return Err("`printf %n` sets a variable; print the text".to_owned());
    }
    Ok(())
}

/// Whether what follows a per cent sign is the conversion `n`.
fn assigns(after: &str) -> bool {
    after
        .trim_start_matches(|it: char| it.is_ascii_digit() || "-+ #0.*hlqjzt'".contains(it))
        .starts_with('n')
}

fn find(program: &Program, arguments: &[Word], at: &Directories) -> Result<(), String> {
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.text.as_str();
        if let Some((option, why)) = program.refused.iter().find(|(it, _)| *it == text) {
            return Err(refusal(program, option, why));
        }
        if program.takes_long.contains(&text) {
            rest.next();
        } else {
            arguments::judge_operand(text, at)?;
            arguments::judge_pattern(program, word, false)?;
        }
    }
    Ok(())
}

fn python(
    program: &Program,
    arguments: &[Word],
    at: &Directories,
    phase: Phase,
    started: &mut Vec<String>,
) -> Result<(), String> {
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.text.as_str();
        if text == "-" || !text.starts_with('-') {
            arguments::judge_operand(text, at)?;
            break;
        }
        if text.starts_with("--") {
            continue;
        }
        for (offset, letter) in text.char_indices().skip(1) {
            let attached = Some(&text[offset + 1..]).filter(|it| !it.is_empty());
            match letter {
                // The text is a program, and runs behind the walls like any file of the tree.
                'c' => return Ok(()),
                'm' => {
                    let module = match attached {
                        Some(module) => module,
                        None => rest.next().map_or("", |it| it.text.as_str()),
                    };
                    return run_module(module, rest.as_slice(), at, phase, started);
                }
                'i' => {
                    return Err(refusal(
                        program,
                        "-i",
                        "it waits for input; use `python -c`",
                    ));
                }
                'W' | 'X' => {
                    if attached.is_none() {
                        rest.next();
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    rest.try_for_each(|it| arguments::judge_operand(&it.text, at))
}

/// `python -m module …`, for which a module that is a program of the table counts as that program.
fn run_module(
    module: &str,
    arguments: &[Word],
    at: &Directories,
    phase: Phase,
    started: &mut Vec<String>,
) -> Result<(), String> {
    let top = module.split('.').next().unwrap_or(module);
    let named = |it: &&(&str, &str)| it.0 == module || it.0 == top;
    if let Some((_, why)) = MODULES_REFUSED.iter().find(named) {
        return Err(format!("`python -m {module}` isn't allowed: {why}"));
    }
    // `python -m json.tool` is no program of the table; `python -m pytest` is.
    let is_tool = programs::find(module).is_ok_and(|it| it.kind != Kind::Builtin);
    if is_tool {
        let name = Word {
            text: module.to_owned(),
            is_pattern: false,
        };
        let words: Vec<Word> = [name]
            .into_iter()
            .chain(arguments.iter().cloned())
            .collect();
        return judge_program(&words, at, phase, started);
    }
    arguments
        .iter()
        .try_for_each(|it| arguments::judge_operand(&it.text, at))
}

fn coverage(
    program: &Program,
    arguments: &[Word],
    at: &Directories,
    phase: Phase,
    started: &mut Vec<String>,
) -> Result<(), String> {
    let is_run = arguments.first().is_some_and(|it| it.text == "run");
    if !is_run {
        return arguments::judge(program, arguments, at).map(drop);
    }
    let starts = |it: &Word| it.text == "-m" || it.text == "--module" || !it.text.starts_with('-');
    let own = arguments[1..].iter().take_while(|it| !starts(it)).count();
    let (options, program_run) = arguments[1..].split_at(own);
    arguments::judge(program, options, at)?;
    match program_run {
        [flag, module, rest @ ..] if flag.text.starts_with('-') => {
            run_module(&module.text, rest, at, phase, started)
        }
        rest => rest
            .iter()
            .try_for_each(|it| arguments::judge_operand(&it.text, at)),
    }
}

fn git(program: &Program, arguments: &[Word], at: &Directories) -> Result<(), String> {
    let own = |it: &&Word| {
        matches!(
            it.text.as_str(),
            "--no-pager" | "-P" | "--version" | "--help"
        )
    };
    let skipped = arguments.iter().take_while(own).count();
    let Some((verb, rest)) = arguments[skipped..].split_first() else {
        return Ok(());
    };
    let verb = verb.text.as_str();
    if verb.starts_with('-') {
        return Err(format!(
            "`git {verb}` isn't allowed before the verb: it changes which repository or programs git uses"
        ));
    }
    let Some((_, only)) = GIT_VERBS.iter().find(|(it, _)| *it == verb) else {
        let verbs: Vec<&str> = GIT_VERBS.iter().map(|(it, _)| *it).collect();
        return Err(format!(
            "`git {verb}` isn't allowed: the change is taken from the files as they are, nothing needs to be staged, committed or fetched; there are: {}",
            verbs.join(" ")
        ));
    };
    if let Some(other) = rest
        .iter()
        .find(|it| only.is_some_and(|only| !only.contains(&it.text.as_str())))
    {
        return Err(format!(
            "`git {verb} {}` may write; leave it out",
            other.text
        ));
    }
    // `%G…` in a format asks gpg, a program that the configuration names.
    if rest.iter().any(|it| it.text.contains("%G")) {
        return Err("`%G` in a format starts a program; leave it out".to_owned());
    }
    let is_grep = verb == "grep";
    let opens_pager = |it: &Word| it.text.starts_with("-O");
    if is_grep && rest.iter().any(opens_pager) {
        return Err(refusal(program, "grep -O", "it starts another program"));
    }
    let row = Program {
        text_operands: usize::from(is_grep),
        verbs: &[],
        takes: program.takes,
        takes_long: program.takes_long,
        text: program.text,
        refused: program.refused,
        kind: program.kind,
        name: program.name,
    };
    arguments::judge(&row, rest, at).map(drop)
}

fn pip(
    program: &Program,
    arguments: &[Word],
    at: &Directories,
    phase: Phase,
) -> Result<(), String> {
    const READ: &[&str] = &["list", "show", "freeze", "check", "help", "inspect"];
    let operands = arguments::judge(program, arguments, at)?;
    let verb = operands.first().map_or("", |it| it.text.as_str());
    match verb {
        "" => Ok(()),
        "install" if phase == Phase::Install => from_the_index_only(&operands[1..]),
        "install" | "uninstall" | "download" => Err(format!(
            "`{} {verb}` isn't allowed: the environment is installed already; declare a new dependency in the project's own files",
            program.name
        )),
        it if READ.contains(&it) => Ok(()),
        it => Err(format!(
            "`{} {it}` isn't allowed; there are: {}",
            program.name,
            READ.join(" ")
        )),
    }
}

/// Nothing is fetched from an address; names are looked up in the index, paths are inside.
fn from_the_index_only(operands: &[&Word]) -> Result<(), String> {
    match operands.iter().find(|it| it.text.contains("://")) {
        Some(address) => Err(format!(
            "`{}` is an address; packages come from the package index by name",
            address.text
        )),
        None => Ok(()),
    }
}

fn uv(program: &Program, arguments: &[Word], at: &Directories, phase: Phase) -> Result<(), String> {
    if phase == Phase::Work {
        return Err(
            "`uv` is for installing, and the environment is installed already; run `pytest` or `python` directly"
                .to_owned(),
        );
    }
    let operands = arguments::judge(program, arguments, at)?;
    let verbs: Vec<&str> = operands.iter().take(2).map(|it| it.text.as_str()).collect();
    match verbs.as_slice() {
        [] | ["sync" | "version"] | ["pip", "list" | "freeze" | "check"] => Ok(()),
        ["pip", "install"] => from_the_index_only(&operands[2..]),
        _ => Err("of `uv`, only `uv sync` and `uv pip install` are allowed".to_owned()),
    }
}

/// `chmod +x file…`, which the editing tools can't say.
fn chmod(arguments: &[Word], at: &Directories) -> Result<(), String> {
    let (mode, files) = match arguments {
        [mode, files @ ..] if !files.is_empty() => (mode.text.as_str(), files),
        _ => return Err("`chmod` takes `+x` and files".to_owned()),
    };
    let whose = mode.strip_suffix("+x").unwrap_or("-");
    if !whose.chars().all(|it| "ugoa".contains(it)) {
        return Err("`chmod` may only make files executable: `chmod +x FILE`".to_owned());
    }
    if let Some(option) = files.iter().find(|it| it.text.starts_with('-')) {
        return Err(format!(
            "`chmod {}` isn't allowed; name the files",
            option.text
        ));
    }
    files.iter().try_for_each(|it| at.judge_path(&it.text))
}

/// `timeout 60 pytest`: the limit of the line holds anyway.
fn timeout(
    arguments: &[Word],
    at: &Directories,
    phase: Phase,
    started: &mut Vec<String>,
) -> Result<(), String> {
    match arguments {
        [duration, rest @ ..]
            if !rest.is_empty() && duration.text.starts_with(|it: char| it.is_ascii_digit()) =>
        {
            if rest[0].is_pattern || programs::is_builtin(&rest[0].text) {
                return Err(format!("`timeout` can't run `{}`", rest[0].text));
            }
            judge_program(rest, at, phase, started)
        }
        _ => Err("write it as `timeout SECONDS COMMAND`, without options".to_owned()),
    }
}
