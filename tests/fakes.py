"""Sources, feeds and clocks for tests: real items, no hardware, no waiting."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Self

import numpy as np

from monitor.model import (
    NS,
    Block,
    Channel,
    Edge,
    Marker,
    Quantity,
    Scale,
    StreamInfo,
    Supply,
)

RATE_HZ = 10_000.0
T0_NS = 1_700_000_000 * NS

INFO = StreamInfo(
    channels=(
        Channel(name="voltage", quantity=Quantity.VOLTAGE),
        Channel(name="current", quantity=Quantity.CURRENT),
    ),
    sample_rate_hz=RATE_HZ,
    t0_ns=T0_NS,
    t0_uncertainty_ns=1000,
    dtype="int16",
    continuous=True,
    supply=Supply.DC,
)
"""A DC feed: 12 V, and as many amperes as the code says in thousandths."""

SCALES = (Scale(0.001, 0.0), Scale(0.001, 0.0))


def dc_block(start: int, power_w: float, n: int = 1000) -> Block:
    """12 V and the current that makes ``power_w``."""
    codes = np.empty((2, n), np.int16)
    codes[0], codes[1] = 12_000, round(power_w / 12 * 1000)
    host_ns = T0_NS + round(start * NS / RATE_HZ)
    return Block(start, codes, SCALES, (0, 0), host_ns, 1000)


def stage_edge(
    stage: str, edge: Edge, at_s: float, span: str, parent: str = "", seq: int = 0
) -> Marker:
    """Return a marker of a stage, ``at_s`` seconds after sample 0."""
    return Marker(
        time_ns=T0_NS + round(at_s * NS), received_ns=T0_NS, stage=stage, edge=edge,
        run_id="run", span_id=span, parent_id=parent, seq=seq,
    )  # fmt: skip


class FakeClock:
    """Jumps instead of waiting."""

    def __init__(self) -> None:
        self.ns = T0_NS

    def now_ns(self) -> int:
        self.ns += 1000
        return self.ns

    async def sleep(self, seconds: float) -> None:
        self.ns += round(seconds * NS)
        await asyncio.sleep(0)


class ListSource:
    """Emits a list of items, then ends, fails, or waits for ever."""

    def __init__(
        self, items: Iterable[Block | Marker], *, info: StreamInfo = INFO,
        error: Exception | None = None, hold: bool = False,
    ) -> None:  # fmt: skip
        self._items = items
        self._error = error
        self._hold = hold
        self.info = info
        self.entered = self.left = False

    async def __aenter__(self) -> Self:
        self.entered = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.left = True

    async def items(self) -> AsyncIterator[Block | Marker]:
        for item in self._items:
            yield item
            await asyncio.sleep(0)
        if self._error is not None:
            raise self._error
        if self._hold:
            await asyncio.Event().wait()
