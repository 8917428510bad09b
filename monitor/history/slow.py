"""What is in memory of the slow channels: the newest readings of each, addressed by time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.held import Held
from monitor.dsp.interruptions import interrupted
from monitor.model import NS, Marker, Reading, SlowChannel, SlowValue, SlowView

CAPACITY = 1 << 17
"""Readings of each channel: 36 hours at one a second, in 5 MB."""
_ENDLESS_NS = np.iinfo(np.int64).max


class SlowHistory:
    """The readings of every slow channel of a session.

    The session's task enters; other tasks of the same loop may ask.
    """

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._totals: dict[SlowChannel, HeldTotals] = {}
        self._newest: dict[SlowChannel, Reading] = {}

    @property
    def newest(self) -> tuple[Reading, ...]:
        """Return the newest reading of each channel that has one, the oldest first."""
        return tuple(sorted(self._newest.values(), key=lambda reading: reading.time_ns))

    @property
    def channels(self) -> tuple[SlowChannel, ...]:
        """Return the channels, in the order in which they became known."""
        return tuple(self._totals)

    @property
    def totals(self) -> Mapping[SlowChannel, HeldTotals]:
        """Return what the readings of each channel amount to."""
        return self._totals

    def announce(self, channels: Iterable[SlowChannel]) -> None:
        """Know channels before their first reading."""
        for channel in channels:
            self._totals.setdefault(channel, HeldTotals(channel, self._capacity))

    def enter(self, reading: Reading) -> None:
        """Take a reading; one that is older than all that is remembered is not entered."""
        self.announce((reading.channel,))
        self._totals[reading.channel].held.add(reading.time_ns, reading.value)
        before = self._newest.get(reading.channel)
        if before is None or reading.time_ns >= before.time_ns:
            self._newest[reading.channel] = reading

    def interrupt(self, event: Marker) -> None:
        """Take an event; if it tells of error values or a loss, nothing is held across it."""
        for channel in interrupted(event, self._totals):
            self._totals[channel].held.interrupt(event.time_ns)

    def since(self, start_ns: int) -> tuple[Reading, ...]:
        """Return the remembered readings from a UTC time on, of all channels, sorted by time."""
        found = []
        for channel, totals in self._totals.items():
            times, values = totals.held.read(start_ns, _ENDLESS_NS)
            found += [
                Reading(channel=channel, time_ns=at, received_ns=at, value=value)
                for at, value in zip(times.tolist(), values.tolist(), strict=True)
            ]
        return tuple(sorted(found, key=lambda reading: reading.time_ns))

    def view(self, start_ns: int, stop_ns: int, n_columns: int) -> tuple[SlowView, ...]:
        """Return what a plot of a span of UTC needs; one per channel."""
        return tuple(
            totals.held.view(start_ns, stop_ns, n_columns) for totals in self._totals.values()
        )

    def values(self, now_ns: int) -> tuple[SlowValue, ...]:
        """Return where each channel stands."""
        found = []
        for channel, totals in self._totals.items():
            time_ns, value = totals.held.newest or (None, math.nan)
            age_s = math.nan if time_ns is None else (now_ns - time_ns) / NS
            found.append(SlowValue(channel=channel, value=value, age_s=age_s))
        return tuple(found)


class HeldTotals:
    """What the readings of one channel amount to, also those that are forgotten.

    Answers like ``Held.cumulative``, also for a time that is forgotten, if it was asked about
    while it was known.
    """

    def __init__(self, channel: SlowChannel, capacity: int) -> None:
        self.held = Held(channel, capacity=capacity)
        self._known: dict[int, tuple[float, float]] = {}

    def cumulative(
        self, at_ns: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return unit times seconds, and held seconds, before each time: shape (k,) each.

        The last time asked about is not kept: it is the end of the session, which moves on.
        """
        sums, seconds = self.held.cumulative(at_ns)
        times = at_ns.tolist()
        for k in np.flatnonzero(np.isnan(seconds)).tolist():
            sums[k], seconds[k] = self._known.get(times[k], (math.nan, math.nan))
        newest = self.held.newest
        if newest is not None:
            self._known.update(
                (time, total)
                for time, total in zip(times[:-1], zip(sums, seconds, strict=True), strict=False)
                if time < newest[0]
            )
        return sums, seconds
