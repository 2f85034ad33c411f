"""What the gates cost beside the programs that they start, for scripts/bench.

The package is made here: 50 modules and 2,000 tests, of which 440 reach the module that the change is about. The change
has eight hunks, one a function, and the author's tests have one for each.
"""

import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

PARTS, TESTS_A_PART, PARTS_ON_CORE, HUNKS = 50, 40, 10, 8
PAUSE_SECONDS = 0.004
TASK = "The helpers of big.core are off by one\n\n`step_0(n)` to `step_7(n)` must give `n + 1`, and they give `n + 2`."


class Tests(threading.Thread):
    """Looks again and again whether pytest or Ruff runs below a process."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.looks, self.busy = pid, 0, 0
        self.start()

    def run(self):
        try:
            while Path(f"/proc/{self.pid}/task").exists():
                self.looks += 1
                self.busy += any(map(is_test_program, below(self.pid)))
                time.sleep(PAUSE_SECONDS)
        except OSError:
            pass


def below(pid):
    """Every process below one, at any depth."""
    found, open_ = [], [pid]
    while open_:
        try:
            tasks = list(Path(f"/proc/{open_.pop()}/task").iterdir())
            children = [int(it) for task in tasks for it in (task / "children").read_text().split()]
        except OSError:
            continue
        found += children
        open_ += children
    return found


def is_test_program(pid):
    """Whether it is pytest or Ruff itself, not a wall around it and not another script of ours."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    program = words[0].rsplit(b"/", 1)[-1]
    return program == b"ruff" or program.startswith(b"python") and any(b"pipeline_pytest" in it or it == b"pytest" for it in words)


def make_package(folder):
    (folder / "big").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    (folder / "big/__init__.py").write_text('"""A package of many parts."""\n')
    filler = "\n".join(f"    # Step {n} of the way." for n in range(8))
    steps = [f'def step_{n}(number):\n    """One more."""\n{filler}\n    return number + 2\n' for n in range(HUNKS)]
    (folder / "big/core.py").write_text("\n\n".join(steps) + '\n\ndef twice(number):\n    return 2 * number\n')
    for part in range(PARTS):
        on_core = part < PARTS_ON_CORE
        start = "from big.core import twice\n\n\n" if on_core else ""
        body = "twice(number)" if on_core else "2 * number"
        (folder / f"big/part{part:02}.py").write_text(f"{start}def work(number):\n    return {body}\n")
        tests = [
            f"def test_work_{n}():\n    assert sum(work(it) for it in range(4000)) == 4000 * 3999\n" for n in range(TESTS_A_PART)
        ]
        (folder / f"tests/test_part{part:02}.py").write_text(f"from big.part{part:02} import work\n\n\n" + "\n\n".join(tests))


def make_scripts(folder):
    edits = [
        "[[call]]\ntool = \"edit_file\"\npath = \"big/core.py\"\n"
        f"old_text = '''{text(n, 2)}'''\nnew_text = '''{text(n, 1)}'''\n"
        for n in range(HUNKS)
    ]
    tests = "\n\n".join(f"def test_step_{n}():\n    assert core.step_{n}(1) == 2\n" for n in range(HUNKS))
    replies = {
        "draft": "\n".join(edits) + '\n[[call]]\ntool = "finish"\nsummary = "One more, not two."\n',
        "author": "[[call]]\ntool = \"submit_tests\"\n\n[[call.files]]\npath = \"tests/test_core_steps.py\"\n"
        f"text = '''\nfrom big import core\n\n\n{tests}'''\n",
        "review": '[json]\nverdict = "pass"\nsummary = "One more, as asked."\nfindings = []\n',
    }
    for role, reply in replies.items():
        (folder / role).mkdir(parents=True)
        (folder / role / "01.toml").write_text(reply)


def text(number, added):
    """The function from its name on, so that each edit has one place to go."""
    filler = "\n".join(f"    # Step {n} of the way." for n in range(8))
    return f'def step_{number}(number):\n    """One more."""\n{filler}\n    return number + {added}\n'


def evidence(history, kind):
    reports = [it["event"]["report"] for it in history if it["event"]["kind"] == "reported"]
    return [it for report in reports for it in report["evidence"] if it["kind"] == kind]


def prepared_ms(history, agent):
    """How long after the environment was ready an agent was prepared."""
    at = {it["event"]["kind"] + it["event"].get("agent", ""): it["at_ms"] for it in history}
    return at[f"prepared{agent}"] - at["set_up"]


def gates(bench, runs):
    """`bench` is the module of scripts/bench."""
    with bench.World() as world:
        package = world.folder / "package"
        make_package(package)
        world.commit_all(package)
        make_scripts(world.folder / "scripts")
        argv = [bench.PIPELINE, "run", TASK, "--repo", package, "--scripted", world.folder / "scripts", "--json"]
        argv += ["--out", world.folder / "evidence"]

        def walk(number):
            # A cache of its own for the first, so that nothing is known of the base.
            measured = bench.timed(argv, env=world.env(), cwd=world.folder, watch=Tests)
            measured["history"] = bench.entries(measured)
            return measured

        # The tools and the environment are there as for every second run; the base is new with each commit.
        walk(0)
        cold, warm = [], []
        for number in range(runs):
            (package / "NOTES.md").write_text(f"{number}\n")
            world.commit_all(package)
            cold.append(walk(number))
            warm.append(walk(number))
        key = next(it["event"]["environment"]["key"] for it in cold[0]["history"] if it["event"]["kind"] == "set_up")
        programs = bench.CACHE / "cache/pipeline/python/environments" / key / "bin"
        affected = [f"tests/test_part{n:02}.py" for n in range(PARTS_ON_CORE)]
        pytest = [programs / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *affected]
        env = world.env(PYTHONDONTWRITEBYTECODE="1")
        once = bench.median([bench.timed(pytest, env=env, cwd=package)["wall"] for _ in range(runs)])
    median, show = bench.median, bench.show
    own = lambda it: 100 * (1 - it["watcher"].busy / max(it["watcher"].looks, 1))
    bites = [evidence(it["history"], "bite")[0] for it in cold + warm]
    environment = [it["event"]["environment"] for run in warm for it in run["history"] if it["event"]["kind"] == "set_up"]
    show("2,000 tests, a new base: wall time", median([it["wall"] for it in cold]), "s")
    show("… share of it without pytest or Ruff", median([own(it) for it in cold]), "%", "< 5 %")
    show("… the same base again: wall time", median([it["wall"] for it in warm]), "s")
    show("… share of it without pytest or Ruff", median([own(it) for it in warm]), "%")
    show("… baseline on a new base", median([prepared_ms(it["history"], "pytest") for it in cold]), "ms")
    show("… baseline on the same base again", median([prepared_ms(it["history"], "pytest") for it in warm]), "ms", "none")
    show("… environment on the same base again", median([it["wall_ms"] for it in environment]), "ms", "none")
    show("… one run of the 400 affected tests", once, "s")
    show("… 8 hunks reverted one by one", median([it["wall_ms"] / 1000 for it in bites]), "s")
    show("… ratio", median([it["wall_ms"] / 1000 for it in bites]) / once, "×", "≤ 2 ×")
    noticed = [sum(hunk["verdict"]["kind"] == "exercised" for hunk in it["hunks"]) for it in bites]
    show("… hunks that some test notices, of 8", min(noticed), "", "8")


def counts(bench):
    """What the adversaries and the honest packages came to, as their tests print it."""
    cargo = ["cargo", "test", "--quiet", "--locked", "--package", "cli", "--test", "walks", "--", "--nocapture"]
    said = subprocess.run(cargo, cwd=bench.ROOT, capture_output=True, text=True)
    for name, goal in (("false completions", "0"), ("false rejections", "0")):
        # One line a test, and several tests may count the same.
        found = re.findall(rf"^.*{name}: (\d+) of (\d+)$", said.stdout, re.MULTILINE)
        if not found:
            sys.exit(f"the walks did not say their {name}:\n{(said.stdout + said.stderr)[-3000:]}")
        count, walks = (sum(map(int, column)) for column in zip(*found))
        bench.show(f"{name}, of {walks} walks", count, "", goal)
