//! What a file of a repository is for, by its path.

/// What a file is for. The later ones are further behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The repository's own code.
    Code,
    /// Code that builds, measures or releases the rest.
    Side,
    /// Its own code or tests; only a look inside tells.
    CodeOrTest,
    /// Tests, and what they need.
    Test,
    /// Documents, examples, and what is no Python.
    Document,
    /// Somebody else's code.
    Vendored,
}

impl Part {
    /// As far as a path tells.
    pub(crate) fn of(path: &str) -> Part {
        if !is_python(path) {
            return Part::Document;
        }
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let folders = folders.split('/').filter(|it| !it.is_empty());
        let parts = folders.enumerate().map(|(depth, it)| of_folder(it, depth));
        parts.fold(of_stem(stem), Part::max)
    }

    /// Whether it is read for its words.
    pub(crate) fn is_read(self) -> bool {
        self <= Part::CodeOrTest
    }
}

fn of_folder(name: &str, depth: usize) -> Part {
    match &*name.to_ascii_lowercase() {
        "test" | "testing" => Part::CodeOrTest,
        "tests" | "testsuite" | "unittests" | "test-data" | "testdata" | "test_data" => Part::Test,
        "doc" | "docs" | "example" | "examples" | "tutorials" | "gallery" | "galleries"
        | "samples" | "demo" | "demos" => Part::Document,
        "vendor" | "_vendor" | "vendored" | "_vendored" | "third_party" | "thirdparty"
        | "extern" | "typeshed" | "site-packages" | "node_modules" => Part::Vendored,
        "benchmarks" | "asv_bench" => Part::Side,
        // Deeper down, many a package has a folder of that name.
        "tools" | "scripts" | "bench" | "ci" | ".ci" | ".github" | "release" if depth == 0 => {
            Part::Side
        }
        _ => Part::Code,
    }
}

fn of_stem(stem: &str) -> Part {
    match stem {
        "test" | "tests" | "testing" => Part::CodeOrTest,
        "conftest" => Part::Test,
        "setup" | "noxfile" | "tasks" | "versioneer" | "_version" | "__version__" => Part::Side,
        _ if stem.starts_with("test_") || stem.ends_with("_test") || stem.ends_with("_tests") => {
            Part::Test
        }
        _ => Part::Code,
    }
}

/// Whether a file is named as those are that hold tests, and not what they need.
pub(crate) fn is_named_as_a_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let is_test = stem.starts_with("test_") || stem.ends_with("_test") || stem.ends_with("_tests");
    is_test || stem == "tests"
}

/// Whether a file is Python, or Python with types of C, or for types alone.
fn is_python(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    matches!(ending, "py" | "pyi" | "pyx")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_what_a_file_is_for() {
        let check = |part: Part, paths: &[&str]| {
            for path in paths {
                assert_eq!(Part::of(path), part, "{path}");
            }
        };
        check(
            Part::Code,
            &["a.py", "src/pkg/tools/scripts/a.py", "pkg/latest.py"],
        );
        check(
            Part::Side,
            &["setup.py", "scripts/a.py", "pkg/benchmarks/a.py"],
        );
        check(
            Part::CodeOrTest,
            &[
                "django/test/client.py",
                "werkzeug/test.py",
                "jinja2/tests.py",
            ],
        );
        check(
            Part::Test,
            &["tests/a.py", "pkg/test_a.py", "pkg/test/tests/a.py"],
        );
        check(
            Part::Document,
            &["docs/conf.py", "examples/tests/a.py", "tests/a.html"],
        );
        check(Part::Vendored, &["src/pip/_vendor/a/tests/b.py"]);
    }
}
