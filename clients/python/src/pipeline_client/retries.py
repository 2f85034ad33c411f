"""When a request is sent again, and after how long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from .errors import ConnectionLost, ProblemError

_SPARED_SECONDS = 30.0
"""A connection that held so long was a good one: what comes after it is counted from the beginning."""


@dataclass(frozen=True)
class Retries:
    """How patient a client is. Only what is safe to send twice is sent again: what reads, and what begins a run, which has an
    `Idempotency-Key`."""

    tries_max: int = 8
    """Tries in a row that bring nothing new, the first one included."""
    first_seconds: float = 0.5
    """Wait before the second try; it doubles with each."""
    most_seconds: float = 15.0
    """Longest wait that the client chooses."""
    retry_after_seconds_max: float = 120.0
    """Longest wait that a server may ask for (`Retry-After`); what is longer is an error at once."""


class Attempts:
    """Counts what failed since something new came."""

    def __init__(self, retries: Retries, *, is_safe: bool, now: Callable[[], float] = time.monotonic) -> None:
        self._retries = retries
        self._is_safe = is_safe
        self._now = now
        self._failed = 0
        self._connected: float | None = None
        self.retry_ms: int | None = None

    def connected(self) -> None:
        """An answer began."""
        self._connected = self._now()

    def came(self) -> None:
        """Something new came."""
        self._failed = 0

    def broken(self, why: BaseException | str, **place: object) -> float:
        """The seconds to wait before the next try; raises when there is none."""
        if self._connected is not None and _SPARED_SECONDS <= self._now() - self._connected:
            self._failed = 0
        self._connected = None
        self._failed += 1
        if not self._is_safe or self._retries.tries_max <= self._failed:
            said = str(why) or type(why).__name__
            lost = ConnectionLost(said, tries=self._failed, **place)  # type: ignore[arg-type]
            raise lost from (why if isinstance(why, BaseException) else None)
        return self._usual()

    def refused(self, problem: ProblemError) -> float:
        """The seconds to wait before the next try after an answer that isn't a success; raises it when another try is no use."""
        after = problem.retry_after_seconds
        passes = problem.status in (429, 503) or (problem.status == 409 and after is not None)
        passes = passes or (problem.status in (502, 504) and not problem.is_told)
        self._failed += 1
        is_over = self._retries.tries_max <= self._failed or self._retries.retry_after_seconds_max < (after or 0)
        if not self._is_safe or not passes or is_over:
            raise problem
        return self._usual() if after is None else after

    def _usual(self) -> float:
        first = self._retries.first_seconds if self.retry_ms is None else self.retry_ms / 1000
        wait: float = min(first * 2 ** min(self._failed - 1, 16), self._retries.most_seconds)
        # Clients that lost the same server don't come back all at once.
        return wait * random.uniform(0.5, 1.0)
