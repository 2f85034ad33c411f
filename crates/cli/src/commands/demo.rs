//! `pipeline demo`: the whole walk on the bundled repository, with scripted models.

use runs::{RunRequest, Settings, demo as bundled};

use crate::args::DemoArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::out;
use crate::progress::Mode;
use crate::session;

pub(crate) async fn demo(args: DemoArgs, quiet: bool) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let mode = session::mode(&home, quiet, args.json);
    let repository = home.surroundings.state.join("demo").join("spantime");
    let settings = Settings::demo(
        &repository,
        args.out.as_ref().map(|it| home.surroundings.absolute(it)),
        args.walls.unconfined,
    );
    runs::check_places(&settings)?;
    // The first time; later demonstrations add branches to it.
    bundled::plant(&repository, &home.config.author.identity())?;
    if matches!(mode, Mode::Live | Mode::Plain) {
        out::line(
            "This is a demonstration. Its models are scripts that come with the program: no model is asked, no key is used.\n\
             Everything else is real: git, Ruff, pytest, the sandbox, the gates.\n",
        );
    }
    let plan = session::Plan {
        request: RunRequest {
            task: bundled::task()?,
            tests: intake::GivenTests::default(),
            settings,
            limits: home.config.limits.clone(),
            recorded: None,
        },
        notes: Vec::new(),
        dry_run: false,
        asks: false,
    };
    session::begin(&home, plan, mode).await
}
