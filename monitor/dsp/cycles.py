"""Line cycles: from one rising zero crossing of the voltage to the next.

On mains the power pulsates at twice the line frequency with about 100 % depth. Means over whole
cycles do not see it. Crossings are found between first-level bins, so the cost does not depend
on the sample rate, and the result does not depend on where blocks were cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.cycle_table import CycleTable
from monitor.dsp.pyramid import Pyramid

_SLOWEST_HZ, _FASTEST_HZ = 40.0, 70.0  # what is outside is not a line cycle
_TRAILING_S = 0.025  # more than a cycle of 40 Hz: the rms there sets the hysteresis
_HYSTERESIS = 0.2  # of the rms, i.e. 8 degrees of a sine: well above noise, below the first hop


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
        self.found = CycleTable(
            2 * int(pyramid.capacity / sample_rate_hz * _FASTEST_HZ) + 64, sample_rate_hz
        )
        self._squares = (np.nan, np.nan)  # sums of v * v and i * i of the newest
        self._trailing = max(1, round(_TRAILING_S * sample_rate_hz / pyramid.hop))
        self._oldest = self._next = 0
        self._side = 0
        self._below: int | None = None
        self._crossing: NDArray[np.float64] | None = None

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

    def newest(self) -> tuple[float, float, float, float]:
        """Return the power, both rms values and the line frequency of the last cycle.

        NaN if no cycle ended within the last 1.5 cycles.
        """
        power = vrms = irms = line_hz = np.nan
        if len(self.found):
            start, stop, total = self.found.newest(1)[:, 0]
            v_sq, i_sq = self._squares
            n = stop - start
            if self._pyramid.stop - stop <= 1.5 * n:
                power, vrms = total / n, np.sqrt(max(v_sq, 0.0) / n)
                irms = np.sqrt(max(i_sq, 0.0) / n) if self._has_current else np.nan
                line_hz = self.found.line_hz()
        return float(power), float(vrms), float(irms), float(line_hz)

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
        v_sq, i_sq, power = np.diff(crossings[1:], axis=1)[:, good]
        self._squares = float(v_sq[-1]), float(i_sq[-1])
        self.found.add(np.stack((crossings[0, :-1][good], crossings[0, 1:][good], power)))
        return n
