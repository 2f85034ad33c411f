//! `setup.py`, `setup.cfg`, tox and nox: read for hints, never run for them.

use std::sync::LazyLock;

use regex::Regex;

use super::plan::WANTED;
use super::requirements::holds_tests;
use super::version::Specifiers;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is written here")
}

/// Which versions of Python `setup.cfg` or `setup.py` takes.
pub(super) fn python(config: &str, script: &str) -> Specifiers {
    static IN_SCRIPT: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"python_requires\s*=\s*["']([^"']+)["']"#));
    let in_config = values(config, "options", "python_requires")
        .into_iter()
        .next();
    let in_script = || IN_SCRIPT.captures(script).map(|it| it[1].to_owned());
    Specifiers::new(in_config.or_else(in_script).unwrap_or_default())
}

/// Whether `setup.cfg` describes a package, rather than tools alone.
pub(super) fn has_metadata(config: &str) -> bool {
    !values(config, "metadata", "name").is_empty()
}

/// Extras with the names of tests, else those that hold a test runner. The build knows them for certain; an installer
/// only warns of others.
pub(super) fn wanted_extras(config: &str, script: &str) -> Vec<String> {
    static EXTRA: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"["']([\w.-]+)["']\s*:\s*\[([^\]]*)\]"#));
    let in_config = section(config, "options.extras_require");
    let keys = in_config
        .iter()
        .filter(|it| !it.starts_with([' ', '\t']))
        .filter_map(|it| it.split(['=', ':']).next())
        .map(|it| it.trim().to_owned());
    let mut extras: Vec<(String, Vec<String>)> = keys
        .map(|it| (it.clone(), values(config, "options.extras_require", &it)))
        .collect();
    if let Some(at) = script.find("extras_require") {
        let literal = EXTRA.captures_iter(&script[at..]);
        extras.extend(literal.map(|it| (it[1].to_owned(), literals(&it[2]))));
    }
    let in_script = |name: &str| {
        script.contains("extras_require")
            && ["\"", "'"]
                .iter()
                .any(|it| script.contains(&format!("{it}{name}{it}")))
    };
    let named = |name: &str| extras.iter().any(|it| it.0 == name) || in_script(name);
    let mut wanted: Vec<String> = WANTED
        .iter()
        .filter(|it| named(it))
        .map(|it| (*it).to_owned())
        .collect();
    let holds = |it: &(String, Vec<String>)| it.1.iter().any(|it| holds_tests(it));
    if !extras.iter().any(|it| wanted.contains(&it.0) && holds(it)) {
        let holding = extras
            .iter()
            .filter(|it| !wanted.contains(&it.0) && holds(it));
        let holding: Vec<String> = holding.map(|it| it.0.clone()).collect();
        wanted.extend(holding);
    }
    wanted
}

/// What `tests_require` lists.
pub(super) fn tests_require(config: &str, script: &str) -> Vec<String> {
    static LIST: LazyLock<Regex> = LazyLock::new(|| pattern(r"tests_require\s*=\s*\[([^\]]*)\]"));
    let mut lines = values(config, "options", "tests_require");
    if let Some(list) = LIST.captures(script) {
        lines.extend(literals(&list[1]));
    }
    lines
}

/// What a line begins with that names a dependency group.
pub(super) const GROUP: &str = "--group ";

/// What tox installs for its tests: `deps` and `extras` of `[testenv]`.
pub(super) fn tox(text: &str) -> Vec<String> {
    static FACTOR: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[\w,!{}.-]+:\s"));
    let mut lines: Vec<String> = values(text, "testenv", "deps")
        .into_iter()
        // Conditional lines are for other environments, braces are tox's own variables.
        .filter(|it| !FACTOR.is_match(it))
        .map(|it| it.replace("{toxinidir}/", "").replace("{tox_root}/", ""))
        .filter(|it| !it.contains('{'))
        .collect();
    let groups = values(text, "testenv", "dependency_groups").join(",");
    let groups = groups
        .split([',', ' '])
        .map(str::trim)
        .filter(|it| !it.is_empty());
    lines.extend(groups.map(|it| format!("{GROUP}{it}")));
    let extras = values(text, "testenv", "extras").join(",");
    if !extras.is_empty() {
        lines.push(format!("-e .[{}]", extras.replace(' ', "")));
    }
    lines
}

/// What nox installs in a session whose name speaks of tests.
pub(super) fn nox(text: &str) -> Vec<String> {
    static SESSION: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?m)^def\s+(\w*test\w*|dev)\s*\("));
    static INSTALL: LazyLock<Regex> = LazyLock::new(|| pattern(r"session\.install\(([^)]*)\)"));
    let mut lines = Vec::new();
    for session in SESSION.find_iter(text) {
        let body = &text[session.end()..];
        let end = body.find("\ndef ").unwrap_or(body.len());
        for call in INSTALL.captures_iter(&body[..end]) {
            let mut words = literals(&call[1]).into_iter();
            while let Some(word) = words.next() {
                match word.as_str() {
                    "-r" | "-c" | "-e" => {
                        lines.extend(words.next().map(|it| format!("{word} {it}")))
                    }
                    option if option.starts_with('-') => {}
                    _ => lines.push(word),
                }
            }
        }
    }
    lines.retain(|it| !it.contains('{'));
    lines
}

fn literals(text: &str) -> Vec<String> {
    static STRING: LazyLock<Regex> = LazyLock::new(|| pattern(r#""([^"]*)"|'([^']*)'"#));
    let each = STRING.captures_iter(text);
    each.filter_map(|it| it.get(1).or(it.get(2)).map(|it| it.as_str().to_owned()))
        .filter(|it| !it.is_empty())
        .collect()
}

/// The lines of one section of an INI file.
fn section<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let head = format!("[{name}]");
    text.lines()
        .skip_while(|it| it.trim() != head)
        .skip(1)
        .take_while(|it| !it.starts_with('['))
        .filter(|it| !it.trim_start().starts_with(['#', ';']))
        .collect()
}

/// The lines of one value of an INI file, which may go on below its name.
fn values(text: &str, name: &str, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in section(text, name) {
        let continues = line.starts_with([' ', '\t']);
        let value = if continues {
            line
        } else {
            let (this, value) = line.split_once('=').unwrap_or((line, ""));
            inside = this.trim() == key;
            value
        };
        // A comment may stand behind a value.
        let value = value.split(" #").next().unwrap_or_default().trim();
        if inside && !value.is_empty() {
            found.push(value.to_owned());
        }
    }
    found
}
