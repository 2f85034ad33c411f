//! `pipeline run`: one task to a verified change.

use runs::RunRequest;

use crate::args::RunArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::{out, recording, session, settings, task};

pub(crate) async fn run(args: RunArgs, quiet: bool) -> Result<Exit, Failure> {
    let mut home = Home::open().await?;
    let recorded = recording::to_replay(&args, &home.surroundings)?;
    if let Some(run) = &recorded {
        recording::bound(&mut home.config, run);
    }
    if let Some(drafts) = args.bounds.max_iterations {
        home.config.limits.iterations_max = drafts;
    }
    if let Some(seconds) = args.bounds.test_seconds {
        home.config.limits.test_run_seconds_max = seconds;
    }
    let mode = session::mode(&home, quiet, args.out.json);
    let mut settings = settings::of(&args, &home.config, &home.surroundings, recorded.as_ref())?;
    let replayed = match &recorded {
        Some(run) => recording::asked(&args, &home.surroundings, run)?,
        None => None,
    };
    let asked = match replayed {
        Some(asked) => asked,
        None => task::read(&home.surroundings, &args.source, args.task.as_deref()).await?,
    };
    settings.repo = asked.repository;
    runs::check_places(&settings)?;
    let tests = task::given_tests(&home.surroundings, &args.source, &settings)?;
    let plan = session::Plan {
        request: RunRequest {
            task: asked.task,
            tests,
            settings,
            limits: home.config.limits.clone(),
            recorded,
        },
        notes: asked.notes,
        dry_run: args.bounds.dry_run,
        asks: !args.bounds.yes,
    };
    let ended = session::begin(&home, plan, mode).await;
    if args.out.notify {
        out::notify(&home.surroundings, &ended);
    }
    ended
}
