"""What goes wrong, as exceptions."""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = [
    "BadRequest",
    "Conflict",
    "ConnectionLost",
    "Forbidden",
    "NotFound",
    "PipelineError",
    "ProblemError",
    "ProtocolError",
    "ServerError",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "Unprocessable",
]


class PipelineError(Exception):
    """Everything that this package raises on account of a server."""


class ProtocolError(PipelineError):
    """The answer isn't one of this API."""


class ConnectionLost(PipelineError):
    """The server could not be reached, or the connection broke, and so did each further try. What was begun on the server goes on there."""

    def __init__(self, why: str, *, tries: int, idempotency_key: str | None = None, run: str | None = None, last_event_id: int | None = None) -> None:
        said = f"could not go on after {tries} tries: {why}" if 1 < tries else f"could not reach the server: {why}"
        super().__init__(said)
        self.tries = tries
        self.idempotency_key = idempotency_key
        """With it and the same task, `coding_stream` goes on with the same run."""
        self.run = run
        self.last_event_id = last_event_id
        """The last event that came."""


class ProblemError(PipelineError):
    """The server says why it doesn't do what was asked (RFC 9457)."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        advice: str | None = None,
        exit_code: int | None = None,
        retry_after_seconds: float | None = None,
        is_told: bool = True,
    ) -> None:
        super().__init__("\n".join(it for it in (f"{title} ({status})", detail, advice) if it))
        self.status = status
        self.title = title
        """What could not be done."""
        self.detail = detail
        """Why, a cause a line."""
        self.advice = advice
        """What to do about it."""
        self.exit_code = exit_code
        """The code with which the command line would have ended."""
        self.retry_after_seconds = retry_after_seconds
        self.is_told = is_told
        """Whether the API itself said so; otherwise something before it did, as a proxy does."""


class BadRequest(ProblemError):
    """The request can't be understood (400, 405, 408, 413, 415)."""


class Unauthorized(ProblemError):
    """Nobody knows who asks: the token is missing or wrong (401)."""


class Forbidden(ProblemError):
    """The caller may not (403)."""


class NotFound(ProblemError):
    """There is no such run, or it is somebody else's (404)."""


class Conflict(ProblemError):
    """Not in this state: somebody works on the run, or it is at its end (409)."""


class Unprocessable(ProblemError):
    """It is understood and can't be done so: what the command line calls wrong usage (422)."""


class TooManyRequests(ProblemError):
    """Too many at once or a minute (429)."""


class Unavailable(ProblemError):
    """Not now: the server is being stopped (503) or its disk is full (507)."""


class ServerError(ProblemError):
    """Something broke on the server or behind it (5xx)."""


_KINDS: dict[int, type[ProblemError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Unprocessable,
    429: TooManyRequests,
    503: Unavailable,
    507: Unavailable,
}


def problem_of(status: int, headers: Mapping[str, str], body: bytes) -> ProblemError:
    """The exception for an answer that isn't a success."""
    told: object = None
    if headers.get("content-type", "").startswith("application/problem+json"):
        try:
            told = json.loads(body)
        except ValueError:
            pass
    return problem_told(told, status, _retry_after(headers))


def problem_told(told: object, status: int, retry_after_seconds: float | None = None) -> ProblemError:
    """The exception for a problem, as an answer or a stream has it."""
    is_told = isinstance(told, dict)
    fields = told if isinstance(told, dict) else {}

    def text(name: str) -> str | None:
        value = fields.get(name)
        return value if isinstance(value, str) else None

    said = fields.get("status")
    status = said if isinstance(said, int) else status
    exit_code = fields.get("exit_code")
    kind = _KINDS.get(status, ServerError if 500 <= status else BadRequest)
    return kind(
        status,
        text("title") or f"the server answered with {status}",
        text("detail") or "",
        text("advice"),
        exit_code if isinstance(exit_code, int) else None,
        retry_after_seconds,
        is_told,
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    said = headers.get("retry-after", "").strip()
    return float(said) if said.isascii() and said.isdigit() and len(said) < 10 else None
