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
# Marks that do something to a test. All others only say of which kind it is.
ACTING = frozenset(
    "anyio asyncio django_db filterwarnings flaky parametrize repeat skip skipif timeout trio twisted"
    " usefixtures xfail".split()
)


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
    """Other words for each test in each session, which stand in its name, and what it does."""
    names = {}
    for kind, _ in FIRST + LAST:
        while True:
            words = "_".join(WORDS[it % len(WORDS)] for it in os.urandom(4))
            if words not in names:
                break
        names[words] = kind
    return names


def placing_hooks(names, on_placed, on_apart):
    """The hooks that put the tests between those of the tree, where tests are collected.

    A collection hook of the tree may ask of each test what ours don't have. Then it gets its own tests only, and
    `on_apart` is called.
    """
    words_of = {kind: words for words, kind in names.items()}
    placed, again = [], []

    def is_ours(item):
        return any(it is item for it in placed)

    def without_ours(outcome, items, hook):
        """Has the hooks of the tree run once more, without tests of ours; whether they end well now."""
        if outcome.excinfo is None or again or not any(map(is_ours, items)):
            return False
        if issubclass(outcome.excinfo[0], KeyboardInterrupt):
            return False
        again.append(True)
        try:
            hook()
        except BaseException:  # what the tree says of its own tests is in the first exception too
            return False
        finally:
            again.clear()
        outcome.force_result([])
        on_apart()
        return True

    # Before all others, so that what they do to tests they do to ours too; and after them, because a test that was
    # left out by `-k` shows nothing.
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(session, config, items):
        if again:
            yield
            return
        theirs = list(items)
        try:
            before = _made(_host(items), FIRST, words_of, theirs)
            after = _made(_host(reversed(items)), LAST, words_of, theirs)
        except Exception:  # an unusual collector must not lose its tests for ours
            before, after = [], []
        items[:0] = before
        items.extend(after)
        placed.extend(before + after)
        on_placed(len(placed))
        outcome = yield

        def on_theirs():
            items[:] = theirs
            config.hook.pytest_collection_modifyitems(session=session, config=config, items=items)

        without_ours(outcome, items, on_theirs)
        there = set(map(id, items))
        items[:0] = [it for it in before if id(it) not in there]
        items.extend(it for it in after if id(it) not in there)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection_finish(session):
        outcome = yield
        # A worker of xdist says to its controller what it has collected, and may do so once only.
        if again or hasattr(session.config, "workerinput"):
            return
        everything = list(session.items)

        def on_theirs():
            session.items[:] = [it for it in everything if not is_ours(it)]
            session.config.hook.pytest_collection_finish(session=session)

        without_ours(outcome, everything, on_theirs)
        session.items[:] = everything

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        ours = is_ours(item)
        before = dict(vars(item.session)) if ours else {}
        yield
        if ours:
            # A session that ends at its first failure must not end at one of ours.
            for name in ("shouldstop", "shouldfail", "_shouldstop", "_shouldfail"):
                if name in before:
                    vars(item.session)[name] = before[name]

    return [pytest_collection_modifyitems, pytest_collection_finish, pytest_runtest_protocol]


def _host(items):
    """The first test in a file without a mark or a fixture that would reach our tests; else the next best one."""
    seen, second_best = [], None
    for item in items:
        module = item.getparent(pytest.Module)
        if module is None or any(it is module for it in seen) or not isinstance(item, pytest.Function):
            continue
        seen.append(module)
        marks = {it.name for it in module.iter_markers()}
        if marks.isdisjoint(STEPS_ASIDE + MAY_STEP_ASIDE) and not _has_autouse(module):
            return item
        if marks.isdisjoint(STEPS_ASIDE):
            second_best = second_best or item
    return second_best


def _has_autouse(module):
    """Whether a file has fixtures for all of its tests, as far as pytest lets us see."""
    fixtures = getattr(module.session, "_fixturemanager", None)
    by_id = getattr(fixtures, "_nodeid_autousenames", {})
    by_node = getattr(fixtures, "_node_autousenames", {})
    return bool(by_id.get(module.nodeid) or by_node.get(module))


def _made(neighbour, tests, words_of, theirs):
    if neighbour is None:
        return []
    module = neighbour.getparent(pytest.Module)
    labels = _labels_to_wear(neighbour, module, theirs)
    items = []
    for kind, body in tests:
        name = _named_like(neighbour, words_of[kind])
        body = _as_if_of(module, name, body, _words_on(neighbour))
        if kind in OF_A_CASE:
            items.extend(_test_case(module, name, body, _words_on(getattr(neighbour, "cls", None))))
        else:
            setattr(module.obj, name, body)
            items.append(pytest.Function.from_parent(module, name=name, callobj=body))
    for item in items:
        for label in labels:
            item.add_marker(getattr(pytest.mark, label.name).with_args(*label.args, **label.kwargs))
        # A test that fails on purpose isn't worth another try.
        if module.config.pluginmanager.hasplugin("rerunfailures"):
            item.add_marker(pytest.mark.flaky(reruns=0))
    return items


def _named_like(neighbour, words):
    """A name with these words in it. Where tests are numbered, it has its neighbour's number at the same place."""
    example = getattr(neighbour, "originalname", None) or neighbour.name.partition("[")[0]
    parts = example.split("_")
    if not any(it.isdigit() for it in example):
        name = "test_" + words
    elif any(it.isalpha() for it in parts[1:]):
        place = next(place for place, it in enumerate(parts) if place and it.isalpha())
        name = "_".join(parts[:place] + [words] + parts[place + 1 :])
    else:
        name = "%s_%s" % (example, words)
    # unittest finds its tests by this.
    return name if name.startswith("test") else "test_" + name


def _words_on(thing):
    """What stands at the head of a test or a class, which some trees ask of each."""
    return getattr(getattr(thing, "obj", thing), "__doc__", None) if thing is not None else None


def _labels_to_wear(neighbour, module, theirs):
    """The marks of a neighbour that say of which kind it is, where every test of the tree has some."""

    def labels(item):
        return [it for it in item.iter_markers() if it.name not in ACTING]

    functions = [it for it in theirs if isinstance(it, pytest.Function)]
    if not all(map(labels, functions)):
        return []
    there = {it.name for it in module.iter_markers()}
    return [it for it in labels(neighbour) if it.name not in there]


def _as_if_of(module, name, body, words):
    """A copy that shows the file it stands in."""
    code = body.__code__.replace(co_filename=str(module.obj.__file__), co_name=name)
    made = types.FunctionType(code, body.__globals__, name)
    made.__module__ = module.obj.__name__
    made.__doc__ = words
    return made


def _test_case(module, name, body, words):
    of_class = "Test" + name[len("test") :].title().replace("_", "")
    made = type(of_class, (unittest.TestCase,), {name: body, "__module__": module.obj.__name__, "__doc__": words})
    setattr(module.obj, of_class, made)
    found = module.ihook.pytest_pycollect_makeitem(collector=module, name=of_class, obj=made)
    # A plugin may make a list of one, as pytest-asyncio does, or take a class for none of its own.
    found = found if isinstance(found, (list, tuple)) else [found]
    found = [it for it in found if hasattr(it, "collect")] or [_plain_case(module, of_class, made)]
    return [item for it in found for item in it.collect()]


def _plain_case(module, name, made):
    from _pytest.unittest import UnitTestCase

    return UnitTestCase.from_parent(module, name=name, obj=made)
