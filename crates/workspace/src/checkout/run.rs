//! Programs in a checkout: found, given their view of the machine, and run through the door.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use files::TreePath;
use protocol::{Command, Execution, WorkspaceError};
use sandbox::command::{Bounds, Spawn, View};
use shell_policy::Phase;

use super::{Checkout, Ready, private_folder, shown};
use crate::checkout::BaseTree;

/// Where the system's own programs are.
const SYSTEM_PROGRAMS: &str = "/usr/local/bin:/usr/bin:/bin";

/// Variables for what would otherwise differ from run to run, or by who runs us.
const THE_SAME_EVERYWHERE: [(&str, &str); 3] = [
    // The order of Python's sets. A command may choose another one.
    ("PYTHONHASHSEED", "0"),
    ("LOGNAME", "agent"),
    ("USER", "agent"),
];

/// Stands for the folder of a command's tools.
const TOOLS: &str = "{tools}";

/// Stands for the folder of the tree.
const TREE: &str = "{tree}";

impl Checkout {
    /// The environment, made ready by whoever asks first.
    pub(super) async fn ready(&self) -> Result<&Ready, WorkspaceError> {
        let shared = &self.shared;
        let make = || async {
            let base = BaseTree {
                repository: shared.base.repository.clone(),
                commit: shared.base_commit,
                store: shared.store.clone(),
                files: shared.base_files.clone(),
            };
            shared.environments.get_ready(&base).await
        };
        shared.ready.get_or_try_init(make).await
    }

    pub(super) async fn run_command(
        &self,
        command: &Command,
        on_report: &mut (dyn for<'b> FnMut(&'b [u8]) + Send),
    ) -> Result<Execution, WorkspaceError> {
        let directory = TreePath::parse(&command.directory, self.path())?;
        let writes_tree = command.writes_tree;
        let checked = directory.clone();
        self.with_files(move |tree| {
            tree.lay_out()?;
            tree.check_directory(&checked)?;
            // Said before the program starts, because it may be stopped at any moment.
            if writes_tree {
                tree.expect_changes()?;
            }
            Ok(())
        })
        .await?;
        let tools = private_folder(&self.shared)?;
        for tool in &command.tools {
            write_tool(tools.path(), &tool.name, &tool.text)?;
        }
        let spawn = self.spawn(command, &directory, tools.path());
        self.shared
            .door
            .run_watching(&spawn, on_report)
            .await
            .map_err(|it| WorkspaceError::failed(format!("run `{}`", command.argv.join(" ")), it))
    }

    pub(super) async fn run_shell_line(
        &self,
        line: &str,
        seconds_max: u64,
    ) -> Result<Execution, WorkspaceError> {
        let judged = shell_policy::judge(line, Phase::Work, self.path()).map_err(|it| {
            WorkspaceError::Denied {
                line: line.to_owned(),
                why: it.why,
            }
        })?;
        let in_order = shown::in_order(&judged.programs);
        let mut command = match judged.argv.filter(|_| in_order.is_empty()) {
            Some(argv) => Command::new(argv, seconds_max),
            // The options keep bash from reading any file of its own.
            None => Command::new(["bash", "--noprofile", "--norc", "-c", line], seconds_max),
        };
        command.env.extend(in_order);
        let ended = self.run_command(&command, &mut |_| {}).await?;
        Ok(self.shown(ended, line, &judged.programs))
    }

    fn spawn(&self, command: &Command, directory: &TreePath, tools: &Path) -> Spawn {
        let tree = self.path();
        let mut readable = self.shared.store.object_folders();
        readable.push(tools.to_owned());
        let mut programs = Vec::new();
        let mut env = BTreeMap::new();
        if let Some(ready) = self.shared.ready.get() {
            readable.extend(ready.readable.iter().cloned());
            programs.extend(ready.programs.iter().map(|it| it.display().to_string()));
            let tree = tree.display().to_string();
            for (name, value) in &ready.variables {
                env.insert(name.clone(), value.replace(TREE, &tree));
            }
        }
        programs.push(SYSTEM_PROGRAMS.to_owned());
        env.insert("PATH".to_owned(), programs.join(":"));
        for (name, value) in THE_SAME_EVERYWHERE {
            env.insert(name.to_owned(), value.to_owned());
        }
        // The picture of a repository that a tree contains is read-only.
        env.insert("GIT_OPTIONAL_LOCKS".to_owned(), "0".to_owned());
        let tools = tools.display().to_string();
        for (name, value) in &command.env {
            env.insert(name.clone(), value.replace(TOOLS, &tools));
        }
        let argv = command.argv.iter().map(|it| it.replace(TOOLS, &tools));
        let (mut writable, mut sealed) = (Vec::new(), Vec::<PathBuf>::new());
        if command.writes_tree {
            writable.push(tree.to_owned());
            sealed.push(tree.join(".git"));
        } else {
            readable.push(tree.to_owned());
        }
        Spawn {
            argv: argv.collect(),
            directory: tree.join(directory.as_path()),
            env,
            stdin: command.stdin.clone(),
            view: View::Confined {
                writable,
                readable,
                sealed,
                network: command.network,
            },
            bounds: Bounds::of(&self.shared.limits, command.seconds_max),
            report: command.report,
        }
    }
}

fn write_tool(folder: &Path, name: &str, text: &str) -> Result<(), WorkspaceError> {
    let plain = Path::new(name).file_name().is_some_and(|it| it == name);
    if !plain {
        return Err(WorkspaceError::Unusable {
            path: name.to_owned(),
            why: "a tool's name has no folder".to_owned(),
        });
    }
    std::fs::write(folder.join(name), text)
        .map_err(|it| WorkspaceError::failed(format!("write the tool `{name}`"), it))
}
