//! How pytest is started, and what it is asked.

use protocol::Command;

use crate::settings::Settings;
use crate::targets::Targets;

/// The plugin, among our tools.
pub(crate) const PLUGIN_FILE: &str = "pipeline_pytest.py";
/// Given to pytest where a repository has no configuration, so that no file of a parent folder steers it.
pub(crate) const EMPTY_CONFIG_FILE: &str = "pytest.ini";
/// The files that pytest looks into by itself, where others are named as well.
const USUAL_NAMES: &str = "python_files=test_*.py *_test.py";
/// What we ask of pytest in every run. Later arguments win, so these also undo what a repository's `addopts` say.
pub(crate) const ALWAYS: [&str; 5] = [
    // Without the header, which names folders of this machine.
    "-q",
    "--tb=short",
    "--color=no",
    // A run that stops at the first failure tells nothing about the other tests.
    "--maxfail=0",
    "--continue-on-collection-errors",
];

/// Keeps the variables from Python that put the tree on its path, because it reads them before its first line and would
/// run a `sitecustomize.py` of the tree. The plugin puts them back.
pub(crate) const WITHOUT_THE_TREE: &str = r#"for name in PYTHONPATH PIPELINE_TREE_ROOTS; do
  eval "value=\${$name-}"
  if [ -n "$value" ]; then export "PIPELINE_LATER_${name#PIPELINE_}=$value"; fi
  unset "$name"
done
exec "$@""#;

/// The same command line for every session, so that nothing tells one from the other; what pytest is asked goes over
/// standard input.
pub(crate) fn plain_command(settings: &Settings, seconds_max: u64) -> Command {
    let mut argv = ["sh", "-c", WITHOUT_THE_TREE, "sh", "python"]
        .map(str::to_owned)
        .to_vec();
    argv.push(format!("{{tools}}/{PLUGIN_FILE}"));
    let mut command = Command::new(argv, seconds_max);
    command.directory.clone_from(&settings.folder);
    command
}

/// Configuration, root and plugin are fixed by us, so that test ids are the same on every checkout. `{tools}` stands for
/// the folder of the plugin, which knows it.
pub(crate) fn plain_arguments(settings: &Settings, targets: Targets<'_>) -> Vec<String> {
    let config = match &settings.config {
        Some(path) => settings.inside(path),
        None => format!("{{tools}}/{EMPTY_CONFIG_FILE}"),
    };
    let mut arguments = ALWAYS.map(str::to_owned).to_vec();
    arguments.extend([
        "-c".to_owned(),
        config,
        "--rootdir=.".to_owned(),
        // Otherwise pytest looks for conftest.py only below the folder of its configuration.
        "--confcutdir=.".to_owned(),
    ]);
    if !settings.further_names.is_empty() {
        let names = settings.further_names.join(" ");
        arguments.extend(["-o".to_owned(), format!("{USUAL_NAMES} {names}")]);
    }
    if let Targets::Files(files) = targets {
        arguments.extend(files.iter().map(|it| settings.inside(it)));
    }
    arguments
}

/// The repository's own command line. pytest, wherever in it, finds the plugin through its environment.
pub(crate) fn own_command(line: &str, seconds_max: u64) -> Command {
    let script = format!(
        "export PYTHONPATH=\"$PIPELINE_TOOLS${{PYTHONPATH:+:$PYTHONPATH}}\"\nunset PIPELINE_TOOLS\n{line}\n"
    );
    let mut command = Command::new(["sh", "-c", &script], seconds_max);
    command
        .env
        .insert("PIPELINE_TOOLS".to_owned(), "{tools}".to_owned());
    command.env.insert(
        "PYTEST_ADDOPTS".to_owned(),
        format!("-p pipeline_pytest {}", ALWAYS.join(" ")),
    );
    command
}
