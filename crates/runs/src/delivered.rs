//! Where the evidence of a run and a completed change go.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use delivery::{Bundle, Change, DeliveryError, Signers, Target};
use protocol::{Destination, Entry, RunEvent, RunId, Terms, Tier};
use tokio::sync::watch;
use workspace::checkout::Checkout;

use crate::destinations;
use crate::error::RunsError;
use crate::host::{Host, LEASE_MAX};
use crate::journal::{WatchedJournal, Watcher, history};
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The place.
    pub to: Destination,
    /// What the change is called there.
    pub reference: String,
}

/// Where a journal says that the change is, each place once, as it was delivered there last.
pub fn deliveries(history: &[Entry]) -> Vec<Delivery> {
    let mut found: Vec<Delivery> = Vec::new();
    for entry in history {
        if let RunEvent::Delivered { to, reference } = &entry.event {
            found.retain(|it| it.to != *to);
            found.push(Delivery {
                to: to.clone(),
                reference: reference.clone(),
            });
        }
    }
    found
}

impl Runs {
    /// Writes the evidence of a run; of a completed one, also its change to wherever its settings say. Of one at its end, whoever
    /// asked hears. Each place is written down before and after. Doing it again changes nothing; a delivery that was broken off is gone on with.
    ///
    /// # Errors
    /// [`RunsError::Bundle`], [`RunsError::Deliver`], [`RunsError::TakeUp`] while somebody else delivers it,
    /// [`RunsError::Store`]; the change is kept.
    pub async fn deliver(
        &self,
        past: &Past,
        settings: &Settings,
        watcher: Arc<dyn Watcher>,
    ) -> Result<Delivered, RunsError> {
        let host = self.host();
        let mut delivered = Delivered {
            bundle: write_bundle(host, past, settings)?,
            deliveries: Vec::new(),
            held_back: None,
        };
        if !past.is_at_its_end() {
            return Ok(delivered);
        }
        delivered.held_back = below_required(past, settings)?;
        let is_good = past.has_completed()? && delivered.held_back.is_none();
        let is_asked_for = match is_good {
            true => destinations::are_asked_for(settings),
            // Whoever asked hears of it, though there is nothing to hand over.
            false => settings.comment || settings.continues.is_some(),
        };
        if !is_asked_for {
            return Ok(delivered);
        }
        let claimed = host.store.claim_ended(&past.run, &host.owner, LEASE_MAX);
        let lease = claimed.await.map_err(|source| RunsError::TakeUp {
            run: past.run.clone(),
            source,
        })?;
        // Read now: somebody else may have delivered it until now.
        let written = history(&host.store, &past.run).await?;
        let journal = host.store.journal(lease);
        let journal = WatchedJournal::new(&past.run, journal, watcher, watch::channel(0).0);
        let handing = Handing {
            host,
            past,
            settings,
            written: &written,
            journal: &journal,
        };
        let mut done = Ok(());
        if is_good {
            done = handing.change_everywhere(&mut delivered.deliveries).await;
        }
        if done.is_ok() {
            done = handing.word_of_it(&mut delivered.deliveries).await;
        }
        journal.release().await;
        done.map(|()| delivered)
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

/// One delivery, to every place that was asked for.
struct Handing<'a> {
    host: &'a Arc<Host>,
    past: &'a Past,
    settings: &'a Settings,
    /// The journal, deliveries of before included.
    written: &'a [Entry],
    journal: &'a WatchedJournal,
}

impl Handing<'_> {
    /// First what stays on this machine, then what others see; each later place may name an earlier one.
    async fn change_everywhere(&self, done: &mut Vec<Delivery>) -> Result<(), RunsError> {
        let Handing {
            host,
            past,
            settings,
            ..
        } = self;
        for target in destinations::here(host, past, settings) {
            done.push(self.to(&*target).await?);
        }
        if settings.repo.is_none() {
            let folder = host.folders.files(&past.run);
            done.push(self.to(&LaidOut { folder }).await?);
        }
        let remote = destinations::remote(host, past, settings).await?;
        if let Some(remote) = remote {
            if let Some(request) = &remote.request {
                let change = self.change(None);
                let checked = change.and_then(|it| request.check(&it));
                checked.map_err(|it| self.failed(request.destination(), it))?;
            }
            let pushed = self.to(&remote.branch).await?;
            let commit = pushed.reference.clone();
            done.push(pushed);
            if let Some(request) = &remote.request {
                done.push(self.to(request).await?);
            }
            let address = &remote.branch.address;
            let check = destinations::check_at(host, address, &commit).await;
            let check = check.map_err(|source| RunsError::Credential {
                repository: address.to_string(),
                source: Box::new(source),
            })?;
            if let Some(check) = check {
                done.push(self.to(&check).await?);
            }
        }
        Ok(())
    }

    /// Tells the task's tracker how it ended.
    async fn word_of_it(&self, done: &mut Vec<Delivery>) -> Result<(), RunsError> {
        let Handing {
            host,
            past,
            settings,
            ..
        } = self;
        let pushed = done.iter().find_map(|it| match &it.to {
            Destination::Push { .. } => Some(it.reference.clone()),
            _ => None,
        });
        let request = done.iter().find_map(|it| match &it.to {
            Destination::PullRequest { repository, .. } => {
                Some((repository.clone(), it.reference.clone()))
            }
            _ => None,
        });
        let is_checked = match (&request, &pushed) {
            (Some((into, _)), Some(commit)) if settings.comment => {
                destinations::is_checked(host, into, commit).await
            }
            _ => None,
        };
        if let Some(answers) = destinations::answers(host, settings, pushed)? {
            done.push(self.to(&answers).await?);
        }
        let request = request.map(|it| it.1);
        let linked = request.clone();
        if let Some(comment) = destinations::comment(host, past, settings, request, is_checked)? {
            done.push(self.to(&comment).await?);
        }
        if let Some(request) = linked {
            for target in destinations::of_ticket(host, past, settings, &request) {
                done.push(self.to(&*target).await?);
            }
        }
        Ok(())
    }

    fn failed(&self, to: Destination, source: DeliveryError) -> RunsError {
        RunsError::Deliver {
            run: self.past.run.clone(),
            to,
            source: Box::new(source),
        }
    }

    fn change(&self, delivered: Option<&str>) -> Result<Change, DeliveryError> {
        let Handing { host, past, .. } = self;
        Ok(Change {
            run: past.run.clone(),
            history: past.history.clone(),
            trees: Checkout::kept_in(&host.folders.run(&past.run))?,
            signers: Signers {
                author: host.author.clone(),
                committer: host.author.clone(),
            },
            delivered: delivered.map(str::to_owned),
        })
    }

    /// Hands the change over to one place, and writes down that it is there; what is there already isn't written down again.
    async fn to(&self, target: &dyn Target) -> Result<Delivery, RunsError> {
        let to = target.destination();
        let before = protocol::delivered(self.written, &to);
        let change = self
            .change(before)
            .map_err(|it| self.failed(to.clone(), it))?;
        if before.is_none() {
            let event = RunEvent::Delivering { to: to.clone() };
            self.journal.write(&event).await.map_err(writing)?;
        }
        let handed = target.hand_over(&change).await;
        let reference = handed.map_err(|it| self.failed(to.clone(), it))?;
        if before != Some(reference.as_str()) {
            let event = RunEvent::Delivered {
                to: to.clone(),
                reference: reference.clone(),
            };
            self.journal.write(&event).await.map_err(writing)?;
        }
        Ok(Delivery { to, reference })
    }
}

fn writing(source: store::StoreError) -> RunsError {
    RunsError::Store {
        doing: "write down where the change was delivered",
        source,
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
        source: Box::new(source),
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

/// The files of a run that started from nothing: it has no repository to apply a patch to, so they are what the user wants.
#[derive(Debug)]
struct LaidOut {
    folder: PathBuf,
}

#[async_trait]
impl Target for LaidOut {
    fn destination(&self) -> Destination {
        Destination::Files {
            folder: self.folder.display().to_string(),
        }
    }

    /// The folder.
    async fn hand_over(&self, change: &Change) -> Result<String, DeliveryError> {
        let folder = &self.folder;
        let Some(RunEvent::Finished { tree, .. }) = change.history.last().map(|it| &it.event)
        else {
            return Err(DeliveryError::NotDeliverable {
                run: change.run.0.clone(),
                why: "isn't at its end (resume it first)".to_owned(),
            });
        };
        // A delivery that was broken off is made anew.
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(|source| DeliveryError::File {
                doing: "remove",
                path: folder.clone(),
                source,
            })?;
        }
        Ok(Checkout::lay_out_kept(&change.trees, tree, folder)
            .map(|()| folder.display().to_string())?)
    }
}
