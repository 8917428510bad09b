"""The smallest source there is: 12 V, and a current that rises from 0 to 10 A once a second."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

import numpy as np

from monitor.config import InstrumentSettings
from monitor.errors import ConfigError
from monitor.model import NS, Block, Scale, StreamInfo
from monitor.sources.clock import Clock

BLOCK_S = 0.1
VOLTS_PER_CODE = 0.001
AMPS_PER_CODE = 0.001


class SawtoothSource:
    """What ``kind = "sawtooth"`` in the settings makes.

    Parameters
    ----------
    settings
        The ``[instrument]`` of the settings: inputs, rate, address, ``options``.
    clock
        Tells UTC and waits; nothing else may.
    """

    def __init__(self, settings: InstrumentSettings, clock: Clock) -> None:
        self._inputs = settings.inputs
        self._rate_hz = settings.sample_rate_hz or 10_000.0
        self._clock = clock
        self._info: StreamInfo | None = None
        if len(self._inputs) != 2:
            raise ConfigError(f"a sawtooth has two inputs, the settings {len(self._inputs)}")

    @property
    def info(self) -> StreamInfo:
        """Return what holds for every block."""
        if self._info is None:
            raise RuntimeError("SawtoothSource is used outside its `async with`")
        return self._info

    async def __aenter__(self) -> Self:
        # Here a real one opens its device, and asks it what it is.
        self._info = StreamInfo(
            channels=tuple(item.channel() for item in self._inputs),
            sample_rate_hz=self._rate_hz,
            t0_ns=self._clock.now_ns(),
            t0_uncertainty_ns=1_000_000,
            dtype="int16",
            continuous=True,
            instrument={"identity": "a sawtooth"},
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._info = None  # here a real one closes its device

    async def items(self) -> AsyncGenerator[Block, None]:
        """Yield a block every tenth of a second, for ever."""
        info, n, start = self.info, round(BLOCK_S * self._rate_hz), 0
        while True:
            taken_ns = info.time_ns(start)
            # A block exists when its last sample was taken.
            await self._clock.sleep((info.time_ns(start + n) - self._clock.now_ns()) / NS)
            phase = np.arange(start, start + n) / self._rate_hz % 1.0
            codes = np.stack((np.full(n, 12_000), np.round(phase * 10_000))).astype(np.int16)
            yield Block(
                start=start,
                codes=codes,
                scales=(Scale(VOLTS_PER_CODE, 0.0), Scale(AMPS_PER_CODE, 0.0)),
                clipped=(0, 0),
                host_ns=taken_ns,
                host_uncertainty_ns=info.t0_uncertainty_ns,
            )
            start += n
