//! What a run that is resumed or forked does otherwise than before: models, bounds, destinations.

use std::collections::BTreeMap;
use std::path::PathBuf;

use llm::Role;
use protocol::{Limits, ModelId};
use runs::ByRole;
use runs::{ModelSource, Settings};

use crate::args::roles;
use crate::args::{OtherBoundsArgs, OtherCrewArgs, OtherSourceArgs, OutArgs};
use crate::config::PullRequests;
use crate::crew::{self, Chosen};
use crate::failure::Failure;
use crate::settings;
use crate::surroundings::Surroundings;

/// Every change that a command line asks for.
pub(crate) struct Changes<'a> {
    pub(crate) crew: &'a OtherCrewArgs,
    /// Only a fork may have its replies from somewhere else than the run before.
    pub(crate) source: Option<&'a OtherSourceArgs>,
    pub(crate) bounds: &'a OtherBoundsArgs,
    pub(crate) out: &'a OutArgs,
    /// What is configured for pull requests.
    pub(crate) requests: &'a PullRequests,
    pub(crate) unconfined: bool,
}

impl Changes<'_> {
    /// Whether anybody or anything about the walk itself shall change, rather than where its change goes.
    pub(crate) fn concern_the_walk(&self) -> bool {
        let OtherBoundsArgs {
            max_iterations,
            test_seconds,
            budget,
            token_budget,
            require: _,
        } = self.bounds;
        let scripts = self.source.is_some_and(|it| it.scripted.is_some());
        self.names_models()
            || scripts
            || !self.crew.efforts.is_empty()
            || !self.crew.fallbacks.is_empty()
            || self.crew.flex
            || max_iterations.is_some()
            || test_seconds.is_some()
            || budget.is_some()
            || token_budget.is_some()
    }

    /// Whether a cap is given.
    pub(crate) fn cap(&self) -> bool {
        self.bounds.budget.is_some() || self.bounds.token_budget.is_some()
    }

    /// Whether a role shall have another model, or none.
    pub(crate) fn names_models(&self) -> bool {
        let OtherCrewArgs {
            crew,
            coders,
            test_author,
            reviewer,
            efforts: _,
            fallbacks: _,
            flex: _,
        } = self.crew;
        crew.is_some() || !coders.is_empty() || test_author.is_some() || reviewer.is_some()
    }

    /// The bounds from here on.
    pub(crate) fn limits(&self, before: &Limits) -> Limits {
        Limits {
            iterations_max: self.bounds.max_iterations.unwrap_or(before.iterations_max),
            test_run_seconds_max: self
                .bounds
                .test_seconds
                .unwrap_or(before.test_run_seconds_max),
            ..before.clone()
        }
    }

    /// The settings of a run that is resumed.
    pub(crate) fn resumed(
        &self,
        before: &Settings,
        surroundings: &Surroundings,
    ) -> Result<Settings, Failure> {
        if self.names_models() && !matches!(before.source, ModelSource::Vendors { .. }) {
            return Err(Failure::plain_usage(
                "give a role another model: this run's replies come from scripts or from a recording",
            )
            .advise("`pipeline fork` goes on from it with models of vendors, or with other scripts."));
        }
        let after = self.destinations(before, surroundings);
        self.with_crew_and_caps(after)
    }

    /// The settings of a fork. What the user named for the old run's change to go to is left to that run.
    pub(crate) fn forked(
        &self,
        before: &Settings,
        surroundings: &Surroundings,
    ) -> Result<Settings, Failure> {
        let absolute = |it: &PathBuf| surroundings.absolute(it);
        for (flag, given, old) in [
            ("out", &self.out.out, &before.out),
            ("patch", &self.out.patch, &before.patch),
        ] {
            let given = given.as_ref().map(absolute);
            if given.is_some() && given == *old {
                return Err(Failure::plain_usage(format!(
                    "write to --{flag} {}: the old run has written there (name another place)",
                    given.unwrap_or_default().display()
                )));
            }
        }
        let nowhere = Settings {
            out: None,
            patch: None,
            cache_key: llm::new_cache_key(),
            source: self.source_of_fork(&before.source, surroundings),
            ..before.clone()
        };
        let mut after = self.destinations(&nowhere, surroundings);
        if let Some(folder) = self.source.and_then(|it| it.scripted.as_ref()) {
            let roles = settings::roles_of_scripts(&absolute(folder))?;
            after.coders = roles.coders;
            after.test_author = roles.test_author.filter(|_| !before.user_tests);
            after.reviewer = roles.reviewer;
        }
        let after = self.with_crew_and_caps(after)?;
        every_role_has_a_vendor(&after)?;
        Ok(after)
    }

    /// Who answers: whoever the flags name; vendors, when they name a vendor's model; whoever answered before. Nothing
    /// is written into the old run's recording.
    fn source_of_fork(&self, before: &ModelSource, surroundings: &Surroundings) -> ModelSource {
        let absolute = |it: &PathBuf| surroundings.absolute(it);
        let flags = self.source;
        let record = flags.and_then(|it| it.record.as_ref()).map(absolute);
        if let Some(folder) = flags.and_then(|it| it.scripted.as_ref()) {
            return ModelSource::Scripts {
                folder: absolute(folder),
                // Known once it is known where the fork begins.
                since: 0,
                record,
            };
        }
        if let Some(folder) = flags.and_then(|it| it.replay.as_ref()) {
            return ModelSource::Replay {
                folder: absolute(folder),
            };
        }
        match before {
            ModelSource::Vendors { .. } => ModelSource::Vendors { record },
            _ if record.is_some() || self.names_models() => ModelSource::Vendors { record },
            before => before.clone(),
        }
    }

    fn destinations(&self, before: &Settings, surroundings: &Surroundings) -> Settings {
        let or = |given: &Option<PathBuf>, before: &Option<PathBuf>| {
            let given = given.as_ref().map(|it| surroundings.absolute(it));
            given.or_else(|| before.clone())
        };
        Settings {
            out: or(&self.out.out, &before.out),
            patch: or(&self.out.patch, &before.patch),
            // The name of a branch has the name of its run in it, so a fork's is its own.
            commit: self.out.commit || before.commit,
            push: self.out.push || before.push,
            pull_request: match self.out.pr {
                true => Some(self.requests.wishes(self.out.draft)),
                false => before.pull_request.clone(),
            },
            comment: self.out.comment || before.comment,
            require: self.bounds.require.map(Into::into).or(before.require),
            unconfined: self.unconfined || before.unconfined,
            ..before.clone()
        }
    }

    fn with_crew_and_caps(&self, mut settings: Settings) -> Result<Settings, Failure> {
        let before = settings.clone();
        let chosen = self.chosen(&before)?;
        if chosen.coders.is_empty() {
            return Err(Failure::plain_usage(
                "go on without a coder: give at least one --coder that isn't `none`",
            ));
        }
        let still_fit = |role: &Role, fallback: &ModelId| {
            let mut seats = chosen.seats().filter(|it| it.0 == *role).peekable();
            seats.peek().is_some() && seats.all(|it| it.1.vendor != fallback.vendor)
        };
        let mut fallbacks = before.fallbacks.clone();
        fallbacks.retain(|role, model| still_fit(role, model));
        fallbacks.extend(self.crew.fallbacks.iter().cloned());
        let chosen = Chosen {
            fallbacks,
            ..chosen
        };
        chosen.check()?;
        settings.fallbacks = chosen.fallbacks;
        settings.coders = chosen.coders;
        settings.test_author = chosen.test_author;
        settings.reviewer = chosen.reviewer;
        settings.efforts = chosen.efforts;
        settings.flex = self.crew.flex || before.flex;
        if settings.source.asks_vendors() {
            settings::another_vendor_reviews(&settings.coders, settings.reviewer.as_ref())?;
        }
        if let Some(text) = &self.bounds.budget {
            settings.money_microusd_max = Some(settings::dollars(text)?);
        }
        settings.tokens_max = self.bounds.token_budget.or(before.tokens_max);
        Ok(settings)
    }

    /// Flags for a role, then a crew, then who was there before.
    fn chosen(&self, before: &Settings) -> Result<Chosen, Failure> {
        let flags = self.crew;
        let crew = flags.crew.as_deref().map(crew::named).transpose()?;
        let mut chosen = match crew.map(Chosen::of_entry) {
            Some(crew) => Chosen {
                test_author: crew.test_author.filter(|_| !before.user_tests),
                ..crew
            },
            None => Chosen {
                coders: before.coders.clone(),
                test_author: before.test_author.clone(),
                reviewer: before.reviewer.clone(),
                efforts: before.efforts,
                fallbacks: BTreeMap::new(),
            },
        };
        let asked = chosen.efforts;
        let efforts_are_of: Vec<(Role, ModelId)> = chosen
            .seats()
            .map(|(role, it)| (role, it.clone()))
            .collect();
        if !flags.coders.is_empty() {
            let coders = flags.coders.iter().map(|it| roles::parse(it));
            let coders: Vec<Option<ModelId>> = coders.collect::<Result<_, _>>()?;
            chosen.coders = coders.into_iter().flatten().collect();
        }
        if let Some(author) = &flags.test_author {
            if before.user_tests {
                settings::no_author_beside_tests(Some(author))?;
            }
            chosen.test_author = roles::parse(author)?;
        }
        if let Some(reviewer) = &flags.reviewer {
            chosen.reviewer = roles::parse(reviewer)?;
        }
        // What was said of one model's effort isn't said of another's.
        let mut efforts = ByRole::default();
        for (role, model) in chosen.seats() {
            let flag = flags.efforts.iter().rev().find(|it| it.0 == role);
            let stays = efforts_are_of.contains(&(role, model.clone()));
            let stays = asked.of(role).filter(|_| stays);
            if let Some(effort) = flag.map(|it| it.1).or(stays) {
                efforts.set(role, effort);
            }
        }
        chosen.efforts = efforts;
        Ok(chosen)
    }
}

/// Scripts are asked from their folder, so no role of a run with vendors can stay with one.
fn every_role_has_a_vendor(settings: &Settings) -> Result<(), Failure> {
    if !settings.source.asks_vendors() {
        return Ok(());
    }
    let is_script = |it: &ModelId| it.vendor == llm::SCRIPTED;
    let mut flags = Vec::new();
    if settings.coders.iter().any(is_script) {
        flags.push("--coder");
    }
    if settings.test_author.as_ref().is_some_and(is_script) {
        flags.push("--test-author");
    }
    if settings.reviewer.as_ref().is_some_and(is_script) {
        flags.push("--reviewer");
    }
    if flags.is_empty() {
        return Ok(());
    }
    Err(Failure::plain_usage(
        "go on with vendors' models while other roles are scripts, as they are in the old run",
    )
    .advise(format!(
        "Give {} a model of a vendor as well, or `none`; or give all roles other scripts with --scripted FOLDER.",
        flags.join(" and ")
    )))
}
