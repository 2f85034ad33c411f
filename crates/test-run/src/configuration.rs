//! What says how tests are run stays as it is on the base, unless the task asks for another one.

use protocol::{AgentContext, AgentError, RunState, Workspace, WorkspaceError};

use crate::own_tests::allowed;
use crate::settings::{CANDIDATES, Settings, pytest_part};
use crate::tree_files::read_bytes;

/// Files that only say how tests are run, wherever they stand.
const ANYWHERE: [&str; 3] = ["conftest.py", "sitecustomize.py", "usercustomize.py"];

/// How the tests with the change are run: as on the base, but for what the task allowed the change to say.
pub(crate) async fn settings(
    cx: &AgentContext<'_>,
    state: &RunState,
) -> Result<Settings, WorkspaceError> {
    let base = Settings::read(cx.base).await?;
    let allowed = allowed(state);
    if !allowed.iter().any(|it| is_configuration(it, &base.folder)) {
        return Ok(base);
    }
    Ok(Settings {
        modules: base.modules,
        folder: base.folder,
        ..Settings::read(cx.work).await?
    })
}

/// Puts the base's files back into a checkout of the change, and gives the settings to run it with.
pub(crate) async fn put_back(
    cx: &AgentContext<'_>,
    state: &RunState,
    tree: &dyn Workspace,
) -> Result<Settings, AgentError> {
    let mut settings = self::settings(cx, state).await?;
    let allowed = allowed(state);
    for file in cx.work.change().await?.files {
        let path = file.path.as_str();
        if allowed.contains(path) || !says_how_tests_run(path, &settings.folder) {
            continue;
        }
        let before = read_bytes(cx.base, path).await?;
        if is_shared(path, &settings.folder) {
            let now = read_bytes(cx.work, path).await?;
            let part = |bytes: &Option<Vec<u8>>| {
                let text = bytes.as_deref().map(String::from_utf8_lossy);
                text.map(|it| pytest_part(path, &it)).unwrap_or_default()
            };
            if part(&before) == part(&now) {
                continue;
            }
            if settings.test_command.is_none() {
                // The rest of the file may be what the task is about.
                if let (Some(bytes), true) = (&before, settings.config.as_deref() == Some(path)) {
                    let name = match path.rsplit_once('/') {
                        Some((folder, name)) => format!("{folder}/pipeline_base_{name}"),
                        None => format!("pipeline_base_{path}"),
                    };
                    tree.write(&name, bytes).await?;
                    settings.config = Some(name);
                }
                continue;
            }
        }
        if read_bytes(tree, path).await?.is_some() || file.symlink {
            tree.delete(path).await?;
        }
        if let Some(bytes) = before {
            tree.write(path, &bytes).await?;
        }
    }
    Ok(settings)
}

fn says_how_tests_run(path: &str, folder: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ANYWHERE.contains(&name) || is_configuration(path, folder)
}

/// Whether pytest looks for its configuration there: at the root, or in the folder of the tests.
fn is_configuration(path: &str, folder: &str) -> bool {
    let name = name_there(path, folder);
    CANDIDATES.iter().any(|(it, _)| Some(*it) == name)
}

/// Whether a configuration holds other things besides.
fn is_shared(path: &str, folder: &str) -> bool {
    let name = name_there(path, folder);
    name.is_some_and(|it| ["pyproject.toml", "setup.cfg", "tox.ini"].contains(&it))
}

/// The name of a file at the root or in the folder of the tests.
fn name_there<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    match path.rsplit_once('/') {
        None => Some(path),
        Some((above, name)) if above == folder => Some(name),
        Some(_) => None,
    }
}
