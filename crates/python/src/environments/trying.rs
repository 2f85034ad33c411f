//! Which environment a base gets: one after the other is made and tried.

use std::collections::VecDeque;

use git::BaseTree;
use protocol::{Note, WorkspaceError};
use sandbox::proxy::Egress;

use super::{PythonEnvironments, Stamp, Wanted, finished, plan_of};
use crate::attempts::{
    Attempt, Era, INTERPRETERS_MAX, LOOKED_AT_MAX, last_line, oldest, with_advice,
};
use crate::declared::Declared;
use crate::pyproject::Pyproject;
use crate::settings::TargetSettings;
use crate::toolbox::{Toolbox, fresh_folder};
use crate::trial::{self, Trial};

impl PythonEnvironments {
    /// Tries one environment after the other until the base's suite can be collected in it.
    pub(super) async fn choose(
        &self,
        base: &BaseTree,
        wanted: &Wanted<'_>,
        toolbox: &Toolbox,
    ) -> Result<(Stamp, Vec<String>, bool), WorkspaceError> {
        let mut tried: Vec<String> = Vec::new();
        let mut failure: Option<WorkspaceError> = None;
        let mut best: Option<(Stamp, Trial, String, bool)> = None;
        'eras: for era in Era::of(wanted.age.day()) {
            let is_last_resort = matches!(era, Era::Interpreter(_));
            if is_last_resort && best.as_ref().is_some_and(|it| it.1.works()) {
                break;
            }
            let attempts = self.attempts(base, wanted, toolbox, &era).await?;
            let mut attempts = VecDeque::from(attempts);
            while let Some(attempt) = attempts.pop_front() {
                let (stamp, cached) = match self.made(base, wanted, &attempt, toolbox).await {
                    Ok(made) => made,
                    Err(WorkspaceError::Blocked { command, tail }) => {
                        let why = last_line(&tail);
                        tried.push(format!("{}: `{command}` failed: {why}", attempt.words()));
                        failure.get_or_insert(WorkspaceError::Blocked { command, tail });
                        // What developers use besides may ask for another interpreter than the tests do.
                        if let Some(narrower) = narrower(wanted, &attempt)? {
                            attempts.push_front(narrower);
                        }
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let trial = self.trial(base, wanted, &stamp, toolbox).await?;
                let (words, works, is_clean) = (attempt.words(), trial.works(), trial.is_clean());
                tried.push(format!("{words}: {}", trial.words()));
                if best.as_ref().is_none_or(|it| trial.is_better_than(&it.1)) {
                    best = Some((stamp, trial, words, cached));
                }
                if is_clean {
                    break 'eras;
                }
                // Where most pass, another interpreter helps less than the releases that the base was written for.
                if works {
                    break;
                }
            }
        }
        let Some((stamp, trial, words, cached)) = best else {
            let nothing = || WorkspaceError::failed("set up an environment", "nothing was tried");
            return Err(with_advice(failure.unwrap_or_else(nothing), &tried));
        };
        if trial.is_broken {
            let error = WorkspaceError::Blocked {
                command: trial::COMMAND.to_owned(),
                tail: [&[trial.tail], &wanted.notes[..]].concat().join("\n"),
            };
            return Err(with_advice(error, &tried));
        }
        let mut notes = Vec::new();
        if 1 < tried.len() {
            notes.push(format!("used: {words}; tried: {}", tried.join("; ")));
        }
        Ok((stamp, notes, cached))
    }

    /// What is tried with the newest releases, or with those of a day.
    async fn attempts<'a>(
        &self,
        base: &BaseTree,
        wanted: &Wanted<'a>,
        toolbox: &Toolbox,
        era: &Era,
    ) -> Result<Vec<Attempt<'a>>, WorkspaceError> {
        let is_newest = *era == Era::Newest;
        let mut interpreters = wanted.interpreters.clone();
        if !is_newest {
            let plan = plan_of(&wanted.declared, None)?;
            wanted.age.sort(&plan, &mut interpreters);
        }
        let mut attempts = Vec::new();
        for interpreter in interpreters.into_iter().take(LOOKED_AT_MAX) {
            let Some(as_of) = era.as_of(interpreter) else {
                continue;
            };
            attempts.push(Attempt {
                plan: plan_of(&wanted.declared, Some(interpreter.version))?,
                interpreter,
                as_of,
                is_for_tests_alone: false,
            });
        }
        let Some(first) = attempts.first().map(|it| &it.plan) else {
            return Ok(attempts);
        };
        let is_fixed = !first.locked.is_empty() || !first.commands.is_empty();
        if !is_newest && is_fixed {
            return Ok(Vec::new());
        }
        // Of requirements that come as source for one interpreter, another one may have them ready-made.
        if 1 < attempts.len() && !is_fixed && 1 < first.requirements.len() {
            for at in 0..attempts.len() {
                let key = self.attempt_key(wanted, &attempts[at], toolbox);
                let folder = self.folder(&key);
                if finished(&folder, &key).is_some() {
                    break;
                }
                let door = (self.make_door)(toolbox.egress(&self.places.index));
                let looking =
                    self.installation(base, wanted, &attempts[at], toolbox, &door, folder);
                let ready_made = looking.is_ready_made().await;
                // What was written for this question only.
                let _ = std::fs::remove_dir_all(&looking.workshop);
                if ready_made? {
                    let first = attempts.remove(at);
                    attempts.insert(0, first);
                    break;
                }
            }
        }
        attempts.truncate(INTERPRETERS_MAX);
        // What an old suite takes from the standard library may be gone from all but the oldest interpreter.
        let oldest = oldest(&attempts[0].plan, &wanted.interpreters)
            .filter(|it| !is_newest && attempts.iter().all(|a| a.interpreter != *it));
        let oldest = oldest.and_then(|it| Some((it, era.as_of(it)?)));
        if let Some((interpreter, as_of)) = oldest {
            attempts.push(Attempt {
                plan: plan_of(&wanted.declared, Some(interpreter.version))?,
                interpreter,
                as_of,
                is_for_tests_alone: false,
            });
        }
        Ok(attempts)
    }

    async fn trial(
        &self,
        base: &BaseTree,
        wanted: &Wanted<'_>,
        stamp: &Stamp,
        toolbox: &Toolbox,
    ) -> Result<Trial, WorkspaceError> {
        // A command of the repository's own needs no suite that pytest finds by itself.
        if wanted.declared.tests.is_empty() || has_own_command(&wanted.declared) {
            return Ok(Trial::default());
        }
        self.log.note(Note::Progress {
            what: "environment".to_owned(),
            how_far: "looking whether the tests can be collected".to_owned(),
        });
        let folder = wanted.choice.with_extension("trial");
        fresh_folder(&folder)?;
        let door = (self.make_door)(Egress::default());
        let ready = self.ready(toolbox, stamp.clone(), Vec::new(), false);
        let place = trial::Place {
            door: &door,
            limits: &self.limits,
            folder: &folder,
            ready: &ready,
            test_folder: &stamp.test_folder,
            django: wanted.declared.django(&stamp.test_folder),
        };
        let trial = place.hold(base, wanted.age.is_old()).await;
        // A copy that nobody needs any more.
        let _ = std::fs::remove_dir_all(&folder);
        trial
    }
}

/// The same attempt without what developers need besides tests, where the repository keeps the two apart.
fn narrower<'a>(
    wanted: &Wanted<'a>,
    attempt: &Attempt<'a>,
) -> Result<Option<Attempt<'a>>, WorkspaceError> {
    if attempt.is_for_tests_alone {
        return Ok(None);
    }
    let Some(declared) = wanted.declared.for_tests_alone() else {
        return Ok(None);
    };
    let plan = plan_of(&declared, Some(attempt.interpreter.version))?;
    let is_other = plan.requirements != attempt.plan.requirements
        || plan.projects != attempt.plan.projects
        || plan.locked != attempt.plan.locked;
    Ok(is_other.then(|| Attempt {
        plan,
        is_for_tests_alone: true,
        ..attempt.clone()
    }))
}

/// Whether the repository says itself how its tests are run.
fn has_own_command(declared: &Declared) -> bool {
    let text = declared
        .files
        .get("pyproject.toml")
        .map(String::as_str)
        .unwrap_or_default();
    let settings = Pyproject::read(text).and_then(|it| TargetSettings::of(it.tool("pipeline")));
    settings.is_ok_and(|it| it.test_command.is_some())
}
