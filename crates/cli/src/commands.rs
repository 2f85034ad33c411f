//! One file a command.

mod apply;
mod bot;
mod cancel;
mod clean;
mod commit;
mod config;
mod demo;
mod diff;
mod doctor;
mod examine;
mod fork;
mod log;
pub(crate) mod models;
mod open;
mod resume;
mod review_bench;
mod run;
mod runs;
mod serve;
pub(crate) mod show;
mod test;
mod token;
pub(crate) mod verify;

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;

/// Does what the command line says.
pub(crate) async fn dispatch(command: Command, quiet: bool) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::run(args, quiet).await,
        Command::Resume(args) => resume::resume(args, quiet).await,
        Command::Fork(args) => fork::fork(args, quiet).await,
        Command::Bot(args) => bot::bot(*args).await,
        Command::Serve(args) => serve::serve(args).await,
        Command::Mcp(args) => serve::mcp(args).await,
        Command::Acp(args) => serve::acp(args).await,
        Command::Token { command } => token::token(command).await,
        Command::Runs(args) => runs::runs(&args).await,
        Command::Show(args) => show::show(&args).await,
        Command::Log(args) => log::log(&args).await,
        Command::Diff(args) => diff::diff(&args).await,
        Command::Apply(args) => apply::apply(&args).await,
        Command::Open(args) => open::open(&args).await,
        Command::Test(args) => test::test(&args, quiet).await,
        Command::Config { command } => config::config(&command),
        Command::Clean(args) => clean::clean(&args).await,
        Command::Cancel(args) => cancel::cancel(&args).await,
        Command::Verify(args) => verify::verify(args, quiet).await,
        Command::Commit(args) => commit::commit(&args).await,
        Command::Demo(args) => demo::demo(args, quiet).await,
        Command::Models(args) => models::models(&args),
        Command::ReviewBench(args) => review_bench::review_bench(&args, quiet).await,
        Command::Doctor(args) => doctor::doctor(&args).await,
        Command::Completions { .. }
        | Command::Man { .. }
        | Command::Configuration
        | Command::ExitCodes
        | Command::Environment => {
            unreachable!("they need no clients, and are answered before")
        }
    }
}

/// Prints the completions of a shell.
pub(crate) fn completions(shell: Shell) {
    clap_complete::generate(
        shell,
        &mut Cli::command(),
        "pipeline",
        &mut std::io::stdout(),
    );
}

/// Writes the manual pages: one for the program, one a command.
pub(crate) fn man(folder: &Path) -> Result<Exit, Failure> {
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.map_err(|it| {
        Failure::usage(
            format!("write the manual pages into {}", folder.display()),
            it,
        )
    })?;
    Ok(Exit::Done)
}
