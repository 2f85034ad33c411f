//! The whole environment of the one git program we start: no configuration but ours, no helper, no prompt.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::{Access, Address};

/// Configuration that no file can override, as key and value.
const CONFIGURATION: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.pager", "cat"),
    ("core.editor", "true"),
    ("core.symlinks", "true"),
    ("credential.helper", ""),
    ("safe.bareRepository", "explicit"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("transfer.bundleURI", "false"),
    // Objects that another run reads must not be repacked under it.
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    // A connection that delivers almost nothing for a minute is dead.
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
];

/// The empty tree's well-known identifier: attributes are read from there, that is, nowhere.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Variables for a git that reaches nobody.
pub(crate) fn for_local_work() -> BTreeMap<String, String> {
    let mut variables = hardened();
    add_configuration(&mut variables, Vec::new());
    variables
}

/// Variables for a git that reads what lies in a folder of the user's. `search_path` is where it is.
pub(crate) fn for_reading(search_path: &str) -> BTreeMap<String, String> {
    let mut variables = hardened();
    variables.insert("PATH".to_owned(), search_path.to_owned());
    // Behind walls it may run as somebody else than the folder's owner.
    let pairs = vec![("safe.directory".to_owned(), "*".to_owned())];
    add_configuration(&mut variables, pairs);
    variables
}

/// Variables for a git that fetches from `address`. `search_path` is where it finds ssh and its own parts.
pub(crate) fn for_fetching(
    address: &Address,
    access: &Access,
    search_path: &str,
) -> BTreeMap<String, String> {
    let mut variables = hardened();
    variables.insert("PATH".to_owned(), search_path.to_owned());
    variables.insert("GIT_SSH_COMMAND".to_owned(), ssh_command(access));
    if let Some(bundle) = &access.ca_bundle {
        variables.insert("GIT_SSL_CAINFO".to_owned(), bundle.display().to_string());
    }
    let mut pairs = vec![(
        "http.proxy".to_owned(),
        access.proxy.clone().unwrap_or_default(),
    )];
    if let Some(credential) = access.credential.as_ref().filter(|it| address.accepts(it)) {
        pairs.push((
            format!("http.{}.extraHeader", credential.base),
            credential.header.expose_secret().to_owned(),
        ));
        // After a redirection git would send the header to whoever it was sent to.
        pairs.push(("http.followRedirects".to_owned(), "false".to_owned()));
    }
    add_configuration(&mut variables, pairs);
    variables
}

/// As [`for_fetching`], for a git that pushes.
pub(crate) fn for_pushing(
    address: &Address,
    access: &Access,
    search_path: &str,
) -> BTreeMap<String, String> {
    let mut variables = for_fetching(address, access, search_path);
    let count = &variables["GIT_CONFIG_COUNT"];
    let count: usize = count.parse().unwrap_or_default();
    // Asks what the remote has, instead of sending it the base once more whose branch has moved on.
    variables.insert("GIT_CONFIG_COUNT".to_owned(), (count + 1).to_string());
    variables.insert(
        format!("GIT_CONFIG_KEY_{count}"),
        "push.negotiate".to_owned(),
    );
    variables.insert(format!("GIT_CONFIG_VALUE_{count}"), "true".to_owned());
    variables
}

fn hardened() -> BTreeMap<String, String> {
    [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_ATTR_SOURCE", EMPTY_TREE),
        ("GIT_ATTR_NOSYSTEM", "1"),
        ("GIT_ALLOW_PROTOCOL", "https:http:ssh:file"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_ASKPASS", ""),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_OPTIONAL_LOCKS", "0"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn add_configuration(variables: &mut BTreeMap<String, String>, more: Vec<(String, String)>) {
    let fixed = CONFIGURATION.iter();
    let pairs: Vec<(String, String)> = fixed
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .chain(more)
        .collect();
    variables.insert("GIT_CONFIG_COUNT".to_owned(), pairs.len().to_string());
    for (number, (key, value)) in pairs.into_iter().enumerate() {
        variables.insert(format!("GIT_CONFIG_KEY_{number}"), key);
        variables.insert(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
}

/// Git hands this line to a shell, so a path in it is quoted for one.
fn ssh_command(access: &Access) -> String {
    let agent = match &access.ssh_agent {
        Some(socket) => {
            let quoted = socket.display().to_string().replace('\'', r"'\''");
            format!(" -o IdentityAgent='{quoted}'")
        }
        None => String::new(),
    };
    format!("ssh -o BatchMode=yes{agent}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Credential;

    fn configured(address: &str) -> (BTreeMap<String, String>, bool) {
        let access = Access {
            credential: Some(Credential {
                base: url::Url::parse("https://example.org/").unwrap(),
                header: "Authorization: Bearer S3CR3T".into(),
            }),
            ..Access::default()
        };
        let variables = for_fetching(&Address::parse(address).unwrap(), &access, "/usr/bin");
        let told = variables.values().any(|it| it.contains("S3CR3T"));
        (variables, told)
    }

    #[test]
    fn only_git_variables_and_the_path_are_set() {
        let (variables, _) = configured("https://example.org/a");
        for name in variables.keys() {
            assert!(name == "PATH" || name.starts_with("GIT_"), "{name}");
        }
    }

    #[test]
    fn the_token_is_there_for_its_host_and_absent_for_any_other() {
        assert!(configured("https://example.org/a").1);
        assert!(!configured("https://elsewhere.test/a").1);
        assert!(!configured("git@example.org:a").1);
    }

    #[test]
    fn every_row_of_the_hardened_environment_holds() {
        let rows = include_str!("../../../fixtures/cases/git_hardened_env.json");
        let rows: BTreeMap<String, String> = serde_json::from_str(rows).unwrap();
        let (ours, _) = configured("https://elsewhere.test/a");
        let pairs = |map: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            map.iter()
                .filter_map(|(name, key)| {
                    let number = name.strip_prefix("GIT_CONFIG_KEY_")?;
                    Some((
                        key.clone(),
                        map.get(&format!("GIT_CONFIG_VALUE_{number}"))?.clone(),
                    ))
                })
                .collect()
        };
        // Said in another way: an allow-list of protocols, an ssh command that never asks; and a fetch makes no
        // commit and no tag that could be signed, and opens no editor for a sequence.
        let otherwise = ["core.sshCommand", "protocol.", "gpgSign", "sequence.editor"];
        let (want, have) = (pairs(&rows), pairs(&ours));
        for (key, value) in want {
            if !otherwise.iter().any(|it| key.contains(it)) {
                assert_eq!(have.get(&key), Some(&value), "{key}");
            }
        }
        for (name, value) in rows
            .iter()
            .filter(|(name, _)| !name.starts_with("GIT_CONFIG_"))
        {
            assert_eq!(ours.get(name), Some(value), "{name}");
        }
    }
}
