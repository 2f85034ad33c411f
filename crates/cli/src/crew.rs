//! Who works on a run: flags for a role, then a crew, then the configuration's roles, then its crew.

use std::collections::BTreeMap;

use llm::{Catalog, CrewEntry, DEFAULT_CREW, ModelSpec, RecordedRun, Role};
use protocol::{Effort, ModelId, Stage};

use crate::args::CrewArgs;
use crate::by_role::ByRole;
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
        seats(
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
                coder_role(coders - 1)
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

/// The models with their roles, in the order of the walk.
pub(crate) fn seats<'a>(
    coders: &'a [ModelId],
    test_author: Option<&'a ModelId>,
    reviewer: Option<&'a ModelId>,
) -> impl Iterator<Item = (Role, &'a ModelId)> {
    let coders = coders
        .iter()
        .enumerate()
        .map(|(place, model)| (coder_role(place), model));
    coders
        .chain(test_author.map(|it| (Role::Author, it)))
        .chain(reviewer.map(|it| (Role::Review, it)))
}

/// The role of a coder by its place in the order, counted from 0.
pub(crate) fn coder_role(place: usize) -> Role {
    match place {
        0 => Role::Draft,
        _ => Role::Refine,
    }
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

/// A model as people name it; none for `none`.
pub(crate) fn parse(given: &str) -> Result<Option<ModelId>, Failure> {
    ModelSpec::parse(given)
        .map(|it| it.model().cloned())
        .map_err(|source| Failure::usage("choose the models", source))
}

/// `role=level`, as in `refine=high`.
pub(crate) fn effort_of_role(given: &str) -> Result<(Role, Effort), String> {
    let (role, level) = given
        .split_once('=')
        .ok_or("write a role and a level, as in refine=high")?;
    Ok((role_named(role)?, level.parse()?))
}

/// `role=vendor:model`, as in `review=openai:gpt-6.1-sol`.
pub(crate) fn fallback_of_role(given: &str) -> Result<(Role, ModelId), String> {
    let (role, model) = given
        .split_once('=')
        .ok_or("write a role and a model, as in review=openai:gpt-6.1-sol")?;
    let role = role_named(role)?;
    let model = parse(model).map_err(|it| it.to_string())?;
    let model = model.ok_or("`none` can't stand in for anybody (leave the flag out)")?;
    Ok((role, model))
}

fn role_named(role: &str) -> Result<Role, String> {
    Role::named(role).ok_or_else(|| {
        let names = Role::ALL.map(Role::name).join(", ");
        format!("`{role}` is no role (there are {names})")
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::args::CREWS;

    /// The crew of these flags (`name` or `role=value`) and this configuration, one seat a line.
    fn check(flags: &[(&str, &str)], config: &str, want: Expect) {
        let mut args = CrewArgs::default();
        for (flag, value) in flags {
            let value = (*value).to_owned();
            match *flag {
                "crew" => args.crew = Some(value),
                "coder" => args.coders.push(value),
                "test-author" => args.test_author = Some(value),
                "reviewer" => args.reviewer = Some(value),
                "fallback" => args.fallbacks.push(fallback_of_role(&value).unwrap()),
                "effort" => args.efforts.push(effort_of_role(&value).unwrap()),
                other => panic!("{other} is no flag"),
            }
        }
        let config =
            figment::Figment::from(figment::providers::Serialized::defaults(Config::default()))
                .merge(<figment::providers::Toml as figment::providers::Format>::string(config));
        let told = match Chosen::of(&args, &config.extract().unwrap()) {
            Err(failure) => failure.to_string(),
            Ok(chosen) => {
                let seat = |(role, model): (Role, &ModelId)| {
                    let effort = chosen.efforts.of(role);
                    let effort = effort.map_or(String::new(), |it| format!(" {it}"));
                    format!("{}={}{effort}", role.name(), model.model)
                };
                chosen.seats().map(seat).collect::<Vec<_>>().join("\n")
            }
        };
        want.assert_eq(&told);
    }

    #[test]
    fn the_command_line_knows_the_crews_that_there_are() {
        let crews: Vec<&str> = Catalog::bundled().crews().map(|(name, _)| name).collect();
        assert_eq!(crews, CREWS);
    }

    #[test]
    fn a_role_is_filled_by_flag_then_crew_then_configuration_then_its_crew() {
        check(
            &[],
            "",
            expect![[r#"
            draft=gpt-6.1-sol
            refine=claude-sonnet-5-5 medium
            author=claude-sonnet-5-5 medium
            review=gemini-3.8-flash"#]],
        );
        check(
            &[("crew", "cheap")],
            "",
            expect![[r#"
            draft=gpt-6-luna medium
            refine=claude-haiku-5-5 medium
            author=claude-haiku-5-5 medium
            review=gemini-3.5-flash-lite"#]],
        );
        let own = "crew = 'cheap'\ncoders = ['openai:qwen3:8b']\nreviewer = 'claude-opus-5'";
        check(
            &[],
            own,
            expect![[r#"
            draft=qwen3:8b
            author=claude-haiku-5-5 medium
            review=claude-opus-5"#]],
        );
        check(
            &[("crew", "best")],
            own,
            expect![[r#"
            draft=gpt-6-astra high
            refine=claude-opus-5-5 high
            author=claude-opus-5-5 high
            review=gemini-4-argon high"#]],
        );
        check(
            &[
                ("crew", "best"),
                ("coder", "claude-sonnet-5"),
                ("test-author", "none"),
            ],
            own,
            expect![[r#"
                draft=claude-sonnet-5
                review=gemini-4-argon high"#]],
        );
        check(
            &[],
            "crew = 'tiny'",
            expect!["could not find the crew `tiny` (there are best, cheap, default)"],
        );
    }

    #[test]
    fn an_effort_is_the_flags_then_the_configurations_then_the_crews_for_its_own_model() {
        let own = "[effort]\nrefine = 'high'\nreview = 'low'";
        check(
            &[],
            own,
            expect![[r#"
            draft=gpt-6.1-sol
            refine=claude-sonnet-5-5 high
            author=claude-sonnet-5-5 medium
            review=gemini-3.8-flash low"#]],
        );
        check(
            &[
                ("effort", "refine=max"),
                ("effort", "draft=low"),
                ("effort", "draft=xhigh"),
            ],
            own,
            expect![[r#"
                draft=gpt-6.1-sol xhigh
                refine=claude-sonnet-5-5 max
                author=claude-sonnet-5-5 medium
                review=gemini-3.8-flash low"#]],
        );
        // What the crew says of Claude isn't said of another model.
        check(
            &[("coder", "gpt-6-sol"), ("coder", "claude-opus-5")],
            "",
            expect![[r#"
                draft=gpt-6-sol
                refine=claude-opus-5
                author=claude-sonnet-5-5 medium
                review=gemini-3.8-flash"#]],
        );
        check(
            &[("effort", "review=max")],
            "",
            expect![
                "could not let gemini:gemini-3.8-flash think with the effort `max` in the role `review`: it takes low, medium, high"
            ],
        );
        // Nobody knows what this one takes.
        check(
            &[("reviewer", "openai:qwen3:8b"), ("effort", "review=max")],
            "",
            expect![[r#"
                draft=gpt-6.1-sol
                refine=claude-sonnet-5-5 medium
                author=claude-sonnet-5-5 medium
                review=qwen3:8b max"#]],
        );
    }

    #[test]
    fn what_is_no_effort_of_a_role_is_refused() {
        let check = |given: &str, want: Expect| {
            want.assert_eq(&effort_of_role(given).unwrap_err());
        };
        check(
            "high",
            expect!["write a role and a level, as in refine=high"],
        );
        check(
            "paint=high",
            expect!["`paint` is no role (there are draft, refine, author, review)"],
        );
        check(
            "draft=huge",
            expect!["`huge` is no effort (there are low, medium, high, xhigh, max)"],
        );
    }
}
