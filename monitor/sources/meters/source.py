"""A meter as a stream: what it reads, held over the time that each reading stands for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from types import MappingProxyType, TracebackType
from typing import Self

import numpy as np

from monitor.dsp.interruptions import interrupted
from monitor.errors import ConfigError
from monitor.model import (
    NS,
    Block,
    Channel,
    Marker,
    Quantity,
    Reading,
    Scale,
    SlowChannel,
    StreamInfo,
    Supply,
)
from monitor.sources.clock import Clock
from monitor.sources.meter_feed import Meter
from monitor.sources.meters.grid import Grid
from monitor.sources.source import Item

PER_CODE = 1e-4
"""Watts, volts or amperes: what one code stands for; int32 then reaches 214 748."""

_PER_READING = 10  # cells, so that an edge of a stage cuts a reading where it lies
_LATE = 1.5  # intervals between readings beyond which one is missing
_LONGEST_HOLD_S = 90.0  # of plugs: they report changes, and once a minute that there is none
_FULL_CODE = (1 << 31) - 1
_QUANTITIES = {"W": Quantity.POWER, "V": Quantity.VOLTAGE, "A": Quantity.CURRENT}


class MeterSource:
    """Blocks from a meter when a meter is all there is.

    A reading stands for the time since the one before it; after a missing or invalid one only
    for the meter's own window, or its interval, and what lies before is a gap. A plug that
    reports changes stands until its next report, for a minute and a half at most. The stream is
    the mean of what holds in each cell of an even grid, so its energy is that of the readings.

    The meter's power is measured from; without one, voltage times current, which is right for
    direct current only: the mean of a product is not the product of the means. What else it
    measures is given as readings.

    Parameters
    ----------
    meter
        Is opened and closed with this.
    clock
        Of the host.
    uncertainty_ns
        How well the times of the readings are known, besides by the meter's own window.
    notes
        More about where they come from.
    tells_changes
        Whether a reading stands until the next, not for the interval that ends with it.
    least_hz
        Cells per second, or more where readings come fast. A stage that is shorter than a cell
        may have none, and no energy; a tile takes some milliseconds.
    """

    def __init__(
        self,
        meter: Meter,
        clock: Clock,
        *,
        tells_changes: bool = False,
        least_hz: float = 1000.0,
        uncertainty_ns: int = 0,
        notes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._meter = meter
        self._uncertainty_ns = uncertainty_ns
        self._notes = notes
        self._tells_changes = tells_changes
        self._least_hz = least_hz
        self._clock = clock
        self._opened: tuple[tuple[SlowChannel, ...], StreamInfo] | None = None
        self._grid: Grid | None = None
        self._last_ns: int | None = None  # time of the newest sweep, if the next may follow it
        self._held: dict[SlowChannel, Reading] = {}

    @property
    def info(self) -> StreamInfo:
        """Return what holds for every block; valid once entered."""
        return self._entered[1]

    @property
    def _entered(self) -> tuple[tuple[SlowChannel, ...], StreamInfo]:
        if self._opened is None:
            raise RuntimeError("MeterSource is used outside its `async with`")
        return self._opened

    async def __aenter__(self) -> Self:
        await self._meter.__aenter__()
        try:
            wanted = _measured_from(self._meter.channels)
        except BaseException:
            await self._meter.__aexit__(None, None, None)
            raise
        info = self._describe(wanted)
        self._opened = wanted, info
        self._grid = Grid(info.sample_rate_hz, info.t0_ns, len(wanted))
        self._held, self._last_ns = {}, None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._opened = None
        await self._meter.__aexit__(kind, error, traceback)

    async def items(self) -> AsyncGenerator[Item, None]:
        """Yield a block per reading, or per interval of a plug, other readings, and events."""
        items = self._of_reports() if self._tells_changes else self._of_means()
        async with contextlib.aclosing(items):
            async for item in items:
                yield item

    async def _of_means(self) -> AsyncGenerator[Item, None]:
        wanted, _ = self._entered
        readings = self._meter.readings()
        try:
            async for item in readings:
                if isinstance(item, Marker):
                    yield self._told(item)
                elif item.channel in wanted:
                    self._held[item.channel] = item
                    for block in self._swept(wanted):
                        yield block
                else:
                    yield item
        finally:
            await _close(readings)

    async def _of_reports(self) -> AsyncGenerator[Item, None]:
        wanted, info = self._entered
        readings = self._meter.readings()
        upcoming = asyncio.ensure_future(anext(readings))
        tick_s = max(wanted[0].interval_s, 1 / info.sample_rate_hz)
        try:
            while True:
                tick = asyncio.ensure_future(self._clock.sleep(tick_s))
                try:
                    await asyncio.wait((upcoming, tick), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    tick.cancel()
                item = upcoming.result() if upcoming.done() else None
                now_ns = item.time_ns if item is not None else self._clock.now_ns()
                for block in self._stood(wanted, now_ns):
                    yield block
                if item is None:
                    continue
                if isinstance(item, Marker):
                    yield self._told(item)
                elif item.channel in wanted:
                    self._held[item.channel] = item
                else:
                    yield item
                upcoming = asyncio.ensure_future(anext(readings))
        except StopAsyncIteration:
            return
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
            await _close(readings)

    def _swept(self, wanted: tuple[SlowChannel, ...]) -> list[Block]:
        """Return the block of a sweep, once all of it has come."""
        newest_ns = max(reading.time_ns for reading in self._held.values())
        step_ns = round(wanted[0].interval_s * NS)
        self._held = {
            channel: reading
            for channel, reading in self._held.items()
            if newest_ns - reading.time_ns < step_ns // 2  # else of an older sweep
        }
        if len(self._held) < len(wanted):
            return []
        back_ns = round((wanted[0].window_s or wanted[0].interval_s) * NS)
        begin_ns = newest_ns - back_ns
        if self._last_ns is not None and newest_ns - self._last_ns <= _LATE * step_ns:
            begin_ns = self._last_ns
        held, self._held, self._last_ns = self._held, {}, newest_ns
        return self._hold(begin_ns, newest_ns, [held[channel].value for channel in wanted])

    def _stood(self, wanted: tuple[SlowChannel, ...], now_ns: int) -> list[Block]:
        """Return the block of what has stood since the last, as far as it is still believed."""
        if len(self._held) < len(wanted) or self._grid is None:
            return []
        newest_ns = max(reading.time_ns for reading in self._held.values())
        oldest_ns = min(reading.time_ns for reading in self._held.values())
        hold_s = max(_LONGEST_HOLD_S, _LATE * wanted[0].interval_s)
        begin_ns = max(newest_ns, self._grid.stop_ns)
        end_ns = min(now_ns, oldest_ns + round(hold_s * NS))
        if end_ns <= begin_ns:
            return []
        return self._hold(begin_ns, end_ns, [self._held[channel].value for channel in wanted])

    def _hold(self, begin_ns: int, end_ns: int, values: list[float]) -> list[Block]:
        if self._grid is None:
            return []
        start, samples = self._grid.hold(begin_ns, end_ns, np.array(values))
        if not samples.shape[1]:
            return []
        codes = np.rint(samples / PER_CODE)
        clipped = (np.abs(codes) > _FULL_CODE).sum(axis=1)
        return [
            Block(
                start=start,
                codes=np.clip(codes, -_FULL_CODE, _FULL_CODE).astype(np.int32),
                scales=(Scale(PER_CODE, 0.0),) * len(values),
                clipped=tuple(int(n) for n in clipped),
                host_ns=self.info.time_ns(start),
                host_uncertainty_ns=self.info.t0_uncertainty_ns,
            )
        ]

    def _told(self, marker: Marker) -> Marker:
        """Return an event; a loss ends what stood, and so does an error value of what is used."""
        if marker.attrs.get("kind") == "lost" or interrupted(marker, self._entered[0]):
            self._held, self._last_ns = {}, None
        return marker

    def _describe(self, wanted: tuple[SlowChannel, ...]) -> StreamInfo:
        first = wanted[0]
        units = [channel.unit for channel in wanted]
        held = "each report until the next" if self._tells_changes else "means, held back"
        notes = {
            "identity": first.source,
            "meter": first.note,
            **self._notes,
            "grid": f"{held}; {PER_CODE:g} per code",
        }
        if units == ["V", "A"]:
            notes["caution"] = "power is mean voltage times mean current: right for DC only"
        return StreamInfo(
            channels=tuple(
                Channel(name=channel.name, quantity=_QUANTITIES[channel.unit], rail="meter")
                for channel in wanted
            ),
            sample_rate_hz=max(self._least_hz, _PER_READING / first.interval_s),
            t0_ns=self._clock.now_ns(),
            # When in its update interval the meter was asked is not known.
            t0_uncertainty_ns=round((first.window_s or first.interval_s) / 2 * NS)
            + self._uncertainty_ns,
            dtype="int32",
            continuous=True,
            supply=Supply.DC,  # the meter has averaged over the line's cycles
            instrument=notes,
        )


def _measured_from(channels: tuple[SlowChannel, ...]) -> tuple[SlowChannel, ...]:
    """Return the channel of the power, or those of a voltage and a current."""
    first = {channel.unit: channel for channel in reversed(channels)}
    if "W" in first:
        return (first["W"],)
    if "V" in first and "A" in first:
        return first["V"], first["A"]
    raise ConfigError(
        "a meter that is measured from must give a power in W, or a voltage in V and a current"
        f" in A; this one gives {', '.join(f'{c.name} in {c.unit!r}' for c in channels)}"
    )


async def _close(readings: AsyncIterator[Reading | Marker]) -> None:
    if isinstance(readings, AsyncGenerator):
        await readings.aclose()
