"""The requests of the API: where each goes, what it carries, and whether it may be sent twice."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from .errors import ProtocolError, problem_of
from .events import CodingEvent, Place, RunEvent, Told, coding_event, read_as, run_event
from .models import Handed, Me, Run, RunDetail, RunPage, Stopped

Answer = TypeVar("Answer")

ANSWER_SECONDS_MAX = 300.0
"""Longest wait for an answer: a repository may have to be fetched first."""
SILENCE_SECONDS_MAX = 35.0
"""Longest silence of a stream: the server shows every 10 s that it lives."""
CONNECT_SECONDS_MAX = 10.0


def timeouts() -> httpx.Timeout:
    """How long is waited for what."""
    return httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """A request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[bytes], Answer]
    is_safe: bool
    """Whether sending it twice does what sending it once does."""
    query: Mapping[str, str | int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def request(self, http: httpx.Client | httpx.AsyncClient, base_url: str, headers: Mapping[str, str]) -> httpx.Request:
        """The request as it is sent."""
        kind = {} if self.body is None else {"Content-Type": "application/json"}
        all_headers = {**headers, **self.headers, **kind}
        return http.build_request(self.method, base_url + self.path, params=self.query or None, headers=all_headers, content=self.body, timeout=timeouts())

    def answer(self, response: httpx.Response, body: bytes) -> Answer:
        """What came, or the exception that it is."""
        check(response, body)
        return self.read(body)


def check(response: httpx.Response, body: bytes) -> None:
    """Raises when an answer isn't a success."""
    if response.status_code < 200 or 300 <= response.status_code < 400:
        raise ProtocolError(f"the server answered with {response.status_code}: is that its address?")
    if 400 <= response.status_code:
        raise problem_of(response.status_code, response.headers, body)


def check_stream(response: httpx.Response) -> None:
    """Raises when a success isn't a stream of events."""
    kind = response.headers.get("content-type", "")
    if not kind.startswith("text/event-stream"):
        raise ProtocolError(f"the server answered with `{kind}` where events are wanted: is that its address?")


def only_silence(request: httpx.Request) -> None:
    """From here on a silence is a broken connection."""
    request.extensions["timeout"]["read"] = SILENCE_SECONDS_MAX


def address(base_url: str) -> str:
    """Where the API is."""
    if not base_url.startswith(("http://", "https://")):
        raise ValueError("base_url begins with http:// or https://")
    return base_url.rstrip("/")


def headers(token: str) -> dict[str, str]:
    """Who asks."""
    if not token.isascii() or not token.isprintable() or not token.strip():
        raise ValueError("the token is empty, or has characters that no token has")
    return {"Authorization": f"Bearer {token.strip()}"}


def new_key() -> str:
    """A name for a request that begins a run."""
    return str(uuid.uuid4())


def _json(asked: Mapping[str, Any]) -> bytes:
    # The same bytes for the same request, whatever its order: the server knows a request by them.
    return json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _anything(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise ProtocolError(f"could not understand the server's answer: {error}") from error
    if not isinstance(found, dict):
        raise ProtocolError("the server's answer is no object")
    return found


def _bytes(body: bytes) -> bytes:
    return body


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _of_run(run: str, what: str = "") -> str:
    if run in ("", ".", ".."):
        raise ValueError("the run has no name")
    return f"/api/runs/{quote(run, safe='')}{what}"


def _get(path: str, read: Callable[[bytes], Answer], query: Mapping[str, str | int] | None = None) -> Call[Answer]:
    return Call("GET", path, read, True, query or {})


def me() -> Call[Me]:
    return _get("/api/me", lambda it: read_as(Me, it))


def models() -> Call[dict[str, Any]]:
    return _get("/api/models", _anything)


def estimate(asked: Mapping[str, Any]) -> Call[dict[str, Any]]:
    return Call("POST", "/api/estimate", _anything, True, body=_json(asked))


def runs_list(limit: int | None, before: str | None, status: str | None) -> Call[RunPage]:
    query = {"limit": limit, "before": before, "status": status}
    return _get("/api/runs", lambda it: read_as(RunPage, it), {key: it for key, it in query.items() if it is not None})


def runs_get(run: str) -> Call[RunDetail]:
    return _get(_of_run(run), lambda it: read_as(RunDetail, it))


def _begin(path: str, asked: Mapping[str, Any], key: str, read: Callable[[bytes], Answer]) -> Call[Answer]:
    if not (0 < len(key) <= 200 and key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("an idempotency_key has 1 to 200 visible ASCII characters")
    return Call("POST", path, read, True, headers={"Idempotency-Key": key}, body=_json(asked))


def runs_start(asked: Mapping[str, Any], key: str) -> Call[Run]:
    return _begin("/api/runs", asked, key, lambda it: read_as(Run, it))


def runs_cancel(run: str) -> Call[Stopped]:
    return Call("POST", _of_run(run, "/cancel"), lambda it: read_as(Stopped, it), True)


def runs_resume(run: str, changes: Mapping[str, Any]) -> Call[Run]:
    # It spends money, and nothing names the request: once.
    return Call("POST", _of_run(run, "/resume"), lambda it: read_as(Run, it), False, body=_json(changes))


def runs_deliver(run: str, destinations: Mapping[str, Any]) -> Call[Handed]:
    return Call("POST", _of_run(run, "/deliver"), lambda it: read_as(Handed, it), False, body=_json(destinations))


def runs_report(run: str) -> Call[str]:
    return _get(_of_run(run, "/report"), _text)


def runs_patch(run: str) -> Call[bytes]:
    return _get(_of_run(run, "/patch"), _bytes)


def runs_bundle(run: str) -> Call[bytes]:
    return _get(_of_run(run, "/bundle"), _bytes)


@dataclass(frozen=True)
class Stream(Generic[Told]):
    """A stream, and one's place in it."""

    call: Call[bytes]
    place: Place[Told]


def coding_stream(asked: Mapping[str, Any], key: str, after: int | None) -> Stream[CodingEvent]:
    call = _begin("/api/coding/stream", asked, key, _bytes)
    return Stream(call, Place(coding_event, "done", after=after, idempotency_key=key, run=None))


def runs_events(run: str, after: int | None) -> Stream[RunEvent]:
    return Stream(_get(_of_run(run, "/events"), _bytes), Place(run_event, "end", after=after, idempotency_key=None, run=run))
