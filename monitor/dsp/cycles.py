"""Line cycles: from one rising zero crossing of the voltage to the next.

On mains the power pulsates at twice the line frequency with about 100 % depth. Means over whole
cycles do not see it. Crossings are found between first-level bins, so the cost does not depend
on the sample rate, and the result does not depend on where blocks were cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.hops import HALF
from monitor.dsp.pyramid import Pyramid

_SLOWEST_HZ, _FASTEST_HZ = 40.0, 70.0  # what is outside is not a line cycle
_TRAILING_S = 0.025  # more than a cycle of 40 Hz: the rms there sets the hysteresis
_HYSTERESIS = 0.2  # of the rms, i.e. 8 degrees of a sine: well above noise, below the first hop
_LINE_CYCLES = 10  # 200 ms at 50 Hz, the window of IEC 61000-4-7

_START, _STOP, _POWER, _V_SQ, _I_SQ, _SUM_N, _SUM_POWER = range(7)


class Cycles:
    """The line cycles of a stream, found as its pyramid grows.

    Parameters
    ----------
    pyramid
        What is appended to before each ``advance``.
    power, voltage, current
        Rows of the signals; no current (None) has no rms.
    """

    def __init__(
        self,
        pyramid: Pyramid,
        *,
        power: int,
        voltage: int,
        current: int | None,
        sample_rate_hz: float,
    ) -> None:
        self._pyramid = pyramid
        self._rate = sample_rate_hz
        self._rows = (
            voltage,
            pyramid.squares(voltage),
            pyramid.squares(voltage if current is None else current),
            power,
        )
        self._has_current = current is not None
        self._table = np.empty((7, 2 * int(pyramid.capacity / sample_rate_hz * _FASTEST_HZ) + 64))
        self._end = 0
        self._trailing = max(1, round(_TRAILING_S * sample_rate_hz / pyramid.hop))
        self._oldest = self._next = 0
        self._side = 0
        self._below: int | None = None
        self._crossing: NDArray[np.float64] | None = None

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

    def restart(self, start: int) -> None:
        """Begin anew with the first whole bin at or after a sample index: there was a gap."""
        self._oldest = self._next = -(-start // self._pyramid.hop)
        self._side, self._below, self._crossing = 0, None, None

    def advance(self, *, final: bool = False) -> int:
        """Look at the bins that have come; return how many cycles were found.

        Parameters
        ----------
        final
            Whether a gap follows; else the newest bin waits for its neighbour.
        """
        whole = self._pyramid.stop // self._pyramid.hop
        stop = whole if final else whole - 1
        if stop <= self._next:
            return 0
        bins = np.arange(self._next, stop)
        self._next = stop
        rising = self._rising(bins)
        if not rising.size:
            return 0
        return self._add(self._cross(rising, whole))

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

    def newest(self) -> tuple[float, float, float, float]:
        """Return the power, both rms values and the line frequency of the last cycle.

        NaN if no cycle ended within the last 1.5 cycles.
        """
        power = vrms = irms = line_hz = np.nan
        if len(self):
            start, stop, total, v_sq, i_sq = self._table[: _I_SQ + 1, self._end - 1]
            n = stop - start
            if self._pyramid.stop - stop <= 1.5 * n:
                power, vrms = total / n, np.sqrt(max(v_sq, 0.0) / n)
                irms = np.sqrt(max(i_sq, 0.0) / n) if self._has_current else np.nan
                line_hz = self.line_hz()
        return float(power), float(vrms), float(irms), float(line_hz)

    def peak(self, start: int, stop: int) -> float:
        """Return the highest mean power of a cycle in ``[start, stop)``.

        If no cycle lies inside, those that overlap count; NaN if there is none.
        """
        first = int(np.searchsorted(self.starts, start, "left"))
        last = int(np.searchsorted(self.stops, stop, "right"))
        if first >= last:
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

    def _rising(self, bins: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the last bin below zero before each change from low to high."""
        edges = self._pyramid.totals(np.append(bins, bins[-1] + 1), self._rows[:2])
        mean = np.diff(edges[0]) / self._pyramid.hop
        since = np.maximum(bins + 1 - self._trailing, self._oldest)
        squares = edges[1, 1:] - self._pyramid.totals(since, self._rows[1:2])[0]
        rms = np.sqrt(np.maximum(squares, 0.0) / ((bins + 1 - since) * self._pyramid.hop))
        side = np.where(np.abs(mean) > _HYSTERESIS * rms, np.sign(mean), 0.0).astype(np.int64)
        place = np.arange(1, bins.size + 1)
        held = np.append(self._side, side)[np.maximum.accumulate(np.where(side, place, 0))]
        low = np.where(mean < 0.0, bins, self._oldest - 1 if self._below is None else self._below)
        low = np.maximum.accumulate(low)
        before = np.append(self._side, held[:-1])
        self._side, self._below = int(held[-1]), int(low[-1])
        return np.asarray(low[(held == 1) & (before == -1)], np.int64)

    def _cross(self, below: NDArray[np.int64], whole: int) -> NDArray[np.float64]:
        """Return the crossings between bins and the next, and the totals there, (4, k)."""
        hop = self._pyramid.hop
        v = self._pyramid.totals(below + np.arange(3)[:, np.newaxis], self._rows[:1])[0]
        low, high = np.diff(v, axis=0)
        place = below + 0.5 + low / (low - high)
        at = np.floor(place).astype(np.int64)
        u = place - at
        edges = at + np.arange(-1, 3)[:, np.newaxis]
        smooth = (edges[0] >= self._oldest) & (edges[3] <= whole)
        totals = self._pyramid.totals(np.clip(edges, self._oldest, whole), self._rows[1:])
        # A straight line inside a bin would err by 4e-4 of the apparent power in one cycle.
        weights = np.where(
            smooth,
            [
                -u * (u - 1) * (u - 2) / 6,
                (u + 1) * (u - 1) * (u - 2) / 2,
                -(u + 1) * u * (u - 2) / 2,
                (u + 1) * u * (u - 1) / 6,
            ],
            [np.zeros_like(u), 1 - u, u, np.zeros_like(u)],
        )
        return np.vstack((place * hop, np.einsum("rek,ek->rk", totals, weights)))

    def _add(self, crossings: NDArray[np.float64]) -> int:
        """Make cycles of neighbouring crossings; one of an impossible length is left out."""
        if self._crossing is not None:
            crossings = np.column_stack((self._crossing, crossings))
        self._crossing = crossings[:, -1]
        lengths = np.diff(crossings[0])
        good = (lengths >= self._rate / _FASTEST_HZ) & (lengths <= self._rate / _SLOWEST_HZ)
        n = int(np.count_nonzero(good))
        if n == 0:
            return 0
        room = self._room(n)
        room[_START], room[_STOP] = crossings[0, :-1][good], crossings[0, 1:][good]
        v_sq, i_sq, power = np.diff(crossings[1:], axis=1)[:, good]
        room[_POWER], room[_V_SQ], room[_I_SQ] = power, v_sq, i_sq
        before = self._table[_SUM_N:, self._end - 1] if self._end else np.zeros(2)
        room[_SUM_N] = before[0] + np.cumsum(lengths[good])
        room[_SUM_POWER] = before[1] + np.cumsum(power)
        self._end += n
        return n

    def _room(self, n: int) -> NDArray[np.float64]:
        """Return the columns for n more cycles; the oldest half is forgotten when it is full."""
        size = self._table.shape[1]
        if self._end + n > size:
            kept = self._table[:, self._end - size // 2 : self._end].copy()
            self._table[:, : size // 2] = kept
            self._end = size // 2
        return self._table[:, self._end : self._end + n]

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

    def line_hz(self) -> float:
        """Return the frequency of the newest unbroken cycles, at most ten of them; NaN if none."""
        if not len(self):
            return float("nan")
        starts, stops = self.starts[-_LINE_CYCLES:], self.stops[-_LINE_CYCLES:]
        breaks = np.flatnonzero(starts[1:] != stops[:-1])
        first = int(breaks[-1]) + 1 if breaks.size else 0
        return float(self._rate * (starts.size - first) / (stops[-1] - starts[first]))
