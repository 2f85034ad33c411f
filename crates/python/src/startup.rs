//! What runs whenever an environment's Python starts, before anything of ours: looked at after everything that could
//! have changed it, because a file nobody installed there would steer every test run.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::built::{BuiltError, text_of};

/// Modules that Python imports by itself when it starts (<https://docs.python.org/3/library/site.html>).
const MODULES: [&str; 2] = ["sitecustomize", "usercustomize"];

/// An environment's start as it was before any code of others ran beside it.
#[derive(Debug)]
pub(super) struct Start {
    environment: PathBuf,
    site: PathBuf,
    /// `.pth` files by name, with their content.
    paths: BTreeMap<String, Vec<u8>>,
    configuration: Vec<u8>,
    interpreter: PathBuf,
}

impl Start {
    /// Of an environment that was just made.
    pub(super) fn of(environment: &Path, site: &Path) -> io::Result<Start> {
        Ok(Start {
            environment: environment.to_owned(),
            site: site.to_owned(),
            paths: path_files(site)?,
            configuration: fs::read(environment.join("pyvenv.cfg"))?,
            interpreter: fs::canonicalize(environment.join("bin/python"))?,
        })
    }

    /// Refuses what runs at the start and belongs to no installed package.
    pub(super) fn check(&self) -> Result<(), BuiltError> {
        let foreign = |file: &str| BuiltError::Foreign {
            file: file.to_owned(),
        };
        let python = self.environment.join("bin/python");
        if fs::canonicalize(&python).ok().as_ref() != Some(&self.interpreter) {
            return Err(foreign("bin/python"));
        }
        if fs::read(self.environment.join("pyvenv.cfg"))? != self.configuration {
            return Err(foreign("pyvenv.cfg"));
        }
        let owned = owned_names(&self.site)?;
        for (name, text) in path_files(&self.site)? {
            if self.paths.get(&name) != Some(&text) && !owned.contains_key(&name) {
                return Err(foreign(&name));
            }
        }
        for entry in fs::read_dir(&self.site)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let module = name.split('.').next().unwrap_or(&name);
            let starts = MODULES.contains(&module);
            if starts && !owned.contains_key(&name) {
                return Err(foreign(&name));
            }
        }
        Ok(())
    }
}

fn path_files(site: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(site)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".pth") {
            // A link among them is nothing that a package brings; its name alone is then foreign.
            let bytes = match entry.file_type()?.is_file() {
                true => fs::read(entry.path())?,
                false => Vec::new(),
            };
            found.insert(name, bytes);
        }
    }
    Ok(found)
}

/// The files and folders at the top of `site` that installed packages say they brought, with the package.
fn owned_names(site: &Path) -> Result<BTreeMap<String, String>, BuiltError> {
    let mut owned = BTreeMap::new();
    for entry in fs::read_dir(site)? {
        let folder = entry?.path();
        if folder.extension().is_none_or(|it| it != "dist-info") {
            continue;
        }
        let package = folder.file_name().unwrap_or_default().to_string_lossy();
        for line in text_of(&folder.join("RECORD")).unwrap_or_default().lines() {
            let file = line
                .rsplitn(3, ',')
                .nth(2)
                .unwrap_or(line)
                .trim_matches('"');
            let top = file.split('/').next().unwrap_or(file);
            owned.insert(top.to_owned(), package.clone().into_owned());
        }
    }
    Ok(owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World(tempfile::TempDir);

    impl World {
        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
    }

    /// An environment with one package, and what is put into it later.
    #[track_caller]
    fn check(later: &[(&str, &str)], refused: Option<&str>) {
        let world = World(tempfile::tempdir().expect("a folder"));
        let site = world.0.path().join("lib/site");
        world.write("pyvenv.cfg", "home = /usr/bin\n");
        world.write("bin/python", "");
        world.write("lib/site/_virtualenv.pth", "import _virtualenv\n");
        let start = Start::of(world.0.path(), &site).expect("an environment");
        world.write("lib/site/good.pth", "import good\n");
        world.write(
            "lib/site/good-1.dist-info/RECORD",
            "good.pth,,\ngood.py,,\n",
        );
        for (path, text) in later {
            world.write(path, text);
        }
        let said = start.check().map_err(|it| it.to_string()).err();
        match refused {
            Some(file) => assert!(said.expect("refused").contains(&format!("`{file}`"))),
            None => assert_eq!(said, None),
        }
    }

    #[test]
    fn what_runs_at_the_start_belongs_to_a_package_or_is_refused() {
        check(&[], None);
        check(&[("lib/site/evil.pth", "import os\n")], Some("evil.pth"));
        check(
            &[("lib/site/_virtualenv.pth", "import os\n")],
            Some("_virtualenv.pth"),
        );
        check(
            &[("lib/site/sitecustomize.py", "")],
            Some("sitecustomize.py"),
        );
        check(
            &[("lib/site/usercustomize/__init__.py", "")],
            Some("usercustomize"),
        );
        check(
            &[("lib/site/sitecustomize.cpython-311.so", "")],
            Some("sitecustomize.cpython-311.so"),
        );
        check(&[("lib/site/module.py", "")], None);
        check(&[("pyvenv.cfg", "home = /tmp\n")], Some("pyvenv.cfg"));
    }
}
