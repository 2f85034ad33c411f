//! Who answers about the cases: a vendor's model whose answers are kept, what was kept earlier, or scripts.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm::{Role, SCRIPTED, ScriptedModel};
use protocol::{Log, Model, ModelId};
use review_bench::Case;
use runs::ByRole;
use runs::{ModelSource, Settings};

use super::kept::{Asked, Kept};
use crate::args::{CrewArgs, ReviewBenchArgs};
use crate::config::Config;
use crate::crew::Chosen;
use crate::failure::Failure;
use crate::home::Home;
use crate::settings;

/// The folder of scripts, in that of all scripts; those of a run have the same.
const SCRIPTS: &str = "review";

/// Who answers.
pub(crate) struct Answers {
    /// As a run with nobody but this reviewer would be told.
    pub(crate) settings: Settings,
    /// Whose answers they are.
    pub(crate) asked: Asked,
    /// Where everything is kept; nowhere for scripts and replays, unless the user names a place.
    pub(crate) kept: Option<Kept>,
}

impl Answers {
    /// What the user chose. Nobody is asked yet, and nothing is written.
    pub(crate) fn of(args: &ReviewBenchArgs, home: &Home) -> Result<Answers, Failure> {
        let absolute = |it: &PathBuf| home.surroundings.absolute(it);
        let out = args.out.as_ref().map(absolute);
        let out = out.map(|it| Kept::read(&it)).transpose()?;
        if let Some(folder) = &args.scripted {
            let folder = absolute(folder).join(SCRIPTS);
            if !folder.is_dir() {
                return Err(Failure::plain_usage(format!(
                    "find scripts in `{}` (replies `01.toml`, `02.toml` … for all cases, or in a folder FIX/CASE for one)",
                    folder.display()
                )));
            }
            let asked = Asked {
                model: ModelId::new(SCRIPTED, Role::Review.name()),
                effort: None,
            };
            let source = ModelSource::Scripts {
                folder,
                since: 0,
                record: None,
            };
            return Answers::with(asked, source, out, args, &home.config);
        }
        if let Some(folder) = &args.replay {
            let folder = absolute(folder);
            let before = Kept::read(&folder)?;
            let asked = before.asked.clone().ok_or_else(|| {
                Failure::plain_usage(format!(
                    "find a bench in {} (name the folder that it was kept in with --out)",
                    folder.display()
                ))
            })?;
            let source = ModelSource::Replay {
                folder: before.recording(),
            };
            return Answers::with(asked, source, out, args, &home.config);
        }
        let asked = chosen(args, &home.config)?;
        let kept = match out {
            Some(kept) => kept,
            None => Kept::read(&default_folder(home, &asked))?,
        };
        let source = ModelSource::Vendors {
            record: Some(kept.recording()),
        };
        Answers::with(asked, source, Some(kept), args, &home.config)
    }

    fn with(
        asked: Asked,
        source: ModelSource,
        kept: Option<Kept>,
        args: &ReviewBenchArgs,
        config: &Config,
    ) -> Result<Answers, Failure> {
        let money = match &args.budget {
            Some(text) => Some(settings::dollars(text)?),
            None => config.budget.map(settings::microusd),
        };
        let mut efforts = ByRole::default();
        if let Some(effort) = asked.effort {
            efforts.set(Role::Review, effort);
        }
        let paid = source.is_paid();
        let settings = Settings {
            source,
            coders: Vec::new(),
            test_author: None,
            reviewer: Some(asked.model.clone()),
            efforts,
            reply_tokens: config.reply_tokens,
            flex: args.flex || config.flex,
            money_microusd_max: money.filter(|_| paid),
            tokens_max: args.token_budget.or(config.token_budget).filter(|_| paid),
            ..Settings::demo(Path::new(""), None, false)
        };
        Ok(Answers {
            settings,
            asked,
            kept,
        })
    }

    /// Whether answers are paid for now.
    pub(crate) fn are_paid(&self) -> bool {
        self.settings.source.is_paid()
    }

    /// Keeps other benches out of the folder for as long as the file is held, and reads it once more: nobody changes it
    /// from here on. Nothing to hold where nobody is paid.
    pub(crate) fn alone(&mut self) -> Result<Option<File>, Failure> {
        let paid = self.are_paid();
        let Some(kept) = self.kept.as_mut().filter(|_| paid) else {
            return Ok(None);
        };
        let lock = Kept::lock(kept.folder())?;
        *kept = Kept::read(kept.folder())?;
        Ok(Some(lock))
    }

    /// Opens the source: a missing key or price is an error here, before anything is asked.
    pub(crate) fn open(&self, home: &Home, log: &Arc<dyn Log>) -> Result<Opened, Failure> {
        if let ModelSource::Scripts { folder, .. } = &self.settings.source {
            return Ok(Opened::Scripts {
                id: self.asked.model.clone(),
                folder: folder.clone(),
            });
        }
        let kept = self.kept.as_ref().filter(|_| self.are_paid());
        let history = kept.map(|it| it.history(&self.asked.model));
        let opened = runs::reviewer(
            &self.settings,
            home.runs()?.host(),
            &history.unwrap_or_default(),
            kept.and_then(|it| it.replies.as_ref()),
            log,
        )?;
        Ok(Opened::Model(opened))
    }
}

/// Models that can be asked.
pub(crate) enum Opened {
    /// One for all cases.
    Model(runs::Reviewing),
    /// A script for each.
    Scripts {
        /// Whose words they are.
        id: ModelId,
        /// Where they are.
        folder: PathBuf,
    },
}

impl Opened {
    /// Whoever answers about a case.
    pub(crate) fn about(&self, case: &Case) -> Result<Arc<dyn Model>, Failure> {
        match self {
            Opened::Model(model) => Ok(model.asked.clone()),
            Opened::Scripts { id, folder } => {
                let own = folder.join(&case.name);
                let folder: &Path = if own.is_dir() { &own } else { folder };
                let script = ScriptedModel::from_folder(id.clone(), folder);
                let script = script.map_err(|it| {
                    Failure::usage(format!("find the answer about {}", case.name), it)
                })?;
                Ok(Arc::new(script))
            }
        }
    }

    /// The vendor's model, where somebody is paid.
    pub(crate) fn paid(&self) -> Option<&Arc<dyn Model>> {
        match self {
            Opened::Model(model) => model.paid.as_ref(),
            Opened::Scripts { .. } => None,
        }
    }
}

/// The reviewer as flags, configuration and crews name it for a run.
fn chosen(args: &ReviewBenchArgs, config: &Config) -> Result<Asked, Failure> {
    let crew = CrewArgs {
        crew: args.crew.clone(),
        reviewer: args.reviewer.clone(),
        efforts: args.effort.iter().map(|it| (Role::Review, *it)).collect(),
        ..CrewArgs::default()
    };
    let chosen = Chosen::of(&crew, config)?;
    let model = chosen.reviewer.ok_or_else(|| {
        Failure::plain_usage("measure a reviewer that is `none` (give --reviewer VENDOR:MODEL)")
    })?;
    Ok(Asked {
        model,
        effort: chosen.efforts.of(Role::Review),
    })
}

/// One for each way to ask a model, and version of the cases, so that a bench that was stopped is found again.
fn default_folder(home: &Home, asked: &Asked) -> PathBuf {
    let plain = |it: char| match it {
        it if it.is_ascii_alphanumeric() || "._-".contains(it) => it,
        _ => '-',
    };
    let mut name: String = asked.model.to_string().chars().map(plain).collect();
    if let Some(effort) = asked.effort {
        name += &format!("-{effort}");
    }
    let version = review_bench::version();
    let state = &home.surroundings.state;
    state.join("review-bench").join(format!("{name}-{version}"))
}
