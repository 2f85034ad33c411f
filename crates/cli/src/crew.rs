//! Who works on a run: flags for a role, then a crew, then the configuration's roles, then its crew.

use std::collections::BTreeMap;

use llm::{Catalog, CrewEntry, DEFAULT_CREW, RecordedRun, Role};
use protocol::{Effort, ModelId, Stage};
use runs::ByRole;

use crate::args::CrewArgs;
use crate::args::roles::{fallback_of_role, parse};
use crate::config::Config;
use crate::failure::Failure;

/// The models of a run, and how hard they think.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// Coders in order.
    pub(crate) coders: Vec<ModelId>,
    /// Who writes the acceptance tests.
    pub(crate) test_author: Option<ModelId>,
    /// Who reviews.
    pub(crate) reviewer: Option<ModelId>,
    /// How hard the models of each role think, where somebody said so.
    pub(crate) efforts: ByRole<Effort>,
    /// Who stands in for a role while its model's vendor is down.
    pub(crate) fallbacks: BTreeMap<Role, ModelId>,
}

impl Chosen {
    /// As flags, configuration and the bundled crews fill the roles.
    pub(crate) fn of(args: &CrewArgs, config: &Config) -> Result<Chosen, Failure> {
        let crew = crew(args, config)?;
        let of_crew = |role| crew.pick(role).model().to_string();
        // A crew that is named on the command line comes before the roles of a configuration.
        let configures = args.crew.is_none();
        let coders = [
            Some(&args.coders),
            Some(&config.coders).filter(|_| configures),
        ]
        .into_iter()
        .flatten()
        .find(|it| !it.is_empty())
        .cloned()
        .unwrap_or_else(|| vec![of_crew(Role::Draft), of_crew(Role::Refine)]);
        let one = |flag: &Option<String>, configured: &String, role| {
            let configured = Some(configured.clone()).filter(|it| configures && !it.is_empty());
            let given = flag.clone().or(configured);
            parse(&given.unwrap_or_else(|| of_crew(role)))
        };
        let mut chosen = Chosen {
            coders: coders
                .iter()
                .map(|it| parse(it))
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .flatten()
                .collect(),
            test_author: one(&args.test_author, &config.test_author, Role::Author)?,
            reviewer: one(&args.reviewer, &config.reviewer, Role::Review)?,
            efforts: ByRole::default(),
            fallbacks: fallbacks(&args.fallbacks, &config.fallback)?,
        };
        chosen.efforts = chosen.efforts(args, config, crew);
        // What is configured once for all runs holds where there is such a role.
        let filled: Vec<Role> = chosen.seats().map(|it| it.0).collect();
        let by_flag = |role: &Role| args.fallbacks.iter().any(|it| it.0 == *role);
        chosen
            .fallbacks
            .retain(|role, _| filled.contains(role) || by_flag(role));
        if let Some((role, effort)) = args.efforts.iter().find(|it| !filled.contains(&it.0)) {
            return Err(Failure::plain_usage(format!(
                "let the role `{}` think with {effort} effort: nobody fills it",
                role.name()
            )));
        }
        chosen.check()?;
        Ok(chosen)
    }

    /// As a recorded run had the roles filled, where no flag says otherwise.
    pub(crate) fn as_recorded(args: &CrewArgs, run: &RecordedRun) -> Result<Chosen, Failure> {
        let of = |stage: Stage| {
            let seats = run.models().filter(move |(seat, _)| seat.stage == stage);
            seats.map(|(_, model)| model.clone())
        };
        let one = |flag: &Option<String>, stage| match flag {
            Some(given) => parse(given),
            None => Ok(of(stage).next()),
        };
        let given: Result<Vec<_>, _> = args.coders.iter().map(|it| parse(it)).collect();
        let given = given?.into_iter().flatten();
        Ok(Chosen {
            coders: match args.coders.is_empty() {
                true => of(Stage::Drafting).collect(),
                false => given.collect(),
            },
            test_author: one(&args.test_author, Stage::Testing)?,
            reviewer: one(&args.reviewer, Stage::Qa)?,
            efforts: ByRole::default(),
            fallbacks: recorded_fallbacks(run),
        })
    }

    /// A bundled crew as it is.
    pub(crate) fn of_entry(crew: &CrewEntry) -> Chosen {
        let model = |role| crew.pick(role).model();
        let mut efforts = ByRole::default();
        for role in Role::ALL {
            if let Some(effort) = crew.pick(role).effort {
                efforts.set(role, effort);
            }
        }
        Chosen {
            coders: vec![model(Role::Draft), model(Role::Refine)],
            test_author: Some(model(Role::Author)),
            reviewer: Some(model(Role::Review)),
            efforts,
            fallbacks: BTreeMap::new(),
        }
    }

    /// The models with their roles. The first coder drafts, every further one refines.
    pub(crate) fn seats(&self) -> impl Iterator<Item = (Role, &ModelId)> {
        runs::crew::roles(
            &self.coders,
            self.test_author.as_ref(),
            self.reviewer.as_ref(),
        )
    }

    /// Flag, then configuration, then the crew's, which belongs to the crew's own model.
    fn efforts(&self, args: &CrewArgs, config: &Config, crew: &CrewEntry) -> ByRole<Effort> {
        let mut efforts = ByRole::default();
        for (role, model) in self.seats() {
            let flag = args.efforts.iter().rev().find(|it| it.0 == role);
            let pick = Some(crew.pick(role)).filter(|it| it.model() == *model);
            let effort = flag
                .map(|it| it.1)
                .or(config.effort.of(role))
                .or(pick.and_then(|it| it.effort));
            if let Some(effort) = effort {
                efforts.set(role, effort);
            }
        }
        efforts
    }

    /// Refuses an effort that a model is known not to take, and a stand-in that could not stand in.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        check_fallbacks(&self.fallbacks, self.seats())?;
        for (role, model) in self.seats() {
            let (Some(effort), Some(listed)) =
                (self.efforts.of(role), Catalog::bundled().model(model))
            else {
                continue;
            };
            if !listed.efforts.is_empty() && !listed.efforts.contains(&effort) {
                let known: Vec<&str> = listed.efforts.iter().map(|it| it.name()).collect();
                return Err(Failure::plain_usage(format!(
                    "let {model} think with the effort `{effort}` in the role `{}`: it takes {}",
                    role.name(),
                    known.join(", ")
                )));
            }
        }
        Ok(())
    }
}

/// Who stands in, by flag, else by configuration.
fn fallbacks(
    flags: &[(Role, ModelId)],
    configured: &BTreeMap<String, String>,
) -> Result<BTreeMap<Role, ModelId>, Failure> {
    let mut fallbacks = BTreeMap::new();
    for (role, model) in configured {
        let (role, model) = fallback_of_role(&format!("{role}={model}"))
            .map_err(|why| Failure::plain_usage(format!("use `fallback.{role}`: {why}")))?;
        fallbacks.insert(role, model);
    }
    fallbacks.extend(flags.iter().cloned());
    Ok(fallbacks)
}

/// A vendor that is down is down for all its models, and a role that nobody fills needs no stand-in.
pub(crate) fn check_fallbacks<'a>(
    fallbacks: &BTreeMap<Role, ModelId>,
    seats: impl Iterator<Item = (Role, &'a ModelId)>,
) -> Result<(), Failure> {
    let seats: Vec<_> = seats.collect();
    for (role, fallback) in fallbacks {
        let name = role.name();
        let mut of_role = seats.iter().filter(|it| it.0 == *role).peekable();
        if of_role.peek().is_none() {
            return Err(Failure::plain_usage(format!(
                "let {fallback} stand in for the role `{name}`: nobody fills it"
            )));
        }
        if let Some((_, model)) = of_role.find(|it| it.1.vendor == fallback.vendor) {
            return Err(Failure::plain_usage(format!(
                "let {fallback} stand in for {model} in the role `{name}`: both are of one vendor, and when it is down neither answers"
            )));
        }
    }
    Ok(())
}

/// Who stood in for a role of a recorded run, or could have.
fn recorded_fallbacks(run: &RecordedRun) -> BTreeMap<Role, ModelId> {
    let mut coders = 0;
    let mut found = BTreeMap::new();
    for (seat, _) in run.models() {
        let role = match seat.stage {
            Stage::Drafting => {
                coders += 1;
                runs::crew::coder_role(coders - 1)
            }
            Stage::Testing => Role::Author,
            _ => Role::Review,
        };
        if let Some(fallback) = &seat.fallback {
            found.insert(role, fallback.clone());
        }
    }
    found
}

/// The crew that a flag or the configuration names.
fn crew<'a>(args: &CrewArgs, config: &Config) -> Result<&'a CrewEntry, Failure> {
    let configured = Some(config.crew.as_str()).filter(|it| !it.is_empty());
    named(args.crew.as_deref().or(configured).unwrap_or(DEFAULT_CREW))
}

/// The bundled crew of this name.
pub(crate) fn named<'a>(name: &str) -> Result<&'a CrewEntry, Failure> {
    let catalog = Catalog::bundled();
    catalog.crew(name).ok_or_else(|| {
        let names: Vec<&str> = catalog.crews().map(|(name, _)| name).collect();
        Failure::plain_usage(format!(
            "find the crew `{name}` (there are {})",
            names.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests;
