//! `pipeline config`: a file to begin with, what holds, and where files are looked for.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::args::ConfigCommand;
use crate::config::{self, Config};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::{out, reference};

pub(crate) fn config(command: &ConfigCommand) -> Result<Exit, Failure> {
    let surroundings = Surroundings::read()?;
    match command {
        ConfigCommand::Init { here } => init(&surroundings, *here),
        ConfigCommand::Show { json } => show(&surroundings, *json),
        ConfigCommand::Path => {
            path(&surroundings);
            Ok(Exit::Done)
        }
    }
}

fn init(surroundings: &Surroundings, here: bool) -> Result<Exit, Failure> {
    let folder = match here {
        true => &surroundings.folder,
        false => &surroundings.configuration,
    };
    let file = folder.join(config::FILE);
    write_new(folder, &file).map_err(|it| {
        let exists = it.kind() == std::io::ErrorKind::AlreadyExists;
        let failure = Failure::usage(format!("write {}", file.display()), it);
        match exists {
            true => failure.advise("It stays as it is; `pipeline config show` says what it sets."),
            false => failure,
        }
    })?;
    out::line(&format!("written     {}", file.display()));
    if here && surroundings.distrusted(&[config::FILE]).is_some() {
        out::remark(
            "this folder belongs to a repository, so the file counts only once the folder is in PIPELINE_TRUSTED_FOLDERS",
        );
    }
    out::line(
        "next        Take the `#` away from what you want to set; `pipeline config show` says what holds.",
    );
    Ok(Exit::Done)
}

fn write_new(folder: &Path, file: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut new = std::fs::File::create_new(file)?;
    new.write_all(reference::template().as_bytes())
}

fn show(surroundings: &Surroundings, as_json: bool) -> Result<Exit, Failure> {
    let set = Config::set(surroundings)?;
    if as_json {
        let whole = Config::read(surroundings)?;
        out::line(&json!({"configuration": hidden(&whole), "set": set.iter().map(shown_set).collect::<Vec<_>>()}).to_string());
        return Ok(Exit::Done);
    }
    if set.is_empty() {
        out::line("Nothing is set: every key has its default.");
    }
    let width = set
        .iter()
        .map(|it| it.key.chars().count())
        .max()
        .unwrap_or(0);
    for it in &set {
        let value = shown(&it.key, &it.value);
        out::line(&protocol::visible(&format!(
            "{:<width$} = {value}   ({})",
            it.key, it.place
        )));
    }
    let whole = serde_json::to_value(hidden(&Config::read(surroundings)?)).unwrap_or_default();
    let defaults: Vec<String> = leaves("", &whole)
        .into_iter()
        .filter(|(key, _)| set.iter().all(|it| it.key != *key))
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    out::line("");
    out::line("By default:");
    for line in defaults {
        out::line(&format!("  {}", protocol::visible(&line)));
    }
    Ok(Exit::Done)
}

/// An address may hold a password.
fn hidden(config: &Config) -> serde_json::Value {
    let mut value = serde_json::to_value(config).unwrap_or_default();
    if let Some(address) = value.get_mut("database_url") {
        *address = shown("database_url", address);
    }
    value
}

fn shown(key: &str, value: &serde_json::Value) -> serde_json::Value {
    let with_password = value
        .as_str()
        .and_then(|it| url::Url::parse(it).ok())
        .filter(|it| it.password().is_some());
    match with_password {
        Some(mut address) if matches!(key, "database_url" | "index_url") => {
            // An address that can't have a password has none.
            let _ = address.set_password(Some("…"));
            address.to_string().into()
        }
        _ => value.clone(),
    }
}

fn shown_set(set: &config::Set) -> serde_json::Value {
    json!({"key": set.key, "value": shown(&set.key, &set.value), "place": set.place})
}

/// The dotted names of everything that holds a value.
fn leaves(of: &str, value: &serde_json::Value) -> Vec<(String, String)> {
    match value {
        serde_json::Value::Object(table) => table
            .iter()
            .flat_map(|(name, value)| {
                let key = match of {
                    "" => name.clone(),
                    of => format!("{of}.{name}"),
                };
                leaves(&key, value)
            })
            .collect(),
        serde_json::Value::Null => vec![(of.to_owned(), "(nothing)".to_owned())],
        value => vec![(of.to_owned(), value.to_string())],
    }
}

fn path(surroundings: &Surroundings) {
    for folder in [&surroundings.folder, &surroundings.configuration] {
        let file = folder.join(config::FILE);
        let read = surroundings
            .configuration_folders()
            .contains(&folder.as_path());
        let words = match (file.is_file(), read) {
            (true, true) => "is read",
            (true, false) => "left unread: it belongs to a repository",
            (false, _) => "isn't there",
        };
        out::line(&format!("{}  ({words})", file.display()));
    }
}
