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
    reads = _Reads(handed["acceptance"], handed["tools"], handed["pipe"])

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
        reads.running = None
        say_reads()

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
        say("finished")

    hooks = [
        pytest_xdist_setupnodes,
        pytest_configure,
        pytest_sessionstart,
        pytest_configure_node,
        pytest_collection_finish,
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
    hooks = [_remembering_hooks(), _collecting_hooks(handed["acceptance"])]
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


def _collecting_hooks(own_files):
    """Where tests are collected: what plugins make of a file besides its tests, such as a linter's verdict on it, is
    not made of the files that were written for the task."""
    import pytest
    from _pytest.doctest import DoctestModule

    tree = os.path.realpath(os.getcwd())
    own = {os.path.realpath(os.path.join(tree, it)) for it in own_files}

    def is_extra(collector):
        path = getattr(collector, "path", None) or getattr(collector, "fspath", "")
        if os.path.realpath(str(path)) not in own:
            return False
        return isinstance(collector, DoctestModule) or not isinstance(collector, pytest.Module)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collect_file(parent):
        outcome = yield
        if own:
            outcome.force_result([it for it in outcome.get_result() if not is_extra(it)])

    return [pytest_collect_file]


class _Reads:
    """Notices when code that isn't a test opens a test that was written for the task, or one of our files.

    Traceback and source lines are read through linecache, modules through importlib: both happen to honest code.
    """

    def __init__(self, acceptance, tools, pipe):
        self.found = []
        # The test that runs now. Other tests may have the whole tree read, as a linter's own do.
        self.running = None
        self._told = set()
        self._tree = os.path.join(os.path.realpath(os.getcwd()), "")
        self._files = {os.path.join(self._tree, it): it for it in acceptance}
        self._tools = os.path.join(tools, "")
        self._acceptance = tuple(it + "::" for it in acceptance)
        self._ends = tuple(os.path.basename(it) for it in acceptance) + ("/fd/%d" % pipe,)
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self._hook())

    def _hook(self):
        frame_above, fsdecode = sys._getframe, os.fsdecode

        def on_event(event, arguments):
            if event != "open":
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

    def _look(self, path, frame):
        whole = os.path.realpath(os.path.join(os.getcwd(), os.path.dirname(path)))
        what = self._files.get(os.path.join(whole, os.path.basename(path)))
        if what is None and path.startswith(self._tools):
            what = "a file of the test runner's own"
        elif what is None and path.startswith(("/proc/", "/dev/fd/")):
            what = "the test runner's own pipe"
        if what is None or (self.running and not self.running.startswith(self._acceptance)):
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


def _is_of_the_tests(path):
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
    return pytest.main(["-p", "pipeline_pytest"] + sys.argv[1:])


if __name__ == "__main__":
    sys.exit(_main())
elif "PIPELINE_REPORT_FD" in os.environ:
    _begin()
