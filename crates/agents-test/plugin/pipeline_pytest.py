"""Starts pytest and tells what became of every test, as JSON lines through a pipe of its own.

The pipe's number is in PIPELINE_REPORT_FD. Standard output, the exit status and the junit file can all be
steered by the code under test; this channel says what was collected, what each test's own phases did, and
whether the session came to its end. A line is written whole and at once, so a killed run keeps every line.

As a program it is `python -m pytest` with itself as a plugin; `-p pipeline_pytest` loads it elsewhere.
Works with pytest 6 and later, alone or as the controller of xdist.
"""

import json
import os
import sys

# Characters kept of one failure's words; the rest is cut out of the middle.
MESSAGE_CHARS_MAX = 3000
# Test ids in one line, so that no line grows with the suite.
IDS_PER_LINE_MAX = 100
# Carries the exception's type from the process that ran a test to the one that reports it.
RAISED = "_pipeline_raised"


def _take_pipe():
    """The pipe's number, taken out of the environment so that a pytest inside a test doesn't write to it."""
    try:
        return int(os.environ.pop("PIPELINE_REPORT_FD"))
    except (KeyError, ValueError):
        return None


_PIPE = _take_pipe()
_PID = os.getpid()


def _say(event, **fields):
    # A test may fork; its child must not report a second session.
    if _PIPE is None or os.getpid() != _PID:
        return
    line = (json.dumps(dict(fields, event=event)) + "\n").encode("ascii")
    try:
        while line:
            line = line[os.write(_PIPE, line) :]
    except OSError:
        # The test closed the pipe, or the reader is gone: what is missing then counts as not run.
        pass


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


def _say_ids(ids):
    ids = [_text(it) for it in ids]
    for start in range(0, len(ids), IDS_PER_LINE_MAX):
        _say("collected", ids=ids[start : start + IDS_PER_LINE_MAX])


def pytest_sessionstart(session):
    if hasattr(session.config, "workerinput"):
        return
    import pytest

    _say("started", pytest=_text(pytest.__version__), python=sys.version.split()[0])


def pytest_collection_finish(session):
    if not hasattr(session.config, "workerinput"):
        _say_ids(item.nodeid for item in session.items)


def pytest_runtest_logstart(nodeid, location):
    _say("began", id=_text(nodeid))


def pytest_runtest_logfinish(nodeid, location):
    _say("ended", id=_text(nodeid))


def pytest_runtest_logreport(report):
    raised = getattr(report, RAISED, "")
    outcome = report.outcome
    if outcome == "passed" and raised:
        # Some hook turned a failure into a success.
        outcome = "failed"
    if outcome == "passed" and report.when != "call":
        return
    _say(
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
    _say(
        "collect",
        id=_text(report.nodeid),
        outcome=report.outcome,
        exception=_text(getattr(report, RAISED, "")),
        message=_words(report),
    )


def _install_hooks():
    """The hooks that need pytest's decorators; absent when this file is imported without pytest."""
    try:
        import pytest
    except ImportError:
        return

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

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(session, exitstatus):
        yield
        if not hasattr(session.config, "workerinput"):
            _say("finished")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(node, ids):
        _say_ids(ids)

    globals().update(
        pytest_runtest_makereport=pytest_runtest_makereport,
        pytest_make_collect_report=pytest_make_collect_report,
        pytest_sessionfinish=pytest_sessionfinish,
        pytest_xdist_node_collection_finished=pytest_xdist_node_collection_finished,
    )


def _remember(report, call):
    excinfo = getattr(call, "excinfo", None)
    if excinfo is None or report.outcome == "skipped":
        return
    setattr(report, RAISED, excinfo.typename)


_install_hooks()


def _main():
    tools = os.path.dirname(os.path.abspath(__file__))
    # As `python -m pytest` has it: the tree first. Our own folder last, so that it shadows nothing.
    sys.path[0] = os.getcwd()
    sys.path.append(tools)
    try:
        import pytest
    except ImportError as error:
        sys.stderr.write("pytest can't be imported: %s\n" % error)
        return 4
    if _PIPE is not None:
        os.environ["PIPELINE_REPORT_FD"] = str(_PIPE)
    return pytest.main(["-p", "pipeline_pytest"] + sys.argv[1:])


if __name__ == "__main__":
    sys.exit(_main())
