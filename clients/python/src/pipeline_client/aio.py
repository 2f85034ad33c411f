"""The client for programs that await; the same as the other in all else."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Any, Literal, TypeVar, overload

import anyio
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

_Event = TypeVar("_Event")


class AsyncClient:
    """A server at `base_url`, asked with `token`. Use it in an `async with`, or close it with `aclose`.

    `http` is your own `httpx.AsyncClient`, for a proxy or certificates; nothing is read from the environment without one.
    """

    def __init__(self, base_url: str, token: str, *, retries: Retries | None = None, http: httpx.AsyncClient | None = None) -> None:
        self._base_url = calls.address(base_url)
        self._headers = calls.headers(token)
        self._retries = retries or Retries()
        self._own = http is None
        self._http = http or httpx.AsyncClient(trust_env=False)
        self.runs = AsyncRuns(self)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections. Runs go on."""
        if self._own:
            await self._http.aclose()

    async def coding_run(self, *, idempotency_key: str | None = None, **asked: Unpack[NewRun]) -> RunDetail:
        """As `Client.coding_run`."""
        done = await _each(self._follow(calls.coding_stream(asked, idempotency_key or calls.new_key(), None)), None, Done)
        return done.data

    @overload
    def coding_stream(
        self,
        *,
        on_event: Callable[[CodingEvent], object],
        idempotency_key: str | None = None,
        last_event_id: int | None = None,
        **asked: Unpack[NewRun],
    ) -> Awaitable[RunDetail]: ...
    @overload
    def coding_stream(self, *, idempotency_key: str | None = None, last_event_id: int | None = None, **asked: Unpack[NewRun]) -> AsyncIterator[CodingEvent]: ...
    def coding_stream(
        self,
        *,
        on_event: Callable[[CodingEvent], object] | None = None,
        idempotency_key: str | None = None,
        last_event_id: int | None = None,
        **asked: Unpack[NewRun],
    ) -> Awaitable[RunDetail] | AsyncIterator[CodingEvent]:
        """As `Client.coding_stream`; `on_event` may be a coroutine function."""
        events = self._follow(calls.coding_stream(asked, idempotency_key or calls.new_key(), last_event_id))
        if on_event is None:
            return events
        told = on_event

        async def watched() -> RunDetail:
            return (await _each(events, told, Done)).data

        return watched()

    async def estimate(self, **asked: Unpack[NewRun]) -> dict[str, Any]:
        """As `Client.estimate`."""
        return await self._send(calls.estimate(asked))

    async def models(self) -> dict[str, Any]:
        """As `Client.models`."""
        return await self._send(calls.models())

    async def me(self) -> Me:
        """As `Client.me`."""
        return await self._send(calls.me())

    async def _send(self, call: Call[Answer]) -> Answer:
        attempts = Attempts(self._retries, is_safe=call.is_safe)
        while True:
            try:
                response = await self._http.send(call.request(self._http, self._base_url, self._headers))
                return call.answer(response, response.content)
            except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
                raise
            except httpx.TransportError as error:
                wait = attempts.broken(error)
            except ProblemError as problem:
                wait = attempts.refused(problem)
            await anyio.sleep(wait)

    async def _follow(self, stream: Stream[Told]) -> AsyncGenerator[Told, None]:
        attempts = Attempts(self._retries, is_safe=True)
        place = stream.place
        while not place.is_over:
            try:
                async with aclosing(self._connection(stream, attempts)) as events:
                    async for told in events:
                        yield told
                if place.is_over:
                    return
                wait = attempts.broken("the stream broke off", **place.known())
            except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
                raise
            except (httpx.TransportError, Gap) as error:
                wait = attempts.broken(error, **place.known())
            except ProblemError as problem:
                wait = attempts.refused(problem)
            await anyio.sleep(wait)

    async def _connection(self, stream: Stream[Told], attempts: Attempts) -> AsyncGenerator[Told, None]:
        request = stream.call.request(self._http, self._base_url, {**self._headers, **stream.place.headers()})
        response = await self._http.send(request, stream=True)
        try:
            if response.status_code != 200:
                calls.check(response, await response.aread())
            calls.check_stream(response)
            attempts.connected()
            calls.only_silence(request)
            parser = EventParser()
            async for chunk in response.aiter_bytes():
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
            with anyio.CancelScope(shield=True):
                await response.aclose()


class AsyncRuns:
    """The runs of a server."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._send = client._send

    async def list(self, *, limit: int | None = None, before: str | None = None, status: Literal["running", "completed", "failed"] | None = None) -> RunPage:
        """As `Runs.list`."""
        return await self._send(calls.runs_list(limit, before, status))

    async def get(self, run: str) -> RunDetail:
        """As `Runs.get`."""
        return await self._send(calls.runs_get(run))

    async def start(self, *, idempotency_key: str | None = None, **asked: Unpack[NewRun]) -> Run:
        """As `Runs.start`."""
        return await self._send(calls.runs_start(asked, idempotency_key or calls.new_key()))

    async def cancel(self, run: str) -> Stopped:
        """As `Runs.cancel`."""
        return await self._send(calls.runs_cancel(run))

    async def resume(self, run: str, **changes: Unpack[Changes]) -> Run:
        """As `Runs.resume`."""
        return await self._send(calls.runs_resume(run, changes))

    async def deliver(self, run: str, **destinations: Unpack[Destinations]) -> Handed:
        """As `Runs.deliver`."""
        return await self._send(calls.runs_deliver(run, destinations))

    @overload
    def events(self, run: str, *, on_event: Callable[[RunEvent], object], last_event_id: int | None = None) -> Awaitable[StreamEnd]: ...
    @overload
    def events(self, run: str, *, last_event_id: int | None = None) -> AsyncIterator[RunEvent]: ...
    def events(
        self, run: str, *, on_event: Callable[[RunEvent], object] | None = None, last_event_id: int | None = None
    ) -> Awaitable[StreamEnd] | AsyncIterator[RunEvent]:
        """As `Runs.events`; `on_event` may be a coroutine function."""
        events = self._client._follow(calls.runs_events(run, last_event_id))
        if on_event is None:
            return events
        told = on_event

        async def watched() -> StreamEnd:
            return (await _each(events, told, End)).data

        return watched()

    async def report(self, run: str) -> str:
        """As `Runs.report`."""
        return await self._send(calls.runs_report(run))

    async def patch(self, run: str) -> bytes:
        """As `Runs.patch`."""
        return await self._send(calls.runs_patch(run))

    async def bundle(self, run: str) -> bytes:
        """As `Runs.bundle`."""
        return await self._send(calls.runs_bundle(run))


async def _each(events: AsyncGenerator[Any, None], on_event: Callable[[Any], object] | None, last: type[_Event]) -> _Event:
    async with aclosing(events):
        async for event in events:
            if on_event is not None:
                answered = on_event(event)
                if inspect.isawaitable(answered):
                    await answered
            if isinstance(event, last):
                return event
    raise ProtocolError("the stream had no end")
