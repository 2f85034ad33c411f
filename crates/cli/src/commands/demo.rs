//! `pipeline demo`: the whole walk on the bundled repository, with scripted models.

use workspace::git::plant;

use crate::args::DemoArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::progress::Mode;
use crate::session;
use crate::settings::Settings;
use crate::{demo as bundled, ending, out};

pub(crate) async fn demo(args: DemoArgs, quiet: bool) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let mode = session::mode(&home, quiet, args.json);
    let repository = home.surroundings.state.join("demo").join("spantime");
    let settings = Settings::demo(
        &repository,
        args.out.as_ref().map(|it| home.surroundings.absolute(it)),
        args.walls.unconfined,
    );
    ending::check_places(&settings)?;
    plant_once(&home, &repository)?;
    if matches!(mode, Mode::Live | Mode::Plain) {
        out::line(
            "This is a demonstration. Its models are scripts that come with the program: no model is asked, no key is used.\n\
             Everything else is real: git, Ruff, pytest, the sandbox, the gates.\n",
        );
    }
    let plan = session::Plan {
        task: bundled::task()?,
        given: intake::GivenTests::default(),
        settings,
        recorded: None,
        notes: Vec::new(),
        dry_run: false,
        asks: false,
    };
    session::begin(&home, plan, mode).await
}

/// The repository is made the first time; later demonstrations add branches to it.
fn plant_once(home: &Home, folder: &std::path::Path) -> Result<(), Failure> {
    if folder.join(".git").exists() {
        return Ok(());
    }
    let files = bundled::files();
    plant(
        folder,
        files.iter().map(|(path, bytes)| (path.as_str(), *bytes)),
        "Spans of time, as people write them",
        &home.config.author.identity(),
    )
    .map(drop)
    .map_err(|it| {
        Failure::broken(
            format!("make the demo's repository in {}", folder.display()),
            it,
        )
        .advise("Delete that folder and try again.")
    })
}
