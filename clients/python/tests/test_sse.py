"""Events out of bytes, whole and cut at every place."""

import random

import pytest

from pipeline_client import sse
from pipeline_client.sse import EventParser, Message, TooLargeEvent

CASES: dict[str, tuple[bytes, list[tuple[str, str, str]]]] = {
    "line feeds": (b"event: log\ndata: a\nid: 1\n\n", [("log", "a", "1")]),
    "carriage returns": (b"event: log\rdata: a\rid: 1\r\r", [("log", "a", "1")]),
    "both": (b"event: log\r\ndata: a\r\nid: 1\r\n\r\n", [("log", "a", "1")]),
    "mixed ends of lines": (b"data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\r", [("message", "a\nb\nc", ""), ("message", "d", "")]),
    "a mark of the encoding": (b"\xef\xbb\xbfdata: a\n\n", [("message", "a", "")]),
    "a mark in the middle is text": ("data: a\n\n\ufeffdata: b\n\ndata: c\n\n".encode(), [("message", "a", ""), ("message", "c", "")]),
    "comments": (b": heartbeat\n\n:\ndata: a\n: b\n\n", [("message", "a", "")]),
    "several lines of data": (b"data: a\ndata:\ndata:  b\n\n", [("message", "a\n\n b", "")]),
    "data without a colon": (b"data\n\ndata\ndata\n\n", [("message", "", ""), ("message", "\n", "")]),
    "no data is no event": (b"event: log\n\ndata: a\n\n", [("message", "a", "")]),
    "an id without data stays": (b"id: 7\n\ndata: a\n\n", [("message", "a", "7")]),
    "an id stays for the next": (b"id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", [("message", "a", "7"), ("message", "b", "7"), ("message", "c", "")]),
    "an id with a zero byte is none": (b"id: 7\n\nid: 8\0\ndata: a\n\n", [("message", "a", "7")]),
    "fields that nobody knows": (b"colour: red\nDATA: x\n data: y\ndata: a\n\n", [("message", "a", "")]),
    "colons in a value": (b"data: a: b\ndata::c\n\n", [("message", "a: b\n:c", "")]),
    "not whole at the end": (b"data: a\n\ndata: b\n", [("message", "a", "")]),
    "characters of several bytes": ("data: ä€😀\n\n".encode(), [("message", "ä€😀", "")]),
    "bytes that are no text": (b"data: a\xff\n\n", [("message", "a\ufffd", "")]),
    "nothing": (b"\n\n\r\n", []),
}


def told(chunks: list[bytes]) -> list[tuple[str, str, str]]:
    parser = EventParser()
    messages: list[Message] = [message for chunk in chunks for message in parser.feed(chunk)]
    return [(it.event, it.data, it.id) for it in messages]


@pytest.mark.parametrize("name", CASES)
def test_events_are_the_same_however_the_bytes_are_cut(name: str) -> None:
    stream, wanted = CASES[name]
    assert told([stream]) == wanted
    assert told([bytes([it]) for it in stream]) == wanted
    for cut in range(len(stream) + 1):
        assert told([stream[:cut], b"", stream[cut:]]) == wanted, f"cut before byte {cut}"


def test_a_long_stream_in_random_pieces() -> None:
    stream = b"".join(it[0] + b"\n\n" for it in CASES.values())
    wanted = told([stream])
    choose = random.Random(3)
    for _ in range(200):
        cuts = sorted(choose.sample(range(len(stream)), 12))
        assert told([stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]) == wanted


def test_an_event_is_told_with_its_last_byte() -> None:
    parser = EventParser()
    assert parser.feed(b"data: a\r\n") == []
    assert len(parser.feed(b"\r")) == 1
    assert parser.feed(b"\n") == []


@pytest.mark.parametrize(("line", "wanted"), [(b"retry: 250", 250), (b"retry: 2s", None), (b"retry:", None), (b"retry: -1", None)])
def test_retry_is_a_number(line: bytes, wanted: int | None) -> None:
    parser = EventParser()
    parser.feed(line + b"\n")
    assert parser.retry_ms == wanted


def test_an_event_without_an_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "EVENT_BYTES_MAX", 100)
    parser = EventParser()
    for _ in range(9):
        parser.feed(b": heartbeat heartbeat\n\n")
    with pytest.raises(TooLargeEvent):
        parser.feed(b"data: " + b"a" * 95)
    with pytest.raises(TooLargeEvent):
        EventParser().feed(b"data: a\n" * 20)
