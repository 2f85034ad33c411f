//! The program: names every crate, reads the environment, knows the terminal.

mod advice;
mod args;
mod bench;
mod briefing;
mod changes;
mod commands;
mod config;
mod crew;
mod ended;
mod ending;
mod exit;
mod failure;
mod feedback;
mod figures;
mod findings;
mod home;
mod host;
mod out;
mod paint;
mod progress;
mod recording;
mod reference;
mod rehearsal;
mod reopen;
mod reopened;
mod served;
mod session;
mod settings;
mod signals;
mod surroundings;
mod task;
mod trackers;
mod words;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;

fn main() -> ExitCode {
    // Inside the sandbox this same program puts up the inner walls and becomes the command; see sandbox::confine.
    let mut arguments = std::env::args_os().skip(1);
    if arguments
        .next()
        .is_some_and(|it| it == sandbox::confine::MARKER)
    {
        sandbox::confine::inner_main(arguments);
    }
    let cli = Cli::parse();
    paint::choose(cli.color);
    let ended = match cli.command {
        Command::Completions { shell } => {
            commands::completions(shell);
            Ok(Exit::Done)
        }
        Command::Man { folder } => commands::man(&folder),
        Command::Configuration => Ok(told(&reference::configuration())),
        Command::ExitCodes => Ok(told(&reference::exit_codes())),
        Command::Environment => Ok(told(&reference::environment())),
        command => start(command, cli.quiet, cli.verbose),
    };
    match ended {
        Ok(exit) => exit.code().into(),
        Err(failure) => {
            // Vendors, trackers and programs of the repository have a word in it.
            let told = protocol::visible(&failure.to_string()).into_owned();
            let told = format!("error: {told}");
            let told = paint::line(&told, paint::Stream::Error);
            let _ = writeln!(std::io::stderr().lock(), "{told}");
            failure.exit.code().into()
        }
    }
}

fn told(text: &str) -> Exit {
    out::line(text.trim_end());
    Exit::Done
}

/// Everything that needs clients, files or children.
fn start(command: Command, quiet: bool, verbose: u8) -> Result<Exit, Failure> {
    sandbox::confine::forbid_core_dumps()
        .map_err(|source| Failure::broken("forbid core dumps", source))?;
    start_log(verbose)?;
    // Two HTTP clients would otherwise race to choose one; a second choice can only be the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::broken("start the runtime", source))?
        .block_on(commands::dispatch(command, quiet))
}

/// Diagnostics on standard error for those who ask for them: with `PIPELINE_LOG`, which says exactly which, else with `-v`.
fn start_log(verbose: u8) -> Result<(), Failure> {
    let filter = match (std::env::var("PIPELINE_LOG"), verbose) {
        (Ok(filter), _) => filter,
        (Err(_), 0) => return Ok(()),
        (Err(_), 1) => "info".to_owned(),
        // Libraries that speak HTTP and SQL have much to say, and little of it is about a run.
        (Err(_), _) => "debug,hyper=info,hyper_util=info,h2=info,rustls=info,reqwest=info,sqlx=info,globset=info".to_owned(),
    };
    let filter = tracing_subscriber::EnvFilter::try_new(&filter)
        .map_err(|source| Failure::usage(format!("understand PIPELINE_LOG={filter}"), source))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match std::env::var("PIPELINE_LOG_FORMAT").as_deref() {
        Ok("json") => log.json().flatten_event(true).init(),
        Ok("text" | "") | Err(_) => log.init(),
        Ok(other) => {
            return Err(Failure::plain_usage(format!(
                "understand PIPELINE_LOG_FORMAT={} (there are text and json)",
                words::visible(other)
            )));
        }
    }
    Ok(())
}
