//! `pipeline bot`: wishes from a tracker in, pull requests out.

mod setup;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bot::{Bot, BotError, Budgets, Choices, Event, Tickets, Watched, Webhooks};
use forge::{GitHub, Jira, RepositoryName};
use protocol::plain_text::line;
use store::Wish;

use crate::args::{BotArgs, BotCommand, BoundsArgs, OutArgs, RunArgs, SourceArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::progress::{Mode, Progress};
use crate::signals::Signals;
use crate::{out, settings, words};

/// Wishes that a status prints.
const WISHES_MAX: u32 = 50;
/// Bytes of what was said about one, in a line.
const SAID_BYTES_MAX: usize = 160;
/// The file that keeps the bot from beginning anything.
const OFF_FILE: &str = "bot.off";
/// The file that says since when the bot listens to comments.
const SINCE_FILE: &str = "bot.since";

pub(crate) async fn bot(args: BotArgs) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    match &args.command {
        Some(BotCommand::Status { json }) => return status(&home, *json).await,
        Some(BotCommand::Setup(asked)) => return setup::setup(&home, asked).await,
        None => {}
    }
    let is_alone = args.once || args.event.is_some();
    if args.poll.is_none() && args.listen.is_none() && !is_alone {
        return Err(Failure::plain_usage(
            "begin: nothing says how the bot hears of wishes (give --poll SECONDS, --listen ADDRESS:PORT, --once, or --event FILE)",
        ));
    }
    let event = match (&args.event, &args.event_name) {
        (Some(file), Some(name)) => match event(&home, file, name)? {
            Some(event) => Some(event),
            None => {
                out::line("nothing      nobody wishes for anything by this event");
                return Ok(Exit::Done);
            }
        },
        _ => None,
    };
    let webhooks = match args.listen {
        Some(address) => Some((address, secret(&home)?)),
        None => None,
    };
    let runs = home.runs()?;
    let github = runs.host().github.clone().ok_or_else(|| {
        Failure::plain_usage("begin without GITHUB_TOKEN and without an app").advise(
            "`pipeline bot setup` says what to set up. A token needs the scope `repo`, or a fine-grained one Contents, Issues and Pull requests: write.",
        )
    })?;
    let named = match &event {
        // The repository that the job is of.
        Some(event) if args.repositories.is_empty() => vec![repository_of(event)?],
        _ => repositories(&home, &args.repositories)?,
    };
    let tickets = match &event {
        None => tickets(&home, runs.host().jira.clone())?,
        Some(_) => None,
    };
    let mut watched = Vec::new();
    let of_tickets = tickets.iter().flat_map(|it| it.projects.values());
    for name in named.iter().chain(of_tickets) {
        if watched.iter().any(|it: &Watched| it.name == *name) {
            continue;
        }
        watched.push(Watched {
            name: name.clone(),
            settings: settings_for(&home, &args, &github, name)?,
            has_issues: named.contains(name),
        });
    }
    let projects: Vec<String> = tickets
        .iter()
        .flat_map(|it| it.projects.keys().cloned())
        .collect();
    let config = &home.config.bot;
    let budgets = Budgets {
        run_microusd_max: watched
            .first()
            .and_then(|it| it.settings.money_microusd_max),
        repository_day_microusd_max: config.repository_day_budget.map(settings::microusd),
        day_microusd_max: config.day_budget.map(settings::microusd),
    };
    if budgets.run_microusd_max.is_none()
        && (budgets.day_microusd_max.is_some() || budgets.repository_day_microusd_max.is_some())
    {
        return Err(Failure::plain_usage(
            "keep to a budget a day without one a run (give --budget DOLLARS, or `budget` in the configuration)",
        ));
    }
    let off_file = home.surroundings.state.join(OFF_FILE);
    let progress = Arc::new(Progress::new(Mode::Plain));
    let signals = Signals::obey(&progress);
    let parallel = args.parallel.map_or(config.parallel, usize::from);
    let choices = Choices {
        rules: config.rules(),
        budgets,
        watched,
        limits: home.config.limits.clone(),
        parallel,
        off_file: off_file.clone(),
        since: since(&home)?,
    };
    let bot = Bot::new(runs, github, tickets, choices);
    let bot = Arc::new(bot.await.map_err(broken)?);
    for name in &named {
        progress.say(&format!("watching    {name}"));
    }
    for project in &projects {
        progress.say(&format!("watching    tickets of {project}"));
    }
    progress.say(&format!(
        "off switch  the label `{}` on an issue, or the file {}",
        config.off_label,
        off_file.display()
    ));
    if is_alone {
        let worked = bot.work_once(event.as_ref(), signals.stop.listener());
        worked.await.map_err(broken)?;
        return status(&home, false).await;
    }
    let mut serving = None;
    if let Some((address, secret)) = webhooks {
        let webhooks = Webhooks {
            secret,
            jira_secret: home.surroundings.secret("JIRA_WEBHOOK_SECRET"),
            projects,
            repositories: named.iter().map(RepositoryName::to_string).collect(),
        };
        let (address, server) = bot.listen(address, webhooks).await.map_err(broken)?;
        progress.say(&format!("listening   http://{address}/webhooks/github"));
        serving = Some(tokio::spawn(server));
    }
    let poll = args.poll.map(Duration::from_secs);
    let worked = bot.work(poll, signals.stop.listener()).await;
    if let Some(server) = serving {
        server.abort();
    }
    worked.map_err(broken)?;
    Ok(Exit::Done)
}

fn broken(error: BotError) -> Failure {
    match &error {
        BotError::Listen { .. } => Failure::told(Exit::Usage, error),
        BotError::Forge(_) => Failure::told(Exit::Usage, error),
        _ => Failure::told(Exit::Broken, error),
    }
}

/// What the job was started for; none when nobody wishes for anything by it.
fn event(home: &Home, file: &Path, name: &str) -> Result<Option<Event>, Failure> {
    let file = home.surroundings.absolute(file);
    let failed =
        |it: std::io::Error| Failure::usage(format!("read the event in {}", file.display()), it);
    let opened = std::fs::File::open(&file).map_err(failed)?;
    let mut text = String::new();
    opened
        .take(bot::BODY_BYTES_MAX as u64)
        .read_to_string(&mut text)
        .map_err(failed)?;
    let payload = serde_json::from_str(&text).map_err(|it| failed(it.into()))?;
    Ok(Event::of(name, &payload, &home.config.bot.rules()))
}

fn repository_of(event: &Event) -> Result<RepositoryName, Failure> {
    let named = event.lane.split('#').next();
    named.and_then(forge::IssueRef::named).ok_or_else(|| {
        let lane = words::visible(&event.lane);
        Failure::plain_usage(format!("understand `{lane}` of the event as an issue"))
    })
}

fn secret(home: &Home) -> Result<secrecy::SecretString, Failure> {
    let secret = home.surroundings.secret("GITHUB_WEBHOOK_SECRET");
    secret.ok_or_else(|| {
        Failure::plain_usage("take webhooks without GITHUB_WEBHOOK_SECRET").advise(
            "Make one (`openssl rand -hex 32`), and give the same to the webhook on GitHub.",
        )
    })
}

fn repositories(home: &Home, named: &[String]) -> Result<Vec<RepositoryName>, Failure> {
    let given = match named.is_empty() {
        true => &home.config.bot.repositories,
        false => named,
    };
    if given.is_empty() && home.config.bot.jira.projects.is_empty() {
        return Err(Failure::plain_usage(
            "begin: no repository is named (give --repo OWNER/REPO, or `repositories` of [bot])",
        ));
    }
    given
        .iter()
        .map(|text| {
            forge::IssueRef::named(text).ok_or_else(|| {
                Failure::plain_usage(format!(
                    "understand `{}` as a repository (write OWNER/REPO)",
                    words::visible(text)
                ))
            })
        })
        .collect()
}

/// The tickets that are watched, if any project is named.
fn tickets(home: &Home, jira: Option<Arc<Jira>>) -> Result<Option<Tickets>, Failure> {
    let config = &home.config.bot.jira;
    if config.projects.is_empty() {
        return Ok(None);
    }
    let jira = jira.ok_or_else(|| {
        Failure::plain_usage("watch tickets: no Jira is configured").advise(
            "Set JIRA_BASE_URL, JIRA_EMAIL and JIRA_API_TOKEN, or take `projects` out of [bot.jira].",
        )
    })?;
    if config.group.is_empty() {
        return Err(Failure::plain_usage(
            "watch tickets: nobody may ask for a run (`group` of [bot.jira] names the group that may)",
        ));
    }
    let mut projects = BTreeMap::new();
    for (project, repository) in &config.projects {
        let name = forge::IssueRef::named(repository).ok_or_else(|| {
            Failure::plain_usage(format!(
                "understand `{}` of [bot.jira] as a repository (write OWNER/REPO)",
                words::visible(repository)
            ))
        })?;
        projects.insert(project.clone(), name);
    }
    Ok(Some(Tickets {
        jira,
        projects,
        group: config.group.clone(),
        status: Some(config.status.clone()).filter(|it| !it.is_empty()),
    }))
}

/// What runs on a repository are like: as `pipeline run --pr --comment` would have them.
fn settings_for(
    home: &Home,
    args: &BotArgs,
    github: &GitHub,
    name: &RepositoryName,
) -> Result<runs::Settings, Failure> {
    let run = RunArgs {
        task: None,
        source: SourceArgs {
            repo: Some(github.address_of(name)),
            ..SourceArgs::default()
        },
        crew: args.crew.clone(),
        bounds: BoundsArgs {
            budget: args.budget.clone(),
            ..BoundsArgs::default()
        },
        out: OutArgs {
            pr: true,
            comment: true,
            ..OutArgs::default()
        },
        walls: args.walls.clone(),
    };
    settings::of(&run, &home.config, &home.surroundings, None)
}

/// Since when comments count, as GitHub writes moments: since the bot was begun for the first time. What was said before that was
/// said to others.
fn since(home: &Home) -> Result<String, Failure> {
    let file = home.surroundings.state.join(SINCE_FILE);
    if let Ok(kept) = std::fs::read_to_string(&file) {
        return Ok(kept.trim().to_owned());
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = delivery::words::moment(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let now = now.replace(" UTC", "Z").replace(' ', "T");
    std::fs::write(&file, format!("{now}\n"))
        .map_err(|it| Failure::broken(format!("write {}", file.display()), it))?;
    Ok(now)
}

async fn status(home: &Home, json: bool) -> Result<Exit, Failure> {
    let read = home.store.newest_wishes(WISHES_MAX).await;
    let wishes = read.map_err(|it| store_failure("read the inbox", it))?;
    if json {
        for wish in &wishes {
            let line =
                serde_json::to_string(wish).map_err(|it| Failure::broken("print the inbox", it))?;
            out::line(&line);
        }
        return Ok(Exit::Done);
    }
    if home.surroundings.state.join(OFF_FILE).exists() {
        out::line("off         nothing is begun while the file bot.off is there");
    }
    if wishes.is_empty() {
        out::line("nothing was asked for yet");
    }
    for wish in &wishes {
        out::line(&row(wish));
    }
    let spent: i64 = wishes.iter().map(|it| it.spent_microusd).sum();
    if !wishes.is_empty() {
        let spent = delivery::words::money(Some(spent.unsigned_abs()));
        out::line(&format!("spent       {spent} on these"));
    }
    Ok(Exit::Done)
}

fn row(wish: &Wish) -> String {
    let mut row = format!(
        "{:<11} {}  {} by {}",
        wish.state,
        words::visible(&wish.lane),
        wish.command,
        words::visible(&wish.actor)
    );
    if let Some(run) = &wish.run {
        row += &format!("  {run}");
    }
    if !wish.said.is_empty() {
        row += &format!("  {}", line(&wish.said, SAID_BYTES_MAX));
    }
    row
}
