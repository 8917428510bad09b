"""Time, injected, so that tests need not wait for it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def now_ns(self) -> int:
        """Return UTC in nanoseconds; never less than before."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The computer's UTC when this was made, carried on by its monotonic clock.

    A step of the computer's clock (NTP, a person) during a session would tear markers and
    samples apart; so it is read once.
    """

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Return UTC in nanoseconds; never less than before."""
        return self._offset_ns + time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
