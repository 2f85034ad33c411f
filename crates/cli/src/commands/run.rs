//! `pipeline run`: one task to a verified change.

use runs::RunRequest;

use crate::args::RunArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::{feedback, out, recording, session, settings, task};

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
    let known = match (&args.source.pr_feedback, &recorded) {
        (Some(reference), _) => Some(feedback::read(&home, reference).await?),
        (None, Some(run)) => recording::asked(&args, &home.surroundings, run)?,
        (None, None) => None,
    };
    let asked = match known {
        Some(asked) => asked,
        None => {
            task::read(
                &home.surroundings,
                &home.config,
                &args.source,
                args.task.as_deref(),
            )
            .await?
        }
    };
    settings.repo = asked.repository;
    if let Some(continued) = asked.continues {
        // What it goes on with is a request, so that is where its change goes.
        let wishes = home.config.pull_request.wishes(args.out.draft);
        settings.pull_request.get_or_insert(wishes);
        settings.base = Some(continued.branch.clone());
        settings.continues = Some(continued);
    }
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
