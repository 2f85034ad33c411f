"""Finds code that keeps a reader from seeing what it does: names put together of constants, texts that are run.

A part of pipeline_scan.py. Works with Python 3.8 and later.
"""

import ast

# What takes a name as a text.
BY_NAME = frozenset(
    "__import__ delattr getattr globals hasattr importlib.import_module locals setattr sys.modules vars".split()
)
# Methods that give the same letters in another order, or written differently.
TURNING = frozenset("decode encode format lower removeprefix removesuffix replace strip upper".split())
# What runs a text or bytes.
RUNNING_TEXT = frozenset("eval exec marshal.loads pickle.load pickle.loads runpy.run_path types.CodeType".split())


def found(tree, name_of):
    """Node, words and names of each place in a file; `name_of` gives the dotted name of an expression."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            called, said = name_of(node.value), [node.slice]
        elif isinstance(node, ast.Compare):
            called, said = name_of(node.comparators[-1]), [node.left]
        elif isinstance(node, ast.Call):
            called, said = name_of(node.func), node.args
        else:
            continue
        about = called in BY_NAME or called.endswith("__dict__") or called.endswith(".import_module")
        # Before Python 3.9 an index stands in a node of its own.
        said = [getattr(it, "value", it) if type(it).__name__ == "Index" else it for it in said]
        put_together = [it for it in map(whole_text, said) if it is not None] if about else []
        if put_together:
            words = "puts a name together of constants, where it could be written down: `%s`" % called
            yield node, words, [called]
        elif isinstance(node, ast.Call) and called in RUNNING_TEXT and node.args:
            if isinstance(node.args[0], ast.Constant) and called != "pickle.loads":
                continue
            words = "`%s` runs code that nobody sees in the change" % called
            yield node, words, [called.split(".")[-1], called.split(".")[0]]


def whole_text(node):
    """The text of an expression that is put together of constants; none if it isn't, or if it is one constant."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        parts = [piece(node.left), piece(node.right)]
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "join" and len(node.args) == 1:
        parts = [piece(it) for it in getattr(node.args[0], "elts", [None])]
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in TURNING:
        parts = [piece(it) for it in [node.func.value] + node.args]
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "chr":
        parts = [piece(it) for it in node.args]
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        parts = [piece(node.value)]
    elif isinstance(node, ast.JoinedStr):
        parts = [piece(it.value if isinstance(it, ast.FormattedValue) else it) for it in node.values]
    else:
        return None
    return None if None in parts else "".join(parts)


def piece(node):
    if isinstance(node, ast.Constant):
        return str(node.value)
    return None if node is None else whole_text(node)
