"""How time grows with the files of a repository, for scripts/bench.

Repositories are made here: half of the files are Python, half are data, a hundred a folder, beside one small module, its
test, and a change to it. So whatever grows from one size to the next is what the files cost.
"""

import shutil

SIZES = (1_000, 10_000, 50_000)
TASK = "page_count loses the last page\n\n`page_count(21, 10)` must be 3, and it is 2."
MODULE = "def page_count(items, size):\n    return items // size\n"
TEST = "from pages import page_count\n\n\ndef test_full_pages():\n    assert page_count(20, 10) == 2\n"
REPLIES = [
    '[[call]]\ntool = "edit_file"\npath = "pages.py"\nold_text = "items // size"\nnew_text = "-(-items // size)"\n\n'
    '[[call]]\ntool = "finish"\nsummary = "Rounds up."\n'
]


def repository(world, files):
    folder = world.folder / f"files{files}"
    (folder / "tests").mkdir(parents=True)
    (folder / "pages.py").write_text(MODULE)
    (folder / "conftest.py").write_text("")
    (folder / "tests/test_pages.py").write_text(TEST)
    for number in range(files):
        part = folder / "src" / f"part{number // 100:04}"
        part.mkdir(parents=True, exist_ok=True)
        if number % 2:
            work = "\n\n\n".join(f"def work_{number}_{n}(text):\n    return text * {n}" for n in range(5))
            (part / f"module{number % 100:02}.py").write_text(work + "\n")
        else:
            (part / f"data{number % 100:02}.txt").write_text(f"{number}\n" * 20)
    world.commit_all(folder)
    return folder


def files(bench, runs):
    """The first request and the whole walk at each size, and how much faster they grow than the files do."""
    first, whole = [], []
    for size in SIZES:
        with bench.World() as world:
            folder = repository(world, size)
            requests, walls, cpus, memories = [], [], [], []
            for _ in range(runs + 1):
                with bench.Vendor(world, REPLIES) as vendor:
                    argv = bench.run_argv(TASK, folder, world)
                    env = world.env(OPENAI_BASE_URL=vendor.address)
                    run = bench.timed(argv, env=env, cwd=world.folder)
                    requests.append(vendor.take_requests()[0]["at_us"] / 1e6 - run["began_at"])
                    walls.append(run["wall"])
                    cpus.append(run["cpu"])
                    memories.append(run["watcher"].mib)
                shutil.rmtree(world.folder / "evidence", ignore_errors=True)
        bench.show(f"{size:,} files: start to first request, mirror cached", bench.median(requests[1:]), "s")
        bench.show("… the first time, mirror empty", requests[0], "s")
        bench.show("… whole walk", bench.median(walls[1:]), "s")
        bench.show("… processor time", bench.median(cpus[1:]), "s")
        bench.show("… peak memory of the program itself", max(memories[1:]), "MiB")
        first.append(bench.median(requests[1:]))
        whole.append(bench.median(cpus[1:]))
    for name, values in (("first request", first), ("processor time of the whole walk", whole)):
        for at in range(1, len(SIZES)):
            ratio = (values[at] / values[at - 1]) / (SIZES[at] / SIZES[at - 1])
            bench.show(f"{name}, {SIZES[at - 1]:,} to {SIZES[at]:,} files: growth by that of the files", ratio, "×", "≤ 1 ×")
