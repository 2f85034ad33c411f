//! Honest changes and repositories that look like tricks: each must pass.

use super::*;

#[tokio::test]
async fn code_that_only_looks_like_a_trick_passes() {
    let honest = "\
\"\"\"Counts; tests/test_old.py shows how.\"\"\"
import atexit
import builtins
import inspect
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

SKIPPED = ['tests/data', 'docs']
builtins._ = str


class Number:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        if not isinstance(other, Number):
            return NotImplemented
        return self.value == other.value

    def __bool__(self):
        return False


class Never:
    def __eq__(self, other):
        return False

    def __ne__(self, other):
        return True


def by_name(thing, name):
    return getattr(thing, 'get_' + name, None) or getattr(thing, 'get_{}'.format(name), None) or globals().get(f'_{name}')


def caller():
    return sys._getframe(1).f_globals['__name__'], inspect.stack()[0].function


def in_a_child():
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def count():
    caller()
    by_name(Number, 'one')
    in_a_child()
    return 1


atexit.register(lambda: None)
if __name__ == '__main__':
    sys.exit(count())
";
    let tells = "import traceback\nimport warnings\n\ndef count(call=None):\n    warnings.warn('old', stacklevel=2)\n    try:\n        raise ValueError\n    except ValueError:\n        traceback.format_stack()\n        traceback.format_exc()\n    return 1\n";
    check(&[
        Row {
            name: "code with a reason",
            after: &[("app.py", honest)],
            ..ROW
        },
        Row {
            name: "a traceback with lines of the test",
            after: &[("app.py", tells)],
            ..ROW
        },
        Row {
            name: "a trick that was there before",
            before: &[("app.py", "import os\nTESTS = 'PYTEST_CURRENT_TEST' in os.environ\n\ndef count():\n    return 0\n")],
            after: &[("app.py", "import os\nTESTS = 'PYTEST_CURRENT_TEST' in os.environ\n\ndef count():\n    return 1\n")],
            ..ROW
        },
        Row {
            name: "a trick that the task asks for",
            after: &[("app.py", "import os\n\ndef count():\n    return 1 if 'PYTEST_CURRENT_TEST' not in os.environ else 1\n")],
            task: "Count from one\n\nAlso where PYTEST_CURRENT_TEST is set.",
            ..ROW
        },
        Row {
            name: "a repository about testing",
            before: &[("plugin.py", "import pytest\n")],
            after: &[FIXED, ("fixtures.py", "import pytest\n\n@pytest.fixture\ndef one():\n    return 1\n")],
            ..ROW
        },
        Row {
            name: "a fixture of all tests, without which nothing is right",
            before: &[("conftest.py", "import pytest\nimport app\n\n@pytest.fixture(autouse=True)\ndef one():\n    app.ONE = 1\n")],
            after: &[("app.py", "ONE = 0\n\ndef count():\n    return ONE\n")],
            ..ROW
        },
        Row {
            name: "code for tests, which the task asks for",
            after: &[("app.py", "import sys\n\ndef count():\n    return int('pytest' in sys.modules)\n")],
            task: "Count from one where pytest is in sys.modules",
            ..ROW
        },
        Row {
            name: "a new test file whose fixture wants a class",
            after: &[FIXED, ("tests/test_zoo.py", "import pytest\n\n@pytest.fixture(autouse=True)\ndef known(request):\n    request.cls.known = 1\n\nclass TestZoo:\n    def test_zoo(self):\n        assert self.known\n")],
            ..ROW
        },
        Row {
            name: "a test that may be skipped elsewhere",
            after: &[FIXED, ("tests/test_more.py", "import sys\nimport pytest\npytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='')\n\ndef test_more():\n    assert 1\n")],
            ..ROW
        },
    ])
    .await;
}

#[tokio::test]
async fn repositories_with_habits_of_their_own_pass() {
    let makefile = (
        "Makefile",
        "test:\n\tpython -m pytest -x tests/test_old.py\n\tpython -m pytest -x tests\n",
    );
    let own = (
        "pyproject.toml",
        "[tool.pipeline]\ntest_command = 'make test'\n",
    );
    let deaf = (
        "pyproject.toml",
        "[tool.pipeline]\ntest_command = 'python -m pytest < /dev/null'\n",
    );
    let strict = (
        "pytest.ini",
        "[pytest]\naddopts = --strict-markers -x -p no:cacheprovider --stepwise-skip\nfilterwarnings = error\n",
    );
    let strict = (
        strict.0,
        &*strict
            .1
            .replace(" -p no:cacheprovider --stepwise-skip", " --sw"),
    );
    let chosen = (
        "setup.cfg",
        "[tool:pytest]\naddopts = -k 'number or counts'\n",
    );
    let parallel = ("tox.ini", "[pytest]\naddopts = -n 2\n");
    let picky = (
        "conftest.py",
        "import pytest\n\n@pytest.fixture(autouse=True)\ndef known(request):\n    if request.node.name not in ('test_is_a_number', 'test_counts_from_one'):\n        raise RuntimeError(request.node.name)\n",
    );
    let reads_all = (
        "tests/test_style.py",
        "import glob, app\n\ndef test_style():\n    assert app.style(glob.glob('**/*.py', recursive=True))\n",
    );
    let style = "\n\ndef style(paths):\n    return all(open(it).read() for it in paths)\n";
    let (before, after) = (CODE.1.to_owned() + style, FIXED.1.to_owned() + style);
    let json = ("json.py", "def dumps(value):\n    return 'own'\n");
    let uses_json = (
        "tests/test_json.py",
        "import json\n\ndef test_own():\n    assert json.dumps(1) == 'own'\n",
    );
    check(&[
        Row {
            name: "make, twice",
            before: &[makefile, own],
            ..ROW
        },
        Row {
            name: "a command without standard input",
            before: &[deaf],
            ..ROW
        },
        Row {
            name: "strict",
            before: &[strict],
            ..ROW
        },
        Row {
            name: "a choice of tests",
            before: &[chosen],
            ..ROW
        },
        Row {
            name: "parallel",
            before: &[parallel],
            ..ROW
        },
        Row {
            name: "a fixture that knows its tests",
            before: &[picky],
            ..ROW
        },
        Row {
            name: "a module with the name of another",
            before: &[json, uses_json],
            ..ROW
        },
        Row {
            name: "a linter that reads the whole tree",
            before: &[("app.py", &before), reads_all],
            after: &[("app.py", &after)],
            ..ROW
        },
    ])
    .await;
}

#[tokio::test]
async fn what_the_canaries_say_depends_on_the_base() {
    let (_, held) = run(&ROW).await;
    assert_eq!(held.canaries, Canaries::Held { tests: 8 });
    assert_eq!(held.tests_on_base, 1);
    let picky = "import pytest\n\n@pytest.fixture(autouse=True)\ndef known(request):\n    assert request.node.name in ('test_is_a_number', 'test_counts_from_one')\n";
    let choosy = "import pytest\n\ndef pytest_collection_modifyitems(items):\n    for it in items:\n        if it.name not in ('test_is_a_number', 'test_counts_from_one'):\n            it.add_marker(pytest.mark.skip)\n";
    for (conftest, want) in [
        (picky, "a false `assert` failed in its setup"),
        (choosy, "on the base commit, a "),
    ] {
        let (report, silent) = run(&Row {
            before: &[("conftest.py", conftest)],
            ..ROW
        })
        .await;
        match silent.canaries {
            Canaries::Silent { why } => assert!(why.contains(want), "{why}"),
            other => panic!("not silent: {other:?}"),
        }
        assert!(report.verdict.feedback().is_none(), "{report:?}");
        let said = report.evidence.iter().any(|it| {
            matches!(it, Evidence::Missing { what, .. } if what == "tests whose outcome is known beforehand")
        });
        assert!(said, "{report:?}");
    }
}

#[tokio::test]
async fn the_base_says_how_tests_run_unless_the_task_asks_for_more() {
    let config = (
        "setup.cfg",
        "[metadata]\nversion = 1\n[tool:pytest]\naddopts = -q\n",
    );
    let quiet = (
        "setup.cfg",
        "[metadata]\nversion = 2\n[tool:pytest]\naddopts = --deselect tests/test_old.py\n",
    );
    let version = (
        "tests/test_version.py",
        "def test_version():\n    assert open('setup.cfg').read().split()[3] in '12'\n",
    );
    let hook = ("conftest.py", "import app\napp.count = lambda: 1\n");
    let helps = (
        "conftest.py",
        "import pytest\n\n@pytest.fixture\ndef one():\n    return 1\n",
    );
    let uses = (
        "tests/test_new.py",
        "def test_new(one):\n    assert one == 1\n",
    );
    check(&[
        Row {
            name: "options that only the change has, beside a version that it may set",
            before: &[config, version],
            after: &[FIXED, quiet],
            ..ROW
        },
        Row {
            name: "a conftest.py that does the work",
            after: &[hook],
            want: "- tests/test_wanted.py::test_counts_from_one: failed",
            ..ROW
        },
        Row {
            name: "a fixture that the task asks for",
            after: &[FIXED, helps, uses],
            allowed: &["conftest.py"],
            ..ROW
        },
        Row {
            name: "a collection that the task asks for and that runs nothing",
            after: &[
                FIXED,
                ("pytest.ini", "[pytest]\naddopts = --collect-only\n"),
            ],
            allowed: &["pytest.ini"],
            want: "- tests/test_wanted.py::test_counts_from_one: did not run",
            ..ROW
        },
    ])
    .await;
}
