"""Against a real server, with the bundled demonstration: no key, no money."""

from __future__ import annotations

import asyncio
import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import threading

import pytest

import pipeline_client
from pipeline_client import AsyncClient, Client, End, Happened, Retries, RunDetail, read_token

HERE = pathlib.Path(__file__).resolve().parent
SERVER = os.environ.get("PIPELINE_TEST_SERVER", "")
pytestmark = pytest.mark.skipif(not SERVER, reason="clients/test starts the server that this needs")
# Several breaks in a row may bring nothing new.
PATIENT = Retries(tries_max=25, first_seconds=0.02, most_seconds=0.1)


def token() -> str:
    return read_token(os.environ["PIPELINE_TEST_TOKEN_FILE"])


@pytest.fixture(scope="module")
def client() -> Client:
    return Client(SERVER, token())


class Begun:
    """What takes long, at once: the example, a stream that is cut, and a run that is stopped."""

    def __init__(self) -> None:
        example = HERE.parent / "examples" / "watch.py"
        command = [sys.executable, str(example), SERVER, os.environ["PIPELINE_TEST_TOKEN_FILE"]]
        self.example = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: list[tuple[int, str]] = []
        self.cut: RunDetail | None = None
        self.watching = threading.Thread(target=lambda: asyncio.run(self.watch()))
        self.watching.start()

    async def watch(self) -> None:
        async with AsyncClient(os.environ["PIPELINE_TEST_CUT_CODING"], token(), retries=PATIENT) as it:
            async for event in it.coding_stream(demo=True, idempotency_key="python-cut"):
                if event.event == "log":
                    self.lines.append((event.data.seq, event.data.line))
                else:
                    self.cut = event.data


@pytest.fixture(scope="module", autouse=True)
def begun() -> Begun:
    return Begun()


def test_the_built_package_is_what_is_tested() -> None:
    installed = os.environ["PIPELINE_TEST_INSTALLED"]
    assert pathlib.Path(pipeline_client.__file__).is_relative_to(installed)
    assert (pathlib.Path(pipeline_client.__file__).parent / "py.typed").exists()


def test_what_the_server_is_and_can(client: Client) -> None:
    me = client.me()
    assert me.caller == "owner" and me.is_admin
    assert {"models", "crews"} <= client.models().keys()
    assert client.estimate(demo=True)["typical_microusd"] == 0


def test_wrong_requests_and_wrong_tokens_are_typed_errors(client: Client) -> None:
    with pytest.raises(pipeline_client.Unprocessable) as refused:
        client.runs.start(task="say hello")
    assert refused.value.exit_code == 2 and refused.value.title.startswith("could not")
    with pytest.raises(pipeline_client.Unprocessable):
        client.coding_run(tusk="x")  # type: ignore[call-arg]
    with pytest.raises(pipeline_client.NotFound):
        client.runs.get("nobody")
    with pytest.raises(pipeline_client.NotFound):
        next(client.runs.events("no/body"))
    with pytest.raises(pipeline_client.BadRequest):
        client.runs.list(limit=0)
    with Client(SERVER, "wrong") as stranger, pytest.raises(pipeline_client.Unauthorized) as unknown:
        stranger.coding_run(demo=True)
    assert unknown.value.advice


def test_a_run_is_stopped_and_gone_on_with(client: Client) -> None:
    run = client.runs.start(demo=True, idempotency_key="python-stopped")
    assert client.runs.start(demo=True, idempotency_key="python-stopped").id == run.id
    seen: list[int] = []
    asked = False
    for event in client.runs.events(run.id):
        if isinstance(event, Happened):
            seen.append(event.data.seq)
            if not asked:
                asked = True
                assert client.runs.cancel(run.id).outcome == "asked"
        else:
            assert (event.data.run, event.data.status) == (run.id, "running")
    stopped = client.runs.get(run.id)
    assert (stopped.status, stopped.working) == ("running", False)
    assert client.runs.cancel(run.id).outcome == "idle"
    with pytest.raises(pipeline_client.Conflict):
        client.runs.deliver(run.id, commit=True)
    resumed = client.runs.resume(run.id)
    assert resumed.id == run.id
    with pytest.raises(pipeline_client.Conflict):
        client.runs.resume(run.id)
    more: list[int] = []
    end = client.runs.events(run.id, on_event=lambda it: more.append(it.data.seq) if isinstance(it, Happened) else None, last_event_id=seen[-1])
    assert (end.status, end.reason, end.tier) == ("completed", None, "proven")
    assert seen + more == list(range(len(seen) + len(more)))
    # The same request in another way waits for the same run.
    assert client.coding_run(demo=True, idempotency_key="python-stopped").id == run.id


def test_the_example_watches_a_run(client: Client, begun: Begun) -> None:
    said, _ = begun.example.communicate(timeout=120)
    assert begun.example.returncode == 0, said
    *lines, last = said.splitlines()
    assert [int(it.split()[0]) for it in lines] == list(range(len(lines)))
    found = re.fullmatch(r"(\S+): completed, proven; next: .+", last)
    assert found, said
    run = client.runs.get(found[1])
    assert (run.events, run.status, run.tier, run.working) == (len(lines), "completed", "proven", False)
    assert run.task.title and run.usage.calls and run.deliveries and run.links.self == f"/api/runs/{run.id}"
    assert {it.name for it in run.gates} >= {"Patch", "Regression", "Review"}


def test_a_stream_that_is_cut_tells_every_line_once(client: Client, begun: Begun) -> None:
    begun.watching.join(timeout=120)
    assert begun.cut is not None and (begun.cut.status, begun.cut.reason) == ("completed", None)
    assert [it[0] for it in begun.lines] == list(range(begun.cut.events))
    assert sum(1 for it in client.runs.list(limit=200).runs if it.id == begun.cut.id) == 1
    # Whoever goes on in another process gets what is left.
    left = list(client.coding_stream(demo=True, idempotency_key="python-cut", last_event_id=begun.cut.events - 3))
    assert [it.event for it in left] == ["log", "log", "done"]


def test_events_that_are_cut_come_once_and_in_order(client: Client, begun: Begun) -> None:
    assert begun.cut is not None
    whole = [it.data for it in client.runs.events(begun.cut.id) if isinstance(it, Happened)]
    with Client(os.environ["PIPELINE_TEST_CUT_EVENTS"], token(), retries=PATIENT) as through:
        told = list(through.runs.events(begun.cut.id))
    assert [it.data for it in told if isinstance(it, Happened)] == whole
    assert [it.seq for it in whole] == list(range(begun.cut.events))
    assert [(it.seq, it.line) for it in whole] == begun.lines
    last = told[-1]
    assert isinstance(last, End) and last.data.tier == "proven"
    assert whole[0].event["kind"] == "opened"


def test_what_a_run_leaves(client: Client, begun: Begun, tmp_path: pathlib.Path) -> None:
    assert begun.cut is not None
    run = begun.cut
    first = client.runs.list(limit=1)
    assert len(first.runs) == 1 and first.next
    assert client.runs.list(limit=1, before=first.next).runs[0].id != first.runs[0].id
    assert run.id in {it.id for it in client.runs.list(status="completed").runs}
    patch = client.runs.patch(run.id)
    assert patch.decode() == run.proposed_code and patch.startswith(b"diff --git ")
    assert "<html" in client.runs.report(run.id)
    with tarfile.open(fileobj=io.BytesIO(client.runs.bundle(run.id))) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)
    assert (tmp_path / run.id / "report.html").read_text() == client.runs.report(run.id)
    handed = client.runs.deliver(run.id, commit=True)
    assert [it.reference for it in handed.deliveries] == [it.reference for it in run.deliveries]
    assert client.runs.cancel(run.id).outcome == "ended"
    with pytest.raises(pipeline_client.Conflict):
        client.runs.resume(run.id)


def test_awaiting_is_left_without_hurting_the_run() -> None:
    async def go() -> None:
        async with AsyncClient(SERVER, token()) as it:
            begun = await it.coding_run(demo=True, idempotency_key="python-cut")
            seen = 0
            async for _ in it.runs.events(begun.id):
                seen += 1
                if seen == 3:
                    break
            assert (await it.runs.get(begun.id)).status == "completed"
            assert (await it.runs.patch(begun.id)).decode() == begun.proposed_code

    asyncio.run(go())
