//! House rules a compiler can't see. Each failure names every offender and the rule it breaks.

mod arrows;

use std::fs;
use std::path::{Path, PathBuf};

use self::arrows::MAY_USE;

/// Libraries that hold a permission, or weigh a lot, and the only crates that may hold them outside tests.
const KEPT_IN: &[(&str, &[&str])] = &[
    ("reqwest", &["llm", "forge"]),
    ("octocrab", &["forge"]),
    ("axum", &["bot", "server", "testkit"]),
    ("hyper", &["server"]),
    ("hyper-util", &["server"]),
    ("git2", &["git", "python", "workspace"]),
    ("landlock", &["sandbox"]),
    ("seccompiler", &["sandbox"]),
    ("sqlx", &["store"]),
    ("statig", &["pipeline"]),
    ("minijinja", &["prompts", "delivery"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("figment", &["cli"]),
    ("dotenvy", &["cli"]),
];

/// Words that hide a missing thought.
const NAMES_WITHOUT_A_THOUGHT: &[&str] = &[
    "manager", "helper", "helpers", "util", "utils", "core", "common", "misc", "impl", "imp",
];

/// A file is read in one go; beyond this it has two jobs.
const LINES_MAX: usize = 500;

/// Where reading the environment or the home folder is somebody's job: the roof, and programs of the tests.
const READS_THE_ENVIRONMENT: &[&str] = &[
    "crates/cli/",
    "crates/testkit/src/bin/",
    "crates/sandbox/src/bin/",
    "crates/workspace/src/bin/",
];

/// Where sockets are somebody's job: vendors, trackers, the install proxy with its inner end, and the fakes
/// of all these.
const OPENS_SOCKETS: &[&str] = &[
    "crates/llm/",
    "crates/forge/",
    "crates/bot/src/webhook.rs",
    "crates/bot/src/work.rs",
    "crates/server/src/connections.rs",
    "crates/sandbox/src/proxy",
    "crates/sandbox/src/confine/stage.rs",
    "crates/testkit/src/vendor",
    "crates/testkit/src/tracker",
    "crates/testkit/src/bin/",
];

/// The one door to other programs, its inner side, and what tests start in folders of their own.
const STARTS_PROGRAMS: &[&str] = &[
    "crates/sandbox/src/command",
    "crates/sandbox/src/confine/stage.rs",
    "crates/testkit/src/git.rs",
    "crates/testkit/src/programs.rs",
];

#[test]
fn arrows_point_one_way() {
    let mut broken = Vec::new();
    for (name, manifest) in manifests() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(it, _)| *it == name) else {
            broken.push(format!("{name} is new: give it a row in MAY_USE"));
            continue;
        };
        for used in dependencies(&manifest) {
            let ours = MAY_USE.iter().any(|(it, _)| *it == used);
            if ours && !allowed.contains(&used.as_str()) {
                broken.push(format!("{name} must not use {used}"));
            }
        }
    }
    assert_none("arrows of the house", &broken);
}

#[test]
fn permissions_stay_in_their_rooms() {
    let mut broken = Vec::new();
    for (name, manifest) in manifests() {
        for used in dependencies(&manifest) {
            let keepers = KEPT_IN.iter().find(|(it, _)| *it == used);
            if let Some((_, keepers)) = keepers.filter(|(_, it)| !it.contains(&name.as_str())) {
                broken.push(format!(
                    "{name} must not use {used}, which belongs to {keepers:?}"
                ));
            }
        }
    }
    assert_none("libraries that hold a permission", &broken);
}

#[test]
fn every_file_says_what_it_is_and_stays_short() {
    let mut broken = Vec::new();
    for source in sources() {
        if !source.text.starts_with("//! ") {
            broken.push(format!("{}: begin with a `//!` sentence", source.path));
        }
        let lines = source.text.lines().count();
        if LINES_MAX < lines {
            broken.push(format!("{}: {lines} lines of {LINES_MAX}", source.path));
        }
    }
    assert_none("files", &broken);
}

#[test]
fn names_hide_no_thought() {
    let mut broken = Vec::new();
    for source in sources() {
        let stem = |part: &str| part.trim_end_matches(".rs").to_owned();
        for part in source.path.split('/').map(stem) {
            if part.split('_').any(is_without_a_thought) {
                broken.push(format!("{}: the name `{part}`", source.path));
            }
        }
        for line in source.text.lines() {
            let words = line.trim_start().trim_start_matches("pub ");
            if let Some(module) = words.strip_prefix("mod ") {
                let module = module.trim_end_matches([';', '{', ' ']);
                if module.split('_').any(is_without_a_thought) {
                    broken.push(format!("{}: the module `{module}`", source.path));
                }
            }
        }
    }
    assert_none("names of files and modules", &broken);
}

#[test]
fn nothing_below_the_roof_reads_the_environment_or_the_home_folder() {
    check_words(
        &[
            "env::var",
            "env::args",
            "env::current_dir",
            "env::current_exe",
            "env::temp_dir",
            "env::set_var",
            "home_dir",
            "option_env!",
        ],
        READS_THE_ENVIRONMENT,
    );
}

#[test]
fn sockets_are_opened_at_the_outside_doors_only() {
    check_words(
        &[
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "UnixStream::connect",
            "UnixListener",
            "reqwest::",
            "octocrab::",
        ],
        OPENS_SOCKETS,
    );
}

#[test]
fn programs_are_started_at_one_door_only() {
    check_words(
        &["process::Command", "Stdio::", "posix_spawn"],
        STARTS_PROGRAMS,
    );
}

#[test]
fn no_text_names_a_package_registry_or_a_folder_of_one_machine() {
    // Put together here, so that this file doesn't contain what it looks for.
    let registries = [
        "py%pi.org",
        "python%hosted.org",
        "crates%.io",
        "npm%js.org",
        "npm%js.com",
    ];
    let folders = ["/wo%rk/", "/fa%rm/"];
    let mut broken = Vec::new();
    for path in files(&root(), &|_| true) {
        // Cargo writes it, with the name of the index that every Cargo knows.
        if path.ends_with("Cargo.lock") {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for (line, number) in text.lines().zip(1..) {
            let registry = registries
                .iter()
                .any(|it| line.contains(&it.replace('%', "")));
            let folder = folders.iter().any(|it| {
                let name = it.replace('%', "");
                line.match_indices(&name).any(|(at, _)| {
                    !line[..at].ends_with(|before: char| {
                        before.is_alphanumeric() || "._-}*)".contains(before)
                    })
                })
            });
            if registry || folder {
                broken.push(format!("{}:{number}: {line}", shown(&path)));
            }
        }
    }
    assert_none("names that belong to one machine or to a registry", &broken);
}

#[test]
fn every_outside_library_says_why_it_is_here() {
    let text = read("Cargo.toml");
    let mut broken = Vec::new();
    let mut last = "";
    let listed = text
        .lines()
        .skip_while(|it| *it != "[workspace.dependencies]")
        .skip(1)
        .take_while(|it| !it.starts_with('['));
    for line in listed {
        let is_library = !line.is_empty() && !line.starts_with('#') && !line.contains("path = ");
        if is_library && !last.starts_with('#') {
            broken.push(format!("Cargo.toml: `{line}` has no reason above it"));
        }
        last = line;
    }
    assert_none("reasons for libraries", &broken);
}

#[test]
fn versions_stand_at_the_root_only() {
    let mut broken = Vec::new();
    for (name, manifest) in manifests() {
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (used, how) in manifest
                .get(table)
                .and_then(toml::Value::as_table)
                .into_iter()
                .flatten()
            {
                if how.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                    broken.push(format!("{name}: write `{used}.workspace = true`"));
                }
            }
        }
    }
    assert_none("versions", &broken);
}

#[test]
fn every_prompt_has_a_typed_door_and_a_render_test() {
    let sources: Vec<Source> = sources()
        .into_iter()
        .filter(|it| it.path.starts_with("prompts/"))
        .collect();
    let mut broken = Vec::new();
    for path in files(&root().join("prompts"), &|it| it.ends_with(".md")) {
        let prompt = shown(&path);
        let included = format!("\"../{}\"", prompt.trim_start_matches("prompts/"));
        let door = sources.iter().find_map(|source| {
            let before = source.text.split_once(&included)?.0;
            let (_, after) = before.rsplit_once("impl ")?;
            after.split(|it: char| !it.is_alphanumeric()).next()
        });
        let Some(door) = door else {
            broken.push(format!("{prompt}: no type in prompts/src renders it"));
            continue;
        };
        let tested = |it: &Source| it.tests().contains(door);
        if !sources.iter().any(tested) {
            broken.push(format!("{prompt}: no test renders `{door}`"));
        }
    }
    assert_none("prompts", &broken);
}

#[test]
fn every_decision_is_in_the_table() {
    let table = read("docs/decisions/README.md");
    let mut broken = Vec::new();
    for path in files(&root().join("docs/decisions"), &|it| it.ends_with(".md")) {
        let page = shown(&path);
        let name = page.trim_start_matches("docs/decisions/");
        if name != "README.md" && !table.contains(&format!("]({name})")) {
            broken.push(format!("{page}: give it a row in docs/decisions/README.md"));
        }
    }
    assert_none("decisions", &broken);
}

#[test]
fn the_agent_of_the_guide_is_the_one_that_compiles() {
    let guide = read("CONTRIBUTING.md");
    let example = read("crates/pipeline/examples/custom_agent.rs");
    let block = guide
        .split_once("```rust\n")
        .and_then(|(_, after)| after.split_once("```"))
        .map(|(block, _)| block)
        .expect("the guide shows an agent in its first block of Rust");
    let (_, agent) = block
        .split_once("\n/// ")
        .expect("the agent begins with its description");
    assert!(
        example.contains(&format!("\n/// {agent}")),
        "CONTRIBUTING.md shows another agent than crates/pipeline/examples/custom_agent.rs:\n{agent}"
    );
}

/// Fails for each file that has one of the words outside its tests, unless it lives under one of the places.
#[track_caller]
fn check_words(words: &[&str], places: &[&str]) {
    let mut broken = Vec::new();
    for source in sources() {
        let its_place = places.iter().any(|it| source.path.starts_with(it));
        if its_place || source.path.contains("/tests/") || source.path.contains("/examples/") {
            continue;
        }
        for (line, number) in source.parts().0.lines().zip(1..) {
            let code = line.split("//").next().unwrap_or_default();
            for word in words.iter().filter(|it| code.contains(**it)) {
                broken.push(format!("{}:{number}: `{word}`", source.path));
            }
        }
    }
    assert_none(&format!("only {places:?} may say {words:?}"), &broken);
}

#[track_caller]
fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

fn is_without_a_thought(part: &str) -> bool {
    NAMES_WITHOUT_A_THOUGHT.contains(&part)
}

/// One Rust file of ours.
struct Source {
    /// From the root of the repository.
    path: String,
    text: String,
}

impl Source {
    fn tests(&self) -> String {
        if self.path.contains("/tests/") || self.path.ends_with("/tests.rs") {
            return self.text.clone();
        }
        self.parts().1
    }

    /// What is always compiled, and what only for tests: an item behind `#[cfg(test)]`, up to the line that ends it.
    fn parts(&self) -> (String, String) {
        let (mut always, mut for_tests) = (String::new(), String::new());
        let mut is_test_item = false;
        for line in self.text.split_inclusive('\n') {
            is_test_item |= line.trim_end() == "#[cfg(test)]";
            match is_test_item {
                true => {
                    for_tests += line;
                    // So that the lines that follow keep their numbers.
                    always += "\n";
                }
                false => always += line,
            }
            let ends = !line.starts_with([' ', '#', '/']) && line.trim_end().ends_with(['}', ';']);
            is_test_item &= !ends;
        }
        (always, for_tests)
    }
}

#[test]
fn what_is_compiled_for_tests_alone_is_known_wherever_it_stands() {
    let source = Source {
        path: "crates/a/src/a.rs".to_owned(),
        text: "mod b;\n#[cfg(test)]\nmod tests;\n\nfn c() {}\n#[cfg(test)]\n/// For tests.\nfn d() {\n    if a {\n    }\n}\nfn e() {}\n"
            .to_owned(),
    };
    let (always, for_tests) = source.parts();
    let left = "mod b;\n\n\n\nfn c() {}\n\n\n\n\n\n\nfn e() {}\n";
    assert_eq!(always, left);
    assert!(for_tests.contains("fn d()"));
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for room in ["crates", "prompts"] {
        for path in files(&root().join(room), &|it| it.ends_with(".rs")) {
            found.push(Source {
                text: fs::read_to_string(&path).expect("a source file is readable text"),
                path: shown(&path),
            });
        }
    }
    assert!(!found.is_empty(), "no sources found: is the root right?");
    found
}

/// Every crate's name and manifest.
fn manifests() -> Vec<(String, toml::Table)> {
    let of_crate = |it: &str| it.ends_with("Cargo.toml");
    let mut found = Vec::new();
    for room in ["crates", "prompts"] {
        for path in files(&root().join(room), &of_crate) {
            let text = fs::read_to_string(&path).expect("a manifest is readable text");
            let manifest: toml::Table = text.parse().expect("a manifest is TOML");
            let name = manifest["package"]["name"]
                .as_str()
                .expect("a crate has a name");
            found.push((name.to_owned(), manifest));
        }
    }
    found
}

/// Names under `[dependencies]`; dev-dependencies are free.
fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    table
        .into_iter()
        .flat_map(|it| it.keys().cloned())
        .collect()
}

/// Files below a folder that fit, build results and git's own left out.
fn files(folder: &Path, fits: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the repository is readable") {
        let entry = entry.expect("a folder's entry is readable");
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().expect("an entry has a type");
        if name == "target" || name == ".git" {
            continue;
        }
        if kind.is_dir() {
            found.extend(files(&entry.path(), fits));
        } else if kind.is_file() && fits(&name) {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a file of the repository is readable text")
}

fn shown(path: &Path) -> String {
    let inside = path
        .strip_prefix(root())
        .expect("every file is below the root");
    inside.to_string_lossy().into_owned()
}

fn root() -> PathBuf {
    let two_up = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    two_up.expect("crates/testkit is two deep").to_owned()
}
