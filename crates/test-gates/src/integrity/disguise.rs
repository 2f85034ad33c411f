//! Names and an order for test files that nobody can know beforehand.

use protocol::{TestFile, WorkspaceError};
use test_run::unguessable;

/// Words of which names are made, as ordinary as those of other tests.
const WORDS: [&str; 32] = [
    "basic", "bounds", "cases", "check", "counts", "default", "edges", "empty", "errors", "first",
    "given", "inner", "input", "items", "large", "last", "lines", "match", "names", "number",
    "order", "outer", "pairs", "parse", "range", "reads", "result", "single", "sizes", "text",
    "units", "values",
];
/// What a test file may say by which another name would change what it does.
const OF_ITS_NAME: [&str; 8] = [
    "__file__",
    "__name__",
    "__module__",
    "datadir",
    "snapshot",
    "regression",
    "pickle",
    "getsource",
];

/// Gives out names.
pub(crate) struct Disguise {
    given: Vec<String>,
}

impl Disguise {
    pub(crate) fn new() -> Result<Disguise, WorkspaceError> {
        Ok(Disguise { given: Vec::new() })
    }

    /// Whether a file may have another name, as far as its text and the files beside it say.
    pub(crate) fn fits(&self, path: &str, text: &str, others: &[&TestFile]) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = name.strip_suffix(".py").unwrap_or(name);
        let says = |text: &str| text.contains(stem);
        !says(text)
            && !OF_ITS_NAME.iter().any(|it| text.contains(it))
            && !others.iter().any(|it| says(&it.text))
    }

    /// Another path in the same folder, of the same kind.
    pub(crate) fn path(&mut self, path: &str) -> Result<String, WorkspaceError> {
        let (folder, name) = match path.rsplit_once('/') {
            Some((folder, name)) => (format!("{folder}/"), name),
            None => (String::new(), path),
        };
        loop {
            let mut words = Vec::new();
            for byte in unguessable::bytes::<3>()? {
                words.push(WORDS[usize::from(byte) % WORDS.len()]);
            }
            let words = words.join("_");
            let name = match name.starts_with("test_") {
                true => format!("test_{words}.py"),
                false => format!("{words}_test.py"),
            };
            let path = format!("{folder}{name}");
            if !self.given.contains(&path) {
                self.given.push(path.clone());
                return Ok(path);
            }
        }
    }

    /// Brings paths into an order of chance.
    pub(crate) fn shuffle(&self, paths: &mut [String]) -> Result<(), WorkspaceError> {
        for last in (1..paths.len()).rev() {
            let [byte] = unguessable::bytes::<1>()?;
            paths.swap(last, usize::from(byte) % (last + 1));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_another_one_of_the_same_kind() {
        let mut disguise = Disguise::new().expect("there are random bytes");
        let one = disguise.path("tests/unit/test_a.py").expect("random bytes");
        let other = disguise.path("tests/unit/test_a.py").expect("random bytes");
        assert_ne!(one, other);
        assert!(one.starts_with("tests/unit/test_") && one.ends_with(".py"));
        let last = disguise.path("a_test.py").expect("random bytes");
        assert!(last.ends_with("_test.py") && !last.contains('/'), "{last}");
    }

    #[test]
    fn what_knows_its_own_name_keeps_it() {
        let disguise = Disguise::new().expect("there are random bytes");
        let check = |text: &str, want: bool| {
            assert_eq!(disguise.fits("tests/test_a.py", text, &[]), want, "{text}");
        };
        check("def test_b(): pass", true);
        check("mock.patch('tests.test_a.f')", false);
        check("HERE = Path(__file__)", false);
    }
}
