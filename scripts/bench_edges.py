"""What only shows at an edge, for scripts/bench: a large repository never read before, answers of a size no model sends,
and a vendor that is down.

The servers are loopback ones that answer every request the same way, because what they send is no valid reply.
"""

import http.server
import json
import random
import subprocess
import threading
import time
import zlib

FILES, FILES_A_FOLDER, FUNCTIONS = 2_800, 40, 40
TASK = "The total of an invoice is rounded twice\n\nOnly the sum may be rounded, not each of its lines."
STEMS = "read write load parse total round invoice order line user group token cache path query item price date zone mail"
HUGE_MIB, BOMB_GIB = 100, 4
MIB = 2**20


def context(bench, runs):
    """From the start to the first request, when the repository's files have never been read and when they have."""
    with bench.World() as world:
        repository = world.folder / "large"
        generated(repository)
        world.commit_all(repository)
        with bench.Vendor(world, bench.NOTHING) as vendor:
            argv = bench.run_argv(TASK, f"file://{repository}", world)
            env = world.env(OPENAI_BASE_URL=vendor.address)

            def start():
                run = bench.timed(argv, env=env, cwd=world.folder, expect=(10,))
                first = vendor.take_requests()[0]["at_us"] / 1e6 - run["began_at"]
                return first, run["watcher"].mib, overview_seconds(bench, env, world.folder)

            start()
            cold, warm, memories = [], [], []
            for _ in range(runs):
                # Without what is kept of a repository's words, its files are read again.
                for kept in (bench.CACHE / "cache/pipeline/baselines").iterdir():
                    if b"facts 1" in kept.read_bytes()[:200]:
                        kept.unlink()
                cold.append(start())
                warm.append(start())
    bench.show(f"{FILES} Python files: start to first request, their words never read", bench.median(it[0] for it in cold), "s", "< 2 s")
    bench.show("… of that the overview", bench.median(it[2] for it in cold), "s")
    bench.show("… start to first request, their words kept", bench.median(it[0] for it in warm), "s")
    bench.show("… of that the overview", bench.median(it[2] for it in warm), "s", "< 0.2 s")
    bench.show("… peak memory of the program itself", max(it[1] for it in cold + warm), "MiB")


def overview_seconds(bench, env, folder):
    """What the newest run took from the first coder's start until it knew what to show it."""
    log = subprocess.run([bench.PIPELINE, "log", "--json"], env=env, cwd=folder, check=True, capture_output=True)
    began = None
    for entry in map(json.loads, log.stdout.splitlines()):
        event = entry["event"]
        if event["kind"] == "started" and began is None:
            began = entry["at_ms"]
        if event["kind"] == "stepped" and event["step"] == "overview":
            return (entry["at_ms"] - began) / 1000
    raise SystemExit("no agent made an overview")


def generated(repository):
    """Packages of modules with functions over some hundreds of words; always the same."""
    dice, stems = random.Random(7), STEMS.split()
    word = lambda: "_".join(dice.choices(stems, k=dice.randint(1, 3)))
    for number in range(FILES):
        folder = repository / f"src/large/part{number // FILES_A_FOLDER:02}"
        folder.mkdir(parents=True, exist_ok=True)
        parts = [f"from large.part{dice.randrange(FILES // FILES_A_FOLDER):02} import {word()}_{number % FILES_A_FOLDER}"]
        for _ in range(FUNCTIONS):
            name, first, second = word(), word(), word()
            body = [f"def {name}({first}, {second}=None):", f'    """The {word()} of a {word()}, by its {word()}."""']
            body += [f"    {word()} = {first}.{word()}({second})" for _ in range(3)] + [f"    return {word()}({first})"]
            parts.append("\n".join(body))
        (folder / f"{word()}_{number % FILES_A_FOLDER}.py").write_text("\n\n\n".join(parts) + "\n")
    (repository / "test_large.py").write_text("def test_it():\n    assert True\n")


class Always(http.server.BaseHTTPRequestHandler):
    """Sends the same answer, whatever is asked, and notes when."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.asked_at.append(time.time())
        status, headers, pieces = self.server.answer()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for piece in pieces:
                self.wfile.write(piece)
        except OSError:
            # Whoever asked has read enough.
            pass
        self.close_connection = True

    def log_message(self, *_):
        pass


class Server:
    """A vendor's address that answers every request the same way."""

    def __init__(self, answer):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Always)
        self.server.answer, self.server.asked_at = answer, []

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    @property
    def asked_at(self):
        return self.server.asked_at


def huge():
    """One answer that never seems to end, as it is."""
    return 200, {}, (b" " * MIB for _ in range(HUGE_MIB))


def bomb():
    """One that is small on the wire."""
    whole = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    packed = b"".join(whole.compress(bytes(MIB)) for _ in range(BOMB_GIB * 1024)) + whole.flush()
    return lambda: (200, {"content-encoding": "gzip"}, [packed])


def edges(bench, runs):
    """Answers without bounds, and a vendor that only says 503."""
    with bench.World() as world:
        repository = world.folder / "small"
        repository.mkdir()
        (repository / "test_small.py").write_text("def test_it():\n    assert True\n")
        world.commit_all(repository)
        argv = bench.run_argv("Nothing to do", repository, world)

        def peak(answer):
            with Server(answer) as server:
                env = world.env(OPENAI_BASE_URL=server.address)
                runs_ = [bench.timed(argv, env=env, cwd=world.folder, expect=range(1, 256)) for _ in range(runs)]
            return max(it["watcher"].mib for it in runs_)

        bench.show(f"an answer of {HUGE_MIB} MiB: peak memory of the program itself", peak(huge), "MiB", "< 100 MiB")
        bench.show(f"a gzip answer of {BOMB_GIB} GiB: peak memory of the program itself", peak(bomb()), "MiB", "< 100 MiB")

        waits, counts = [], []
        with Server(lambda: (503, {}, [])) as server:
            env = world.env(OPENAI_BASE_URL=server.address)
            for _ in range(min(runs, 3)):
                server.asked_at.clear()
                bench.timed(argv, env=env, cwd=world.folder, expect=(16,))
                waits.append(time.time() - server.asked_at[-1])
                counts.append(server.asked_at[-1] - server.asked_at[0])
    bench.show("a vendor that is down: from its last refusal to the end of the process", bench.median(waits), "s", "< 5 s")
    bench.show("… from its first refusal to its last", bench.median(counts), "s")
