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
async fn hooks_that_ask_something_of_every_test_do_not_break_on_tests_of_ours() {
    let hook = |line: &str| {
        format!(
            "import re\nimport pytest\n\ndef pytest_collection_modifyitems(items):\n    for it in items:\n        {line}\n"
        )
    };
    let end = "import pytest\n\ndef pytest_collection_finish(session):\n    for it in session.items:\n        if it.name != 'test_old':\n            pytest.exit(it.name)\n";
    let hooks = [
        (
            "a docstring",
            hook("it.function.__doc__.strip()"),
            "def test_old():\n    'Old.'\n",
        ),
        (
            "a number",
            hook("int(re.search(r'test_(\\d+)_', it.name).group(1))"),
            "def test_01_old():\n    pass\n",
        ),
        (
            "a number at the end",
            hook("int(it.name.rsplit('_', 1)[1])"),
            "def test_old_01():\n    pass\n",
        ),
        (
            "one of some marks",
            hook("assert {'unit', 'slow'} & {mark.name for mark in it.iter_markers()}"),
            "import pytest\n\n@pytest.mark.unit\ndef test_old():\n    pass\n\n@pytest.mark.slow\ndef test_new():\n    pass\n",
        ),
        (
            "an attribute",
            hook("it.function.level + 1"),
            "def test_old():\n    pass\n\ntest_old.level = 1\n",
        ),
        (
            "an end of the collection",
            end.to_owned(),
            "def test_old():\n    pass\n",
        ),
    ];
    for (name, conftest, test) in hooks {
        let (report, integrity) = run_without_author(&Row {
            name,
            before: &[("conftest.py", &conftest), ("tests/test_old.py", test)],
            ..ROW
        })
        .await;
        assert_eq!(report.verdict.feedback(), None, "{name}");
        assert_eq!(integrity.canaries, Canaries::Held { tests: 8 }, "{name}");
        assert!(0 < integrity.tests_on_base, "{name}");
    }
}

#[tokio::test]
async fn tests_with_other_ids_in_each_run_are_known_by_their_place() {
    let test = "\
import random
import uuid
from pathlib import Path

import app
import pytest


class Thing:
    pass


@pytest.mark.parametrize('path', sorted(Path(__file__).parent.glob('*.txt')), ids=str)
def test_path(path):
    assert path.exists()


@pytest.mark.parametrize('thing', [Thing(), Thing()], ids=repr)
def test_address(thing):
    assert thing


@pytest.mark.parametrize('token', [uuid.uuid4().hex, str(uuid.uuid4())])
def test_token(token):
    assert token


@pytest.mark.parametrize('number', [random.SystemRandom().random() for _ in range(3)])
def test_number(number):
    assert app.count() <= 1
";
    let before = &[
        ("tests/test_ids.py", test),
        ("tests/a.txt", ""),
        ("tests/b.txt", ""),
    ];
    check(&[
        Row {
            name: "all kept",
            before,
            ..ROW
        },
        Row {
            name: "one broken",
            before,
            after: &[("app.py", "def count():\n    return 2\n")],
            want: "tests/test_ids.py::test_number[… 2]",
            ..ROW
        },
        Row {
            name: "cases that the code gives",
            before: &[
                ("app.py", "CASES = [1, 2]\n\ndef count():\n    return 0\n"),
                ("tests/test_cases.py", "import app\nimport pytest\n\n@pytest.mark.parametrize('case', app.CASES)\ndef test_case(case):\n    assert case < 3\n"),
            ],
            after: &[("app.py", "CASES = [0, -1]\n\ndef count():\n    return 1\n")],
            want: "tests/test_cases.py::test_case[1]",
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
