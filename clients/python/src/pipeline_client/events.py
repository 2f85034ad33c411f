"""What streams tell, and one's place in a stream over several connections: what came is neither lost nor told twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from .errors import ProblemError, ProtocolError, problem_told
from .models import EventTold, LogLine, RunDetail, StreamEnd
from .sse import Message


class Event(EventTold):
    """One event of a run's journal."""

    seq: int
    """Its place, counted from 0."""
    at_ms: int
    """When it was written, in milliseconds since 1970-01-01 UTC."""
    event: dict[str, Any]
    """What happened; `kind` says which of them, as in `pipeline log --json`."""


@dataclass(frozen=True)
class Logged:
    """A line for people."""

    data: LogLine
    event: Literal["log"] = "log"


@dataclass(frozen=True)
class Done:
    """The run at its end, or stopped. The last."""

    data: RunDetail
    event: Literal["done"] = "done"


@dataclass(frozen=True)
class Happened:
    """An event of the journal; `event` is its kind."""

    data: Event
    event: str


@dataclass(frozen=True)
class End:
    """Nobody works on the run any more. The last."""

    data: StreamEnd
    event: Literal["end"] = "end"


CodingEvent = Logged | Done
RunEvent = Happened | End

Told = TypeVar("Told")
Model = TypeVar("Model", bound=BaseModel)


def read_as(model: type[Model], text: str | bytes) -> Model:
    """An answer as what it should be."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise ProtocolError(f"could not understand the server's {model.__name__}: {error}") from error


def coding_event(message: Message) -> CodingEvent:
    """An event of `/api/coding/stream`."""
    if message.event == "done":
        return Done(read_as(RunDetail, message.data))
    return Logged(read_as(LogLine, message.data))


def run_event(message: Message) -> RunEvent:
    """An event of `/api/runs/{id}/events`."""
    if message.event == "end":
        return End(read_as(StreamEnd, message.data))
    return Happened(read_as(Event, message.data), message.event)


class Gap(Exception):
    """An event is missing before this one: what came is no whole stream."""


class Place(Generic[Told]):
    """How far a stream was read, over all its connections."""

    def __init__(self, read: Callable[[Message], Told], last: str, *, after: int | None, idempotency_key: str | None, run: str | None) -> None:
        self._read = read
        self._last = last
        self._next = 0 if after is None else after + 1
        self.idempotency_key = idempotency_key
        self.run = run
        self.is_over = False

    @property
    def last_event_id(self) -> int | None:
        """The last event that came."""
        return self._next - 1 if 0 < self._next else None

    def headers(self) -> dict[str, str]:
        """What a connection asks for to go on from here."""
        last = self.last_event_id
        return {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": str(last)})

    def known(self) -> dict[str, object]:
        """What whoever goes on by hand needs."""
        return {"idempotency_key": self.idempotency_key, "run": self.run, "last_event_id": self.last_event_id}

    def take(self, message: Message) -> Told | None:
        """What the event tells; nothing when it came before. Raises `Gap` and the problem that the server tells."""
        if message.event == "error":
            raise _problem(message.data)
        if message.event == self._last:
            self.is_over = True
            return self._read(message)
        if not (message.id.isascii() and message.id.isdigit()):
            raise ProtocolError(f"an event `{message.event}` has no number")
        number = int(message.id)
        if number < self._next:
            return None
        if self._next < number:
            raise Gap(f"event {self._next} is missing before {number}")
        told = self._read(message)
        self._next = number + 1
        self.run = self.run or getattr(getattr(told, "data", None), "run", None)
        return told


def _problem(data: str) -> ProblemError:
    try:
        told = json.loads(data)
    except ValueError:
        told = None
    return problem_told(told if isinstance(told, dict) else {"title": data}, 500)
