"""An ElmorLabs PMD-USB as a meter: the mean power of its four inputs."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitor.config import MeterSettings
from monitor.errors import ConfigError, ConnectionLostError, ProtocolError
from monitor.model import NS, Marker, Reading, SlowChannel
from monitor.sources.clock import Clock
from monitor.sources.elmorlabs import AMPS_PER_CODE, VOLTS_PER_CODE
from monitor.sources.meters.pmd import PmdLink
from monitor.sources.meters.recovery import recovered
from monitor.sources.meters.spell import Sieve, Value
from monitor.sources.worker import Worker

logger = logging.getLogger(__name__)

_N_INPUTS = 4
_FULL_CODE = 2047 - 128  # the rail of the converters, less the largest offset
_PIECE_S = 0.05


class PmdMeter:
    """The power of all inputs together, and of each: means over ``interval_s``.

    Volts times amperes of each record are averaged, so the mean power is right however both
    change. Negative readings of inputs without a load are kept: without them it would be too high.

    Parameters
    ----------
    settings
        ``address`` is a serial port.
    clock
        Of the host.
    """

    def __init__(self, settings: MeterSettings, clock: Clock) -> None:
        if settings.setup or settings.queries:
            raise ConfigError(
                f"meter {settings.address!r}: kind elmorlabs-pmd is not asked anything; remove"
                " setup and queries"
            )
        self._settings = settings
        self._clock = clock
        self._link = PmdLink(settings.address, settings.timeout_s)
        self._worker: Worker | None = None
        self._identity = ""
        names = ("power", *(f"input {number} power" for number in range(1, _N_INPUTS + 1)))
        self._channels = tuple(
            SlowChannel(
                name=name,
                source=settings.name or "ElmorLabs PMD-USB",
                unit="W",
                interval_s=settings.interval_s,
                window_s=settings.interval_s,
                note=f"mean of {settings.interval_s:g} s",
            )
            for name in names
        )

    @property
    def channels(self) -> tuple[SlowChannel, ...]:
        """Return the power of all inputs, then of each."""
        return self._channels

    async def __aenter__(self) -> Self:
        self._worker = Worker("wattstage-pmd")
        try:
            self._identity = await self._connect()
        except BaseException:
            await self._leave()
            raise
        logger.info("connected: %s at %s", self._identity, self._settings.address)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._leave()

    async def readings(self) -> AsyncGenerator[Reading | Marker, None]:
        """Yield readings, and events of the kinds ``lost``, ``reconnected``, ``invalid``.

        Raises
        ------
        InstrumentError
            If another meter answers after a connection was lost.
        """
        worker, sieve = self._used(), Sieve()
        interval_ns = round(self._settings.interval_s * NS)
        piece_s = min(_PIECE_S, self._settings.interval_s / 2)
        parts: list[NDArray[np.int16]] = []
        due_ns = self._clock.now_ns() + interval_ns
        while True:
            try:
                parts.append(await worker.run(lambda: self._link.take(piece_s)))
            except (ConnectionLostError, ProtocolError) as error:
                again = recovered(error, self._connect, self._clock, identity=self._identity)
                async with contextlib.aclosing(again) as told:
                    async for mark in told:
                        yield mark
                parts.clear()
                due_ns = self._clock.now_ns() + interval_ns
                continue
            now_ns = self._clock.now_ns()
            if now_ns < due_ns:
                continue
            codes = np.concatenate(parts)
            parts.clear()
            due_ns += interval_ns * (1 + (now_ns - due_ns) // interval_ns)
            if len(codes):
                for item in sieve.sift(self._values(codes, now_ns), now_ns):
                    yield item

    def _values(self, codes: NDArray[np.int16], time_ns: int) -> list[Value]:
        """Return the mean powers; overrange where a converter stood at its rail."""
        volts, amps = codes[:, 0::2] * VOLTS_PER_CODE, codes[:, 1::2] * AMPS_PER_CODE
        at_rail = (np.abs(codes) >= _FULL_CODE).any(axis=0).reshape(_N_INPUTS, 2).any(axis=1)
        watts = np.where(at_rail, np.inf, (volts * amps).mean(axis=0))
        values = [float(watts.sum()), *(float(each) for each in watts)]
        return [
            Value(channel=channel, value=value, time_ns=time_ns)
            for channel, value in zip(self._channels, values, strict=True)
        ]

    async def _connect(self) -> str:
        return await self._used().run(self._link.connect)

    def _used(self) -> Worker:
        if self._worker is None:
            raise RuntimeError("PmdMeter is used outside its `async with`")
        return self._worker

    async def _leave(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close(self._link.close)
