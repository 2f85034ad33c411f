"""Events out of the bytes of a stream, as the HTML standard has them (server-sent events)."""

from __future__ import annotations

from dataclasses import dataclass

EVENT_BYTES_MAX = 64 * 1024 * 1024
"""Largest event that is kept, in bytes: a server that never ends one fills no memory."""

_BOM = b"\xef\xbb\xbf"
_CR, _LF = 0x0D, 0x0A


class TooLargeEvent(ValueError):
    """An event has more than `EVENT_BYTES_MAX` bytes."""


@dataclass(frozen=True)
class Message:
    """An event as it was sent."""

    event: str
    """Its kind; `message` where none was said."""
    data: str
    id: str
    """The last id that was said, here or before."""


class EventParser:
    """Takes bytes, cut anywhere, and gives events, each as soon as its last byte is there. What isn't whole at the end was never said."""

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry_ms: int | None = None
        """How long the server wants a client to wait before it comes back."""
        self._line = bytearray()
        self._is_first_line = True
        self._after_cr = False
        self._id = ""
        self._event = ""
        self._data: list[str] = []
        self._bytes = 0

    def feed(self, chunk: bytes) -> list[Message]:
        """The events that are whole now."""
        found: list[Message] = []
        start = 0
        if self._after_cr and chunk:
            self._after_cr = False
            start = 1 if chunk[0] == _LF else 0
        while start < len(chunk):
            end = _end_of_line(chunk, start)
            self._line += chunk[start : len(chunk) if end is None else end]
            if EVENT_BYTES_MAX < self._bytes + len(self._line):
                raise TooLargeEvent(f"an event has more than {EVENT_BYTES_MAX} bytes")
            if end is None:
                break
            line = bytes(self._line)
            self._line.clear()
            self._take(line, found)
            start = end + 1
            if chunk[end] == _CR:
                if start == len(chunk):
                    self._after_cr = True
                elif chunk[start] == _LF:
                    start += 1
        return found

    def _take(self, line: bytes, found: list[Message]) -> None:
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BOM)
        if not line:
            self._dispatch(found)
            return
        self._bytes += len(line)
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_ms = int(value[:9])

    def _dispatch(self, found: list[Message]) -> None:
        self.last_event_id = self._id
        if self._data:
            found.append(Message(self._event or "message", "\n".join(self._data), self._id))
        self._event, self._data, self._bytes = "", [], 0


def _end_of_line(chunk: bytes, start: int) -> int | None:
    lf = chunk.find(b"\n", start)
    cr = chunk.find(b"\r", start, len(chunk) if lf < 0 else lf)
    end = lf if cr < 0 else cr
    return None if end < 0 else end
