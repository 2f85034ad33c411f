//! After a package of the tree was installed: its sources are taken out again, so that each tree uses its own.
//!
//! What stays is what a tree doesn't have: metadata, entry points, and files that only the build makes, such as
//! compiled modules. A small hook puts the tree in front of the installed packages when Python starts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use regex::Regex;

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
mod tests {
    use super::*;

    struct World {
        folder: tempfile::TempDir,
    }

    impl World {
        fn new(tree: &[&str], installed: &[(&str, &str)]) -> World {
            let world = World {
                folder: tempfile::tempdir().expect("a temporary folder"),
            };
            for path in tree {
                world.write(&format!("copy/{path}"), &format!("# {path}"));
            }
            let mut record = String::new();
            for (path, text) in installed {
                world.write(&format!("site/{path}"), text);
                record += &format!("{path},sha256=x,1\n");
            }
            world.write("site/x-1.dist-info/RECORD", &record);
            let url = format!(r#"{{"url": "file://{}"}}"#, world.path("copy").display());
            world.write("site/x-1.dist-info/direct_url.json", &url);
            world
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.path(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
    }

    #[track_caller]
    fn check(
        tree: &[&str],
        installed: &[(&str, &str)],
        expected: Result<(&[&str], &[&str]), &str>,
    ) {
        let world = World::new(tree, installed);
        let all = tree.iter().map(|it| (*it).to_owned()).collect();
        let taken = take_apart(
            &world.path("site"),
            world.folder.path(),
            &world.path("copy"),
            &all,
        );
        let left = installed.iter().map(|it| it.0);
        let left: Vec<&str> = left
            .filter(|it| world.path("site").join(it).exists())
            .collect();
        match (taken, expected) {
            (Ok(roots), Ok((expected_roots, expected_left))) => {
                assert_eq!(roots, expected_roots);
                assert_eq!(left, expected_left);
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (taken, _) => panic!("{taken:?}"),
        }
    }

    #[test]
    fn sources_of_the_tree_go_and_what_the_build_made_stays() {
        check(
            &[
                "src/pkg/__init__.py",
                "src/pkg/a.py",
                "src/pkg/fast.c",
                "tests/test_a.py",
                "docs/a.py",
            ],
            &[
                ("pkg/__init__.py", "#"),
                ("pkg/a.py", "#"),
                ("pkg/_version.py", "v"),
                ("pkg/fast.so", "elf"),
            ],
            Ok((&["src"], &["pkg/_version.py", "pkg/fast.so"])),
        );
    }

    #[test]
    fn a_flat_layout_and_several_roots_are_found() {
        check(
            &["pkg/__init__.py", "mod.py"],
            &[("pkg/__init__.py", "#"), ("mod.py", "#")],
            Ok((&[""], &[])),
        );
        check(
            &["a/x/__init__.py", "b/y/__init__.py", "b/y/z.py"],
            &[
                ("x/__init__.py", "#"),
                ("y/__init__.py", "#"),
                ("y/z.py", "#"),
            ],
            Ok((&["b", "a"], &[])),
        );
    }

    #[test]
    fn a_file_under_another_name_is_refused_because_changes_would_not_be_seen() {
        check(
            &["lib/mod.py"],
            &[("pkg/mod.py", "# lib/mod.py")],
            Err("installs `lib/mod.py` as `pkg/mod.py`"),
        );
    }

    #[test]
    fn editable_links_into_the_copy_become_roots() {
        let world = World::new(&["src/pkg/a.py"], &[]);
        let copy = world.path("copy");
        world.write(
            "site/__editable__.x-1.pth",
            &format!("{}\n", copy.join("src").display()),
        );
        world.write("site/other.pth", "/elsewhere\n");
        world.write(
            "site/__editable___y_finder.py",
            &format!("MAPPING = {{'pkg': '{}'}}", copy.join("lib/pkg").display()),
        );
        let tree = BTreeSet::from(["src/pkg/a.py".to_owned()]);
        let roots = take_apart(&world.path("site"), world.folder.path(), &copy, &tree)
            .expect("it can be taken apart");
        assert_eq!(roots, ["lib", "src"]);
        assert!(world.path("site/other.pth").exists());
        assert!(!world.path("site/__editable__.x-1.pth").exists());
    }

    #[test]
    fn what_is_neither_file_nor_folder_goes_before_anything_is_read_or_written() {
        let world = World::new(&["pkg/a.py"], &[("pkg/b.py", "#")]);
        world.write("outside/a.py", "the user's");
        let site = world.path("site");
        let link = |name: &str, target: &str| {
            std::os::unix::fs::symlink(world.path(target), site.join(name)).expect("a link");
        };
        link("linked", "outside");
        link("pipeline_tree.py", "outside/a.py");
        let pipe = rustix::fs::Mode::from_raw_mode(0o600);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, site.join("x.pth"), kind, pipe, 0).expect("a pipe");
        make_plain(&world.path(""), &site).expect("it becomes plain");
        hang_hook(&site).expect("the hook hangs");
        let mut left: Vec<_> = fs::read_dir(&site)
            .expect("the packages")
            .map(|it| {
                it.expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("UTF-8")
            })
            .collect();
        left.sort();
        assert_eq!(
            left,
            [
                "pipeline_tree.pth",
                "pipeline_tree.py",
                "pkg",
                "x-1.dist-info"
            ]
        );
        let outside = fs::read_to_string(world.path("outside/a.py")).expect("still there");
        assert_eq!(outside, "the user's");
    }

    #[test]
    fn a_folder_of_packages_that_is_a_link_is_refused() {
        let world = World::new(&[], &[]);
        world.write("outside/a.py", "the user's");
        let site = world.path("site2");
        std::os::unix::fs::symlink(world.path("outside"), &site).expect("a link");
        let refused = make_plain(&world.path(""), &site);
        assert!(
            matches!(refused, Err(BuiltError::Elsewhere(_))),
            "{refused:?}"
        );
    }
}
