"""A scope on the bench whose samples tell their own index, so loss, repeats and order show."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import numpy as np

from monitor.bench.scope.panel import ScopeSettings, Wiring
from monitor.bench.scope.scope import Scope
from monitor.bench.transports.server import ScopeServer
from monitor.bench.vendors.infiniivision import InfiniiVision
from monitor.config import InputSettings, InstrumentSettings
from monitor.model import NS, Block, Quantity
from monitor.sources.clock import SystemClock

RATE_HZ = 10_000.0
RECORD_S = 0.05
N_RECORD = 500
PERIOD = 10_000
"""Samples after which the index repeats."""

_INPUTS = (
    InputSettings(input=1, quantity=Quantity.VOLTAGE),
    InputSettings(input=2, quantity=Quantity.CURRENT),
)


class _Counting:
    """The voltage is the index modulo 100, the current what is above it."""

    limits = ((0.0, 100.0), (0.0, 100.0))

    def sample(self, start, n, rate_hz):
        index = np.arange(start, start + n)
        return (index % 100).astype(float), (index // 100 % 100).astype(float)


class HastyClock(SystemClock):
    """Real time, in which nobody sleeps long."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.02))


class CountedScope:
    """A scope that listens on loopback, in the test's own loop."""

    def __init__(self, **settings) -> None:
        self.clock = HastyClock()
        self.zero_ns = self.clock.now_ns()
        wiring = (Wiring(0, 1.0), Wiring(1, 10.0), Wiring(None, 1.0), Wiring(None, 1.0))
        self.scope = Scope(
            _Counting(),
            wiring,
            ScopeSettings(**settings),
            lambda: self.clock.now_ns() - self.zero_ns,
        )
        self.scope.autoscale()
        self.server = ScopeServer(InfiniiVision(self.scope))

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.server.stop()

    def settings(self, **changes) -> InstrumentSettings:
        asked = {
            "address": self.server.visa,
            "inputs": _INPUTS,
            "record_s": RECORD_S,
            "sample_rate_hz": RATE_HZ,
            "timeout_s": 0.5,
        }
        return InstrumentSettings(**asked | changes)

    def time_ns(self, index: float) -> int:
        """Return the true UTC of a sample of the scope."""
        return self.zero_ns + round(index / RATE_HZ * NS)


def told(block: Block) -> np.ndarray:
    """Return the index, modulo ``PERIOD``, that each sample tells."""
    volts, amps = (
        np.rint(codes * scale.gain + scale.offset).astype(int)
        for codes, scale in zip(block.codes.astype(float), block.scales, strict=True)
    )
    return volts + 100 * amps
