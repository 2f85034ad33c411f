//! Lock files of Poetry, PDM and Pipenv, as far as an installer needs them: which version of what.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use toml::{Table, Value};

/// The versions that a `poetry.lock` or a `pdm.lock` fixes, as constraints.
///
/// A package of which several versions are locked, for different machines, is left to the resolver; so is one
/// that doesn't come from an index.
pub(super) fn pins(text: &str) -> Result<Vec<String>, String> {
    let lock: Table = text
        .parse()
        .map_err(|it: toml::de::Error| it.message().to_owned())?;
    let packages = lock.get("package").and_then(Value::as_array);
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages.into_iter().flatten() {
        let word = |key: &str| package.get(key).and_then(Value::as_str);
        let kind = package.get("source").and_then(|it| it.get("type"));
        let from_index = kind.and_then(Value::as_str).is_none_or(|it| it == "legacy")
            && !["path", "git", "url"]
                .iter()
                .any(|it| package.get(*it).is_some());
        if let (Some(name), Some(version), true) = (word("name"), word("version"), from_index) {
            versions.entry(name).or_default().push(version);
        }
    }
    let single = versions.into_iter().filter(|(_, it)| {
        let first = it[0];
        it.iter().all(|other| *other == first)
    });
    Ok(single
        .map(|(name, it)| format!("{name}=={}", it[0]))
        .collect())
}

/// Everything a `Pipfile.lock` fixes, as requirements.
pub(super) fn pipfile(text: &str) -> Result<Vec<String>, String> {
    let lock: Json = serde_json::from_str(text).map_err(|it| it.to_string())?;
    let mut lines = Vec::new();
    for part in ["default", "develop"] {
        for (name, package) in lock[part].as_object().into_iter().flatten() {
            let Some(version) = package["version"].as_str() else {
                continue;
            };
            let mut line = format!("{name}{version}");
            if let Some(markers) = package["markers"].as_str() {
                line += &format!(" ; {markers}");
            }
            lines.push(line);
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_with_one_version_from_an_index_are_fixed() {
        let lock = "
            [[package]]\nname = 'attrs'\nversion = '23.1.0'\n
            [[package]]\nname = 'forked'\nversion = '1'\n
            [[package]]\nname = 'forked'\nversion = '2'\n
            [[package]]\nname = 'local'\nversion = '1'\nsource = {type = 'directory', url = '.'}\n
            [[package]]\nname = 'mirror'\nversion = '3'\nsource = {type = 'legacy', url = 'https://i.example'}\n
            [[package]]\nname = 'ours'\nversion = '1'\npath = '.'\n";
        assert_eq!(
            pins(lock),
            Ok(vec!["attrs==23.1.0".into(), "mirror==3".into()])
        );
        assert!(pins("not [toml").is_err());
    }

    #[test]
    fn a_pipfile_lock_is_a_list_of_requirements() {
        let lock = r#"{"default": {"six": {"version": "==1.16.0", "markers": "python_version >= '3'"}, "x": {"git": "h"}},
            "develop": {"pytest": {"version": "==8.0"}}}"#;
        assert_eq!(
            pipfile(lock),
            Ok(vec![
                "six==1.16.0 ; python_version >= '3'".into(),
                "pytest==8.0".into()
            ])
        );
        assert!(pipfile("[").is_err());
    }
}
