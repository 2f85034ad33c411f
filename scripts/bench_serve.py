"""What the server bears, for scripts/bench: runs that wait for their models, streams that are cut, answers beside them.

The models' vendors are one server here that takes every request and never answers, so that each run stands where runs stand most of
their time. `PIPELINE_BENCH_RUNS` says how many (100), `PIPELINE_BENCH_STREAMS` how many streams on one of them (200).
"""

import http.client
import json
import os
import random
import re
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path

RUNS = int(os.environ.get("PIPELINE_BENCH_RUNS", "100"))
STREAMS = int(os.environ.get("PIPELINE_BENCH_STREAMS", "200"))
ANSWERS, CUTS, SECONDS_MAX = 2000, 200, 600


class Silent(threading.Thread):
    """Takes connections and answers none."""

    def __init__(self):
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port, self.taken = self.server.getsockname()[1], []
        self.start()

    def run(self):
        while True:
            self.taken.append(self.server.accept()[0])


class Served:
    """A server of the program, in folders of its own."""

    def __init__(self, program, folder, env, *arguments):
        self.folder, self.log = folder, folder / "serve.log"
        began = time.perf_counter()
        self.child = subprocess.Popen(
            [program, "serve", "--listen", "127.0.0.1:0", *arguments],
            env=env, cwd=folder, stdout=self.log.open("w"), stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        while not (found := re.search(r"^listening .*:(\d+)$", self.log.read_text(), re.M)):
            assert self.child.poll() is None, self.log.read_text()
            time.sleep(0.001)
        self.port = int(found[1])
        while self.ask("GET", "/readyz", token=None)[0] != 200:
            time.sleep(0.001)
        self.ready = time.perf_counter() - began
        self.token = Path(re.search(r"^token +(\S+)", self.log.read_text(), re.M)[1]).read_text().strip()

    def headers(self, token=""):
        return {} if token is None else {"authorization": f"Bearer {self.token}", "content-type": "application/json"}

    def ask(self, method, path, body=None, token="", connection=None):
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX)
        connection.request(method, path, json.dumps(body) if body is not None else None, self.headers(token))
        answer = connection.getresponse()
        return answer.status, answer.read()

    def numbers(self, run, after=None, most=None):
        """Numbers of a run's events, behind one, until there is no more for the moment, or so many."""
        headers = self.headers() | ({"last-event-id": str(after)} if after is not None else {})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        connection.request("GET", f"/api/runs/{run}/events", headers=headers)
        found = []
        try:
            for line in connection.getresponse():
                if line.startswith(b"id: "):
                    found.append(int(line[4:]))
                if most is not None and most <= len(found):
                    break
        except TimeoutError:
            pass
        connection.close()
        return found

    def mib(self):
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.child.pid}/status").read_text())[1]) / 1024

    def stop(self):
        self.child.terminate()
        return self.child.wait()


def serve(here, runs):
    """Prints what the server bears; `here` is the bench that calls."""
    silent = Silent()
    with here.World() as world:
        folder = world.folder
        repository = folder / "repository"
        (repository / "tests").mkdir(parents=True)
        (repository / "page.py").write_text("def pages(items, size):\n    return items // size\n")
        (repository / "tests/test_page.py").write_text("from page import pages\n\n\ndef test_full():\n    assert pages(20, 10) == 2\n")
        git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-C", str(repository)]
        for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "Pages"]):
            subprocess.run(git + arguments, check=True)
        env = {name: os.environ[name] for name in here.KEPT_VARIABLES if name in os.environ}
        env |= {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(here.CACHE)}
        for vendor, key in (("OPENAI", "OPENAI_API_KEY"), ("ANTHROPIC", "ANTHROPIC_API_KEY"), ("GOOGLE_GEMINI", "GOOGLE_API_KEY")):
            env |= {f"{vendor}_BASE_URL": f"http://127.0.0.1:{silent.port}/v1/", key: "k"}
        limits = f"parallel = {RUNS}\ncaller_parallel = {RUNS}\nstreams = {STREAMS + 10}\nrequests_per_minute = 10000000\n"
        (folder / "pipeline.toml").write_text(f"[server]\n{limits}")
        ready = []
        for _ in range(max(runs, 5)):
            served = Served(here.PIPELINE, folder, env)
            ready.append(served.ready)
            served.stop()
        here.show("serve: from start to ready", 1000 * statistics.median(ready), "ms", "under 100")

        served = Served(here.PIPELINE, folder, env, "--folder", str(repository))
        began = time.perf_counter()
        names = []
        for number in range(RUNS):
            status, said = served.ask("POST", "/api/runs", {"task": f"Count the last page, {number}", "budget": "1.00"})
            assert status == 201, said
            names.append(json.loads(said)["id"])
        here.show(f"serve: {RUNS} runs begun, each", (time.perf_counter() - began) / RUNS, "s")
        # Each draws on two models at once: the coder and the author of tests.
        while len(silent.taken) < RUNS and time.perf_counter() - began < SECONDS_MAX:
            time.sleep(0.2)
        here.show(f"serve: memory of the process, {RUNS} runs waiting for a model", served.mib(), "MiB", "1,000 below 2,048")

        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=SECONDS_MAX)
        took = []
        for number in range(ANSWERS):
            begin = time.perf_counter()
            status, _ = served.ask("GET", f"/api/runs/{names[number % len(names)]}", connection=connection)
            took.append(time.perf_counter() - begin)
            assert status == 200
        took.sort()
        here.show("serve: GET /api/runs/{id}, median", 1000 * took[len(took) // 2], "ms")
        here.show("serve: GET /api/runs/{id}, 99 of 100 within", 1000 * took[len(took) * 99 // 100], "ms", "under 20")

        events = served.numbers(names[0])
        assert events == list(range(len(events))), events
        found = [None] * STREAMS
        threads = [threading.Thread(target=lambda at=at: found.__setitem__(at, served.numbers(names[0]))) for at in range(STREAMS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        here.show(f"serve: of {STREAMS} streams at once, whole", sum(it == events for it in found), "", str(STREAMS))
        chance, whole, cuts = random.Random(7), 0, 0
        while cuts < CUTS:
            got, last = [], None
            while len(got) < len(events):
                piece = served.numbers(names[0], last, chance.randint(1, 4))
                got, last, cuts = got + piece, piece[-1] if piece else last, cuts + 1
            whole += got != events
        here.show(f"serve: after {cuts} cuts, journals not whole", whole, "", "0")
        began = time.perf_counter()
        code = served.stop()
        here.show(f"serve: SIGTERM with {RUNS} runs at work, code {code}", time.perf_counter() - began, "s", "within 30")
