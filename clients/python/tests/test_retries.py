"""What is sent again and what isn't, and what the errors are: against a server that says what is written here."""

from __future__ import annotations

import asyncio
import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from scripted_server import answer, events, problem, serving

import pipeline_client as client
from pipeline_client import AsyncClient, Client, Happened, Retries
from pipeline_client.retries import Attempts

SOON = Retries(tries_max=4, first_seconds=0.001, most_seconds=0.002, retry_after_seconds_max=5)
ME = '{"caller":"owner","is_admin":true,"version":"1","folders":[],"repo":null,"scripted":false,"runs_max":4,"working":0}'
RUN = json.dumps(
    {
        "id": "r-1", "title": "", "repository": "", "created_ms": 1, "updated_ms": 1, "status": "running", "events": 1, "working": True,
        "stage": None, "reason": None, "tier": None, "caller": None,
        "cancel_requested": False, "links": {it: "/" for it in ("self", "page", "events", "report", "patch", "bundle")},
    }
)  # fmt: skip
END = 'event: end\ndata: {"run":"r-1","status":"completed","reason":null,"tier":"proven"}\n\n'


def happened(seq: int) -> str:
    data = {"run": "r-1", "seq": seq, "at_ms": 1, "event": {"kind": "started"}, "line": f"line {seq}"}
    return f"event: started\ndata: {json.dumps(data)}\nid: {seq}\n\n"


def numbers(address: str, **more: Any) -> list[int]:
    with Client(address, "t", retries=SOON) as it:
        return [event.data.seq for event in it.runs.events("r-1", **more) if isinstance(event, Happened)]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, client.BadRequest), (401, client.Unauthorized), (403, client.Forbidden), (404, client.NotFound), (409, client.Conflict),
        (413, client.BadRequest), (422, client.Unprocessable), (500, client.ServerError), (502, client.ServerError), (507, client.Unavailable),
    ],
)  # fmt: skip
def test_a_problem_is_an_exception_of_its_kind(status: int, kind: type[client.ProblemError]) -> None:
    told = problem(status, "could not", ',"detail":"because: a","advice":"do b","exit_code":14')
    with serving(told) as server, Client(server.address, "t", retries=SOON) as it, pytest.raises(kind) as error:
        it.me()
    found = error.value
    assert (found.status, found.title, found.detail, found.advice, found.exit_code) == (status, "could not", "because: a", "do b", 14)
    assert str(found) == f"could not ({status})\nbecause: a\ndo b"


def test_a_server_that_has_no_place_is_asked_again_as_late_as_it_says() -> None:
    with serving(problem(503, "no", retry_after="0"), problem(429, "no", retry_after="0"), answer(200, ME)) as server:
        with Client(server.address, "t", retries=SOON) as it:
            assert it.me().caller == "owner"
    assert server.asked[0].headers["authorization"] == "Bearer t"


def test_waits_are_the_server_s_or_grow() -> None:
    attempts = Attempts(Retries(tries_max=9, first_seconds=1, most_seconds=6), is_safe=True)
    assert attempts.refused(client.TooManyRequests(429, "no", retry_after_seconds=7)) == 7
    waits = [attempts.broken("cut") for _ in range(4)]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, [2, 4, 6, 6], strict=True))
    attempts.came()
    attempts.retry_ms = 100
    assert 0.05 <= attempts.broken("cut") <= 0.1


def test_a_connection_that_held_long_is_forgiven() -> None:
    now = 0.0
    attempts = Attempts(SOON, is_safe=True, now=lambda: now)
    for _ in range(20):
        attempts.connected()
        now += 31
        attempts.broken("cut")
    with pytest.raises(client.ConnectionLost):
        for _ in range(4):
            attempts.connected()
            attempts.broken("cut")


def test_a_wait_that_is_too_long_is_an_error() -> None:
    with serving(problem(429, "no", retry_after="6")) as server, Client(server.address, "t", retries=SOON) as it:
        with pytest.raises(client.TooManyRequests) as error:
            it.me()
    assert error.value.retry_after_seconds == 6


def test_tries_have_an_end() -> None:
    with serving(*[problem(503, "no")] * 4) as server, Client(server.address, "t", retries=SOON) as it, pytest.raises(client.Unavailable):
        it.me()
    with serving(*[b""] * 4) as server, Client(server.address, "t", retries=SOON) as it, pytest.raises(client.ConnectionLost) as error:
        it.me()
    assert error.value.tries == 4


def test_a_run_is_begun_again_under_the_same_key_and_body_only() -> None:
    with serving(b"", answer(502, "<html>", "text/html"), problem(409, "elsewhere", retry_after="0"), answer(201, RUN)) as server:
        with Client(server.address, "t", retries=SOON) as it:
            assert it.runs.start(task="ä", coders=["a:b"]).id == "r-1"
    assert len({it.headers["idempotency-key"] for it in server.asked}) == 1
    assert {it.body for it in server.asked} == {'{"coders":["a:b"],"task":"ä"}'.encode()}


@pytest.mark.parametrize("first", [b"", problem(503, "no", retry_after="0"), problem(429, "no", retry_after="0")])
def test_what_spends_money_without_a_key_is_sent_once(first: bytes) -> None:
    acts: list[Callable[[Client], object]] = [lambda it: it.runs.resume("r-1"), lambda it: it.runs.deliver("r-1", commit=True)]
    for act in acts:
        with serving(first) as server, Client(server.address, "t", retries=SOON) as it, pytest.raises(client.PipelineError):
            act(it)


def test_a_stream_goes_on_behind_the_last_event() -> None:
    cut = happened(2)[:-1]
    with serving(events(happened(0) + happened(1) + cut), b"", events(happened(1) + happened(2)), events(END)) as server:
        assert numbers(server.address) == [0, 1, 2]
    assert [it.headers.get("last-event-id") for it in server.asked] == [None, "1", "1", "2"]


def test_a_stream_with_a_hole_is_read_again() -> None:
    with serving(events(happened(0) + happened(2)), events(happened(1) + happened(2) + END)) as server:
        assert numbers(server.address) == [0, 1, 2]
    with serving(events(happened(8) + END)) as server:
        assert numbers(server.address, last_event_id=7) == [8]


def test_a_stream_that_brings_nothing_has_an_end() -> None:
    with serving(events(happened(0)), *[events("")] * 3) as server, pytest.raises(client.ConnectionLost) as error:
        numbers(server.address)
    assert (error.value.run, error.value.last_event_id) == ("r-1", 0)


def test_an_error_in_a_stream_is_raised() -> None:
    told = 'event: error\ndata: {"title":"could not read","status":507}\n\n'
    with serving(events(happened(0) + told)) as server, pytest.raises(client.Unavailable, match="could not read"):
        numbers(server.address)


def test_what_is_no_answer_of_this_api_is_said() -> None:
    for other in (answer(200, "<html>", "text/html"), answer(302, "", location="/"), answer(200, "[]")):
        with serving(other) as server, Client(server.address, "t", retries=SOON) as it, pytest.raises(client.ProtocolError):
            it.models()
    with serving(answer(200, "{}")) as server, pytest.raises(client.ProtocolError):
        numbers(server.address)


def test_a_coding_stream_that_is_lost_says_how_to_go_on() -> None:
    line = 'event: log\ndata: {"run":"r-1","seq":0,"at_ms":1,"line":"a"}\nid: 0\n\n'
    with serving(events(line), *[b""] * 3) as server, Client(server.address, "t", retries=SOON) as it:
        with pytest.raises(client.ConnectionLost) as error:
            it.coding_run(task="a", idempotency_key="mine")
    assert (error.value.idempotency_key, error.value.run, error.value.last_event_id) == ("mine", "r-1", 0)
    assert {it.headers["idempotency-key"] for it in server.asked} == {"mine"}


def test_awaiting_does_the_same() -> None:
    async def go(address: str) -> list[int]:
        async with AsyncClient(address, "t", retries=SOON) as it:
            assert (await it.me()).caller == "owner"
            with pytest.raises(client.TooManyRequests):
                await it.runs.resume("r-1")
            seen: list[int] = []

            async def take(event: client.RunEvent) -> None:
                if isinstance(event, Happened):
                    seen.append(event.data.seq)

            end = await it.runs.events("r-1", on_event=take)
            assert end.status == "completed"
            return seen

    first = events(happened(0) + happened(1)[:-1])
    with serving(b"", answer(200, ME), problem(429, "no", retry_after="0"), first, events(happened(1) + END)) as server:
        assert asyncio.run(go(server.address)) == [0, 1]


def test_wrong_arguments_are_refused_at_once(tmp_path: pathlib.Path) -> None:
    for base_url, token in (("127.0.0.1:1", "t"), ("http://x", ""), ("http://x", "a\nb")):
        with pytest.raises(ValueError):
            Client(base_url, token)
    with Client("http://127.0.0.1:1", "t") as it:
        for run in ("", ".", ".."):
            with pytest.raises(ValueError):
                it.runs.get(run)
        with pytest.raises(ValueError):
            it.runs.start(task="a", idempotency_key="a b")
    (tmp_path / "token").write_text(" \n")
    with pytest.raises(ValueError):
        client.read_token(tmp_path / "token")
