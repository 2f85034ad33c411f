//! Given tests: what is read, what is refused, and where it is put.

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::*;

const TEST: &str = "def test_a(): ...\n";

/// A folder with these files. The folder `repo` stands for the repository.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder
}

/// What becomes of `given` in a repository whose base holds these paths with the text of [`TEST`].
#[track_caller]
fn check(files: &[(&str, &[u8])], given: &[&str], base: &[&str], want: Expect) {
    let world = folder(files);
    let given: Vec<String> = given.iter().map(|it| (*it).to_owned()).collect();
    let repository = world.path().join("repo");
    let seen = GivenTests::read(&given, world.path(), Some(&repository)).and_then(|given| {
        let existing: Vec<String> = base.iter().map(|it| (*it).to_owned()).collect();
        let texts = existing
            .iter()
            .map(|it| (it.clone(), TEST.into()))
            .collect();
        let mut task = Task::default();
        let notes = given.freeze_into(&mut task, &existing, &texts)?;
        let paths = task.tests.iter().map(|it| it.path.clone());
        let all: Vec<String> = paths.chain(task.test_ids).chain(notes).collect();
        Ok(all.join("\n"))
    });
    let seen = seen.unwrap_or_else(|error| format!("could not {error}"));
    let root = fs::canonicalize(world.path()).expect("it is there");
    want.assert_eq(&seen.replace(&root.display().to_string(), "[WORLD]"));
}

#[test]
fn files_and_folders_find_their_place() {
    let one: &[(&str, &[u8])] = &[("test_new.py", b"def test_new(): ...\n")];
    check(one, &["test_new.py"], &[], expect!["test_new.py"]);
    check(
        one,
        &["test_new.py"],
        &["test_old.py"],
        expect!["test_new.py"],
    );
    check(
        one,
        &["test_new.py"],
        &["tests/unit/test_a.py", "tests/test_b.py", "x/test_c.py"],
        expect!["tests/test_new.py"],
    );
    let many: &[(&str, &[u8])] = &[
        ("tests/test_new.py", TEST.as_bytes()),
        ("tests/conftest.py", b""),
        ("tests/data/primes.txt", b"2 3 5\n"),
        ("tests/.hidden", b"\xff"),
        ("tests/__pycache__/x.pyc", b"\xff"),
    ];
    let all = || {
        expect![[r#"
            tests/conftest.py
            tests/data/primes.txt
            tests/test_new.py"#]]
    };
    check(many, &["tests"], &[], all());
    check(many, &["tests/"], &["tests/test_old.py"], all());
    check(
        many,
        &["tests"],
        &["spec/test_old.py"],
        expect![[r#"
            spec/tests/conftest.py
            spec/tests/data/primes.txt
            spec/tests/test_new.py"#]],
    );
}

#[test]
fn a_conftest_beside_a_file_comes_along() {
    let beside: &[(&str, &[u8])] = &[
        ("test_new.py", TEST.as_bytes()),
        ("conftest.py", b"x = 1\n"),
    ];
    check(
        beside,
        &["test_new.py"],
        &[],
        expect![[r#"
            conftest.py
            test_new.py
            [WORLD]/conftest.py is taken along with the tests"#]],
    );
    check(
        beside,
        &["test_new.py"],
        &["test_old.py", "conftest.py"],
        expect![[r#"
            test_new.py
            [WORLD]/conftest.py is taken along with the tests
            [WORLD]/conftest.py left out: the repository has its own"#]],
    );
}

#[test]
fn what_is_in_the_repository_stays_where_it_is() {
    let inside: &[(&str, &[u8])] = &[("repo/deep/test_new.py", b"def test_changed(): ...\n")];
    check(
        inside,
        &["repo/deep/test_new.py"],
        &["deep/test_new.py", "tests/test_a.py"],
        expect!["deep/test_new.py"],
    );
    check(
        inside,
        &["repo/deep/test_new.py::test_a"],
        &["deep/test_new.py"],
        expect![[r#"
            deep/test_new.py
            deep/test_new.py::test_a"#]],
    );
    check(
        &[],
        &["deep/test_new.py::A::test_a", "deep/test_new.py::test_b"],
        &["deep/test_new.py"],
        expect![[r#"
            deep/test_new.py
            deep/test_new.py::A::test_a
            deep/test_new.py::test_b"#]],
    );
}

#[test]
fn what_can_not_be_taken_is_named_with_its_reason() {
    let none: &[(&str, &[u8])] = &[];
    let file = |bytes: &[u8], given: &str, base: &[&str], want: Expect| {
        let path = given.split("::").next().unwrap_or(given);
        check(&[(path, bytes), ("repo/x", b"")], &[given], base, want);
    };
    check(
        none,
        &["test_gone.py"],
        &[],
        expect!["could not take `test_gone.py` for the tests: there is no such file or folder"],
    );
    check(
        none,
        &["gone/test_a.py::test_b"],
        &["test_a.py"],
        expect![
            "could not take `gone/test_a.py::test_b` for the tests: the repository has no file gone/test_a.py"
        ],
    );
    file(
        b"",
        "test_a.py",
        &[],
        expect![
            "could not take `test_a.py` for the tests: there is no test in it (no function whose name begins with `test`)"
        ],
    );
    file(
        b"def test_a(): '\xff'",
        "test_a.py",
        &[],
        expect![
            "could not take `[WORLD]/test_a.py` for the tests: byte 15 isn't UTF-8, and tests are text"
        ],
    );
    file(
        TEST.as_bytes(),
        "test_a.txt",
        &[],
        expect![
            "could not take `test_a.txt` for the tests: it is neither a folder nor a Python file"
        ],
    );
    file(
        TEST.as_bytes(),
        "test \u{202e}.py",
        &[],
        expect![[
            r#"could not take `test \u{202e}.py` for the tests: the name `test \u{202e}.py` has other characters than letters, digits, `.`, `_`, `-` and `+`"#
        ]],
    );
    file(
        TEST.as_bytes(),
        "test_a.py::test_a",
        &[],
        expect![
            "could not take `test_a.py::test_a` for the tests: such a name stands for a test of the repository, and the file is outside of it (give the whole file)"
        ],
    );
    file(
        b"def test_new(): ...",
        "test_a.py",
        &["test_a.py"],
        expect![
            "could not take `[WORLD]/test_a.py` for the tests: it would stand at test_a.py, where the repository has another file (give it another name)"
        ],
    );
    file(
        &vec![b'#'; FILE_BYTES_MAX + 1],
        "test_a.py",
        &[],
        expect!["could not take `[WORLD]/test_a.py` for the tests: it has more than 262144 bytes"],
    );
    check(
        &[("empty/notes.txt", b"no test")],
        &["empty"],
        &[],
        expect![
            "could not take `empty` for the tests: there is no test in it (no function whose name begins with `test`)"
        ],
    );
    let twice: &[(&str, &[u8])] = &[
        ("a/test_a.py", TEST.as_bytes()),
        ("b/test_a.py", b"def test_b(): ..."),
    ];
    check(
        twice,
        &["a/test_a.py", "b/test_a.py"],
        &[],
        expect![
            "could not take `[WORLD]/b/test_a.py` for the tests: two of the given files would stand at test_a.py"
        ],
    );
    let names: Vec<String> = (0..=FILES_MAX)
        .map(|it| format!("many/test_{it}.py"))
        .collect();
    let many: Vec<(&str, &[u8])> = names
        .iter()
        .map(|it| (it.as_str(), TEST.as_bytes()))
        .collect();
    check(
        &many,
        &["many"],
        &[],
        expect!["could not take `many` for the tests: there are more than 64 files"],
    );
    let big = vec![b'#'; FILE_BYTES_MAX];
    let much: Vec<(&str, &[u8])> = names
        .iter()
        .take(5)
        .map(|it| (it.as_str(), &*big))
        .collect();
    check(
        &much,
        &["many"],
        &[],
        expect!["could not take `many` for the tests: all files have more than 1048576 bytes"],
    );
}
