"""The client for programs that wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Literal, overload

import httpx
from typing_extensions import Unpack

from . import calls
from .calls import Answer, Call, Stream
from .errors import ProblemError, ProtocolError
from .events import CodingEvent, Done, End, Gap, RunEvent, Told
from .models import Handed, Me, Run, RunDetail, RunPage, Stopped, StreamEnd
from .options import Changes, Destinations, NewRun
from .retries import Attempts, Retries
from .sse import EventParser, TooLargeEvent


class Client:
    """A server at `base_url`, asked with `token`. Use it in a `with`, or close it. Threads may share it.

    `http` is your own `httpx.Client`, for a proxy or certificates; nothing is read from the environment without one.
    """

    def __init__(self, base_url: str, token: str, *, retries: Retries | None = None, http: httpx.Client | None = None) -> None:
        self._base_url = calls.address(base_url)
        self._headers = calls.headers(token)
        self._retries = retries or Retries()
        self._own = http is None
        self._http = http or httpx.Client(trust_env=False)
        self.runs = Runs(self)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections. Runs go on."""
        if self._own:
            self._http.close()

    def coding_run(self, *, idempotency_key: str | None = None, **asked: Unpack[NewRun]) -> RunDetail:
        """Begins a run and waits for its end.

        It watches the run's stream, whose heartbeats tell a quiet server from a lost one; a lost connection is made again and
        the same run waited for.
        """
        return _last(self._follow(calls.coding_stream(asked, idempotency_key or calls.new_key(), None)))

    @overload
    def coding_stream(
        self, *, on_event: Callable[[CodingEvent], object], idempotency_key: str | None = None, last_event_id: int | None = None, **asked: Unpack[NewRun]
    ) -> RunDetail: ...
    @overload
    def coding_stream(self, *, idempotency_key: str | None = None, last_event_id: int | None = None, **asked: Unpack[NewRun]) -> Iterator[CodingEvent]: ...
    def coding_stream(
        self,
        *,
        on_event: Callable[[CodingEvent], object] | None = None,
        idempotency_key: str | None = None,
        last_event_id: int | None = None,
        **asked: Unpack[NewRun],
    ) -> RunDetail | Iterator[CodingEvent]:
        """Begins a run and watches it: `log` events with a line each, and `done` with the run.

        With `on_event` it calls that with each and returns the run; without, it is an iterator over them (the run begins with the
        first `next`). A connection that breaks is made again from behind the last event. To go on in another process, give
        the same `idempotency_key` and task, and the `last_event_id` that you have.
        """
        events = self._follow(calls.coding_stream(asked, idempotency_key or calls.new_key(), last_event_id))
        return events if on_event is None else _last(events, on_event)

    def estimate(self, **asked: Unpack[NewRun]) -> dict[str, Any]:
        """Who would work on a run, and what it may cost. Begins nothing."""
        return self._send(calls.estimate(asked))

    def models(self) -> dict[str, Any]:
        """The models with their limits and prices, and the crews."""
        return self._send(calls.models())

    def me(self) -> Me:
        """Who you are there, and what the server lets you do."""
        return self._send(calls.me())

    def _send(self, call: Call[Answer]) -> Answer:
        attempts = Attempts(self._retries, is_safe=call.is_safe)
        while True:
            try:
                response = self._http.send(call.request(self._http, self._base_url, self._headers))
                return call.answer(response, response.content)
            except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
                raise
            except httpx.TransportError as error:
                wait = attempts.broken(error)
            except ProblemError as problem:
                wait = attempts.refused(problem)
            time.sleep(wait)

    def _follow(self, stream: Stream[Told]) -> Iterator[Told]:
        attempts = Attempts(self._retries, is_safe=True)
        place = stream.place
        while not place.is_over:
            try:
                yield from self._connection(stream, attempts)
                if place.is_over:
                    return
                wait = attempts.broken("the stream broke off", **place.known())
            except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
                raise
            except (httpx.TransportError, Gap) as error:
                wait = attempts.broken(error, **place.known())
            except ProblemError as problem:
                wait = attempts.refused(problem)
            time.sleep(wait)

    def _connection(self, stream: Stream[Told], attempts: Attempts) -> Iterator[Told]:
        request = stream.call.request(self._http, self._base_url, {**self._headers, **stream.place.headers()})
        response = self._http.send(request, stream=True)
        try:
            if response.status_code != 200:
                calls.check(response, response.read())
            calls.check_stream(response)
            attempts.connected()
            calls.only_silence(request)
            parser = EventParser()
            for chunk in response.iter_bytes():
                for message in parser.feed(chunk):
                    told = stream.place.take(message)
                    attempts.retry_ms = parser.retry_ms
                    if told is not None:
                        attempts.came()
                        yield told
                    if stream.place.is_over:
                        return
        except TooLargeEvent as error:
            raise ProtocolError(str(error)) from error
        finally:
            response.close()


class Runs:
    """The runs of a server."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._send = client._send

    def list(self, *, limit: int | None = None, before: str | None = None, status: Literal["running", "completed", "failed"] | None = None) -> RunPage:
        """A page of the runs that are yours, newest first; `before` is `next` of the page before."""
        return self._send(calls.runs_list(limit, before, status))

    def get(self, run: str) -> RunDetail:
        """A run whole, but for its events."""
        return self._send(calls.runs_get(run))

    def start(self, *, idempotency_key: str | None = None, **asked: Unpack[NewRun]) -> Run:
        """Begins a run and doesn't wait for it."""
        return self._send(calls.runs_start(asked, idempotency_key or calls.new_key()))

    def cancel(self, run: str) -> Stopped:
        """Asks a run to stop. It can be resumed."""
        return self._send(calls.runs_cancel(run))

    def resume(self, run: str, **changes: Unpack[Changes]) -> Run:
        """Goes on with a run that stopped, as it was or under other terms. Never sent twice: when the answer is lost, look at the run."""
        return self._send(calls.runs_resume(run, changes))

    def deliver(self, run: str, **destinations: Unpack[Destinations]) -> Handed:
        """Delivers the change of a completed run. Never sent twice; asking again changes nothing that is done."""
        return self._send(calls.runs_deliver(run, destinations))

    @overload
    def events(self, run: str, *, on_event: Callable[[RunEvent], object], last_event_id: int | None = None) -> StreamEnd: ...
    @overload
    def events(self, run: str, *, last_event_id: int | None = None) -> Iterator[RunEvent]: ...
    def events(self, run: str, *, on_event: Callable[[RunEvent], object] | None = None, last_event_id: int | None = None) -> StreamEnd | Iterator[RunEvent]:
        """What happened in a run and what happens, from behind `last_event_id` on, until nobody works on it any more (`end`).

        With `on_event` it calls that with each and returns how it ended; without, it is an iterator over them.
        """
        events = self._client._follow(calls.runs_events(run, last_event_id))
        if on_event is None:
            return events
        for event in events:
            on_event(event)
            if isinstance(event, End):
                return event.data
        raise ProtocolError("the stream had no end")

    def report(self, run: str) -> str:
        """The report, a page of HTML."""
        return self._send(calls.runs_report(run))

    def patch(self, run: str) -> bytes:
        """The change as `git apply` takes it: bytes, as a file's text may be of any encoding."""
        return self._send(calls.runs_patch(run))

    def bundle(self, run: str) -> bytes:
        """The evidence: a tar archive of the folder that `pipeline verify` takes."""
        return self._send(calls.runs_bundle(run))


def _last(events: Iterator[CodingEvent], on_event: Callable[[CodingEvent], object] | None = None) -> RunDetail:
    for event in events:
        if on_event is not None:
            on_event(event)
        if isinstance(event, Done):
            return event.data
    raise ProtocolError("the stream had no end")
