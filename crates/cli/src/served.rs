//! The command line as the server asks it: a request over HTTP becomes what the same words on a command line would be.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use intake::{Caller, GivenTests, RepositoryRef};
use protocol::{Limits, RunEvent, Status};
use runs::{Delivery, Past, RunRequest, Runs, RunsError, Said, Settings, demo};
use serde_json::Value;
use server::api::{self, NewRun};
use server::{Asker, BundleOf, Refusal, Requests};
use store::StoreError;

use crate::args::roles::{effort_of_role, fallback_of_role};
use crate::args::{
    BoundsArgs, CrewArgs, OtherBoundsArgs, OtherCrewArgs, OutArgs, Require, RunArgs, SourceArgs,
    WallArgs,
};
use crate::changes::Changes;
use crate::commands::{models, show, verify};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::{rehearsal, settings, task, words};

/// What the server asks.
pub(crate) struct Served {
    pub(crate) home: Home,
    /// Folders below which repositories may be named, as they really are.
    pub(crate) folders: Vec<PathBuf>,
    /// Scripts that answer in place of vendors.
    pub(crate) scripted: Option<PathBuf>,
    pub(crate) unconfined: bool,
}

impl Served {
    /// The folders as callers know them.
    pub(crate) fn folders_told(&self) -> Vec<String> {
        let home = protocol::Places::new(self.home.surroundings.home_place());
        let told = self.folders.iter().map(|it| it.display().to_string());
        told.map(|it| home.named(&it).into_owned()).collect()
    }

    /// What the command line would print, in its parts, without the home of whoever runs this.
    fn refused(&self, failure: Failure) -> Refusal {
        let home = protocol::Places::new(self.home.surroundings.home_place());
        let why = protocol::visible(&failure.why()).into_owned();
        let why = home.named(&why);
        let mut lines = why.lines();
        Refusal {
            title: lines.next().unwrap_or_default().to_owned(),
            because: lines.map(|it| it.trim().to_owned()).collect(),
            advice: failure.advice().map(|it| home.named(it).into_owned()),
            exit_code: failure.exit.code(),
        }
    }

    async fn request(&self, asked: &NewRun, asker: Asker) -> Result<RunRequest, Failure> {
        let Home {
            surroundings,
            config,
            ..
        } = &self.home;
        if asked.demo {
            return self.demo(asked);
        }
        let mut args = self.args(asked)?;
        has_a_task(asked)?;
        args.source.repo = self.repository(asked, asker)?;
        let mut limits = config.limits.clone();
        limits.iterations_max = asked.max_iterations.unwrap_or(limits.iterations_max);
        limits.test_run_seconds_max = asked.test_seconds.unwrap_or(limits.test_run_seconds_max);
        let mut settings = settings::of(&args, config, surroundings, None)?;
        let words = args.task.as_deref();
        let read = task::read(surroundings, config, &args.source, words).await?;
        settings.repo = read.repository;
        runs::check_places(&settings)?;
        Ok(RunRequest {
            task: read.task,
            tests: GivenTests::default(),
            settings,
            limits,
            recorded: None,
        })
    }

    /// The demonstration, which takes no other wishes.
    fn demo(&self, asked: &NewRun) -> Result<RunRequest, Failure> {
        let alone = NewRun {
            demo: true,
            ..NewRun::default()
        };
        if *asked != alone {
            return Err(Failure::plain_usage(
                "begin the demonstration with wishes of your own: it has a task and models of its own (leave everything but `demo` out)",
            ));
        }
        let repository = self.home.surroundings.state.join("demo").join("spantime");
        demo::plant(&repository, &self.home.config.author.identity())?;
        Ok(RunRequest {
            task: demo::task()?,
            tests: GivenTests::default(),
            settings: Settings::demo(&repository, None, self.unconfined),
            limits: self.home.config.limits.clone(),
            recorded: None,
        })
    }

    /// A request as the command line that says the same.
    fn args(&self, asked: &NewRun) -> Result<RunArgs, Failure> {
        in_range("max_iterations", asked.max_iterations.map(u64::from), 20)?;
        in_range("test_seconds", asked.test_seconds, 86_400)?;
        if asked.draft && !asked.pr {
            return Err(Failure::plain_usage(
                "make a draft of no pull request (say `pr` as well)",
            ));
        }
        if asked.new && (asked.repo.is_some() || asked.base.is_some() || asked.include_dirty) {
            return Err(Failure::plain_usage(
                "start from an empty repository and from another one (leave out `new`, or `repo`, `base` and `include_dirty`)",
            ));
        }
        let (efforts, fallbacks) = of_roles(&asked.effort, &asked.fallback)?;
        let mut crew = CrewArgs {
            crew: given(&asked.crew),
            coders: asked.coders.clone(),
            test_author: given(&asked.test_author),
            reviewer: given(&asked.reviewer),
            efforts,
            fallbacks,
            flex: asked.flex,
            ..CrewArgs::default()
        };
        if let Some(folder) = &self.scripted {
            let chooses = crew.crew.is_some()
                || !crew.coders.is_empty()
                || crew.test_author.is_some()
                || crew.reviewer.is_some()
                || !crew.efforts.is_empty()
                || !crew.fallbacks.is_empty()
                || crew.flex;
            if chooses {
                return Err(Failure::plain_usage(
                    "choose models: on this server, scripts answer in their place",
                ));
            }
            crew.scripted = Some(folder.clone());
        }
        Ok(RunArgs {
            task: asked.task.clone(),
            source: SourceArgs {
                new: asked.new,
                include_dirty: asked.include_dirty,
                base: given(&asked.base),
                github: given(&asked.github),
                jira: given(&asked.jira),
                ..SourceArgs::default()
            },
            crew,
            bounds: BoundsArgs {
                budget: given(&asked.budget),
                token_budget: asked.token_budget,
                require: asked.require.map(required),
                ..BoundsArgs::default()
            },
            out: OutArgs {
                commit: asked.commit,
                push: asked.push,
                pr: asked.pr,
                draft: asked.draft,
                comment: asked.comment,
                ..OutArgs::default()
            },
            walls: WallArgs {
                unconfined: self.unconfined,
            },
        })
    }

    /// The repository that is meant, if this caller may name it.
    fn repository(&self, asked: &NewRun, asker: Asker) -> Result<Option<String>, Failure> {
        let surroundings = &self.home.surroundings;
        let Some(named) = given(&asked.repo) else {
            if asked.new || asked.github.is_some() {
                return Ok(None);
            }
            let folder = self.folders.first().map(|it| it.display().to_string());
            return folder.map(Some).ok_or_else(|| {
                Failure::plain_usage("tell which repository is meant")
                    .advise("Name one in `repo`, or say `new` to start from nothing.")
            });
        };
        let named = named.trim();
        let is_path = ["/", "~", "./", "../", "file:"]
            .iter()
            .any(|it| named.starts_with(it))
            || named == "."
            || named == "..";
        if is_path {
            return self.folder(named).map(Some);
        }
        let caller = match asker {
            Asker::Owner => Caller::Local,
            Asker::Caller => Caller::Remote,
        };
        let forge = crate::host::forge(surroundings)?;
        let found = RepositoryRef::parse(named, forge.as_str(), caller).map_err(task::refused)?;
        if found.host.is_none() {
            return self.folder(named).map(Some);
        }
        Ok(Some(found.clone_address))
    }

    /// A folder below one of those that the server was given. One that isn't there is refused in the same words as one that may not be
    /// named, so that nobody finds out what there is.
    fn folder(&self, named: &str) -> Result<String, Failure> {
        let path = self.home.surroundings.with_home(named);
        let real = Some(path)
            .filter(|it| it.is_absolute())
            .and_then(|it| std::fs::canonicalize(it).ok());
        let is_below = |it: &PathBuf| self.folders.iter().any(|folder| it.starts_with(folder));
        match real.filter(is_below) {
            Some(real) => Ok(real.display().to_string()),
            None => {
                let folders = self.folders_told();
                let folders = words::list_or(&folders, "none");
                Err(Failure::plain_usage(format!(
                    "use `{}` as a repository: there is none that may be named",
                    words::visible(named)
                ))
                .advise(format!(
                    "Folders are named by their whole path, below one of those that the server was given ({folders}; `pipeline serve --folder PATH` gives it more)."
                )))
            }
        }
    }

    fn settings(&self, asked: &NewRun) -> Result<Settings, Failure> {
        if asked.demo {
            return Ok(Settings::demo(Path::new("/"), None, self.unconfined));
        }
        let Home {
            surroundings,
            config,
            ..
        } = &self.home;
        settings::of(&self.args(asked)?, config, surroundings, None)
    }

    fn change(
        &self,
        past: &Past,
        changes: &api::Changes,
        to: &api::Destinations,
    ) -> Result<(Settings, Limits, Said), Failure> {
        in_range("max_iterations", changes.max_iterations.map(u64::from), 20)?;
        in_range("test_seconds", changes.test_seconds, 86_400)?;
        let (efforts, fallbacks) = of_roles(&changes.effort, &changes.fallback)?;
        let crew = OtherCrewArgs {
            crew: given(&changes.crew),
            coders: changes.coders.clone(),
            test_author: given(&changes.test_author),
            reviewer: given(&changes.reviewer),
            efforts,
            fallbacks,
            flex: false,
        };
        let bounds = OtherBoundsArgs {
            max_iterations: changes.max_iterations,
            test_seconds: changes.test_seconds,
            budget: given(&changes.budget),
            token_budget: changes.token_budget,
            require: changes.require.or(to.require).map(required),
        };
        let out = OutArgs {
            commit: to.commit,
            push: to.push,
            pr: to.pr,
            draft: to.draft,
            comment: to.comment,
            ..OutArgs::default()
        };
        let changes = Changes {
            crew: &crew,
            source: None,
            bounds: &bounds,
            out: &out,
            requests: &self.home.config.pull_request,
            unconfined: false,
        };
        let settings = changes.resumed(&past.settings, &self.home.surroundings)?;
        let said = Said {
            models: changes.names_models(),
            cap: changes.cap(),
        };
        Ok((settings, changes.limits(&past.limits), said))
    }
}

#[async_trait]
impl Requests for Served {
    async fn run(&self, asked: &NewRun, asker: Asker) -> Result<RunRequest, Refusal> {
        self.request(asked, asker)
            .await
            .map_err(|it| self.refused(it))
    }

    fn estimate(&self, asked: &NewRun) -> Result<Value, Refusal> {
        let settings = self.settings(asked).map_err(|it| self.refused(it))?;
        let briefing = rehearsal::briefing(&self.home, &settings, &[]);
        serde_json::to_value(briefing)
            .map_err(|it| self.refused(Failure::broken("say what it may cost", it)))
    }

    async fn verified(&self, bundle: &BundleOf, runs: &Runs) -> Result<Value, Refusal> {
        let verified = async {
            let folder = match bundle {
                BundleOf::Folder(folder) => PathBuf::from(self.folder(folder)?),
                BundleOf::Run(run) => {
                    let history = self.home.store.history(run).await;
                    let history =
                        history.map_err(|it| store_failure("read the run's journal", it))?;
                    runs.bundle_of(run, &history)
                }
            };
            verify::verified(&self.home, runs, &folder, self.unconfined).await
        };
        verified.await.map_err(|it| self.refused(it))
    }

    fn models(&self) -> Result<Value, Refusal> {
        models::listed(&self.home.config, &self.home.surroundings).map_err(|it| self.refused(it))
    }

    fn changed(
        &self,
        past: &Past,
        changes: &api::Changes,
    ) -> Result<(Settings, Limits, Said), Refusal> {
        self.change(past, changes, &api::Destinations::default())
            .map_err(|it| self.refused(it))
    }

    fn delivered_to(&self, past: &Past, to: &api::Destinations) -> Result<Settings, Refusal> {
        let changed = self.change(past, &api::Changes::default(), to);
        changed.map(|it| it.0).map_err(|it| self.refused(it))
    }

    fn refusal(&self, error: RunsError) -> Refusal {
        self.refused(error.into())
    }

    fn store_refusal(&self, doing: &str, error: StoreError) -> Refusal {
        self.refused(store_failure(doing, error))
    }

    fn line(&self, event: &RunEvent) -> String {
        words::event(event).trim().to_owned()
    }

    fn destination(&self, delivery: &Delivery) -> String {
        words::destination(&delivery.to)
    }

    fn ending(&self, past: &Past, works: bool) -> (Option<u8>, String) {
        let Ok(state) = past.state() else {
            return (None, String::new());
        };
        let has_ended = !works && (state.status != Status::Running || state.reason.is_some());
        let code = has_ended.then(|| Exit::of(state.status, state.reason).code());
        (code, show::next(&past.run, works, &state))
    }

    fn folders(&self) -> Vec<String> {
        self.folders_told()
    }
}

/// What was given, and isn't empty.
fn given(text: &Option<String>) -> Option<String> {
    text.clone().filter(|it| !it.trim().is_empty())
}

fn required(require: api::Require) -> Require {
    match require {
        api::Require::Proven => Require::Proven,
        api::Require::RegressionSafe => Require::RegressionSafe,
    }
}

/// Without a task, the command line would ask whoever types; nobody types here.
fn has_a_task(asked: &NewRun) -> Result<(), Failure> {
    let has_reference = given(&asked.github)
        .or_else(|| given(&asked.jira))
        .is_some();
    match given(&asked.task) {
        _ if has_reference => Ok(()),
        Some(task) if task.trim() != "-" => Ok(()),
        _ => Err(Failure::plain(
            Exit::NeedsInput,
            "begin without a task (give `github`, `jira` or `task`)",
        )),
    }
}

fn in_range(name: &str, value: Option<u64>, most: u64) -> Result<(), Failure> {
    match value {
        Some(value) if !(1..=most).contains(&value) => Err(Failure::plain_usage(format!(
            "use {value} as `{name}` (write a whole number from 1 to {most})"
        ))),
        _ => Ok(()),
    }
}

type OfRoles = (
    Vec<(llm::Role, protocol::Effort)>,
    Vec<(llm::Role, protocol::ModelId)>,
);

fn of_roles(
    effort: &std::collections::BTreeMap<String, String>,
    fallback: &std::collections::BTreeMap<String, String>,
) -> Result<OfRoles, Failure> {
    let wrong = |name: &str, role: &str, why: String| {
        Failure::plain_usage(format!("use `{name}` of `{}`: {why}", words::visible(role)))
    };
    let efforts = effort.iter().map(|(role, level)| {
        effort_of_role(&format!("{role}={level}")).map_err(|it| wrong("effort", role, it))
    });
    let fallbacks = fallback.iter().map(|(role, model)| {
        fallback_of_role(&format!("{role}={model}")).map_err(|it| wrong("fallback", role, it))
    });
    Ok((
        efforts.collect::<Result<_, _>>()?,
        fallbacks.collect::<Result<_, _>>()?,
    ))
}
