"""Says which tests of some files can't fail: they assert nothing, or may skip. Reads the files and runs nothing.

Takes paths; prints one JSON object a line with `path`, `test` (empty for the whole file), `words` and whether it
`may_skip`. What can't be parsed is left to pytest, which says it better. Works with Python 3.8 and later.
"""

import ast
import json
import sys

# Calls that fail by themselves when something isn't so. Functions of the same file are looked into instead.
ASSERTING = ("assert", "check", "ensure", "expect", "fail", "must", "should", "verify")
ASSERTING_LINES = ("fnmatch_lines", "re_match_lines", "no_fnmatch_line", "no_re_match_line")
# Calls that fail unless what stands inside of them raises, warns or logs.
AROUND = (
    "raises",
    "warns",
    "deprecated_call",
    "assertRaises",
    "assertRaisesRegex",
    "assertWarns",
    "assertWarnsRegex",
    "assertLogs",
    "assertNoLogs",
)
SKIPPING = (
    "skip",
    "skipif",
    "skipIf",
    "skipUnless",
    "skipTest",
    "SkipTest",
    "xfail",
    "importorskip",
    "expectedFailure",
)
MAY_SKIP = "it may skip or be expected to fail, and then it judges nothing"
SWALLOWING = ("AssertionError", "Exception", "BaseException")
LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def last_name(node):
    """`raises` of `pytest.raises` and of `raises`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def first_name(node):
    """`pytest` of `pytest.mark.skip`."""
    while isinstance(node, (ast.Attribute, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def is_constant(node):
    """Whether an expression is the same whatever the code does."""
    if isinstance(node, (ast.Tuple, ast.List)) and node.elts:
        # As a condition it is true whatever is in it: `assert (x, "words")`.
        return True
    if isinstance(node, ast.BoolOp):
        true = [it for it in node.values if is_constant(it)]
        if isinstance(node.op, ast.Or) and true:
            return True
        return len(true) == len(node.values)
    changing = (ast.Name, ast.Call, ast.Attribute, ast.Await, ast.NamedExpr)
    return not any(isinstance(it, changing) for it in ast.walk(node))


def is_false(node):
    return isinstance(node, ast.Constant) and not node.value


def does_nothing(statement):
    if isinstance(statement, (ast.Pass, ast.Raise)):
        return True
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def swallows(handler):
    """Whether a handler keeps a failed assertion from being seen."""
    kinds = handler.type
    kinds = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
    return any(it is None or last_name(it) in SWALLOWING for it in kinds)


class Reader:
    """Looks into the tests of one file."""

    def __init__(self, tree):
        self.functions = {}
        for node in ast.walk(tree):
            if isinstance(node, FUNCTIONS):
                self.functions.setdefault(node.name, []).append(node)
        self.modules = {"pytest", "unittest"}
        self.skips = set()
        # What a class can be made of without inheriting anything that asserts by another name.
        self.plain = {"object"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.modules.update(
                    it.asname for it in node.names if it.name in ("pytest", "unittest") and it.asname
                )
            elif isinstance(node, ast.ImportFrom) and node.module in ("pytest", "unittest", "unittest.case"):
                for it in node.names:
                    (self.skips if it.name in SKIPPING else self.modules).add(it.asname or it.name)
                    self.plain.add(it.asname or it.name)
        classes = [it for it in ast.walk(tree) if isinstance(it, ast.ClassDef)]
        self.plain.update(it.name for it in classes)
        # Methods that may call others which are written elsewhere, as in a package's own `TestCase`.
        self.heirs = set()
        for node in classes:
            if any(self.is_foreign(it) for it in node.bases):
                self.heirs.update(it for it in ast.walk(node) if isinstance(it, FUNCTIONS))

    def is_foreign(self, base):
        if isinstance(base, ast.Attribute):
            return first_name(base) not in self.modules
        return last_name(base) not in self.plain

    def may_skip(self, node):
        return any(self.is_skip(it) for it in ast.walk(node))

    def is_skip(self, node):
        if isinstance(node, ast.Attribute) and node.attr in SKIPPING:
            return node.attr == "skipTest" or first_name(node) in self.modules
        return isinstance(node, ast.Name) and node.id in self.skips

    def asserts(self, function, seen=()):
        if function in self.heirs and self.calls_inherited(function):
            return True
        return self.block(function.body, seen + (function.name,))

    def calls_inherited(self, function):
        """Whether it calls a method of its own that stands in another file: that may well assert."""
        called = [it.func for it in ast.walk(function) if isinstance(it, ast.Call)]
        return any(
            isinstance(it, ast.Attribute)
            and isinstance(it.value, ast.Name)
            and it.value.id == "self"
            and it.attr not in self.functions
            and it.attr not in AROUND
            for it in called
        )

    def block(self, statements, seen):
        for it in statements:
            if self.statement(it, seen):
                return True
            if isinstance(it, LEAVING):
                return False
        return False

    def statement(self, node, seen):
        if isinstance(node, ast.Assert):
            return is_false(node.test) or not is_constant(node.test)
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, (ast.With, ast.AsyncWith)):
            around = [it.context_expr for it in node.items if self.is_around(it.context_expr)]
            if around and not all(does_nothing(it) for it in node.body):
                return True
            others = [it.context_expr for it in node.items if it.context_expr not in around]
            return any(self.calls(it, seen) for it in others) or self.block(node.body, seen)
        if isinstance(node, (ast.If, ast.While)) and is_false(node.test):
            return self.block(node.orelse, seen)
        if isinstance(node, FUNCTIONS):
            return self.block(node.body, seen)
        if hasattr(node, "handlers"):
            handled = [self.block(it.body, seen) for it in node.handlers]
            quiet = any(swallows(it) and not told for it, told in zip(node.handlers, handled))
            inside = self.block(node.body, seen) and not quiet
            return inside or any(handled) or self.block(node.orelse + node.finalbody, seen)
        blocks = [getattr(node, name, []) for name in ("body", "orelse")]
        blocks += [it.body for it in getattr(node, "cases", [])]
        if any(blocks):
            headers = [it for it in ast.iter_child_nodes(node) if isinstance(it, ast.expr)]
            found = any(self.calls(it, seen) for it in headers)
            return found or any(self.block(it, seen) for it in blocks)
        return self.calls(node, seen)

    def is_around(self, node):
        return isinstance(node, ast.Call) and last_name(node.func) in AROUND

    def calls(self, node, seen):
        """Whether some call in an expression asserts."""
        for it in ast.walk(node):
            if not isinstance(it, ast.Call):
                continue
            name = last_name(it.func)
            if name in AROUND:
                # Around a function that is handed over; alone it waits for a block.
                found = 2 <= len(it.args)
            elif name in self.functions and name not in seen:
                found = any(self.asserts(function, seen) for function in self.functions[name])
            else:
                found = name.lstrip("_").startswith(ASSERTING) or name in ASSERTING_LINES
            if found:
                return True
        return False

    def why_toothless(self, function):
        nodes = list(ast.walk(function))
        if any(isinstance(it, ast.Assert) for it in nodes):
            return "what it asserts is true whatever the code does, or is never reached"
        if any(self.is_around(it) for it in nodes):
            return "nothing that could raise stands inside of its `raises`"
        return "it asserts nothing"


def tests_of(tree):
    """Every test function with its name as pytest shows it."""
    for node in tree.body:
        if isinstance(node, FUNCTIONS) and node.name.startswith("test"):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            for inner in tests_of(node):
                yield node.name + "::" + inner[0], inner[1]


def problems_of(tree):
    reader = Reader(tree)
    inside = set()
    for name, function in tests_of(tree):
        inside.update(ast.walk(function))
        if reader.may_skip(function):
            yield name, MAY_SKIP
        elif not reader.asserts(function):
            yield name, reader.why_toothless(function)
    if any(reader.is_skip(it) for it in ast.walk(tree) if it not in inside):
        yield "", "something in it may skip tests or expect them to fail, and then they judge nothing"


def main(paths):
    for path in paths:
        try:
            with open(path, "rb") as file:
                tree = ast.parse(file.read())
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue
        for test, words in problems_of(tree):
            row = {"path": path, "test": test, "words": words, "may_skip": words is MAY_SKIP}
            print(json.dumps(row))


if __name__ == "__main__":
    main(sys.argv[1:])
