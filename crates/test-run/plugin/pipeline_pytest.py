"""Starts pytest and tells what became of every test, as sealed JSON lines through a pipe of its own.

The pipe's number is in PIPELINE_REPORT_FD. Standard output, the exit status and the junit file can all be
steered by the code under test; this channel says what was collected, what each test's own phases did, and
whether the session came to its end. A line is written whole and at once, so a killed run keeps every line.
Each line bears a number and a seal (HMAC-SHA256), whose key came through standard input before any code of the
tree could run: whoever writes into the pipe without the key is noticed, and so is a line that is missing.

Beside the tests of the tree, a few tests of ours are run whose outcome is known beforehand: pipeline_canaries.py.

As a program it is `python -m pytest` with itself as a plugin; `-p pipeline_pytest` loads it elsewhere.
Works with pytest 6 and later, alone or as the controller of xdist. PYTEST_DONT_REWRITE
"""

import ast
import fcntl
import hashlib
import hmac
import importlib
import importlib.machinery
import json
import os
import sys

# Characters kept of one failure's words; the rest is cut out of the middle. Whoever reads them keeps fewer.
MESSAGE_CHARS_MAX = 8000
# Test ids in one line, so that no line grows with the suite.
IDS_PER_LINE_MAX = 100
# Carries the exception's type from the process that ran a test to the one that reports it.
RAISED = "_pipeline_raised"
# The pipe is moved here, away from the numbers that programs close or reuse.
PIPE_NUMBER_MIN = 200
# Digits of the length that stands before what is handed over.
LENGTH_DIGITS = 8
# Where a repository's own command doesn't pass standard input on, the key is taken from here.
SPARE_FILE = "pipeline_spare.json"
# Tells workers of xdist, before they know what their controller was handed over, what they need for their options.
STARTED_BY = "PIPELINE_STARTED_BY"
# What pytest itself needs. A base with such a module of its own is served by its own.
PYTEST_NEEDS = frozenset(
    "_pytest attr attrs colorama exceptiongroup importlib_metadata iniconfig packaging pluggy py"
    " pygments pytest tomli typing_extensions zipp".split()
)

# With which a worker of xdist tells its controller that hooks of the tree broke on tests of ours.
APART = "pipeline_apart"
# Options with which a session leaves tests out that it has found, ends before its last one, waits for somebody, or deals
# their order; each as it is without them. A base and a change have to be asked the same, all of it, in one order.
NOT_ASKED = dict(
    benchmark_only=False,
    benchmark_skip=False,
    failedfirst=False,
    lf=False,
    looponfail=False,
    # A test of ours fails on purpose. It must not end the session, whatever the command line says.
    maxfail=0,
    newfirst=False,
    picked=None,
    random_order_bucket="none",
    random_order_enabled=False,
    randomly_reorganize=False,
    setuponly=False,
    setupplan=False,
    stepwise=False,
    stepwise_reset=False,
    stepwise_skip=False,
    trace=False,
    usepdb=False,
)

# What a session begins with, until pytest takes it. Nothing of the tree has run by then.
_WAITING = []


def _read_handed_over():
    """The next record of standard input: key, and what to do with it. Each session takes one."""
    try:
        length = int(_read_bytes(LENGTH_DIGITS))
        return json.loads(_read_bytes(length).decode("ascii"))
    except (OSError, ValueError):
        pass
    try:
        folder = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(folder, SPARE_FILE), encoding="ascii") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def _read_bytes(count):
    parts = []
    while count:
        part = os.read(0, count)
        if not part:
            raise ValueError("standard input is at its end")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _take_pipe():
    """The pipe, out of the environment so that a pytest inside a test doesn't write to it."""
    try:
        number = int(os.environ.pop("PIPELINE_REPORT_FD"))
    except (KeyError, ValueError):
        return None
    try:
        pipe = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, PIPE_NUMBER_MIN)
    except OSError:
        pipe = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(number)
    return pipe


def _close_input():
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _voice(pipe, key, session):
    """The one function that can write sealed lines. Key, pipe and count are nowhere else."""
    sealing = hmac.new(key, digestmod=hashlib.sha256).copy
    encode = json.JSONEncoder().encode
    write, getpid, owner = os.write, os.getpid, os.getpid()
    number = 0

    def say(event, **fields):
        nonlocal number
        # A test may fork; its child must not report a second session.
        if getpid() != owner:
            return
        body = ("%d %d %s" % (session, number, encode(dict(fields, event=event)))).encode("ascii")
        number += 1
        seal = sealing()
        seal.update(body)
        line = seal.hexdigest().encode("ascii") + b" " + body + b"\n"
        try:
            while line:
                line = line[write(pipe, line) :]
        except OSError:
            # The test closed the pipe, or the reader is gone: what is missing then counts as not run.
            pass

    return say


def _text(value):
    """A lone surrogate is valid in Python and not in JSON readers: show it as an escape."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _cut(value):
    text = _text(value)
    if len(text) <= MESSAGE_CHARS_MAX:
        return text
    head = MESSAGE_CHARS_MAX // 4
    tail = MESSAGE_CHARS_MAX - head
    return "%s\n[... %d characters left out ...]\n%s" % (
        text[:head],
        len(text) - MESSAGE_CHARS_MAX,
        text[-tail:],
    )


def _words(report):
    longrepr = getattr(report, "longrepr", None)
    if not longrepr:
        return ""
    if isinstance(longrepr, tuple) and len(longrepr) == 3:
        # A skip: file, line, reason.
        return _cut(longrepr[2])
    try:
        return _cut(longrepr)
    except Exception as error:  # an object of the code under test may refuse to be shown
        return "(the failure can't be shown: %s)" % type(error).__name__


def _remember(report, call):
    excinfo = getattr(call, "excinfo", None)
    if excinfo is None or report.outcome == "skipped":
        return
    setattr(report, RAISED, excinfo.typename)


class _Plugin:
    """Hooks, and nothing else that could be reached through the plugin's name."""

    def __init__(self, *hooks):
        for hook in hooks:
            setattr(self, hook.__name__, hook)


def _remembering_hooks():
    """Where tests run: the exception is noted on the report before a hook of the tree can hide it."""
    import pytest

    # Old-style wrappers: the only kind that pytest 6 and 9 both know.
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(item, call):
        outcome = yield
        _remember(outcome.get_result(), call)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(collector):
        outcome = yield
        report = outcome.get_result()
        _remember(report, getattr(report, "call", None))

    return [pytest_runtest_makereport, pytest_make_collect_report]


def _reporting_hooks(say, handed):
    """Where outcomes come together: in the one process, or in the controller of xdist."""
    import pytest

    canaries = _canary_module(handed)
    names = canaries.choose_names()
    # Failures of ours: a command that goes on after a session only if it was green must not stop for them.
    failed = []
    reads = _Reads(handed["acceptance"], handed["tools"], handed["pipe"], handed.get("folders", 0))
    frozen = _Frozen(handed["acceptance"])
    watched = []

    def is_canary(nodeid):
        name = str(nodeid).rpartition("::")[2]
        return any(words in name for words in names)

    def say_ids(ids):
        ids = [_text(it) for it in ids]
        for start in range(0, len(ids), IDS_PER_LINE_MAX):
            say("collected", ids=ids[start : start + IDS_PER_LINE_MAX])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(config, specs):
        started = dict(own_command=handed["own_command"], django=handed.get("django"))
        os.environ[STARTED_BY] = json.dumps(started)

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(config):
        # pytest-randomly deals the order of tests and the seeds of random numbers; the same each time, then.
        if getattr(config.option, "randomly_seed", None) == "default":
            config.option.randomly_seed = int(os.environ.get("PYTHONHASHSEED") or 0)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(early_config):
        # All plugins of the environment are there, and nothing of the tree.
        watched.append(_Runner())
        yield

    def look_again(thoroughly):
        for it in watched:
            for name in it.replaced(thoroughly):
                say("did", rule="replaces-the-runner", path="", line=0, words="`%s` is another one than before the tests" % _text(name))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(session):
        say(
            "started",
            pytest=_text(pytest.__version__),
            python=sys.version.split()[0],
            canaries=names,
        )

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(node):
        node.workerinput["pipeline"] = dict(handed, names=names)

    def pytest_collection_finish(session):
        say_ids(item.nodeid for item in session.items)
        look_again(True)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(item):
        look_again(False)
        look_at_the_code_of(item)
        yield
        look_at_the_code_of(item)

    def look_at_the_code_of(item):
        if not is_canary(item.nodeid) and frozen.is_another_one(item):
            words = "a frozen test is not the code that stands in its file"
            say("did", rule="rewrites-the-tests", path=_text(item.nodeid.partition("::")[0]), line=0, words=words)

    def pytest_deselected(items):
        ids = [_text(it.nodeid) for it in items if not is_canary(it.nodeid)]
        for start in range(0, len(ids), IDS_PER_LINE_MAX):
            say("deselected", ids=ids[start : start + IDS_PER_LINE_MAX])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(node, ids):
        say_ids(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(node, error):
        if (getattr(node, "workeroutput", None) or {}).get(APART):
            say("apart")

    def pytest_runtest_logstart(nodeid, location):
        reads.running = str(nodeid)
        say("began", id=_text(nodeid))

    def pytest_runtest_logfinish(nodeid, location):
        say("ended", id=_text(nodeid))
        if str(nodeid).startswith(reads.acceptance):
            look_again(True)
        reads.running = None
        say_reads()

    def say_executed():
        executed = sorted(map(_text, reads.executed))
        for start in range(0, len(executed), IDS_PER_LINE_MAX):
            say("executed", paths=executed[start : start + IDS_PER_LINE_MAX])

    def say_reads():
        while reads.found:
            path, line, what = reads.found.pop()
            say("read", path=_text(path), line=line, what=_text(what))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(report, config):
        # Not in the words that pytest prints: nobody could do anything about it.
        if is_canary(report.nodeid):
            return "", "", ""

    def pytest_runtest_logreport(report):
        if is_canary(report.nodeid) and report.failed and not hasattr(report, "wasxfail"):
            failed.append(report.nodeid)
        raised = getattr(report, RAISED, "")
        outcome = report.outcome
        if outcome == "passed" and raised:
            # Some hook turned a failure into a success.
            outcome = "failed"
        if outcome == "passed" and report.when != "call":
            return
        say(
            "phase",
            id=_text(report.nodeid),
            when=report.when,
            outcome=outcome,
            expected=hasattr(report, "wasxfail"),
            part=hasattr(report, "context"),
            exception=_text(raised),
            message="" if outcome == "passed" else _words(report),
        )

    def pytest_collectreport(report):
        if report.outcome == "passed":
            return
        say(
            "collect",
            id=_text(report.nodeid),
            outcome=report.outcome,
            exception=_text(getattr(report, RAISED, "")),
            message=_words(report),
        )

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(session, exitstatus):
        _forget_last_failed(session.config, is_canary)
        if handed["own_command"] and session.testsfailed == len(failed):
            # Somebody else's command line goes on only after a session without failures.
            if failed and int(session.exitstatus) == 1:
                session.testsfailed = 0
                session.exitstatus = 0
        yield
        say_reads()
        look_again(True)
        for path in _hooks_of_the_tree(session.config, reads):
            say("did", rule="runs-as-a-plugin", path=_text(path), line=0, words="a hook of the test runner stands in it")
        for rule, path, line, words in reads.done():
            say("did", rule=rule, path=_text(path), line=line, words=_text(words))
        say_executed()
        say("finished")

    hooks = [
        pytest_xdist_setupnodes,
        pytest_load_initial_conftests,
        pytest_configure,
        pytest_sessionstart,
        pytest_configure_node,
        pytest_collection_finish,
        pytest_deselected,
        pytest_runtest_call,
        pytest_xdist_node_collection_finished,
        pytest_testnodedown,
        pytest_runtest_logstart,
        pytest_runtest_logfinish,
        pytest_report_teststatus,
        pytest_runtest_logreport,
        pytest_collectreport,
        pytest_sessionfinish,
    ]
    placing = canaries.placing_hooks(
        names, lambda count: say("placed", count=count), lambda: say("apart")
    )
    asking = _asking_hooks(handed["own_command"], handed.get("django"))
    return [hooks, placing, asking] + _hooks_on_tests(handed)


def _hooks_on_tests(handed):
    """In the one process, or in each worker of xdist."""
    hooks = [_remembering_hooks(), _collecting_hooks(handed["acceptance"], handed.get("left_out", ()), handed.get("only"))]
    return hooks + ([_django_hooks()] if handed.get("django") else [])


def _set_up_django(config, django):
    """What a Django project needs before any of its modules is imported. pytest-django does the rest by itself."""
    sys.path.insert(0, os.path.abspath(django["folder"] or "."))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", django["settings"])
    if not config.pluginmanager.hasplugin("django"):
        try:
            from django import setup
        except ImportError:
            return
        setup()


def _django_hooks():
    """Around all tests: its databases are made for them, as its own runner does, and none of its own is ever used."""
    import pytest

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtestloop(session):
        plugins = session.config.pluginmanager
        if plugins.hasplugin("django") or plugins.hasplugin("dsession") or "django" not in sys.modules:
            yield
            return
        from django.test import utils

        utils.setup_test_environment(debug=False)
        made = utils.setup_databases(verbosity=0, interactive=False)
        try:
            yield
        finally:
            utils.teardown_databases(made, verbosity=0)
            utils.teardown_test_environment()

    return [pytest_runtestloop]


def _asking_hooks(own_command, django):
    """Where options are read: all tests are asked for, once, in their order."""
    import pytest

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(early_config):
        # Coverage slows every line down, and may fail a session in which every test passes. What a command of the tree
        # does with it afterwards is its own.
        if not own_command and getattr(early_config.known_args_namespace, "cov_source", None):
            early_config.known_args_namespace.cov_source = []
        if django:
            _set_up_django(early_config, django)
        yield

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(config):
        for name, value in NOT_ASKED.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)

    return [pytest_load_initial_conftests, pytest_configure]


def _collecting_hooks(own_files, left_out, only):
    """Where tests are collected: what plugins make of a file besides its tests, such as a linter's verdict on it, is
    not made of the files that were written for the task. In some files nothing is a test, or only in some."""
    import pytest
    from _pytest.doctest import DoctestModule

    tree = os.path.realpath(os.getcwd())

    def whole(paths):
        return {os.path.realpath(os.path.join(tree, it)) for it in paths}

    own, aside = whole(own_files), whole(left_out)
    alone = whole(only) if only is not None else None

    def is_aside(path):
        return path in aside or alone is not None and path not in alone and os.path.basename(path) != "__init__.py"

    def is_extra(collector):
        path = getattr(collector, "path", None) or getattr(collector, "fspath", "")
        path = os.path.realpath(str(path))
        if is_aside(path):
            return True
        if path not in own:
            return False
        return isinstance(collector, DoctestModule) or not isinstance(collector, pytest.Module)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collect_file(parent):
        outcome = yield
        if own or aside or alone is not None:
            outcome.force_result([it for it in outcome.get_result() if not is_extra(it)])

    return [pytest_collect_file]


# What Python itself tells of, and what it means where code of the tree does it that is no test.
AUDITED = {
    "code.__new__": "makes-code",
    "compile": "makes-code",
    "exec": "makes-code",
    "function.__new__": "makes-code",
    "gc.get_objects": "reaches-into-the-run",
    "gc.get_referents": "reaches-into-the-run",
    "gc.get_referrers": "reaches-into-the-run",
    "marshal.loads": "makes-code",
    "object.__setattr__": "reaches-into-the-run",
    "sys.addaudithook": "reaches-into-the-run",
    "sys.setprofile": "reaches-into-the-run",
    "sys.settrace": "reaches-into-the-run",
}
WORDS_OF = {
    "makes-code": "runs code that is in none of its files (Python tells of `%s`)",
    "reaches-into-the-run": "reaches for objects that aren't its own (Python tells of `%s`)",
}
HANDS_OVER = frozenset(("code.py", "codeop.py", "runpy.py", "timeit.py"))


def _is_installed(path):
    return "/site-packages/" in path or "/dist-packages/" in path


class _Frozen:
    """Notices when a test that was written for the task isn't the code that stood in its file when the session began."""

    def __init__(self, paths):
        self._sources, self._codes = {}, {}
        for path in paths:
            try:
                with open(path, "rb") as file:
                    self._sources[os.path.realpath(path)] = file.read()
            except OSError:
                pass

    def _path_of(self, item):
        return os.path.realpath(str(getattr(item, "path", None) or getattr(item, "fspath", "")))

    def is_another_one(self, item):
        path = self._path_of(item)
        if path not in self._sources:
            return False
        if path not in self._codes:
            self._codes[path] = self._compiled(path, item.config)
        codes, plain = self._codes[path]
        test = getattr(item, "obj", None)
        test = getattr(test, "__func__", test)
        code = getattr(test, "__code__", None)
        if codes is None or code is None:
            return False
        is_plain = item.name.partition("[")[0] in plain and getattr(item, "cls", None) is None
        return (is_plain or os.path.realpath(code.co_filename) == path) and code not in codes

    def _compiled(self, path, config):
        """Every code in a file, and the names of its functions without a decorator."""
        from _pytest.assertion.rewrite import rewrite_asserts

        source = self._sources[path]
        codes, plain = [], set()
        try:
            for is_rewritten in (False, True):
                tree = ast.parse(source, filename=path)
                plain = {it.name for it in tree.body if isinstance(it, (ast.FunctionDef, ast.AsyncFunctionDef))}
                plain -= {it.name for it in tree.body if getattr(it, "decorator_list", None)}
                if is_rewritten:
                    rewrite_asserts(tree, source, path, config)
                waiting = [compile(tree, path, "exec", dont_inherit=True)]
                while waiting:
                    code = waiting.pop()
                    codes.append(code)
                    waiting.extend(it for it in code.co_consts if hasattr(it, "co_code"))
        except Exception:  # whatever can't be read fails by itself
            return None, plain
        return frozenset(codes), plain


class _Runner:
    """The functions that decide about tests, as they were before any code of the tree ran."""

    MODULES = ("_pytest", "pluggy", "unittest", "hmac", "hashlib", "json")
    # What every test comes by. The others are looked at before the first test, after those that were written for the
    # task, and at the end: a fixture may have put something in the place of a built-in function for one test.
    ALWAYS = frozenset(
        "_pytest.runner _pytest.runner.CallInfo _pytest.python.Function _pytest.unittest.TestCaseFunction".split()
    )

    def __init__(self):
        self._known, self._often = [], []
        for name, module in sorted(sys.modules.items()):
            if name != "builtins" and name.split(".")[0] not in self.MODULES:
                continue
            self._take(name, vars(module), name == "builtins")
            for value in list(vars(module).values()):
                if isinstance(value, type) and value.__module__ == name:
                    self._take("%s.%s" % (name, value.__name__), value.__dict__, False)
        for it in self._known:
            if it[0] in self.ALWAYS or it[1] == "pytest_pyfunc_call":
                self._often.append(it)

    def _take(self, name, there, everything):
        for key, value in list(there.items()):
            function = getattr(value, "__func__", value)
            function = getattr(function, "fget", None) or function
            code = getattr(function, "__code__", None)
            if code is None and not (everything and callable(value)):
                continue
            state = (code, getattr(function, "__defaults__", None))
            self._known.append((name, key, there, value, function, state))

    def replaced(self, thoroughly):
        """Names that stand for something else now."""
        for name, key, there, value, function, (code, defaults) in self._known if thoroughly else self._often:
            if there.get(key) is not value:
                # pytest does so itself, for plugins of old.
                if getattr(there.get(key), "__module__", "") != "_pytest.legacypath":
                    yield "%s.%s" % (name, key)
            elif code is not None and (function.__code__ is not code or function.__defaults__ is not defaults):
                yield "%s.%s" % (name, key)


def _hooks_of_the_tree(config, reads):
    """Files of the tree, besides what pytest reads for this, in which hooks of the runner stand."""
    found = set()
    hook = config.hook
    for name in dir(hook):
        caller = getattr(hook, name, None)
        for it in getattr(caller, "get_hookimpls", list)():
            code = getattr(getattr(it.function, "__func__", it.function), "__code__", None)
            path = os.path.join(reads._tree, getattr(code, "co_filename", ""))
            if path.startswith(reads._root) and not _is_installed(path) and os.path.basename(path) != "conftest.py":
                found.add(os.path.relpath(path, reads._tree))
    return sorted(found)


class _Reads:
    """Notices when code that isn't a test opens a test that was written for the task, or one of our files.

    Traceback and source lines are read through linecache, modules through importlib: both happen to honest code.
    """

    def __init__(self, acceptance, tools, pipe, folders):
        self.found = []
        # Files of the tree whose code ran, and what code of the tree did that only a runner has a reason to do.
        self.executed = set()
        self._reached = {}
        # The test that runs now. Other tests may have the whole tree read, as a linter's own do.
        self.running = None
        self._told = set()
        self._tree = os.path.join(os.path.realpath(os.getcwd()), "")
        self._root = os.path.join(os.path.realpath(os.path.join(os.getcwd(), *[os.pardir] * folders)), "")
        self._files = {os.path.join(self._tree, it): it for it in acceptance}
        self._tools = os.path.join(tools, "")
        self.acceptance = tuple(it + "::" for it in acceptance)
        self._ends = tuple(os.path.basename(it) for it in acceptance) + ("/fd/%d" % pipe,)
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self._hook())

    def _hook(self):
        frame_above, fsdecode = sys._getframe, os.fsdecode

        def on_event(event, arguments):
            if event != "open":
                if event in AUDITED:
                    try:
                        self._notice(event, arguments, frame_above(1))
                    except Exception:  # as below
                        pass
                return
            try:
                path = arguments[0]
                if isinstance(path, bytes):
                    path = fsdecode(path)
                if isinstance(path, str) and (
                    path.endswith(self._ends) or path.startswith(self._tools)
                ):
                    self._look(path, frame_above(1))
            except Exception:  # never the reason for which a test fails
                pass

        return on_event

    def _notice(self, event, arguments, frame):
        if event == "exec":
            name = getattr(arguments[0], "co_filename", "")
            if not name.startswith("<"):
                self._ran(name)
                return
        elif event == "object.__setattr__" and arguments[1] not in ("__code__", "__defaults__", "__kwdefaults__"):
            return
        # What only hands over to what it was given.
        while frame is not None and os.path.basename(frame.f_code.co_filename) in HANDS_OVER:
            frame = frame.f_back
        name = os.path.join(self._tree, frame.f_code.co_filename)
        if name.startswith(self._root) and not _is_installed(name) and "<" not in name:
            name = os.path.relpath(name, self._tree)
            if not _is_of_the_tests(name, "testing/"):
                self._reached.setdefault((AUDITED[event], name), (frame.f_lineno, event))

    def _ran(self, name):
        name = os.path.join(self._tree, name)
        if name.startswith(self._root) and not _is_installed(name):
            self.executed.add(os.path.relpath(name, self._tree))

    def done(self):
        """Rule, path, line and words of what was noticed."""
        for (rule, name), (line, event) in sorted(self._reached.items()):
            yield rule, name, line, WORDS_OF[rule] % event

    def _look(self, path, frame):
        whole = os.path.realpath(os.path.join(os.getcwd(), os.path.dirname(path)))
        what = self._files.get(os.path.join(whole, os.path.basename(path)))
        if what is None and path.startswith(self._tools):
            what = "a file of the test runner's own"
        elif what is None and path.startswith(("/proc/", "/dev/fd/")):
            what = "the test runner's own pipe"
        if what is None or (self.running and not self.running.startswith(self.acceptance)):
            return
        while frame is not None:
            name = frame.f_code.co_filename
            if os.path.basename(name) == "linecache.py" or "importlib" in name:
                return
            name = os.path.join(self._tree, name)
            if name.startswith(self._tree) and "<" not in name and "/site-packages/" not in name:
                name = name[len(self._tree) :]
                if not _is_of_the_tests(name) and (name, what) not in self._told:
                    self._told.add((name, what))
                    self.found.append((name, frame.f_lineno, what))
                return
            frame = frame.f_back


def _is_of_the_tests(path, but=None):
    if but and but in path:
        path = path.replace(but, "")
    *folders, name = path.split("/")
    return (
        name == "conftest.py"
        or name.startswith("test_")
        or name.endswith("_test.py")
        or any(it in ("test", "tests", "testing") for it in folders)
    )


def _forget_last_failed(config, is_canary):
    """What failed on purpose is nothing to run again."""
    remembered = getattr(config.pluginmanager.get_plugin("lfplugin"), "lastfailed", None)
    if isinstance(remembered, dict):
        for nodeid in [it for it in remembered if is_canary(it)]:
            del remembered[nodeid]


def _canary_module(handed):
    """The module with the tests of ours, imported as pytest imports tests."""
    import pytest

    name = handed["canaries"]
    pytest.register_assert_rewrite(name)
    sys.path.append(handed["tools"])
    try:
        module = importlib.import_module(name)
    finally:
        sys.path.remove(handed["tools"])
    del sys.modules[name]
    return module


def pytest_addoption(parser, pluginmanager):
    # The first moment at which a plugin is asked anything, before any conftest.py is read.
    if _WAITING:
        say, handed = _WAITING.pop()
        _register(pluginmanager, _reporting_hooks(say, handed))
    elif STARTED_BY in os.environ:
        started = json.loads(os.environ.pop(STARTED_BY))
        _register(pluginmanager, [_asking_hooks(**started)])


def _untracing_hook():
    """For a worker, before it knows what its controller was handed over."""
    import pytest

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(early_config):
        _trace_no_lines(early_config)
        yield

    return pytest_load_initial_conftests


def pytest_configure(config):
    handed = getattr(config, "workerinput", {}).get("pipeline")
    if handed is None:
        return
    canaries = _canary_module(handed)
    # The controller collects nothing; it is told at the end.
    def on_apart():
        config.workeroutput[APART] = 1

    placing = canaries.placing_hooks(handed["names"], lambda count: None, on_apart)
    _register(config.pluginmanager, [placing] + _hooks_on_tests(handed))


def _register(pluginmanager, groups):
    # A plugin for each: two of them may have a hook of the same name.
    for hooks in groups:
        pluginmanager.register(_Plugin(*hooks))


def _begin():
    """Takes what was handed over. Without a pipe this is a pytest inside a test, or a worker of xdist."""
    pipe = _take_pipe()
    if pipe is None:
        return None
    handed = _read_handed_over()
    if handed is None:
        return None
    _close_input()
    key = bytes.fromhex(handed["key"])
    handed["key"] = ""
    handed["pipe"] = pipe
    handed["tools"] = os.path.dirname(os.path.abspath(__file__))
    _WAITING.append((_voice(pipe, key, handed["session"]), handed))
    return handed


def _is_needed_here(name):
    """Whether a module of this name would take the place of one that pytest or we use."""
    if name in PYTEST_NEEDS or name in sys.builtin_module_names:
        return True
    if name == "test":  # CPython's own tests, which nobody imports
        return False
    folder = os.path.dirname(os.__file__)
    spec = importlib.machinery.PathFinder.find_spec(
        name, [folder, os.path.join(folder, "lib-dynload")]
    )
    return spec is not None and spec.origin is not None


def _put_tree_on_path():
    """As `python -m pytest` has it: the tree first. Its variables were kept from us until now, because Python
    reads them before its first line and would have run a sitecustomize.py of the tree."""
    sys.path.insert(0, os.getcwd())
    later = os.environ.pop("PIPELINE_LATER_PYTHONPATH", "")
    if later:
        os.environ["PYTHONPATH"] = later
        sys.path[1:1] = [it for it in later.split(os.pathsep) if it]
    roots = os.environ.pop("PIPELINE_LATER_TREE_ROOTS", "")
    if roots:
        os.environ["PIPELINE_TREE_ROOTS"] = roots
        lay = getattr(sys.modules.get("pipeline_tree"), "_lay", None)
        if lay is not None:
            lay()


def _main():
    tools = sys.path.pop(0)
    handed = _begin() or {}
    # A module of the base that has the name of one of ours is what its tests import; one that only the change
    # brings in comes too late.
    tree_first = any(_is_needed_here(it) for it in handed.get("modules", ()))
    if tree_first:
        _put_tree_on_path()
    try:
        import pytest
    except ImportError as error:
        sys.stderr.write("pytest can't be imported: %s\n" % error)
        return 4
    if not tree_first:
        _put_tree_on_path()
    # Last, so that it shadows nothing: workers of xdist look for the plugin there.
    sys.path.append(tools)
    sys.modules["pipeline_pytest"] = sys.modules[__name__]
    # What this session is asked is nobody's business: all are started alike, as a person starts pytest.
    arguments = [it.replace("{tools}", tools) for it in handed.pop("arguments", None) or sys.argv[1:]]
    sys.argv[:] = [os.path.join(os.path.dirname(os.path.abspath(pytest.__file__)), "__main__.py")]
    return pytest.main(["-p", "pipeline_pytest"] + arguments)


if __name__ == "__main__":
    sys.exit(_main())
elif "PIPELINE_REPORT_FD" in os.environ:
    _begin()
