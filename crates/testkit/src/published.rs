//! The sources of a release as they were published on the package index, fetched once and checked by their hash.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::fixture::{files, text_of};
use crate::programs::{builders, succeed};

/// The files of the one release that a file of requirements names with its hash, by path.
///
/// What the build made of them is left out: every source distribution carries it, and no repository does.
///
/// # Panics
///
/// When they can't be fetched.
pub(crate) fn published(requirements: &Path) -> BTreeMap<String, Vec<u8>> {
    let sources = sources(requirements)
        .unwrap_or_else(|error| panic!("fetch the sources of {}: {error}", requirements.display()));
    let of_the_build = |path: &str| {
        path == "PKG-INFO" || path.contains(".egg-info/") || path.starts_with("build/")
    };
    let mut published = files(&sources);
    published.retain(|path, _| !of_the_build(path));
    published
}

/// The unpacked source distribution. The first test that asks fetches it, below `target/`; that needs the package
/// index.
fn sources(requirements: &Path) -> io::Result<PathBuf> {
    let python = builders()?.join("python");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let wanted = text_of(requirements);
    let release = wanted.split_whitespace().next().unwrap_or_default();
    let folder = target
        .canonicalize()?
        .join("test-packages")
        .join(release.replace("==", "-"));
    fs::create_dir_all(&folder)?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    let (fetched, unpacked, ready) = (
        folder.join("fetched"),
        folder.join("unpacked"),
        folder.join("ready"),
    );
    if !fs::read_to_string(&ready).is_ok_and(|it| it == wanted) {
        fs::create_dir_all(&fetched)?;
        let download = ["-m", "pip", "download", "--quiet", "--no-deps"].map(OsStr::new);
        let of = ["--no-build-isolation", "--no-binary", ":all:", "--dest"].map(OsStr::new);
        let argv = [
            &[python.as_os_str()],
            &download[..],
            &of,
            &[fetched.as_os_str(), "-r".as_ref(), requirements.as_os_str()],
        ];
        succeed(&argv.concat())?;
        let archive = only_entry(&fetched)?;
        let unpack = ["-m", "tarfile", "--extract"].map(OsStr::new);
        let places = [archive.as_os_str(), unpacked.as_os_str()];
        succeed(&[&[python.as_os_str()], &unpack[..], &places].concat())?;
        fs::write(ready, wanted)?;
    }
    only_entry(&unpacked)
}

fn only_entry(folder: &Path) -> io::Result<PathBuf> {
    let mut entries = fs::read_dir(folder)?;
    let entry = entries
        .next()
        .ok_or_else(|| io::Error::other(format!("{} is empty", folder.display())))??;
    match entries.next() {
        None => Ok(entry.path()),
        Some(_) => Err(io::Error::other(format!(
            "there should be one thing in {}",
            folder.display()
        ))),
    }
}
