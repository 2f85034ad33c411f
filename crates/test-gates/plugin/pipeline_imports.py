"""Tells what every Python file of a tree imports, as JSON lines through a pipe; nothing of the tree is run.

The pipe's number is in PIPELINE_REPORT_FD. One line a file: its imports as [level, module, names], the words in
it that may name a module or a file, and what it imports by a name that is only known when it runs. The last line
says that all files were read; without it, nothing here may be relied upon.
"""

import ast
import json
import os
import re
import sys

# A tree with more files, or a larger file, isn't read: whoever asked then knows nothing.
FILES_MAX = 50000
FILE_BYTES_MAX = 4000000
WORDS_PER_FILE_MAX = 5000

# Words that may name a module (`pkg.part:name`) or a file (`docs/usage.rst`).
WORD = re.compile(r"^[\w./:-]{3,200}$")
IMPORTERS = ("import_module", "__import__", "importorskip", "run_module", "reload_module")


def _paths():
    for folder, folders, names in os.walk("."):
        folders[:] = sorted(it for it in folders if not it.startswith(".") and it != "__pycache__")
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(".py") and not os.path.islink(path):
                yield path


class _Facts:
    def __init__(self):
        self.imports = []
        self.words = set()
        self.below = set()
        self.open = False

    def visit(self, node):
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.imports.append([0, alias.name, []])
        elif isinstance(node, ast.ImportFrom):
            self.imports.append([node.level, node.module or "", [it.name for it in node.names]])
        elif isinstance(node, ast.Call):
            self.visit_call(node)
        elif isinstance(node, (ast.List, ast.Tuple)):
            self.visit_items(node.elts)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            self.visit_assignment(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if "." in node.value and WORD.match(node.value) and len(self.words) < WORDS_PER_FILE_MAX:
                self.words.add(node.value)

    def visit_call(self, node):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called not in IMPORTERS or not node.args:
            return
        name = node.args[0]
        package = node.args[1] if 1 < len(node.args) else None
        for keyword in node.keywords:
            if keyword.arg == "package":
                package = keyword.value
        text = _literal(name)
        if text is None:
            beginning = _beginning(name)
            if beginning and not beginning.startswith(".") and "." in beginning:
                self.below.add(beginning.rpartition(".")[0])
            else:
                self.open = True
            return
        module = text.lstrip(".")
        level = len(text) - len(module)
        anchor = _literal(package)
        if level and anchor:
            parts = anchor.split(".")
            parts = parts[: len(parts) - level + 1]
            self.imports.append([0, ".".join(parts + [module]), []])
        else:
            self.imports.append([level, module, []])

    def visit_items(self, items):
        # As in [sys.executable, "-m", "package.part"].
        for option, name in zip(items, items[1:]):
            if _literal(option) == "-m" and _literal(name):
                self.imports.append([0, _literal(name), ["__main__"]])

    def visit_assignment(self, node):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value is None or not any(getattr(it, "id", "") == "pytest_plugins" for it in targets):
            return
        for part in ast.walk(node.value):
            if _literal(part):
                self.imports.append([0, _literal(part), []])


def _literal(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _beginning(node):
    """What is known of a name that is put together, as in f"package.plugins.{name}"."""
    if isinstance(node, ast.JoinedStr) and node.values:
        return _literal(node.values[0])
    if isinstance(node, ast.BinOp):
        return _literal(node.left) or _beginning(node.left)
    return None


def _read(path):
    facts = _Facts()
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
        for node in ast.walk(tree):
            facts.visit(node)
    except (SyntaxError, ValueError, RecursionError):
        # Whoever imports it fails, whatever it would have imported.
        pass
    return facts


def _main():
    with os.fdopen(int(os.environ["PIPELINE_REPORT_FD"]), "w", encoding="ascii") as pipe:
        files = 0
        for path in _paths():
            files += 1
            if FILES_MAX < files or FILE_BYTES_MAX < os.path.getsize(path):
                return 3
            facts = _read(path)
            line = {
                "path": path[2:].encode("utf-8", "backslashreplace").decode("utf-8"),
                "imports": facts.imports,
                "words": sorted(facts.words),
                "below": sorted(facts.below),
                "open": facts.open,
            }
            pipe.write(json.dumps(line) + "\n")
        pipe.write(json.dumps({"files": files}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
