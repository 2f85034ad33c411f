//! Finds the files of a repository that a path, a dotted name or an import means.

use std::collections::{BTreeSet, HashMap};

use crate::facts::Import;

/// Files that one name alone may mean; a name that means more says nothing.
const ALIKE_MAX: usize = 5;
/// Where an installation keeps packages.
const INSTALLED: [&str; 2] = ["/site-packages/", "/dist-packages/"];
/// Where Python keeps its own modules.
const OF_PYTHON: [&str; 2] = ["/lib/python", "/lib64/python"];

/// The files of a repository by the ends of their paths and by their modules' names.
#[derive(Debug, Default)]
pub(crate) struct Places<'p> {
    /// By file name.
    by_name: HashMap<&'p str, Vec<(usize, &'p str)>>,
    /// By the module's name and every end of it, as in `b.c` and `c` of `a/b/c.py`.
    by_module: HashMap<String, Vec<usize>>,
}

/// What a path in a text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// This file, or these, whose paths end alike.
    Surely(Vec<usize>),
    /// One of these: only the name fits.
    Perhaps(Vec<usize>),
    Nothing,
}

impl<'p> Places<'p> {
    /// Of files by their number; `is_module` says which of them can be imported.
    pub(crate) fn of(files: impl Iterator<Item = (usize, &'p str, bool)>) -> Places<'p> {
        let mut places = Places::default();
        for (number, path, is_module) in files {
            places
                .by_name
                .entry(name_of(path))
                .or_default()
                .push((number, path));
            if !is_module {
                continue;
            }
            let module = path.rsplit_once('.').map_or(path, |(module, _)| module);
            let module = module
                .strip_suffix("/__init__")
                .unwrap_or(module)
                .replace('/', ".");
            let mut rest = Some(&*module);
            while let Some(end) = rest {
                places
                    .by_module
                    .entry(end.to_owned())
                    .or_default()
                    .push(number);
                rest = end.split_once('.').map(|(_, after)| after);
            }
        }
        places
    }

    /// The files that a path means, wherever the repository lay when it was written down.
    pub(crate) fn meant_by(&self, path: &str) -> Meant {
        let installed = INSTALLED.iter().find_map(|it| path.rsplit_once(it));
        if installed.is_none() && OF_PYTHON.iter().any(|it| path.contains(it)) {
            return Meant::Nothing;
        }
        let path = installed.map_or(path, |(_, inside)| inside);
        let alike = self.by_name.get(name_of(path)).map_or(&[][..], |it| it);
        let longest = alike.iter().map(|it| parts_in_common(it.1, path)).max();
        let Some(longest) = longest else {
            return Meant::Nothing;
        };
        let best = alike
            .iter()
            .filter(|it| parts_in_common(it.1, path) == longest);
        let best: Vec<usize> = best.map(|it| it.0).collect();
        let is_whole = longest
            == path
                .split('/')
                .filter(|it| !matches!(*it, "" | "."))
                .count();
        match best.len() {
            // A package of somebody else's has files of such names too.
            _ if installed.is_some() && !is_whole => Meant::Nothing,
            1 if 1 < longest || is_whole => Meant::Surely(best),
            2..=ALIKE_MAX if 1 < longest => Meant::Surely(best),
            1..=ALIKE_MAX if !path.ends_with("__init__.py") => Meant::Perhaps(best),
            _ => Meant::Nothing,
        }
    }

    /// The module that a dotted name is, or is in.
    pub(crate) fn module_of(&self, dotted: &str) -> Option<usize> {
        let mut rest = dotted;
        while rest.contains('.') {
            if let Some(only) = self.module(rest) {
                return Some(only);
            }
            rest = rest.rsplit_once('.')?.0;
        }
        None
    }

    /// The files that imports of the file at `path` mean.
    pub(crate) fn imported(&self, path: &str, imports: &[Import]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for import in imports {
            let module = absolute(path, import);
            let inner = import
                .names
                .iter()
                .filter_map(|it| self.module(&format!("{module}.{it}")));
            let before = found.len();
            found.extend(inner);
            if found.len() == before {
                found.extend(self.module(&module));
            }
        }
        found
    }

    fn module(&self, name: &str) -> Option<usize> {
        match self.by_module.get(name).map_or(&[][..], |it| it) {
            [only] => Some(*only),
            _ => None,
        }
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// How many parts of two paths are the same, counted from their ends.
fn parts_in_common(one: &str, other: &str) -> usize {
    let pairs = one.rsplit('/').zip(other.rsplit('/'));
    pairs.take_while(|(one, other)| one == other).count()
}

/// The whole name of an imported module, seen from the file at `path`.
fn absolute(path: &str, import: &Import) -> String {
    if import.level == 0 {
        return import.module.clone();
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.truncate(parts.len().saturating_sub(import.level.into()));
    parts.extend(import.module.split('.').filter(|it| !it.is_empty()));
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 8] = [
        "src/shop/__init__.py",
        "src/shop/cart.py",
        "src/shop/admin/views.py",
        "src/shop/api/views.py",
        "src/shop/json/decoder.py",
        "tests/test_cart.py",
        "templates/cart.html",
        "setup.py",
    ];

    fn places() -> Places<'static> {
        let files = PATHS.iter().enumerate();
        Places::of(files.map(|(number, path)| (number, *path, path.ends_with(".py"))))
    }

    #[test]
    fn a_path_means_the_file_with_the_longest_common_end() {
        let check = |path: &str, want: Meant| assert_eq!(places().meant_by(path), want, "{path}");
        check("src/shop/cart.py", Meant::Surely(vec![1]));
        check("cart.py", Meant::Surely(vec![1]));
        check("/home/me/old/shop/cart.py", Meant::Surely(vec![1]));
        check(
            "/x/site-packages/shop/admin/views.py",
            Meant::Surely(vec![2]),
        );
        check(
            "https://x.org/o/r/blob/main/src/shop/api/views.py",
            Meant::Surely(vec![3]),
        );
        check("templates/cart.html", Meant::Surely(vec![6]));
        check("views.py", Meant::Perhaps(vec![2, 3]));
        check("other/cart.py", Meant::Perhaps(vec![1]));
        check("/x/site-packages/other/cart.py", Meant::Nothing);
        check("/usr/lib/python3.8/json/decoder.py", Meant::Nothing);
        check("other/__init__.py", Meant::Nothing);
        check("nowhere.py", Meant::Nothing);
    }

    #[test]
    fn a_dotted_name_means_its_module() {
        let check = |name: &str, want| assert_eq!(places().module_of(name), want, "{name}");
        check("shop.cart.Cart.add", Some(1));
        check("shop.Cart", None);
        check("admin.views", Some(2));
        check("self.cart", None);
        check("os.path.join", None);
    }

    #[test]
    fn imports_mean_modules_of_the_repository() {
        let check = |level, module: &str, names: &[&str], want: &[usize]| {
            let import = Import {
                level,
                module: module.to_owned(),
                names: names.iter().map(|it| (*it).to_owned()).collect(),
            };
            let found = places().imported("src/shop/admin/views.py", &[import]);
            assert_eq!(
                found.into_iter().collect::<Vec<_>>(),
                want,
                "{level} {module}"
            );
        };
        check(0, "shop.cart", &["Cart"], &[1]);
        check(0, "shop", &["cart"], &[1]);
        check(0, "shop", &["Cart"], &[0]);
        check(2, "", &["cart"], &[1]);
        check(2, "cart", &["Cart"], &[1]);
        check(1, "views", &["index"], &[2]);
        check(0, "os", &["path"], &[]);
    }
}
