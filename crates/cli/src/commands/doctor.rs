//! `pipeline doctor`: what is installed, which keys are set, what the sandbox can do here, who can be reached.

mod reaching;

use std::path::Path;
use std::sync::Arc;

use llm::{Catalog, LlmError, Role, VendorEntry, Vendors};
use protocol::ModelId;
use runs::Checkouts;

use crate::args::{CrewArgs, DoctorArgs};
use crate::commands::examine::examine;
use crate::config::Config;
use crate::crew::Chosen;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings::{Findings, Row};
use crate::home::Home;
use crate::host;
use crate::progress::{Mode, Progress};
use crate::surroundings::Surroundings;
use crate::trackers::{self, GitHubCredential};

pub(crate) async fn doctor(args: &DoctorArgs) -> Result<Exit, Failure> {
    let mut findings = Findings::new(args.json);
    if let Some(repo) = &args.repo {
        return examine(repo, args.base.as_deref(), findings).await;
    }
    let surroundings = Surroundings::read()?;
    let config = Config::read(&surroundings);
    programs(&surroundings, &mut findings).await;
    findings.add(match &config {
        Ok(_) => Row::fine("configuration", "configuration", "can be read"),
        Err(failure) => Row::of_failure("configuration", "configuration", failure),
    });
    if args.install {
        tools(args.json, &mut findings).await?;
    }
    for (id, folder, variable) in [
        ("runs", &surroundings.state, "XDG_STATE_HOME"),
        ("cache", &surroundings.cache, "XDG_CACHE_HOME"),
    ] {
        findings.add(place(id, folder, variable));
    }
    let config = config.unwrap_or_default();
    let needed = match Chosen::of(&CrewArgs::default(), &config) {
        Ok(chosen) => Needed::of(&chosen),
        Err(failure) => {
            findings.add(Row::of_failure("crew", "crew", &failure));
            Needed::default()
        }
    };
    let vendors = host::vendors(&surroundings, &config);
    for (name, entry) in Catalog::bundled().vendors() {
        findings.add(key(name, entry, &vendors, &needed, &surroundings));
    }
    for (id, name, use_) in [
        (
            "key.github",
            "GITHUB_TOKEN",
            "private repositories and issues",
        ),
        ("key.jira", "JIRA_API_TOKEN", "tickets"),
    ] {
        if name == "GITHUB_TOKEN"
            && let Some(row) = app(&surroundings)
        {
            findings.add(row);
            continue;
        }
        findings.add(match surroundings.variable(name) {
            Some(_) => Row::fine(id, name, "is set"),
            None => Row::note(id, name, format!("is not set; for {use_}")),
        });
    }
    if args.network {
        for row in reaching::all(&surroundings, &config, &vendors, &needed).await {
            findings.add(row);
        }
    }
    Ok(findings.end(match args.network {
        true => "everything that a run needs is there, and can be reached",
        false => "everything that a run needs is there (--network asks whether it can be reached)",
    }))
}

/// The app that speaks instead of a token, if one is configured.
fn app(surroundings: &Surroundings) -> Option<Row> {
    let (id, name) = ("key.github", "GITHUB_APP_ID");
    let unused = match surroundings.variable("GITHUB_TOKEN") {
        Some(_) => "; GITHUB_TOKEN is left unused",
        None => "",
    };
    match trackers::github_credential(surroundings) {
        Ok(Some(GitHubCredential::App(_))) => Some(Row::fine(
            id,
            name,
            format!("is set with its key: an app speaks, where it is installed{unused}"),
        )),
        Ok(_) => None,
        Err(failure) => Some(Row::of_failure(id, name, &failure)),
    }
}

/// The programs that a run starts, and what stands around those of the repository.
async fn programs(surroundings: &Surroundings, findings: &mut Findings) {
    let walls = match host::programs(surroundings) {
        Ok(programs) => runs::find_walls(&programs, false)
            .await
            .map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    for (program, package, why) in [
        ("git", "git", "clones repositories"),
        ("bwrap", "bubblewrap", "the strongest sandbox"),
        (
            "python3",
            "python3 python3-venv",
            "makes the environments of repositories",
        ),
    ] {
        let install = format!("On Debian and Ubuntu: apt-get install {package}");
        findings.add(match host::find_program(surroundings, program) {
            Some(path) => Row::fine(program, program, path.display().to_string()),
            // Other walls may stand without it; whether they do is the next line's to say.
            None if program == "bwrap" => {
                Row::note(program, program, format!("not found; {why}")).advise(install)
            }
            None => Row::fails(program, program, Exit::Blocked, format!("not found; {why}"))
                .advise(install),
        });
    }
    match walls {
        Ok(walls) => {
            let confinement = walls.confinement();
            findings.add(Row::fine(
                "sandbox",
                "sandbox",
                confinement.layers.join(", "),
            ));
            for gap in &confinement.gaps {
                findings.add(Row::note("sandbox.gap", "", format!("but {gap}")));
            }
        }
        Err(failure) => findings.add(Row::of_failure("sandbox", "sandbox", &failure)),
    }
}

/// Our own tools, installed where they are missing.
async fn tools(is_json: bool, findings: &mut Findings) -> Result<(), Failure> {
    let home = Home::open().await?;
    let mode = if is_json { Mode::Quiet } else { Mode::Plain };
    let progress = Arc::new(Progress::new(mode));
    let host = home.runs()?.host().clone();
    let limits = &home.config.limits;
    let found = async {
        let checkouts = Checkouts::of(&host, limits, false, progress.clone()).await?;
        checkouts.tools().await
    };
    match found.await.map_err(Failure::from) {
        Ok(tools) => {
            for (name, words) in tools {
                findings.add(Row::fine(&format!("tool.{name}"), &name, words));
            }
        }
        Err(failure) => findings.add(Row::of_failure("tools", "tools", &failure)),
    }
    Ok(())
}

/// A folder of ours, which a run makes if it isn't there.
fn place(id: &str, folder: &Path, variable: &str) -> Row {
    let there = folder.ancestors().find(|it| it.exists());
    let shown = folder.display().to_string();
    // A file without a name: nothing is left behind.
    match there.map(tempfile::tempfile_in) {
        Some(Ok(_)) => Row::fine(id, id, shown),
        Some(Err(why)) => Row::fails(
            id,
            id,
            Exit::Broken,
            format!("{shown} can't be written: {why}"),
        )
        .advise(format!("Set {variable} to a folder that you may write to.")),
        None => Row::fails(id, id, Exit::Broken, format!("{shown} is nowhere")),
    }
}

/// The roles that a run of no other flags would ask each vendor for.
#[derive(Default)]
struct Needed(Vec<(Role, ModelId)>);

impl Needed {
    fn of(chosen: &Chosen) -> Needed {
        let own = |(role, model): (Role, &ModelId)| (role, model.clone());
        Needed(chosen.seats().map(own).collect())
    }

    /// Whom a vendor is asked for, as in `draft (openai:gpt-6.1-sol)`.
    fn roles_of(&self, vendor: &str) -> Option<String> {
        let of_vendor = self.0.iter().filter(|(_, it)| it.vendor == vendor);
        let roles: Vec<String> = of_vendor
            .map(|(role, model)| format!("{} ({model})", role.name()))
            .collect();
        (!roles.is_empty()).then(|| roles.join(", "))
    }
}

/// Whether a vendor's key is set, and whether a run needs it.
fn key(
    name: &str,
    entry: &VendorEntry,
    vendors: &Vendors,
    needed: &Needed,
    surroundings: &Surroundings,
) -> Row {
    let id = format!("key.{name}");
    let set = entry
        .keys
        .iter()
        .find(|it| surroundings.variable(it).is_some());
    let elsewhere = surroundings.variable(&entry.base_url_variable);
    let elsewhere = elsewhere.map_or_else(String::new, |_| {
        format!(", at another address ({})", entry.base_url_variable)
    });
    let configured = match llm::configured(name, entry, vendors) {
        Ok(configured) => configured,
        Err(error) => return unusable(&id, entry, error),
    };
    if let Some(variable) = set {
        return Row::fine(&id, &entry.title, format!("{variable} is set{elsewhere}"));
    }
    let missing = format!("{} is not set{elsewhere}", entry.key_variables());
    match needed.roles_of(name).filter(|_| configured.needs_key) {
        Some(roles) => Row::fails(
            &id,
            &entry.title,
            Exit::Usage,
            format!("{missing}; for {roles}"),
        )
        .advise("Set it, or choose models of other vendors (`pipeline models`). `pipeline demo` needs no key."),
        None => Row::note(&id, &entry.title, missing),
    }
}

/// A key or an address that no request could be sent with.
fn unusable(id: &str, entry: &VendorEntry, error: LlmError) -> Row {
    Row::of_failure(id, &entry.title, &Failure::told(Exit::Usage, error))
}
