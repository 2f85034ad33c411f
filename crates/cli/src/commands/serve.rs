//! `pipeline serve` and `pipeline mcp`: runs over HTTP with the page, and for other agents.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use server::{Choices, Drained, Server, ServerError};

use crate::args::{AcpArgs, McpArgs, ServeArgs};
use crate::config::ServerConfig;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::progress::{Mode, Progress};
use crate::served::Served;
use crate::signals::Signals;
use crate::surroundings::Surroundings;
use crate::{out, settings};

/// The file with the token of whoever serves.
const TOKEN_FILE: &str = "serve.token";

pub(crate) async fn serve(args: ServeArgs) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let config = &home.config.server;
    let hosts = match args.hosts.is_empty() {
        true => config.hosts.clone(),
        false => args.hosts,
    };
    let choices = Choices {
        address: args.listen.unwrap_or(config.listen),
        hosts,
        runs_max: args.parallel.map_or(config.parallel, usize::from),
        ..choices(config, args.scripted.is_some())
    };
    let token_file = home.surroundings.state.join(TOKEN_FILE);
    let token = token_in(&token_file)?;
    let asked = Asked {
        folders: &args.folders,
        scripted: args.scripted.as_deref(),
        unconfined: args.walls.unconfined,
    };
    let is_local = choices.is_local();
    let has_desktop = home.surroundings.has_desktop();
    let (server, folders) = asked.server(home, choices, token)?;
    let listening = server.listen().await.map_err(refused)?;
    let address = format!("http://{}", listening.address);
    out::line(&format!("listening   {address}"));
    match &listening.code {
        Some(code) => {
            let code = code.expose_secret();
            let page = format!("{address}/coding?code={code}");
            out::line(&format!("page        {page}  (opens once)"));
            if args.open {
                open_page(&page, has_desktop);
            }
            out::line(&format!(
                "token       {}  (for programs)",
                token_file.display()
            ));
        }
        None => out::line(
            "others      reach this address: each needs a token, and something before it must speak TLS",
        ),
    }
    for folder in &folders {
        out::line(&format!("folder      {folder}"));
    }
    if folders.is_empty() {
        out::line(match is_local {
            true => {
                "folder      none: only addresses of repositories are taken (--folder PATH lets folders be named)"
            }
            false => "folder      none: only addresses of repositories are taken",
        });
    }
    let progress = Arc::new(Progress::new(Mode::Plain));
    let signals = Signals::serve(&progress);
    let drained = listening.serve(signals.stop.listener()).await;
    let drained = drained.map_err(refused)?;
    out::line(&stopped(drained));
    Ok(Exit::Done)
}

/// Answers another agent; nothing but the protocol is on standard output.
pub(crate) async fn mcp(args: McpArgs) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let choices = Choices {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        ..choices(&home.config.server, args.scripted.is_some())
    };
    let asked = Asked {
        folders: &args.folders,
        scripted: args.scripted.as_deref(),
        unconfined: args.walls.unconfined,
    };
    let (server, _) = asked.server(home, choices, server::new_secret())?;
    let progress = Arc::new(Progress::new(Mode::Quiet));
    let signals = Signals::serve(&progress);
    let drained = server.speak_mcp(signals.stop.listener()).await;
    left(drained);
    Ok(Exit::Done)
}

/// Answers an editor; nothing but the protocol is on standard output.
pub(crate) async fn acp(args: AcpArgs) -> Result<Exit, Failure> {
    let mut home = Home::open().await?;
    if let Some(budget) = &args.budget {
        home.config.budget = Some(dollars_of(settings::dollars(budget)?));
    }
    let choices = Choices {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        ..choices(&home.config.server, args.scripted.is_some())
    };
    // Whoever opens a folder in their editor may name it.
    let root = [PathBuf::from("/")];
    let asked = Asked {
        folders: &root,
        scripted: args.scripted.as_deref(),
        unconfined: args.walls.unconfined,
    };
    let (server, _) = asked.server(home, choices, server::new_secret())?;
    let progress = Arc::new(Progress::new(Mode::Quiet));
    let signals = Signals::serve(&progress);
    let drained = server.speak_acp(signals.stop.listener()).await;
    left(drained);
    Ok(Exit::Done)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "amounts have two digits behind the point"
)]
fn dollars_of(microusd: u64) -> f64 {
    microusd as f64 / 1e6
}

fn open_page(page: &str, has_desktop: bool) {
    if !has_desktop {
        out::remark("there is no desktop here to open it on");
    } else if let Err(error) = open::that_detached(page) {
        out::remark(&format!("no program here opens it: {error}"));
    }
}

fn choices(config: &ServerConfig, scripted: bool) -> Choices {
    Choices {
        address: config.listen,
        hosts: Vec::new(),
        runs_max: config.parallel,
        caller_runs_max: config.caller_parallel,
        streams_max: config.streams,
        requests_per_minute_max: config.requests_per_minute,
        run_microusd_max: config.run_budget_max.map(settings::microusd),
        clean_after_days: config.clean_after_days,
        scripted,
        version: env!("PIPELINE_VERSION").to_owned(),
    }
}

/// Says what became of runs whose asker went away.
fn left(drained: Drained) {
    match drained.runs {
        0 => {}
        1 => out::remark("the run that worked was stopped; `pipeline resume` goes on with it"),
        runs => out::remark(&format!(
            "the {runs} runs that worked were stopped; `pipeline runs` lists them, `pipeline resume RUN` goes on with one"
        )),
    }
}

/// What became of the runs that worked.
fn stopped(drained: Drained) -> String {
    let Drained { runs, in_time } = drained;
    let runs = match runs {
        0 => return "stopped     no run was at work".to_owned(),
        1 => "the run that worked goes".to_owned(),
        runs => format!("the {runs} runs that worked go"),
    };
    let late = match in_time {
        true => "",
        false => {
            "; not all of them stopped in time, and what they were in the middle of is done again"
        }
    };
    format!("stopped     {runs} on with the next `pipeline serve`{late}")
}

/// What a server is made of.
struct Asked<'a> {
    folders: &'a [PathBuf],
    scripted: Option<&'a Path>,
    unconfined: bool,
}

impl Asked<'_> {
    /// The server, and the folders that may be named as people know them.
    fn server(
        self,
        home: Home,
        choices: Choices,
        token: SecretString,
    ) -> Result<(Server, Vec<String>), Failure> {
        let configured = home.config.server.folders.iter();
        let folders = folders(&home.surroundings, self.folders, configured, &choices)?;
        let scripted = self.scripted.map(|it| home.surroundings.absolute(it));
        if let Some(folder) = &scripted {
            settings::roles_of_scripts(folder)?;
        }
        let runs = home.runs()?;
        let served = Served {
            folders,
            scripted,
            unconfined: self.unconfined,
            home,
        };
        let told = served.folders_told();
        Ok((Server::new(runs, Arc::new(served), choices, token), told))
    }
}

fn refused(error: ServerError) -> Failure {
    match &error {
        ServerError::Tokenless { .. } => Failure::told(Exit::Usage, error).advise(
            "`pipeline token add NAME` gives somebody a token. Without --listen, the server is for you alone and needs none.",
        ),
        ServerError::Listen { .. } => Failure::told(Exit::Usage, error)
            .advise("Give another --listen ADDRESS:PORT; port 0 is any that is free."),
        ServerError::Store(_) => Failure::told(Exit::Broken, error),
    }
}

/// The folders below which repositories may be named, as they really are.
fn folders<'a>(
    surroundings: &Surroundings,
    given: &[PathBuf],
    configured: impl Iterator<Item = &'a String>,
    choices: &Choices,
) -> Result<Vec<PathBuf>, Failure> {
    let mut named: Vec<PathBuf> = given.to_vec();
    if named.is_empty() {
        named = configured.map(|it| surroundings.with_home(it)).collect();
    }
    if named.is_empty() && choices.is_local() {
        named.extend(surroundings.repository().map(Path::to_owned));
    }
    named
        .iter()
        .map(|it| {
            let folder = surroundings.absolute(it);
            let real = std::fs::canonicalize(&folder);
            real.ok().filter(|it| it.is_dir()).ok_or_else(|| {
                Failure::plain_usage(format!(
                    "let repositories be named below {}: it is no folder",
                    folder.display()
                ))
            })
        })
        .collect()
}

/// The token in a file that nobody else reads; made when it isn't there.
fn token_in(file: &Path) -> Result<SecretString, Failure> {
    let failed =
        |it: std::io::Error| Failure::usage(format!("use the token in {}", file.display()), it);
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let mode = std::fs::metadata(file)
                .map_err(failed)?
                .permissions()
                .mode();
            if mode & 0o077 != 0 {
                return Err(Failure::plain_usage(format!(
                    "use the token in {}: others can read it",
                    file.display()
                ))
                .advise(format!(
                    "Remove it (`rm {}`); the next start makes another.",
                    file.display()
                )));
            }
            match text.trim() {
                "" => Err(Failure::plain_usage(format!(
                    "use the token in {}: it is empty",
                    file.display()
                ))
                .advise("Remove it; the next start makes another.")),
                token => Ok(SecretString::from(token)),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let token = server::new_secret();
            let mut options = std::fs::OpenOptions::new();
            let mut made = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(file)
                .map_err(failed)?;
            made.write_all(format!("{}\n", token.expose_secret()).as_bytes())
                .map_err(failed)?;
            Ok(token)
        }
        Err(error) => Err(failed(error)),
    }
}
