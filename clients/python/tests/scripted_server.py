"""A server that says what a test wrote down for it, answer after answer, and remembers what it was asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Asked:
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Script:
    """Answers in order; each is sent as it is, and the connection closed."""

    answers: list[bytes]
    address: str = ""
    asked: list[Asked] = field(default_factory=list)


def answer(status: int, body: str = "", kind: str = "application/json", **headers: str) -> bytes:
    """A whole answer."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    raw = body.encode()
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(raw)}\r\nConnection: close\r\n{more}\r\n".encode() + raw


def problem(status: int, title: str, more: str = "", **headers: str) -> bytes:
    """An answer that says what is wrong."""
    body = f'{{"type":"about:blank","title":"{title}","status":{status}{more}}}'
    return answer(status, body, "application/problem+json", **headers)


def events(text: str) -> bytes:
    """A stream that ends when the connection does."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + text.encode()


@contextmanager
def serving(*answers: bytes) -> Iterator[Script]:
    """The script's server while the test runs; it fails when the script isn't played to its end."""
    script = Script(list(answers))
    listening = socket.create_server(("127.0.0.1", 0))
    script.address = f"http://127.0.0.1:{listening.getsockname()[1]}"

    def play() -> None:
        for it in answers:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reading:
                script.asked.append(_request(reading))
                connection.sendall(it)
                script.answers.pop(0)
        # One more is one too many: it is counted, and the test fails.
        while True:
            try:
                connection, _ = listening.accept()
                with connection, connection.makefile("rb") as reading:
                    script.asked.append(_request(reading))
            except OSError:
                return

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)
    assert len(script.asked) == len(answers), f"asked {len(script.asked)} times, and {len(answers)} answers were written down"


def _request(reading: object) -> Asked:
    readline, read = reading.readline, reading.read  # type: ignore[attr-defined]
    line = readline().decode().strip()
    headers: dict[str, str] = {}
    while said := readline().decode().strip():
        name, _, value = said.partition(":")
        headers[name.lower()] = value.strip()
    return Asked(line, headers, read(int(headers.get("content-length", "0"))))
