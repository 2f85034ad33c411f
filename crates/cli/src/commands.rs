//! One file a command.

mod cancel;
mod commit;
mod demo;
mod doctor;
mod examine;
mod fork;
mod log;
mod models;
mod resume;
mod review_bench;
mod run;
mod runs;
mod show;
mod verify;

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
        Command::Runs(args) => runs::runs(&args).await,
        Command::Show(args) => show::show(&args).await,
        Command::Log(args) => log::log(&args).await,
        Command::Cancel(args) => cancel::cancel(&args).await,
        Command::Verify(args) => verify::verify(args, quiet).await,
        Command::Commit(args) => commit::commit(&args).await,
        Command::Demo(args) => demo::demo(args, quiet).await,
        Command::Models(args) => models::models(&args),
        Command::ReviewBench(args) => review_bench::review_bench(&args, quiet).await,
        Command::Doctor(args) => doctor::doctor(&args).await,
        Command::Completions { shell } => {
            completions(shell);
            Ok(Exit::Done)
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
