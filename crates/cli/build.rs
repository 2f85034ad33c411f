//! Tells the program which commit it was built from, where it is built for use; development builds would only be built again
//! with each commit.

use std::fs;
use std::path::{Path, PathBuf};

/// Hexadecimal digits that are shown.
const DIGITS: usize = 10;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_for_use = std::env::var("OPT_LEVEL").is_ok_and(|it| it != "0");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let version = env!("CARGO_PKG_VERSION");
    let version = match is_for_use.then(|| head(&root)).flatten() {
        Some(commit) => {
            let short: String = commit.chars().take(DIGITS).collect();
            format!("{version} ({short})")
        }
        None => version.to_owned(),
    };
    println!("cargo::rustc-env=PIPELINE_VERSION={version}");
}

/// The commit that is checked out, read as files: nothing has to be installed for it.
fn head(root: &Path) -> Option<String> {
    let git = git_folder(&root.join(".git"))?;
    let common = match fs::read_to_string(git.join("commondir")) {
        Ok(folder) => git.join(folder.trim()),
        Err(_) => git.clone(),
    };
    let head = read(&git.join("HEAD"))?;
    let Some(reference) = head.strip_prefix("ref: ") else {
        return is_commit(&head).then_some(head);
    };
    let loose = read(&common.join(reference)).filter(|it| is_commit(it));
    loose.or_else(|| {
        let packed = read(&common.join("packed-refs"))?;
        let line = packed
            .lines()
            .find(|it| it.ends_with(&format!(" {reference}")))?;
        let commit = line.split(' ').next()?;
        is_commit(commit).then(|| commit.to_owned())
    })
}

/// A work tree beside the first one has a file that says where.
fn git_folder(place: &Path) -> Option<PathBuf> {
    if place.is_dir() {
        return Some(place.to_owned());
    }
    let named = read(place)?;
    let folder = named.strip_prefix("gitdir: ")?;
    Some(place.parent()?.join(folder))
}

/// A small file of git's, read again when it changes.
fn read(file: &Path) -> Option<String> {
    println!("cargo::rerun-if-changed={}", file.display());
    Some(fs::read_to_string(file).ok()?.trim().to_owned())
}

fn is_commit(text: &str) -> bool {
    40 <= text.len() && text.bytes().all(|it| it.is_ascii_hexdigit())
}
