"""Meters for tests: real readings, no hardware, no waiting."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Self

from fakes import T0_NS

from monitor.model import NS, Marker, Reading, SlowChannel

WALL = SlowChannel(
    name="wall power", source="WT310", unit="W", interval_s=0.1, window_s=0.1, note="mean of 0.1 s"
)
WATER = SlowChannel(name="water", source="WT310", unit="°C", interval_s=1.0)


def reading(value: float, at_s: float, channel: SlowChannel = WALL) -> Reading:
    """Return a reading taken ``at_s`` seconds after sample 0, which arrived at once."""
    time_ns = T0_NS + round(at_s * NS)
    return Reading(channel=channel, time_ns=time_ns, received_ns=time_ns, value=value)


class ListMeter:
    """Gives a list of readings; what is an exception is raised instead of it.

    The first ``absent`` attempts to enter it fail.
    """

    def __init__(
        self, items: Iterable[Reading | Marker | Exception], *, absent: int = 0,
        channels: tuple[SlowChannel, ...] = (WALL,), hold: bool = True,
        error: Exception | None = None,
    ) -> None:  # fmt: skip
        self._items = iter(items)
        self._absent = absent
        self._error = error
        self._hold = hold
        self.channels = channels
        self.n_entered = self.n_left = 0

    async def __aenter__(self) -> Self:
        if self._absent:
            self._absent -= 1
            raise self._error or OSError("nobody there")
        self.n_entered += 1
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.n_left += 1

    async def readings(self) -> AsyncIterator[Reading | Marker]:
        for item in self._items:
            if isinstance(item, Exception):
                raise item
            yield item
            await asyncio.sleep(0)
        if self._hold:
            await asyncio.Event().wait()
