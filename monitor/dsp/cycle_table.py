"""A table of line cycles, and what is asked about it: means over whole cycles."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.hold import Extremes, extremes_between
from monitor.dsp.hops import HALF

_LINE_CYCLES = 10  # 200 ms at 50 Hz, the window of IEC 61000-4-7

_START, _STOP, _POWER, _SUM_N, _SUM_POWER = range(5)


class CycleTable:
    """The newest line cycles of a stream, in their order.

    Parameters
    ----------
    capacity
        Cycles that are remembered, at least half of it.
    """

    def __init__(self, capacity: int, sample_rate_hz: float) -> None:
        self._rate = sample_rate_hz
        self._table = np.empty((5, capacity))
        self._end = 0

    @classmethod
    def of(cls, cycles: NDArray[np.float64], sample_rate_hz: float) -> Self:
        """Return a table of all these cycles: shape (3, n); start, stop, sum of the power."""
        table = cls(max(cycles.shape[1], 1), sample_rate_hz)
        table.add(cycles)
        return table

    def __len__(self) -> int:
        return self._end

    @property
    def starts(self) -> NDArray[np.float64]:
        """Sample indices, with fractions, at which the cycles begin."""
        return self._table[_START, : self._end]

    @property
    def stops(self) -> NDArray[np.float64]:
        """Sample indices, with fractions, at which the cycles end."""
        return self._table[_STOP, : self._end]

    def add(self, cycles: NDArray[np.float64]) -> None:
        """Append cycles: shape (3, n); start, stop, sum of the power."""
        n = cycles.shape[1]
        if n == 0:
            return
        room = self._room(n)
        room[: _POWER + 1] = cycles
        before = self._table[_SUM_N:, self._end - 1] if self._end else np.zeros(2)
        room[_SUM_N] = before[0] + np.cumsum(cycles[_STOP] - cycles[_START])
        room[_SUM_POWER] = before[1] + np.cumsum(cycles[_POWER])
        self._end += n

    def newest(self, n: int) -> NDArray[np.float64]:
        """Return the last n cycles, as they were added."""
        return self._table[: _POWER + 1, self._end - n : self._end].copy()

    def averages(
        self, at: NDArray[np.float64], window_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean over the whole cycles nearest to the window that ends at each index.

        The window ends with the last cycle, unless that ended more than 1.5 cycles ago: then
        there is a gap, and less of the window is covered.

        Parameters
        ----------
        at : shape (k,)
            Sample indices.

        Returns
        -------
        mean, coverage : shape (k,)
            The mean is NaN where no whole cycle was captured.
        """
        if not len(self):
            return np.full(at.shape, np.nan), np.zeros(at.shape)
        first, last, _ = self._window(at, window_s)
        return self._mean(first, last, window_s)

    def ramps(self, at: NDArray[np.float64], window_s: float) -> NDArray[np.float64]:
        """Return (P_w(t) - P_w(t - w)) / w at each index, in W/s; NaN if half is missing.

        Both windows are whole cycles, the earlier ends where the later begins, and the distance
        between their ends is what the difference is divided by; never less than the window, of
        which dead time may have left only a part.
        """
        if not len(self):
            return np.full(at.shape, np.nan)
        starts, stops = self.starts, self.stops
        first, last, end = self._window(at, window_s)
        w, cycle = window_s * self._rate, stops[last] - starts[last]
        now, covered_now = self._mean(first, last, window_s)
        earlier = np.maximum(first - 1, 0)
        join = np.minimum(starts[np.minimum(first, last)], end - w + cycle / 2)
        begin = np.searchsorted(starts, join - w - cycle / 2, "left")
        before, covered_before = self._mean(begin, earlier, window_s)
        distance = np.maximum(
            stops[last] - stops[earlier], np.maximum(np.round(w / cycle), 1) * cycle
        )
        ramps = (now - before) / distance * self._rate
        ramps[(covered_now < HALF) | (covered_before < HALF) | (first == 0)] = np.nan
        return ramps

    def peak(self, start: int, stop: int, *, inside: bool = False) -> float:
        """Return the highest mean power of a cycle in ``[start, stop)``.

        If no cycle lies inside, those that overlap count, unless ``inside``; NaN if there is none.
        """
        first = int(np.searchsorted(self.starts, start, "left"))
        last = int(np.searchsorted(self.stops, stop, "right"))
        if first >= last and not inside:
            first = int(np.searchsorted(self.stops, start, "right"))
            last = int(np.searchsorted(self.starts, stop, "left"))
        if first >= last:
            return float("nan")
        rows = self._table[:, first:last]
        return float((rows[_POWER] / (rows[_STOP] - rows[_START])).max())

    def between(self, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the power of the whole cycles between neighbouring edges.

        Parameters
        ----------
        edges : shape (k + 1,)
            Sample indices, rising.

        Returns
        -------
        sums, n : shape (k,)
            W times samples, and samples; 0 where no cycle lies inside.
        """
        if not len(self):
            return np.zeros(edges.size - 1), np.zeros(edges.size - 1)
        first = np.searchsorted(self.starts, edges[:-1], "left")
        last = np.searchsorted(self.stops, edges[1:], "right") - 1
        some = first <= last
        a, b, rows = np.where(some, first, 0), np.where(some, last, 0), self._table
        sums = rows[_SUM_POWER, b] - rows[_SUM_POWER, a] + rows[_POWER, a]
        n = rows[_SUM_N, b] - rows[_SUM_N, a] + rows[_STOP, a] - rows[_START, a]
        return np.where(some, sums, 0.0), np.where(some, n, 0.0)

    def columns(self, edges: NDArray[np.int64]) -> Extremes:
        """Return the lowest and the highest mean of the cycles in each column.

        Parameters
        ----------
        edges : shape (k + 1,)
            Sample indices.

        Returns
        -------
        shape (k,) each
            In W; NaN where no whole cycle was captured.
        """
        firsts = np.searchsorted(self.stops, edges[:-1], "right")
        lasts = np.searchsorted(self.starts, edges[1:], "left")
        begin, end = (int(firsts[0]), int(lasts[-1])) if firsts.size else (0, 0)
        rows = self._table[:, begin : max(begin, end)]
        means = rows[_POWER] / (rows[_STOP] - rows[_START])
        return extremes_between(means, means, firsts - begin, lasts - begin)

    def line_hz(self) -> float:
        """Return the frequency of the newest unbroken cycles, at most ten of them; NaN if none."""
        if not len(self):
            return float("nan")
        starts, stops = self.starts[-_LINE_CYCLES:], self.stops[-_LINE_CYCLES:]
        breaks = np.flatnonzero(starts[1:] != stops[:-1])
        first = int(breaks[-1]) + 1 if breaks.size else 0
        return float(self._rate * (starts.size - first) / (stops[-1] - starts[first]))

    def _window(
        self, at: NDArray[np.float64], window_s: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return the first and last cycle of each window, and where it ends.

        The first is after the last where there is none.
        """
        starts, stops = self.starts, self.stops
        found = np.searchsorted(stops, at, "right") - 1
        last = np.maximum(found, 0)
        cycle = stops[last] - starts[last]
        end = np.where(at - stops[last] <= 1.5 * cycle, stops[last], at)
        first = np.searchsorted(starts, end - window_s * self._rate - cycle / 2, "left")
        snapped = end == stops[last]
        first = np.where(snapped, np.minimum(first, last), first)
        return np.where(found < 0, last + 1, first), last, end

    def _mean(
        self, first: NDArray[np.int64], last: NDArray[np.int64], window_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean power of the cycles from first to last, and the covered share."""
        rows = self._table
        some = first <= last
        begin = np.minimum(first, last)
        n = rows[_SUM_N, last] - rows[_SUM_N, begin] + rows[_STOP, begin] - rows[_START, begin]
        power = rows[_SUM_POWER, last] - rows[_SUM_POWER, begin] + rows[_POWER, begin]
        expected = np.maximum(
            1.0, np.round(window_s * self._rate / (rows[_STOP, last] - rows[_START, last]))
        )
        coverage = np.minimum(1.0, (last + 1 - begin) / expected)
        return np.where(some, power / n, np.nan), np.where(some, coverage, 0.0)

    def _room(self, n: int) -> NDArray[np.float64]:
        """Return the columns for n more cycles; the oldest half is forgotten when it is full."""
        size = self._table.shape[1]
        if self._end + n > size:
            kept = self._table[:, self._end - size // 2 : self._end].copy()
            self._table[:, : size // 2] = kept
            self._end = size // 2
        return self._table[:, self._end : self._end + n]
