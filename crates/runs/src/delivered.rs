//! Where the evidence of a run and a completed change go.

use std::path::{Path, PathBuf};

use delivery::{Bundle, Signers};
use protocol::{Entry, RunEvent, RunId, Terms, Tier};
use workspace::checkout::Checkout;

use crate::error::RunsError;
use crate::host::Host;
use crate::past::Past;
use crate::runs::Runs;
use crate::settings::Settings;

/// Where everything of a run is.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The folder of the evidence.
    pub bundle: PathBuf,
    /// Where the change is; nowhere unless the run completed.
    pub deliveries: Vec<Delivery>,
    /// What was proven and what is required, where less was proven and so nothing is delivered.
    pub held_back: Option<(Tier, Tier)>,
}

/// A place that a change was delivered to.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// A patch file.
    Patch(PathBuf),
    /// A branch with one commit.
    Branch {
        /// The branch.
        name: String,
        /// The commit.
        commit: String,
        /// The repository.
        repository: PathBuf,
    },
    /// The files of a run that started from nothing.
    Files(PathBuf),
}

impl Runs {
    /// Writes the evidence of a run; of a completed one, also its change to wherever its settings say. Doing it again changes
    /// nothing.
    ///
    /// # Errors
    /// [`RunsError::Bundle`], [`RunsError::Patch`], [`RunsError::Commit`], [`RunsError::LayOut`]; the change is kept.
    pub fn deliver(&self, past: &Past, settings: &Settings) -> Result<Delivered, RunsError> {
        let host = self.host();
        let mut delivered = Delivered {
            bundle: write_bundle(host, past, settings)?,
            deliveries: Vec::new(),
            held_back: None,
        };
        if !past.has_completed()? {
            return Ok(delivered);
        }
        delivered.held_back = below_required(past, settings)?;
        if delivered.held_back.is_some() {
            return Ok(delivered);
        }
        let run = &past.run;
        if let Some(file) = &settings.patch {
            delivery::write_patch(&past.state()?, &run.0, file).map_err(|source| {
                RunsError::Patch {
                    run: run.clone(),
                    source,
                }
            })?;
            delivered.deliveries.push(Delivery::Patch(file.clone()));
        }
        if settings.commit {
            delivered.deliveries.push(commit(host, past, settings)?);
        }
        if settings.repo.is_none() {
            let folder = files(host, past)?;
            delivered.deliveries.push(Delivery::Files(folder));
        }
        Ok(delivered)
    }

    /// Where the evidence of a run is: where its last settings say, or in its folder.
    pub fn bundle_of(&self, run: &RunId, history: &[Entry]) -> PathBuf {
        let settings = Terms::of(history)
            .and_then(|it| serde_json::from_value::<Settings>(it.settings.clone()).ok());
        settings
            .and_then(|it| it.out)
            .unwrap_or_else(|| self.host().folders.bundle(run))
    }
}

/// What was proven of a completed change and what is required, when that is more.
fn below_required(past: &Past, settings: &Settings) -> Result<Option<(Tier, Tier)>, RunsError> {
    let (Some(wanted), Some(tier)) = (settings.require, past.state()?.tier) else {
        return Ok(None);
    };
    let wanted = wanted.tier();
    Ok((tier < wanted).then_some((tier, wanted)))
}

fn write_bundle(host: &Host, past: &Past, settings: &Settings) -> Result<PathBuf, RunsError> {
    let folder = settings
        .out
        .clone()
        .unwrap_or_else(|| host.folders.bundle(&past.run));
    let failed = |source| RunsError::Bundle {
        run: past.run.clone(),
        folder: folder.clone(),
        source,
    };
    let bundle = Bundle::of(&past.run, &past.history).map_err(failed)?;
    bundle.write_to(Path::new(&folder)).map_err(failed)?;
    Ok(folder)
}

/// Whether everything that the settings ask for could be written, while nothing has been paid yet.
///
/// # Errors
/// [`RunsError::Place`], [`RunsError::Objects`].
pub fn check_places(settings: &Settings) -> Result<(), RunsError> {
    if let Some(folder) = &settings.out {
        Bundle::check_place(folder).map_err(RunsError::Place)?;
    }
    if let Some(file) = &settings.patch {
        delivery::check_patch_place(file).map_err(RunsError::Place)?;
    }
    let local = settings.local_folder().filter(|_| settings.commit);
    // A work tree beside another one has a file there; what it names is looked at when the branch is made.
    if let Some(folder) = local
        .map(|it| it.join(".git/objects"))
        .filter(|it| it.is_dir())
    {
        tempfile::Builder::new()
            .prefix("tmp_obj_")
            .tempfile_in(&folder)
            .map_err(|source| RunsError::Objects { folder, source })?;
    }
    Ok(())
}

/// A run that started from nothing has no repository to apply a patch to: its files are what the user wants.
fn files(host: &Host, past: &Past) -> Result<PathBuf, RunsError> {
    let folder = host.folders.files(&past.run);
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| RunsError::LayOut {
        run: past.run.clone(),
        folder: folder.clone(),
        source,
    };
    let Some(RunEvent::Finished { tree, .. }) = past.history.last().map(|it| &it.event) else {
        return Err(failed("the run isn't at its end".into()));
    };
    // A delivery that was broken off is made anew.
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|it| failed(it.into()))?;
    }
    Checkout::kept_in(&host.folders.run(&past.run))
        .and_then(|store| Checkout::lay_out_kept(&store, tree, &folder))
        .map_err(|it| failed(it.into()))?;
    Ok(folder)
}

fn commit(host: &Host, past: &Past, settings: &Settings) -> Result<Delivery, RunsError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| RunsError::Commit {
        run: past.run.clone(),
        source,
    };
    let folder = host.folders.run(&past.run);
    let target = settings
        .local_folder()
        .unwrap_or_else(|| folder.join("delivered.git"));
    let store = Checkout::kept_in(&folder).map_err(|it| failed(it.into()))?;
    let signers = Signers {
        author: host.author.clone(),
        committer: host.author.clone(),
    };
    let made = delivery::commit_change(&store, &target, &past.run, &past.history, &signers)
        .map_err(|it| failed(it.into()))?;
    Ok(Delivery::Branch {
        name: made.branch,
        commit: made.commit,
        repository: made.repository,
    })
}
