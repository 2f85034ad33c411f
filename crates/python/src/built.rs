//! After a package of the tree was installed: its sources are taken out again, so that each tree uses its own.
//!
//! What stays is what a tree doesn't have: metadata, entry points, and files that only the build makes, such as
//! compiled modules. A small hook puts the tree in front of the installed packages when Python starts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use regex::Regex;

use super::version::Version;

/// The variable that says which folders are put in front.
pub(super) const ROOTS_VARIABLE: &str = "PIPELINE_TREE_ROOTS";

/// Folders of sources that one repository may have.
const ROOTS_MAX: usize = 64;

/// Largest record, link or hook that is read; the record of the largest packages has a tenth of it.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// Why a package can't be taken apart.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuiltError {
    /// A file is installed under another name than in the tree, so that a tree's own can't take its place.
    #[error(
        "the build installs `{source_path}` as `{installed}`; a changed copy of it would not be seen (say in `[tool.pipeline]` how to install for tests)"
    )]
    Moved {
        /// Where it is in the tree.
        source_path: String,
        /// Where it is among the packages.
        installed: String,
    },
    /// The tests' runner is older than what we can speak with.
    #[error(
        "the repository asks for pytest {version}, and tests are run and read here with pytest 6 or newer (does it pass with one? then say so in `[tool.pipeline] install_command`, for instance \"uv pip install -e . 'pytest>=6'\")"
    )]
    OldRunner {
        /// What was installed.
        version: Version,
    },
    /// Something runs when Python starts that no installed package brought.
    #[error(
        "`{file}` runs whenever this environment's Python starts, and no package that the repository declares owns it (what installs it there? say in `[tool.pipeline]` how to install without it)"
    )]
    Foreign {
        /// Its name in the environment.
        file: String,
    },
    /// The code that was built put something else in the place of the folder of packages.
    #[error("find the packages in {}: a link leads elsewhere (does the build change its own environment?)", .0.display())]
    Elsewhere(PathBuf),
    /// The folder of packages can't be read or changed.
    #[error("take the sources of the tree out of its environment")]
    Files(#[from] io::Error),
}

/// Makes sure that `site` lies inside `environment` and holds files and folders only.
///
/// Code that was built has written there, and a link or a pipe of its making would lead us to files of the user,
/// or hold us up for ever. No package has either, so they are removed.
pub(super) fn make_plain(environment: &Path, site: &Path) -> Result<(), BuiltError> {
    let inside = fs::canonicalize(environment)?;
    let relative = site.strip_prefix(environment).unwrap_or(site);
    if fs::canonicalize(site)? != inside.join(relative) {
        return Err(BuiltError::Elsewhere(site.to_owned()));
    }
    let mut folders = vec![site.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            match entry.file_type()? {
                it if it.is_dir() => folders.push(entry.path()),
                it if it.is_file() => {}
                _ => fs::remove_file(entry.path())?,
            }
        }
    }
    Ok(())
}

/// Takes everything out of `site` that the tree has itself, and gives the folders to put in front.
///
/// `workshop` is the folder that everything of the repository was installed from, with the `copy` of its files in it;
/// `tree` is what the repository holds.
pub(super) fn take_apart(
    site: &Path,
    workshop: &Path,
    copy: &Path,
    tree: &BTreeSet<String>,
) -> Result<Vec<String>, BuiltError> {
    let names = by_name(tree);
    let mut roots = editable_roots(site, copy)?;
    for distribution in local_distributions(site, workshop)? {
        let installed = installed_files(site, &distribution)?;
        let found = roots_of(&installed, &names);
        for file in &installed {
            let in_tree = found.iter().any(|root| tree.contains(&join(root, file)));
            if in_tree {
                remove(site, file)?;
            } else {
                refuse_moved(site, copy, file, &found, tree, &names)?;
            }
        }
        roots.extend(found);
    }
    let mut seen = BTreeSet::new();
    roots.retain(|it| seen.insert(it.clone()));
    roots.truncate(ROOTS_MAX);
    Ok(roots)
}

/// Refuses an environment whose pytest can't be spoken with.
pub(super) fn check_runner(site: &Path) -> Result<(), BuiltError> {
    const OLDEST_MAJOR: u16 = 6;
    for entry in fs::read_dir(site)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let version = name
            .strip_prefix("pytest-")
            .and_then(|it| it.strip_suffix(".dist-info"))
            .and_then(Version::parse);
        if let Some(version) = version.filter(|it| it.major < OLDEST_MAJOR) {
            return Err(BuiltError::OldRunner { version });
        }
    }
    Ok(())
}

/// Puts the hook among the packages.
pub(super) fn hang_hook(site: &Path) -> io::Result<()> {
    fs::write(site.join("pipeline_tree.py"), include_str!("tree_hook.py"))?;
    fs::write(site.join("pipeline_tree.pth"), "import pipeline_tree\n")
}

/// The text of a file among the packages.
pub(super) fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let mut file = fs::File::open(path)?.take(TEXT_BYTES_MAX + 1);
    let bytes = file.read_to_string(&mut text)?;
    match TEXT_BYTES_MAX < bytes as u64 {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(text),
    }
}

/// The tree's files by their last part.
fn by_name(tree: &BTreeSet<String>) -> BTreeMap<&str, Vec<&str>> {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in tree {
        let name = path.rsplit('/').next().unwrap_or(path);
        names.entry(name).or_default().push(path);
    }
    names
}

fn join(root: &str, file: &str) -> String {
    match root {
        "" => file.to_owned(),
        root => format!("{root}/{file}"),
    }
}

/// Metadata folders of packages that were installed from `workshop`.
fn local_distributions(site: &Path, workshop: &Path) -> io::Result<Vec<PathBuf>> {
    let address = format!("file://{}", workshop.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(site)? {
        let folder = entry?.path();
        if folder.extension().is_none_or(|it| it != "dist-info") {
            continue;
        }
        let said = text_of(&folder.join("direct_url.json")).unwrap_or_default();
        let said: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
        let ours = said["url"]
            .as_str()
            .and_then(|it| it.strip_prefix(&address))
            .is_some_and(|it| it.is_empty() || it.starts_with('/'));
        if ours {
            found.push(folder);
        }
    }
    found.sort();
    Ok(found)
}

/// The files of a package, from its own record, relative to `site`; metadata and scripts left out.
fn installed_files(site: &Path, distribution: &Path) -> io::Result<Vec<String>> {
    let metadata = distribution
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let record = text_of(&distribution.join("RECORD"))?;
    Ok(record
        .lines()
        .filter_map(|it| it.rsplitn(3, ',').nth(2))
        .map(|it| it.trim_matches('"').to_owned())
        .filter(|it| !it.starts_with('/') && !it.split('/').any(|it| it == ".."))
        .filter(|it| !it.starts_with(&*metadata) && !it.contains("__pycache__/"))
        .filter(|it| site.join(it).is_file())
        .collect())
}

/// The folders of the tree in which most of the files are found under their installed names, as few as it takes.
fn roots_of(installed: &[String], names: &BTreeMap<&str, Vec<&str>>) -> Vec<String> {
    let mut missing: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for file in installed.iter().filter(|it| it.ends_with(".py")) {
        let name = file.rsplit('/').next().unwrap_or(file);
        let places: BTreeSet<String> = names
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(|path| path.strip_suffix(file.as_str()))
            .filter(|root| root.is_empty() || root.ends_with('/'))
            .map(|root| root.trim_end_matches('/').to_owned())
            .collect();
        if !places.is_empty() {
            missing.insert(file, places);
        }
    }
    let mut roots = Vec::new();
    while !missing.is_empty() && roots.len() < ROOTS_MAX {
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for root in missing.values().flatten() {
            *counts.entry(root).or_default() += 1;
        }
        let best = counts
            .into_iter()
            .max_by_key(|(root, count)| (*count, std::cmp::Reverse(root.len())))
            .map(|(root, _)| root.clone());
        let Some(best) = best else { break };
        missing.retain(|_, places| !places.contains(&best));
        roots.push(best);
    }
    roots
}

/// A file that the tree holds under another name must not go on as a stale copy.
fn refuse_moved(
    site: &Path,
    copy: &Path,
    file: &str,
    roots: &[String],
    tree: &BTreeSet<String>,
    names: &BTreeMap<&str, Vec<&str>>,
) -> Result<(), BuiltError> {
    if !file.ends_with(".py") {
        return Ok(());
    }
    // A generated file among others of its package is what stays on purpose.
    let package = file.split('/').next().unwrap_or(file);
    let package_in_tree = roots.iter().any(|root| {
        let folder = join(root, package) + "/";
        tree.range(folder.clone()..)
            .next()
            .is_some_and(|it| it.starts_with(&folder))
    });
    let text = fs::read(site.join(file))?;
    if package_in_tree || text.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let name = file.rsplit('/').next().unwrap_or(file);
    for path in names.get(name).into_iter().flatten() {
        if fs::read(copy.join(path)).is_ok_and(|it| it == text) {
            return Err(BuiltError::Moved {
                source_path: (*path).to_owned(),
                installed: file.to_owned(),
            });
        }
    }
    Ok(())
}

/// Removes a file, what was compiled from it, and folders that are empty then.
fn remove(site: &Path, file: &str) -> io::Result<()> {
    let path = site.join(file);
    fs::remove_file(&path)?;
    let folder = path.parent().unwrap_or(site);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let compiled = folder.join("__pycache__");
    for entry in fs::read_dir(&compiled).into_iter().flatten() {
        let entry = entry?;
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(&format!("{stem}."))
        {
            fs::remove_file(entry.path())?;
        }
    }
    // Not empty is no failure: other files stay.
    let _ = fs::remove_dir(&compiled);
    let mut folder = Some(folder);
    while let Some(empty) = folder.filter(|it| *it != site) {
        if fs::remove_dir(empty).is_err() {
            break;
        }
        folder = empty.parent();
    }
    Ok(())
}

/// The folders of editable installs that lead into the copy, which is about to go; their links are removed.
fn editable_roots(site: &Path, copy: &Path) -> Result<Vec<String>, BuiltError> {
    let mapping = Regex::new(r"'([^']+)':\s*'([^']+)'").expect("the pattern is written here");
    let mut roots = Vec::new();
    for entry in fs::read_dir(site)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let below = |it: &Path| Some(it.strip_prefix(copy).ok()?.to_string_lossy().into_owned());
        if name.ends_with(".pth") {
            let text = text_of(&path)?;
            let inside: Vec<String> = text
                .lines()
                .filter_map(|it| below(Path::new(it.trim())))
                .collect();
            if !inside.is_empty() || name.starts_with("__editable__") {
                roots.extend(inside);
                fs::remove_file(&path)?;
            }
        } else if name.starts_with("__editable__") && name.ends_with("_finder.py") {
            for found in mapping.captures_iter(&text_of(&path)?) {
                let source = Path::new(&found[2]);
                let Some(source_path) = below(source) else {
                    continue;
                };
                let package = found[1].replace('.', "/");
                // A module's mapping names its file.
                let as_module = format!("{package}.py");
                let root = [package.as_str(), &as_module]
                    .iter()
                    .find_map(|it| source_path.strip_suffix(*it));
                match root {
                    Some(root) if root.is_empty() || root.ends_with('/') => {
                        roots.push(root.trim_end_matches('/').to_owned());
                    }
                    _ => {
                        return Err(BuiltError::Moved {
                            source_path,
                            installed: package,
                        });
                    }
                }
            }
            fs::remove_file(&path)?;
        }
    }
    roots.sort();
    Ok(roots)
}

#[cfg(test)]
mod tests;
