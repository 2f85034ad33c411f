"""Tests of ours whose outcome is known beforehand, run among the tests of the tree.

They stand in a test file of the tree and go through every hook that its tests go through. What turns failures into
successes, skips everything or replaces a function that tests rely on does so here too, and is seen by it.
"""

import os
import types
import unittest

import pytest

# Ordinary words, so that nothing tells these tests from their neighbours.
WORDS = (
    "accepts allows alone basic before bound case count default each edge empty error final first"
    " given index inner input keeps large last line list match merge missing more name nested next"
    " number only order other outer pair parse path plain prefix range reads result returns second"
    " simple single small split sum text third total twice type unit update valid value whole word"
).split()
# Marks with which a whole file steps aside: always, or perhaps.
STEPS_ASIDE = ("skip", "xfail")
MAY_STEP_ASIDE = ("skipif",)


def false_assert():
    assert 1 == 2


def false_approx():
    assert 1.0 == pytest.approx(1.5)


def nothing_raised():
    with pytest.raises(ValueError):
        pass


def said_to_fail():
    pytest.fail("on purpose")


def exception():
    raise ZeroDivisionError("on purpose")


def true_assert():
    assert 1 == 1
    with pytest.raises(ValueError):
        raise ValueError("on purpose")


class Cases(unittest.TestCase):
    def unequal(self):
        self.assertEqual(1, 2)

    def equal(self):
        self.assertEqual(1, 1)


# What stands before the first test of the tree and what after its last one. The names are those of canaries.rs.
FIRST = (("true_assert", true_assert), ("false_assert", false_assert), ("unequal", Cases.unequal))
LAST = (
    ("said_to_fail", said_to_fail),
    ("nothing_raised", nothing_raised),
    ("equal", Cases.equal),
    ("false_approx", false_approx),
    ("exception", exception),
)
OF_A_CASE = ("unequal", "equal")


def choose_names():
    """Another name for each test in each session, and what it does."""
    names = {}
    for kind, _ in FIRST + LAST:
        while True:
            name = "_".join(["test"] + [WORDS[it % len(WORDS)] for it in os.urandom(4)])
            if name not in names:
                break
        names[name] = kind
    return names


def placing_hooks(names, on_placed):
    """The hooks that put the tests between those of the tree, where tests are collected."""
    name_of = {kind: name for name, kind in names.items()}
    placed = []

    # Before all others, so that what they do to tests they do to ours too; and after them, because a test that was
    # left out by `-k` shows nothing.
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(session, config, items):
        try:
            before = _made(_host(items), FIRST, name_of)
            after = _made(_host(reversed(items)), LAST, name_of)
        except Exception:  # an unusual collector must not lose its tests for ours
            before, after = [], []
        items[:0] = before
        items.extend(after)
        placed.extend(before + after)
        on_placed(len(placed))
        yield
        there = set(map(id, items))
        items[:0] = [it for it in before if id(it) not in there]
        items.extend(it for it in after if id(it) not in there)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        ours = any(it is item for it in placed)
        before = dict(vars(item.session)) if ours else {}
        yield
        if ours:
            # `--stepwise` and the like end a session at its first failure.
            for name in ("shouldstop", "shouldfail", "_shouldstop", "_shouldfail"):
                if name in before:
                    vars(item.session)[name] = before[name]

    return [pytest_collection_modifyitems, pytest_runtest_protocol]


def _host(items):
    """The first test file without a mark or a fixture that would reach our tests; else the next best one."""
    seen, second_best = [], None
    for item in items:
        module = item.getparent(pytest.Module)
        if module is None or any(it is module for it in seen) or not isinstance(item, pytest.Function):
            continue
        seen.append(module)
        marks = {it.name for it in module.iter_markers()}
        if marks.isdisjoint(STEPS_ASIDE + MAY_STEP_ASIDE) and not _has_autouse(module):
            return module
        if marks.isdisjoint(STEPS_ASIDE):
            second_best = second_best or module
    return second_best


def _has_autouse(module):
    """Whether a file has fixtures for all of its tests, as far as pytest lets us see."""
    fixtures = getattr(module.session, "_fixturemanager", None)
    by_id = getattr(fixtures, "_nodeid_autousenames", {})
    by_node = getattr(fixtures, "_node_autousenames", {})
    return bool(by_id.get(module.nodeid) or by_node.get(module))


def _made(module, tests, name_of):
    if module is None:
        return []
    items = []
    for kind, body in tests:
        name = name_of[kind]
        body = _as_if_of(module, name, body)
        if kind in OF_A_CASE:
            items.extend(_test_case(module, name, body))
        else:
            setattr(module.obj, name, body)
            items.append(pytest.Function.from_parent(module, name=name, callobj=body))
    for item in items:
        # A test that fails on purpose isn't worth another try.
        if module.config.pluginmanager.hasplugin("rerunfailures"):
            item.add_marker(pytest.mark.flaky(reruns=0))
    return items


def _as_if_of(module, name, body):
    """A copy that shows the file it stands in."""
    code = body.__code__.replace(co_filename=str(module.obj.__file__), co_name=name)
    made = types.FunctionType(code, body.__globals__, name)
    made.__module__ = module.obj.__name__
    return made


def _test_case(module, name, body):
    of_class = "Test" + name[len("test_") :].title().replace("_", "")
    made = type(of_class, (unittest.TestCase,), {name: body, "__module__": module.obj.__name__})
    setattr(module.obj, of_class, made)
    found = module.ihook.pytest_pycollect_makeitem(collector=module, name=of_class, obj=made)
    if not hasattr(found, "collect"):
        return []
    return list(found.collect())
