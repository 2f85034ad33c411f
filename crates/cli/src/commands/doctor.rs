//! `pipeline doctor`: what is installed, which keys are set, what the sandbox can do here.

use std::sync::Arc;

use llm::Catalog;

use crate::args::DoctorArgs;
use crate::commands::examine::examine;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ground::Ground;
use crate::home::Home;
use crate::progress::{Mode, Progress};
use crate::surroundings::Surroundings;
use crate::{ground, out, words};

pub(crate) async fn doctor(args: &DoctorArgs) -> Result<Exit, Failure> {
    if let Some(repo) = &args.repo {
        return examine(repo, args.base.as_deref()).await;
    }
    let surroundings = Surroundings::read()?;
    let config = Config::read(&surroundings);
    let mut fine = true;
    let mut say = |good: bool, name: &str, words: String| {
        fine &= good;
        out::line(&format!("{} {name:<14} {words}", words::mark(good)));
    };
    for (program, why) in [
        ("git", "clones repositories"),
        ("bwrap", "the strongest sandbox (package bubblewrap)"),
        ("python3", "makes the environments of repositories"),
    ] {
        match ground::find_program(&surroundings, program) {
            Some(path) => say(true, program, path.display().to_string()),
            None => say(false, program, format!("not found; {why}")),
        }
    }
    match ground::walls(&surroundings, false).await {
        Ok(walls) => {
            let confinement = walls.confinement();
            say(true, "sandbox", confinement.layers.join(", "));
            for gap in &confinement.gaps {
                out::line(&format!("– {:<14} but {gap}", ""));
            }
        }
        Err(failure) => say(false, "sandbox", failure.to_string()),
    }
    match config {
        Ok(_) => say(true, "configuration", "can be read".to_owned()),
        Err(failure) => say(false, "configuration", failure.to_string()),
    }
    if args.install {
        let home = Home::open().await?;
        let progress = Arc::new(Progress::new(Mode::Plain));
        let ground = Ground::find(&home, false, &progress).await?;
        for (name, words) in ground.tools().await? {
            say(true, &name, words);
        }
    }
    say(true, "runs", surroundings.state.display().to_string());
    say(true, "cache", surroundings.cache.display().to_string());
    for (_, vendor) in Catalog::bundled().vendors() {
        let key = vendor
            .keys
            .iter()
            .find(|it| surroundings.variable(it).is_some());
        let address = surroundings
            .variable(&vendor.base_url_variable)
            .map_or_else(String::new, |_| {
                format!(", at another address ({})", vendor.base_url_variable)
            });
        // A missing key is no fault of the machine; a run that needs it says so.
        out::line(&match key {
            Some(name) => format!("✓ {:<14} {name} is set{address}", vendor.title),
            None => format!(
                "– {:<14} {} is not set{address}",
                vendor.title,
                vendor.key_variables()
            ),
        });
    }
    for (name, use_) in [
        ("GITHUB_TOKEN", "private repositories and issues"),
        ("JIRA_API_TOKEN", "tickets"),
    ] {
        let set = surroundings.variable(name).is_some();
        out::line(&format!(
            "{} {:<14} {}",
            if set { "✓" } else { "–" },
            name,
            if set {
                "is set".to_owned()
            } else {
                format!("is not set; for {use_}")
            }
        ));
    }
    Ok(if fine { Exit::Done } else { Exit::Blocked })
}
