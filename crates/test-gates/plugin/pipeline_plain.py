"""Calls tests as any program calls code: without a test runner, under other names.

Reads {"files": [{"path", "text", "tests": [name]}]} as JSON from standard input and prints {"wrong": [{"path", "test",
"line"}]}: tests of which an assertion of their own doesn't hold here. Only plain functions are called, and those whose
parameters stand beside them; whatever else goes wrong says nothing. pytest is nowhere: what a test asks of it is done
by a stand-in of ours under another name. Works with Python 3.8 and later.
"""

import ast
import json
import os
import sys

# What can't be had here, and what a stand-in does.
RUNNERS = ("_pytest", "conftest", "hypothesis")
STOOD_IN_FOR = "pytest"


class Left(Exception):
    """A test that steps aside."""


class Raises:
    """`pytest.raises`, as far as plain tests use it."""

    def __init__(self, kinds, *function, match=None, check=None):
        self.kinds, self.match, self.value = kinds, match, None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            raise AssertionError("nothing was raised")
        if not issubclass(kind, self.kinds):
            return False
        self.type, self.value, self.tb = kind, error, trace
        return True


class Marks:
    """`pytest.mark`: of the marks, only parameters mean something here."""

    def parametrize(self, names, values, **others):
        if isinstance(names, str):
            names = [it.strip() for it in names.split(",") if it.strip()]

        def decorate(function):
            function.__dict__.setdefault("rows", []).append((list(names), list(values)))
            return function

        return decorate


class Near:
    """`pytest.approx`, for numbers and what holds numbers."""

    def __init__(self, expected, rel=None, abs=None, nan_ok=False):
        self.expected, self.nan_ok = expected, nan_ok
        self.rel, self.abs = 1e-6 if rel is None else rel, 1e-12 if abs is None else abs

    def __eq__(self, other):
        return self.is_near(self.expected, other)

    def is_near(self, one, other):
        if isinstance(one, dict):
            return set(one) == set(other) and all(self.is_near(one[it], other[it]) for it in one)
        if isinstance(one, (list, tuple)):
            return len(one) == len(other) and all(map(self.is_near, one, other))
        if one is None or isinstance(one, str) or one == other:
            return one == other
        if one != one:
            return self.nan_ok and other != other
        difference = one - other
        difference = difference if 0 <= difference else -difference
        size = one if 0 <= one else -one
        return difference <= max(self.rel * size, self.abs)

    __hash__ = None


class StandIn:
    """The part of pytest that plain tests use."""

    raises, approx, mark = Raises, Near, Marks()

    def param(self, *values, **others):
        if others.get("marks"):
            raise Left
        return values if len(values) != 1 else values[0]

    def skip(self, *arguments, **named):
        raise Left

    fail = importorskip = xfail = skip


def is_plain(node):
    arguments = getattr(node, "args", None)
    if not isinstance(node, ast.FunctionDef):
        return False
    if arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg or arguments.defaults:
        return False
    named = {it.arg for it in arguments.args}
    given = set()
    for decorator in node.decorator_list:
        called = getattr(decorator, "func", None)
        if not isinstance(called, ast.Attribute) or called.attr != "parametrize" or not decorator.args or decorator.keywords:
            return False
        for it in ast.walk(decorator.args[0]):
            if isinstance(it, ast.Constant) and isinstance(it.value, str):
                given.update(word.strip() for word in it.value.split(","))
    return named == given


def without_a_runner(tree):
    """The tree with the stand-in for pytest, or none where that isn't enough."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [it.name for it in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = ["conftest" if node.level else node.module or ""]
        else:
            continue
        for module in modules:
            first = module.split(".")[0]
            if first in RUNNERS or first == STOOD_IN_FOR and (isinstance(node, ast.ImportFrom) or module != first):
                return None
    # A name of its own for it, which the file hasn't.
    renamed = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            node.names = [it for it in node.names if it.name != STOOD_IN_FOR or renamed.append(it.asname or it.name)]
    tree.body = [it for it in tree.body if not isinstance(it, ast.Import) or it.names]
    if any(isinstance(it, ast.Import) and any(alias.name == STOOD_IN_FOR for alias in it.names) for it in ast.walk(tree)):
        return None
    return renamed


def calls_of(function):
    """The arguments of each call."""
    calls = [{}]
    for names, rows in getattr(function, "rows", []):
        rows = [(row,) if len(names) == 1 else tuple(row) for row in rows]
        calls = [dict(it, **dict(zip(names, row))) for it in calls for row in rows]
    return calls


def wrong_in(file):
    tree = ast.parse(file["text"])
    names = without_a_runner(tree)
    if names is None:
        return
    tests = {}
    for node in tree.body:
        if is_plain(node) and node.name in file["tests"]:
            tests["count_%d" % len(tests)] = node.name
            node.name = "count_%d" % (len(tests) - 1)
    name = os.path.abspath("program.py")
    space = {"__name__": "program", "__file__": name}
    space.update((it, StandIn()) for it in names)
    exec(compile(tree, name, "exec"), space)
    for called, test in tests.items():
        for arguments in calls_of(space[called]):
            try:
                space[called](**arguments)
            except AssertionError as error:
                last = error.__traceback__
                while last.tb_next is not None:
                    last = last.tb_next
                if last.tb_frame.f_code is space[called].__code__:
                    yield dict(path=file["path"], test=test, line=last.tb_lineno)
                    break
            except BaseException:  # it may need what is not here
                pass


def main():
    asked = json.load(sys.stdin)
    # Whatever the code does with its standard output.
    out = os.dup(1)
    sys.path[0] = os.getcwd()
    wrong = []
    for file in asked["files"]:
        try:
            wrong.extend(wrong_in(file))
        except BaseException:  # as above
            pass
    os.write(out, ("\n" + json.dumps({"wrong": wrong}) + "\n").encode("ascii"))


main()
