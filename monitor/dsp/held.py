"""The readings of a slow channel as steps: each holds back to the one before it.

A meter's reading is the mean of a time that ends with it, so it stands for what came before.
Behind a longer silence, an error value or a loss it holds over the meter's own window alone: a gap
stays a gap.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.model import NS, SlowChannel, SlowView

REACH = 3.0
"""Intervals without a reading that are still bridged; a longer silence is a gap."""

_LONGEST_NS = 1 << 60  # 36 years: sums of times stay within 64 bits
_FIRST_SIZE = 256

_T = TypeVar("_T", bound=np.generic)


class Held:
    """The newest readings of one channel, addressed by time.

    In whichever order the same readings come, the answers are the same; of two of one time the
    later given counts.

    Parameters
    ----------
    channel
        Says how long a reading holds.
    capacity
        Readings that are remembered; None remembers all.
    """

    def __init__(self, channel: SlowChannel, *, capacity: int | None = None) -> None:
        self.channel = channel
        self._capacity = capacity
        self._reach_ns = _ns(REACH * channel.interval_s)
        self._back_ns = _ns(channel.window_s or channel.interval_s)
        self._size = 0
        self._first = 0  # of what is remembered, in the arrays
        self._times = np.zeros(_FIRST_SIZE, np.int64)
        self._starts = np.zeros(_FIRST_SIZE, np.int64)
        self._values = np.zeros(_FIRST_SIZE, np.float64)
        self._sums = np.zeros(_FIRST_SIZE, np.float64)  # up to and with each: unit x seconds
        self._seconds = np.zeros(_FIRST_SIZE, np.float64)  # likewise
        self._interruptions = np.zeros(0, np.int64)  # times of error values and losses, sorted

    def __len__(self) -> int:
        """Return how many readings are remembered."""
        return self._size - self._first

    @property
    def newest(self) -> tuple[int, float] | None:
        """Return the time and the value of the newest reading; None before the first."""
        if not len(self):
            return None
        return int(self._times[self._size - 1]), float(self._values[self._size - 1])

    def add(self, time_ns: int, value: float) -> bool:
        """Take a reading; return False if it is older than what is remembered.

        Raises
        ------
        ValueError
            If the value is not finite.
        """
        if not math.isfinite(value):
            raise ValueError(f"a reading of {self.channel.name} is {value}, which is no reading")
        self._make_room()
        place = self._first + int(np.searchsorted(self._part(self._times), time_ns))
        if place == self._first > 0:
            return False
        if place < self._size and self._times[place] == time_ns:
            self._values[place] = value
        else:
            for array, new in ((self._times, time_ns), (self._values, value)):
                array[place + 1 : self._size + 1] = array[place : self._size]
                array[place] = new
            self._size += 1
        self._integrate(place)
        self._forget()
        return True

    def interrupt(self, time_ns: int) -> None:
        """Know of an error value or a loss at a time: no reading holds back across it."""
        self._interruptions = np.union1d(self._interruptions, np.int64(time_ns))
        if self._capacity is not None:
            self._interruptions = self._interruptions[-self._capacity :]
        self._integrate(self._first + int(np.searchsorted(self._part(self._times), time_ns)))

    def extend(self, times_ns: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Take many readings at once, before any other: shape (n,) each, in any order."""
        order = np.argsort(times_ns, kind="stable")
        times, values = times_ns[order], values[order]
        last = np.append(times[1:] != times[:-1], True)[: len(times)]
        self._times, self._values = times[last], values[last]
        self._size = len(self._times)
        self._starts = np.zeros(self._size, np.int64)
        self._sums, self._seconds = np.zeros(self._size), np.zeros(self._size)
        self._integrate(0)

    def at(self, time_ns: int) -> tuple[int, float] | None:
        """Return the time and the value of the newest reading at a time; None before the first."""
        place = self._first + int(np.searchsorted(self._part(self._times), time_ns, "right")) - 1
        if place < self._first:
            return None
        return int(self._times[place]), float(self._values[place])

    def read(self, start_ns: int, stop_ns: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the times and the values of the readings in ``[start_ns, stop_ns)``."""
        a, b = self._first + np.searchsorted(self._part(self._times), (start_ns, stop_ns))
        return self._times[a:b].copy(), self._values[a:b].copy()

    def cumulative(self, at_ns: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what the readings amount to before each time.

        Parameters
        ----------
        at_ns : shape (k,)
            UTC.

        Returns
        -------
        sums : shape (k,)
            Unit times seconds, so J of a channel in W. NaN where it is forgotten.
        seconds : shape (k,)
            For how long a reading holds.
        """
        at = np.atleast_1d(np.asarray(at_ns, np.int64))
        if not len(self):
            return np.zeros(at.size), np.zeros(at.size)
        place = self._first + np.searchsorted(self._part(self._times), at, "right")
        before, inside = place - 1, np.minimum(place, self._size - 1)
        some, started = before >= 0, place < self._size
        part = np.where(started, np.maximum(at - self._starts[inside], 0), 0) / NS
        sums = np.where(some, self._sums[before], 0.0) + part * self._values[inside]
        seconds = np.where(some, self._seconds[before], 0.0) + part
        if self._first > 0:
            lost = at < self._times[self._first - 1]
            sums[lost] = seconds[lost] = np.nan
        return sums, seconds

    def view(self, start_ns: int, stop_ns: int, n_columns: int) -> SlowView:
        """Return the steps of ``[start_ns, stop_ns)``; those at its ends may reach beyond.

        One step per reading; where there are more readings than columns, one per column with
        their lowest and highest, so that no extreme is hidden.
        """
        times, starts = self._part(self._times), self._part(self._starts)
        values = self._part(self._values)
        first = int(np.searchsorted(times, start_ns, "right"))
        last = int(np.searchsorted(starts, stop_ns))
        if last - first <= n_columns:
            low = values[first:last].astype(np.float32)
            return SlowView(
                self.channel, starts[first:last].copy(), times[first:last].copy(), low, low
            )
        edges = np.linspace(start_ns, stop_ns, n_columns + 1).astype(np.int64)
        begin = np.searchsorted(times, edges[:-1], "right")
        end = np.searchsorted(starts, edges[1:])
        full = begin < end
        pairs = np.stack((begin[full], end[full]), axis=1).ravel()
        # A last value that nobody asks about: reduceat takes no index behind the end.
        padded = np.append(values, 0.0)
        return SlowView(
            self.channel,
            edges[:-1][full],
            edges[1:][full],
            np.minimum.reduceat(padded, pairs)[::2].astype(np.float32),
            np.maximum.reduceat(padded, pairs)[::2].astype(np.float32),
        )

    def _part(self, array: NDArray[_T]) -> NDArray[_T]:
        """Return what is remembered of an array."""
        return array[self._first : self._size]

    def _integrate(self, place: int) -> None:
        """Work out what the readings from a place on hold for and amount to."""
        times = self._times[place : self._size]
        if not len(times):
            return
        back = times - self._back_ns
        if place:
            before = self._times[place - 1 : self._size - 1]
            near = times - before <= self._reach_ns
        else:
            before = np.append(back[0], times[:-1])
            near = times - before <= self._reach_ns
            near[0] = False
        if len(self._interruptions):
            until = [
                np.searchsorted(self._interruptions, edge, "right") for edge in (before, times)
            ]
            near &= until[0] == until[1]
        starts = np.where(near, before, np.maximum(before, back))
        lengths = (times - starts) / NS
        self._starts[place : self._size] = starts
        for sums, pieces in (
            (self._seconds, lengths),
            (self._sums, lengths * self._values[place : self._size]),
        ):
            base = sums[place - 1] if place else 0.0
            sums[place : self._size] = base + np.cumsum(pieces)

    def _forget(self) -> None:
        if self._capacity is not None and len(self) > self._capacity:
            self._first = self._size - self._capacity

    def _make_room(self) -> None:
        """Make place for one more at the end: of what is forgotten, or new."""
        if self._size < len(self._times):
            return
        kept = slice(max(self._first - 1, 0), self._size)  # one before: where the first begins
        n = kept.stop - kept.start
        length = max(2 * n, _FIRST_SIZE)
        for name in ("_times", "_starts", "_values", "_sums", "_seconds"):
            old = getattr(self, name)
            new = np.zeros(length, old.dtype)
            new[:n] = old[kept]
            setattr(self, name, new)
        self._first, self._size = self._first - kept.start, n


def _ns(seconds: float) -> int:
    """Return a length of time in ns, within bounds."""
    if not seconds > 0:
        return 0
    return round(min(seconds * NS, float(_LONGEST_NS)))
