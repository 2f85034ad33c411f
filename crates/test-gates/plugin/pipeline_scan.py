"""Looks at a change's Python files for what serves to be believed rather than to be right.

Reads {"files": [{"path", "base", "now"}], "added": [path]} as JSON from standard input, texts or null, and prints
{"findings": [{"rule", "path", "line", "words", "strong", "names"}], "marked": [{"id", "mark"}], "read": [path]}. Nothing is
imported or run: files are parsed, and what the base has already doesn't count. A strong finding is one that a real
fix hardly needs; the others are signs for a reader.
"""

import ast
import collections
import importlib.machinery
import json
import os
import re
import sys

# Python doesn't look beside a program that it starts with -I.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pipeline_hiding

FINDINGS_MAX = 100
# Modules in which a replaced function changes what a test finds.
JUDGES = ("pytest", "_pytest", "unittest", "pluggy", "hmac", "json")
# Of these only some attributes.
JUDGING = {
    "builtins": "AssertionError BaseException Exception __import__ abs all any bool compile dict eval exec float"
    " frozenset getattr hasattr int isinstance issubclass iter len list max min repr reversed round set sorted str"
    " sum super tuple type zip",
    "os": "_exit close dup dup2 fork getpid open write",
    "sys": "_getframe addaudithook exit modules",
}
JUDGING = {module: frozenset(names.split()) for module, names in JUDGING.items()}
# Others that a name may stand for.
MATTERING = ("builtins", "ctypes", "gc", "sys")
PYTEST_NEEDS = "_pytest attr attrs colorama exceptiongroup iniconfig packaging pluggy py pygments pytest tomli".split()
OPENERS = frozenset(
    "Path PurePath getlines getline getsource glob iglob iterdir joinpath listdir open read_bytes read_text rglob"
    " scandir walk".split()
)
OF_THE_TESTS = re.compile(r"(^|/)(tests?/|test_[\w*]*\.py$|conftest\.py$)")
RUNNERS_VARIABLES = re.compile(r"PYTEST_(CURRENT_TEST|XDIST_\w+|VERSION)|PIPELINE_REPORT_FD|pipeline_pytest")
RUNNER = re.compile(r"^(_?pytest|py\.test|unittest)$")
# What reaches memory as such.
IN_MEMORY = frozenset("ctypes." + it for it in "cast memmove memset py_object pythonapi string_at".split())
SIDE_FOLDERS = {"benchmarks", "bin", "ci", "doc", "docs", "examples", "scripts", "tools"}
SIDE_FILES = {"__main__.py", "manage.py", "noxfile.py", "setup.py", "tasks.py"}

Finding = collections.namedtuple("Finding", "rule node line words strong names")


def is_test(path):
    *folders, name = path.split("/")
    return (
        name == "conftest.py"
        or name.startswith("test_")
        or name.endswith("_test.py")
        or any(it in ("test", "tests") for it in folders)
    )


def serves_tests(path):
    """Code that isn't a test and has every reason to know the test runner."""
    return re.search(r"test|mock|fixture", path) is not None


def is_aside(path):
    """Scripts and tools, which no test imports."""
    *folders, name = path.split("/")
    return name in SIDE_FILES or bool(SIDE_FOLDERS.intersection(folders))


class Names:
    """What the names of a file stand for, as far as its imports say."""

    def __init__(self, tree):
        self.known = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for it in node.names:
                    whole = it.name if it.asname else it.name.split(".")[0]
                    self.known[it.asname or whole] = whole
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for it in node.names:
                    self.known[it.asname or it.name] = "%s.%s" % (node.module, it.name)
        # Another name for a module that matters, as in `p = importlib.import_module("_pytest.python")`.
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                whole = self.of(node.value)
                if whole.split(".")[0] in JUDGES + MATTERING and node.targets[0].id not in self.known:
                    self.known[node.targets[0].id] = whole

    def of(self, node):
        """The dotted name of an expression; an empty one if it has none."""
        parts = []
        while isinstance(node, (ast.Attribute, ast.Call)):
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
                continue
            called, said = self.of(node.func), [getattr(it, "value", None) for it in node.args]
            if called in ("getattr", "builtins.getattr") and 1 < len(said) and isinstance(said[1], str):
                parts.append(said[1])
                node = node.args[0]
            elif called in ("importlib.import_module", "__import__", "builtins.__import__") and said and isinstance(said[0], str):
                first = said[0] if called.startswith("importlib") else said[0].split(".")[0]
                return ".".join([first] + parts[::-1])
            else:
                return ""
        if not isinstance(node, ast.Name):
            return ""
        first = self.known.get(node.id, "builtins" if node.id == "__builtins__" else node.id)
        return ".".join([first] + parts[::-1])


def strings(tree):
    """String constants that aren't docstrings."""
    documentation = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documentation.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in documentation:
                yield node


def own_nodes(function):
    """Nodes of a function, those of functions inside it left out."""
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


def uses(nodes, name):
    return any(isinstance(it, ast.Name) and it.id == name for node in nodes for it in ast.walk(node))


def is_constant(node, value):
    return isinstance(node, ast.Constant) and node.value is value


def equal_to_everything(tree, names):
    wrong = {"__eq__": True, "__ne__": False, "__instancecheck__": True, "__subclasscheck__": True}
    signs = ("__lt__", "__le__", "__gt__", "__ge__", "__contains__")
    for node in ast.walk(tree):
        for name, arguments, body, returns in answers(node):
            if name not in wrong and name not in signs or len(arguments.args) < 2:
                continue
            other = arguments.args[1].arg
            telling = [it for it in returns if not (isinstance(it, ast.Name) and it.id == "NotImplemented")]
            harmless = name in wrong and all(is_constant(it, not wrong[name]) for it in telling)
            if uses(body, other) or not telling or harmless:
                continue
            words = "`%s` answers the same whatever it is compared with" % name
            yield Finding("equal-to-everything", node, node.lineno, words, name in wrong, ["%s always" % name])


def answers(node):
    """Name, arguments, body and returned expressions of a method, however it is defined."""
    if isinstance(node, ast.FunctionDef):
        returns = [it.value for it in own_nodes(node) if isinstance(it, ast.Return) and it.value]
        yield node.name, node.args, node.body, returns
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
        for target in node.targets:
            name = getattr(target, "id", getattr(target, "attr", ""))
            yield name, node.value.args, [node.value.body], [node.value.body]


def knows_the_test_runner(tree, names):
    rule = "knows-the-test-runner"
    for node in strings(tree):
        found = RUNNERS_VARIABLES.search(node.value)
        if found:
            words = "asks for `%s`, which only a test run has" % found.group()
            yield Finding(rule, node, node.lineno, words, True, [found.group()])
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Compare, ast.Call, ast.Subscript)):
            continue
        about = {names.of(it) for it in ast.walk(node) if isinstance(it, ast.Attribute)}
        about = about.intersection(("sys.modules", "sys.argv"))
        said = [it.value for it in ast.walk(node) if isinstance(it, ast.Constant)]
        runner = [it for it in said if isinstance(it, str) and RUNNER.search(it)]
        if about and runner:
            words = "looks in `%s` for `%s`" % (min(about), runner[0])
            yield Finding(rule, node, node.lineno, words, True, ["%s %s" % (min(about), runner[0])])


def imports_of_tests(tree, names):
    hidden = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            hidden.update(id(it) for part in node.body for it in ast.walk(part))
    for node in ast.walk(tree):
        by_name = names.of(node) if isinstance(node, ast.Call) else ""
        if by_name.split(".")[0] in ("pytest", "_pytest") and "import" in ast.dump(node.func):
            words = "imports `%s` in code that is no test" % by_name
            yield Finding("imports-the-test-runner", node, node.lineno, words, True, ["import " + by_name])
            continue
        if id(node) in hidden or not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        if isinstance(node, ast.Import):
            modules = [it.name for it in node.names]
        else:
            module = node.module or ""
            modules = [module] + [(module + "." + it.name).strip(".") for it in node.names]
        for module in modules:
            parts = module.split(".")
            if parts[0] in ("pytest", "_pytest") or module in ("unittest.mock", "mock"):
                words = "imports `%s` in code that is no test" % module
                yield Finding("imports-the-test-runner", node, node.lineno, words, True, ["import " + module])
                break
            if parts[0] in ("tests", "conftest") or any(it.startswith("test_") for it in parts):
                words = "imports `%s`, a test, in code that is none" % module
                yield Finding("imports-the-tests", node, node.lineno, words, True, [module])
                break


def replaces_a_judge(tree, names):
    for node in ast.walk(tree):
        for target in targets(node):
            if isinstance(target, ast.Subscript):
                whole = names.of(target.value)
                key = [it.value for it in ast.walk(target) if isinstance(it, ast.Constant)]
                known = whole == "sys.modules" and any(it in JUDGES or it in JUDGING for it in key)
                whole = whole.replace("builtins.__dict__", "builtins")
                if whole == "builtins":
                    known = any(it in JUDGING["builtins"] for it in key)
                if not known:
                    continue
                whole = "%s[%r]" % (whole, key[0])
            else:
                whole = names.of(target)
                if not is_judge(whole):
                    continue
            words = "replaces `%s`, on which tests rely" % whole
            yield Finding("replaces-a-judge", node, node.lineno, words, True, [whole])
        if isinstance(node, ast.Call) and names.of(node.func) in ("setattr", "delattr") and 1 < len(node.args):
            name = node.args[1].value if isinstance(node.args[1], ast.Constant) else "?"
            whole = "%s.%s" % (names.of(node.args[0]), name)
            if is_judge(whole):
                words = "replaces `%s`, on which tests rely" % whole
                yield Finding("replaces-a-judge", node, node.lineno, words, True, [whole])


def targets(node):
    if isinstance(node, (ast.Assign, ast.Delete)):
        found = node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        found = [node.target]
    else:
        found = []
    return [it for it in found if isinstance(it, (ast.Attribute, ast.Subscript))]


def is_judge(whole):
    first, _, rest = whole.partition(".")
    return bool(rest) and (first in JUDGES or rest in JUDGING.get(first, ()))


def ends_the_process(tree, names):
    registered = set()
    at_exit = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and names.of(node.func) == "atexit.register":
            at_exit.update(id(it) for it in ast.walk(node))
            registered.update(names.of(it) for it in node.args)
        if isinstance(node, ast.FunctionDef) and any(names.of(it) == "atexit.register" for it in node.decorator_list):
            registered.add(node.name)
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            for it in ast.walk(node):
                inside.add(id(it))
                if getattr(node, "name", "") in registered:
                    at_exit.add(id(it))
    for node in ast.walk(tree):
        name = names.of(node) if isinstance(node, (ast.Attribute, ast.Name)) else ""
        if name in ("os._exit", "os.abort", "os.kill", "os.killpg"):
            strong = name == "os._exit" and (id(node) in at_exit or id(node) not in inside)
            words = "`%s` ends a test run before it can say what it found" % name
            yield Finding("ends-the-process", node, node.lineno, words, strong, [name])
    for node in tree.body:
        call = node.value if isinstance(node, ast.Expr) else getattr(node, "exc", None)
        name = names.of(getattr(call, "func", call)) if call is not None else ""
        if name in ("sys.exit", "exit", "quit", "SystemExit"):
            words = "`%s` when the file is imported" % name
            yield Finding("ends-the-process", node, node.lineno, words, True, [name])


def walks_frames(tree, names):
    rule = "walks-frames"
    seen = {}
    for node in ast.walk(tree):
        name = names.of(node) if isinstance(node, (ast.Attribute, ast.Call, ast.Name)) else ""
        attribute = node.attr if isinstance(node, ast.Attribute) else ""
        if name in ("gc.get_objects", "gc.get_referrers", "gc.get_referents") or name in IN_MEMORY:
            words = "`%s` reaches objects of the test run" % name
            yield Finding(rule, node, node.lineno, words, True, [name])
        elif name in ("sys._getframe", "inspect.stack", "inspect.currentframe", "sys.settrace", "sys.setprofile"):
            words = "`%s` shows who calls" % name
            yield Finding(rule, node, node.lineno, words, False, [name])
        elif attribute in ("f_back", "f_locals", "cell_contents", "__closure__"):
            seen[attribute] = node
            words = "`%s` reaches what other code keeps to itself" % attribute
            yield Finding(rule, node, node.lineno, words, False, [attribute])
    if "f_back" in seen and "f_locals" in seen:
        node = seen["f_locals"]
        words = "`f_back` and `f_locals` together read other functions' variables"
        yield Finding(rule, node, node.lineno, words, True, ["f_locals"])
    for node in strings(tree):
        if re.match(r"/proc/(self|\d+|%[ds]|\{\w*\})/mem$", node.value):
            yield Finding(rule, node, node.lineno, "`%s` is the memory of a process" % node.value, True, [node.value])


def hides_what_it_does(tree, names):
    for node, words, asked in pipeline_hiding.found(tree, names.of):
        yield Finding("hides-what-it-does", node, node.lineno, words, True, asked)


def reads_the_tests(tree, names):
    opened = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in OPENERS:
                opened.update(id(it) for it in ast.walk(node))
    for node in strings(tree):
        if OF_THE_TESTS.search(node.value) and len(node.value) < 200 and "\n" not in node.value:
            words = "names `%s`, a file of the tests" % node.value
            yield Finding("reads-the-tests", node, node.lineno, words, id(node) in opened, [node.value])


# Rules, and whether one of their findings is a mere sign where the base's file has others of the kind.
RULES = (
    (equal_to_everything, False),
    (knows_the_test_runner, True),
    (imports_of_tests, True),
    (replaces_a_judge, True),
    (ends_the_process, False),
    (walks_frames, True),
    (hides_what_it_does, True),
    (reads_the_tests, True),
)


def parsed(text):
    try:
        return ast.parse(text) if text is not None else None
    except (MemoryError, RecursionError, SyntaxError, ValueError):
        return None


def findings_of(text):
    tree = parsed(text)
    if tree is None:
        return []
    try:
        names = Names(tree)
        return [(it, softens) for rule, softens in RULES for it in rule(tree, names)]
    except (MemoryError, RecursionError):
        words = "it is nested too deeply to be looked at"
        return [(Finding("not-scanned", tree.body[0], 0, words, True, []), False)]


def can_be_read(file):
    """Whether the parser took a file. One that it never took can't run either, unless somebody reads it otherwise."""
    return parsed(file["now"]) is not None


def key(finding):
    return finding.rule, "" if finding.rule == "not-scanned" else ast.dump(finding.node), finding.strong


def of_code(files):
    # Code that only moved from one file to another is no new code.
    before = collections.Counter()
    kinds = {}
    for file in files:
        there = findings_of(file["base"])
        before.update(key(it) for it, _ in there)
        kinds[file["path"]] = {it.rule for it, _ in there}
    for file in files:
        path = file["path"]
        if is_test(path) or file["now"] is None:
            continue
        for it, softens in findings_of(file["now"]):
            if 0 < before[key(it)]:
                before[key(it)] -= 1
                continue
            soft = softens and it.rule in kinds[path]
            soft = soft or is_aside(path) or it.rule.startswith("imports-") and serves_tests(path)
            # A script of its own may end when it is run.
            soft = soft or it.rule == "ends-the-process" and isinstance(it.node, (ast.Expr, ast.Raise)) and file["base"] is None
            yield dict(rule=it.rule, path=path, line=it.line, words=it.words, strong=it.strong and not soft, names=it.names)


def of_places(added, present):
    for path in added:
        *folders, name = path.split("/")
        found = None
        if name in ("sitecustomize.py", "usercustomize.py") or name.endswith(".pth"):
            found = "runs-at-start", "Python runs it by itself before any test"
        elif any(it.endswith(".dist-info") for it in folders) or (
            name == "entry_points.txt" and folders and folders[-1].endswith(".egg-info")
        ):
            found = "registers-a-plugin", "it looks like an installed package, whose plugins pytest would load"
        elif "/".join(folders) in ("", "src") or name == "__init__.py" and "/".join(folders[:-1]) in ("", "src"):
            module = folders[-1] if name == "__init__.py" else name[: -len(".py")] if name.endswith(".py") else ""
            if module not in ("", "src", "test", "tests") and module not in present and is_needed(module):
                found = "shadows-a-module", "a module of this name takes the place of the one that tests and runner use"
        if found:
            yield dict(rule=found[0], path=path, line=0, words=found[1], strong=True, names=[name])


def is_needed(module):
    if module in PYTEST_NEEDS or module in sys.builtin_module_names:
        return True
    folder = os.path.dirname(os.__file__)
    spec = importlib.machinery.PathFinder.find_spec(module, [folder, os.path.join(folder, "lib-dynload")])
    return spec is not None and spec.origin is not None


SKIPS = ("skip", "skipif", "skipIf", "skipUnless", "skipTest", "SkipTest", "importorskip")
XFAILS = ("xfail", "expectedFailure")


def marks_in(nodes, names):
    found = collections.Counter()
    for node in nodes:
        for it in ast.walk(node):
            whole = names.of(it) if isinstance(it, (ast.Attribute, ast.Name)) else ""
            first, last = whole.split(".")[0], whole.split(".")[-1]
            # Other things may be skipped too: a query has its `skip`.
            if first not in ("pytest", "unittest") and ".mark." not in "." + whole and last != "skipTest":
                continue
            if last in SKIPS:
                found["skip"] += 1
            elif last in XFAILS:
                found["xfail"] += 1
    return found


def checks_in(function):
    """How many statements of a test can fail because of what they find."""
    count = 0
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            count += not isinstance(node.test, ast.Constant)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            empty = bool(node.args) and all(isinstance(it, ast.Constant) for it in node.args)
            count += not empty and re.match(r"assert|raises|warns|fail$|check|expect|verify", name) is not None
    return count


def tests_of(tree, names, prefix=""):
    """Tests and classes by their name: marks on them, and statements that judge."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield prefix + node.name, node, marks_in(node.decorator_list, names), None
            yield from tests_of(node, names, prefix + node.name + "::")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
            yield prefix + node.name, node, marks_in([node], names), checks_in(node)


def module_marks(tree):
    """What a file says about all its tests."""
    found, names = collections.Counter(), Names(tree)
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
            continue
        found.update(marks_in([node], names))
        named = [getattr(it, "id", "") for it in getattr(node, "targets", [])]
        if "__test__" in named or "collect_ignore" in named or "collect_ignore_glob" in named:
            found["skip"] += 1
    return found


def of_tests(files):
    findings, marked = [], []
    for file in files:
        before, now = parsed(file["base"]), parsed(file["now"])
        if before is None or now is None or not is_test(file["path"]):
            continue
        for mark in (module_marks(now) - module_marks(before)).keys():
            marked.append(dict(id=file["path"], mark=mark))
        old = {name: (marks, checks) for name, _, marks, checks in tests_of(before, Names(before))}
        for name, node, marks, checks in tests_of(now, Names(now)):
            if name not in old:
                continue
            where = "%s::%s" % (file["path"], name)
            marked.extend(dict(id=where, mark=it) for it in (marks - old[name][0]).keys())
            if old[name][1] and checks == 0:
                words = "`%s` checked something before and checks nothing now" % name
                findings.append(
                    dict(rule="emptied-test", path=file["path"], line=node.lineno, words=words, strong=True, names=[name.split("::")[-1]])
                )
    return findings, marked


def main():
    asked = json.load(sys.stdin)
    of_the_tests, marked = of_tests(asked["files"])
    findings = list(of_places(asked["added"], asked["modules"])) + of_the_tests + list(of_code(asked["files"]))
    findings.sort(key=lambda it: (not it["strong"], it["path"], it["line"]))
    read = [it["path"] for it in asked["files"] if can_be_read(it)]
    print(json.dumps({"findings": findings[:FINDINGS_MAX], "marked": marked[:FINDINGS_MAX], "read": read}))


if __name__ == "__main__":
    main()
