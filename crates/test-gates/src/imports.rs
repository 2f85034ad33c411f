//! Which file of a tree imports which: the modules' names, and everything that a changed file reaches.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Deserialize;

/// What one file says it imports. The names are those of `plugin/pipeline_imports.py`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct FileFacts {
    pub(crate) path: String,
    /// Leading dots, module, and the names that are taken from it.
    pub(crate) imports: Vec<(usize, String, Vec<String>)>,
    /// Words that may name a module or a file.
    pub(crate) words: Vec<String>,
    /// Packages of which it imports some module, named only when it runs.
    pub(crate) below: Vec<String>,
    /// Whether it imports a module of which nothing is known before it runs.
    pub(crate) open: bool,
}

/// Who imports whom. Built from text alone, so an import that is put together at run time may be missing.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    files: HashMap<String, usize>,
    /// For each file, those that import it.
    importers: Vec<Vec<usize>>,
    /// Names of files without their folders that some file mentions.
    mentioned: HashSet<String>,
    /// The modules by their name.
    names: Names,
}

/// Modules by name. A file has one name for each folder that may be on Python's path.
#[derive(Debug, Default)]
struct Names {
    files: BTreeMap<String, Vec<usize>>,
    members: HashMap<String, Vec<usize>>,
}

impl Imports {
    /// `more` are files that aren't in the tree any more, or never were: an import of one of them counts as well.
    pub(crate) fn new(facts: &[FileFacts], more: &[String]) -> Imports {
        let there = facts.iter().map(|it| it.path.clone());
        let gone = more.iter().filter(|it| it.ends_with(".py")).cloned();
        let paths: Vec<String> = there
            .chain(gone)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let files: HashMap<String, usize> = paths.iter().cloned().zip(0..).collect();
        let mut graph = Imports {
            importers: vec![Vec::new(); paths.len()],
            names: Names::of(&paths, &files),
            files,
            mentioned: HashSet::new(),
        };
        let by_file_name = by_file_name(&paths);
        for (path, at) in paths.iter().zip(0..) {
            if let Some(package) = graph.package_of(path) {
                graph.importers[package].push(at);
            }
        }
        for file in facts {
            let at = graph.files[&file.path];
            let mut found = graph.imported_by(file);
            for word in &file.words {
                let name = word.rsplit('/').next().unwrap_or(word);
                let named = by_file_name.get(name).map_or(&[][..], Vec::as_slice);
                let fits = |it: &&usize| {
                    let rest = paths[**it].strip_suffix(word.trim_start_matches("./"));
                    rest.is_some_and(|it| it.is_empty() || it.ends_with('/'))
                };
                found.extend(named.iter().filter(fits));
                graph.mentioned.insert(name.to_owned());
            }
            if file.open {
                let folder = folder_of(&file.path);
                found.extend((0..paths.len()).filter(|it| is_below(&paths[*it], folder)));
            }
            for it in found {
                graph.importers[it].push(at);
            }
        }
        graph
    }

    /// Every file from which one of `changed` is reached, these included.
    pub(crate) fn reaching(&self, changed: &[&str]) -> HashSet<usize> {
        let mut open: Vec<usize> = changed
            .iter()
            .filter_map(|it| self.files.get(*it).copied())
            .collect();
        let mut seen: HashSet<usize> = open.iter().copied().collect();
        while let Some(file) = open.pop() {
            for importer in &self.importers[file] {
                if seen.insert(*importer) {
                    open.push(*importer);
                }
            }
        }
        seen
    }

    /// Whether a test file, or a `conftest.py` that holds for it, is among these.
    pub(crate) fn holds_for(&self, test: &str, files: &HashSet<usize>) -> bool {
        let has = |path: &str| self.files.get(path).is_some_and(|it| files.contains(it));
        let mut folder = folder_of(test);
        if has(test) {
            return true;
        }
        loop {
            if has(&join(folder, "conftest.py")) {
                return true;
            }
            if folder.is_empty() {
                return false;
            }
            folder = folder_of(folder);
        }
    }

    /// Whether some file mentions a file of this name.
    pub(crate) fn mentions(&self, path: &str) -> bool {
        self.mentioned
            .contains(path.rsplit('/').next().unwrap_or(path))
    }

    /// The files of a module, under any name that it has.
    pub(crate) fn of_module(&self, name: &str) -> Vec<usize> {
        self.names.with_packages(name)
    }

    /// The `__init__.py` that runs before this file does.
    fn package_of(&self, path: &str) -> Option<usize> {
        let folder = folder_of(path);
        let folder = match path.rsplit('/').next() {
            Some("__init__.py") if folder.is_empty() => return None,
            Some("__init__.py") => folder_of(folder),
            _ => folder,
        };
        self.files.get(&join(folder, "__init__.py")).copied()
    }

    fn imported_by(&self, file: &FileFacts) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let here = folder_of(&file.path);
        for (level, module, names) in &file.imports {
            if *level == 0 {
                found.extend(self.names.with_packages(module));
                for name in names {
                    found.extend(self.names.member(module, name));
                }
                // A script finds its neighbours, whether or not they are in a package.
                let path = module.replace('.', "/");
                self.add_at(&join(here, &path), names, &mut found);
                continue;
            }
            let mut folder = here;
            for _ in 1..*level {
                folder = folder_of(folder);
            }
            self.add_at(&join(folder, &module.replace('.', "/")), names, &mut found);
        }
        for word in &file.words {
            let module = word.split(':').next().unwrap_or(word);
            found.extend(self.names.with_packages(module));
        }
        for package in &file.below {
            found.extend(self.names.below(package));
        }
        found
    }

    /// The module at a path without its ending, and the names taken from it that are modules too.
    fn add_at(&self, path: &str, names: &[String], found: &mut BTreeSet<usize>) {
        let mut add = |path: String| found.extend(self.files.get(&path));
        add(format!("{path}.py"));
        add(join(path, "__init__.py"));
        for name in names {
            add(join(path, &format!("{name}.py")));
            add(join(path, &format!("{name}/__init__.py")));
        }
    }
}

impl Names {
    fn of(paths: &[String], files: &HashMap<String, usize>) -> Names {
        let mut names = Names::default();
        for (path, at) in paths.iter().zip(0..) {
            let module = path.strip_suffix(".py").unwrap_or(path);
            let module = module.strip_suffix("/__init__").unwrap_or(module);
            let mut root = folder_of(module);
            loop {
                // A folder that is a package itself isn't on the path as a rule.
                if !files.contains_key(&join(root, "__init__.py")) {
                    let inside = module[root.len()..].trim_start_matches('/');
                    let name = inside.replace('/', ".");
                    if let Some((package, _)) = name.rsplit_once('.') {
                        let members = names.members.entry(package.to_owned()).or_default();
                        members.push(at);
                    }
                    names.files.entry(name).or_default().push(at);
                }
                if root.is_empty() {
                    break;
                }
                root = folder_of(root);
            }
        }
        names
    }

    /// A module with the packages it is in; what isn't a module any more is a name in the last one that is.
    fn with_packages(&self, name: &str) -> Vec<usize> {
        let ends = name
            .match_indices('.')
            .map(|(at, _)| at)
            .chain([name.len()]);
        ends.filter_map(|end| self.files.get(&name[..end]))
            .flatten()
            .copied()
            .collect()
    }

    fn member(&self, module: &str, name: &str) -> &[usize] {
        let found = match name {
            "*" => self.members.get(module),
            name => self.files.get(&format!("{module}.{name}")),
        };
        found.map_or(&[], Vec::as_slice)
    }

    fn below(&self, package: &str) -> Vec<usize> {
        let from = format!("{package}.");
        let below = self.files.range(from.clone()..);
        let below = below.take_while(|(name, _)| name.starts_with(&from));
        below.flat_map(|(_, files)| files).copied().collect()
    }
}

fn by_file_name(paths: &[String]) -> HashMap<&str, Vec<usize>> {
    let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
    for (path, at) in paths.iter().zip(0..) {
        let name = path.rsplit('/').next().unwrap_or(path);
        named.entry(name).or_default().push(at);
    }
    named
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", path) | (path, "") => path.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|it| it.starts_with('/'))
}
