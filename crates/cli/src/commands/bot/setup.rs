//! `pipeline bot setup`: what somebody has to do, step by step, and whether it was done.

use forge::{Forge as _, ForgeError, GitHub, Permissions, RepositoryName};
use serde_json::json;

use super::repositories;
use crate::args::BotSetupArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings::{Findings, Row};
use crate::home::Home;
use crate::{out, trackers, words};

/// What the app must be allowed, and nothing else: no workflows.
const PERMISSIONS: [(&str, &str); 6] = [
    ("contents", "write"),
    ("issues", "write"),
    ("pull_requests", "write"),
    ("checks", "write"),
    ("actions", "read"),
    ("metadata", "read"),
];
/// The variable with what signs webhooks.
const SECRET: &str = "GITHUB_WEBHOOK_SECRET";

pub(super) async fn setup(home: &Home, args: &BotSetupArgs) -> Result<Exit, Failure> {
    let url = args.url.as_deref().map(webhook_address).transpose()?;
    if !args.json {
        steps(url.as_deref());
    }
    let mut findings = Findings::new(args.json);
    let github = match trackers::github(&home.surroundings, &home.config) {
        Ok(Some(github)) => Some(github),
        Ok(None) => {
            let row = Row::fails("credential", "credential", Exit::Usage, "none is set");
            findings.add(row.advise(
                "Set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY_FILE as above, or GITHUB_TOKEN.",
            ));
            None
        }
        Err(failure) => {
            findings.add(Row::of_failure("credential", "credential", &failure));
            None
        }
    };
    if let Some(github) = &github
        && speaks(github, &mut findings).await
    {
        match repositories(home, &args.repositories) {
            Ok(named) => {
                for name in &named {
                    repository(github, name, &mut findings).await;
                }
            }
            Err(failure) => {
                findings.add(Row::of_failure("repository", "repository", &failure));
            }
        }
        webhook(home, github, url.as_deref(), &mut findings).await;
    }
    if !home.config.bot.jira.projects.is_empty() {
        findings.add(tickets(home).await);
    }
    findings.add(match home.config.bot.day_budget {
        Some(dollars) => Row::fine("budget", "budget", format!("${dollars:.2} a day")),
        None => Row::note(
            "budget",
            "budget",
            "no `day_budget` of [bot]: a day may cost any amount",
        ),
    });
    Ok(findings.end("the bot can begin: `pipeline bot --poll 60`"))
}

/// Whether the tickets that are named can be watched.
async fn tickets(home: &Home) -> Row {
    let (id, name) = ("tickets", "tickets");
    let jira = trackers::jira(&home.surroundings, &home.config);
    let watched = match jira.and_then(|it| super::tickets(home, it)) {
        Ok(Some(watched)) => watched,
        Ok(None) => return Row::note(id, name, "none are watched"),
        Err(failure) => return Row::of_failure(id, name, &failure),
    };
    let projects: Vec<String> = watched.projects.keys().cloned().collect();
    let sought = forge::Sought {
        projects: &projects,
        label: &home.config.bot.label,
        status: watched.status.as_deref(),
        minutes: 1,
    };
    // A project that isn't there, or a status that isn't known, is an error of the search.
    match watched.jira.changed_tickets(&sought).await {
        Ok(_) => {
            let (named, group) = (projects.join(", "), &watched.group);
            let about = format!("of {named} can be searched; `{group}` may ask");
            Row::fine(id, name, words::visible(&about))
        }
        Err(error) => refused(id, name, &error),
    }
}

/// Where webhooks go, below the address of a proxy.
fn webhook_address(text: &str) -> Result<String, Failure> {
    let is_fine = url::Url::parse(text).is_ok_and(|it| it.scheme() == "https" && it.has_host());
    match is_fine {
        true => Ok(format!("{}/webhooks/github", text.trim_end_matches('/'))),
        false => Err(Failure::plain_usage(format!(
            "use `{}` as the address of webhooks: it isn't one such as https://bot.example",
            words::visible(text)
        ))),
    }
}

fn steps(url: Option<&str>) {
    let manifest = serde_json::to_string_pretty(&manifest(url)).unwrap_or_default();
    out::line(
        "1. Make a GitHub App of your own: Settings, Developer settings, GitHub Apps, New GitHub App. It needs:",
    );
    out::line("");
    for line in manifest.lines() {
        out::line(&format!("   {line}"));
    }
    out::line("");
    out::line(
        "   The same text is a manifest, for those who post it to https://github.com/settings/apps/new.",
    );
    out::line("   No permission for workflows: what changes CI is for people.");
    out::line(
        "2. Generate a private key on the app's page, and install the app on your repositories, no others.",
    );
    out::line(
        "3. Make a secret, and give the same to the app's webhook (without webhooks, leave this out and poll):",
    );
    out::line("   openssl rand -hex 32");
    out::line("4. Set, where the bot runs:");
    for (name, about) in [
        (trackers::APP_ID, "the App ID of the app's page"),
        (trackers::APP_KEY_FILE, "the file with the private key"),
        (SECRET, "the secret of step 3"),
        (
            "GITHUB_API_URL",
            "only for an Enterprise server: https://HOST/api/v3",
        ),
    ] {
        out::line(&format!("   {name:<28} {about}"));
    }
    out::line("   and the models' keys; `pipeline doctor --network` says whether they are taken.");
    out::line("5. In pipeline.toml: `repositories` and `day_budget` of [bot], and `budget`.");
    out::line("");
}

/// The app, as GitHub registers it: see "Registering a GitHub App from a manifest".
fn manifest(url: Option<&str>) -> serde_json::Value {
    let permissions: serde_json::Map<String, serde_json::Value> = PERMISSIONS
        .iter()
        .map(|(name, level)| ((*name).to_owned(), json!(level)))
        .collect();
    let mut manifest = json!({
        "name": "pipeline",
        "url": "https://github.com/apps/pipeline",
        "public": false,
        "default_permissions": permissions,
        "default_events": ["issues", "issue_comment"],
    });
    if let Some(url) = url {
        manifest["hook_attributes"] = json!({"url": url, "active": true});
    }
    manifest
}

/// Whether GitHub knows who speaks.
async fn speaks(github: &GitHub, findings: &mut Findings) -> bool {
    let (id, name) = ("credential", "credential");
    let kind = if github.is_app() { "an app" } else { "a token" };
    match github.own_account().await {
        Ok(account) => {
            let account = account.unwrap_or_else(|| "an account that isn't told".to_owned());
            findings.add(Row::fine(
                id,
                name,
                format!("{kind}; {} speaks", words::visible(&account)),
            ));
            true
        }
        Err(error) => {
            findings.add(refused(id, name, &error));
            false
        }
    }
}

async fn repository(github: &GitHub, name: &RepositoryName, findings: &mut Findings) {
    let (id, title) = (format!("repository.{name}"), name.to_string());
    let found = match github.repository(name).await {
        Ok(found) => found,
        Err(error) => return findings.add(refused(&id, &title, &error)),
    };
    if found.is_archived {
        let row = Row::fails(&id, &title, Exit::Usage, "is archived and takes no changes");
        return findings.add(row.advise("Unarchive it, or leave it out."));
    }
    findings.add(Row::fine(&id, &title, "can be read"));
    let id = format!("permissions.{name}");
    match github.app_permissions(name).await {
        Ok(Some(given)) => findings.add(permissions(&id, &given)),
        Ok(None) if found.may_push => {
            findings.add(Row::fine(&id, "permissions", "may be pushed to"));
        }
        Ok(None) => findings.add(
            Row::note(
                &id,
                "permissions",
                "may not be pushed to: requests come from a fork",
            )
            .advise("Give the account the right to write, if that isn't meant."),
        ),
        Err(error) => findings.add(refused(&id, "permissions", &error)),
    }
}

/// Whether an installation may do what is needed, and no more.
fn permissions(id: &str, given: &Permissions) -> Row {
    let rank = |level: &str| {
        ["read", "write", "admin"]
            .iter()
            .position(|it| *it == level)
    };
    let missing: Vec<String> = PERMISSIONS
        .iter()
        .filter(|(name, needed)| {
            let level = given.get(*name).and_then(|it| rank(it));
            level < rank(needed)
        })
        .map(|(name, needed)| format!("{name}: {needed}"))
        .collect();
    if !missing.is_empty() {
        return Row::fails(
            id,
            "permissions",
            Exit::Usage,
            format!("the installation lacks {}", missing.join(", ")),
        )
        .advise("Give it on the app's page, Permissions & events, and accept it where the app is installed.");
    }
    if given.contains_key("workflows") {
        return Row::note(
            id,
            "permissions",
            "the installation may change workflows, which the bot never needs",
        )
        .advise("Take `workflows` from the app.");
    }
    Row::fine(id, "permissions", "are enough")
}

/// Whether webhooks that come in are signed with what we know. Only an app's can be asked for.
async fn webhook(home: &Home, github: &GitHub, wanted: Option<&str>, findings: &mut Findings) {
    let (id, name) = ("webhook", "webhook");
    let is_set = home.surroundings.secret(SECRET).is_some();
    let hook = match github.app_hook().await {
        Ok(hook) => hook.filter(|it| !it.url.is_empty()),
        Err(error) => return findings.add(refused(id, name, &error)),
    };
    let fails = |about: String, todo: &str| {
        Row::fails(id, name, Exit::Usage, about).advise(todo.to_owned())
    };
    findings.add(match (hook, is_set) {
        (None, true) => Row::note(
            id,
            name,
            format!("{SECRET} is set; whether GitHub knows it shows with its first ping"),
        ),
        (None, false) if wanted.is_none() => Row::note(id, name, "none: the bot has to poll"),
        (None, false) => fails(
            format!("{SECRET} isn't set"),
            "Make one (step 3), and give the same to the webhook.",
        ),
        (Some(hook), _) if !hook.has_secret() => fails(
            format!("{} is sent to unsigned", words::visible(&hook.url)),
            "Set the secret of step 3 in the app's webhook.",
        ),
        (Some(hook), _) if hook.content_type != "json" => fails(
            format!("{} is sent forms", words::visible(&hook.url)),
            "Set the webhook's content type to application/json.",
        ),
        (Some(hook), _) if wanted.is_some_and(|it| it != hook.url) => fails(
            format!("goes to {}", words::visible(&hook.url)),
            "Set the webhook's address to the one of step 1.",
        ),
        (Some(_), false) => fails(
            format!("GitHub signs what it sends, and {SECRET} isn't set here"),
            "Set it to the secret of the app's webhook.",
        ),
        (Some(hook), true) => Row::fine(
            id,
            name,
            format!("goes to {}, signed", words::visible(&hook.url)),
        ),
    });
}

fn refused(id: &str, name: &str, error: &ForgeError) -> Row {
    Row::fails(id, name, Exit::Usage, format!("could not {error}"))
}
