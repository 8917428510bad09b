"""Rolling means and ramps over first-level bins: what averages are made of on DC."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_NOW_S = 0.02  # what "now" means on DC, about one line cycle

HALF = 0.5
"""Captured share that both windows of a ramp need at least."""


class Totals(Protocol):
    """Running totals at the start of bins of time: in memory, or in a file."""

    hop: int
    """Samples of a bin."""

    @property
    def start(self) -> int:
        """Index of the first sample that is remembered."""

    @property
    def stop(self) -> int:
        """Index after the newest sample."""

    @property
    def count(self) -> int:
        """Row of the number of samples."""

    def squares(self, row: int) -> int:
        """Return the row of a signal's sum of squares."""

    def totals(
        self, bins: NDArray[np.int64], rows: Sequence[int] | None = None
    ) -> NDArray[np.float64]:
        """Return the running totals before bins, shape (n_rows, *bins.shape)."""


class Hops:
    """Windows of whole bins; the nearest whole number of bins stands for a window.

    Parameters
    ----------
    power, voltage, current
        Rows of the signals; what is None has no rms.
    """

    def __init__(
        self,
        totals: Totals,
        *,
        power: int,
        voltage: int | None,
        current: int | None,
        sample_rate_hz: float,
    ) -> None:
        self._totals = totals
        self._rows = (power, totals.count)
        self._rms_rows = (voltage, current)
        self._rate = sample_rate_hz

    def averages(
        self, at: NDArray[np.float64], window_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean over the window that ends at each index, and its captured share.

        Parameters
        ----------
        at : shape (k,)
            Sample indices, snapped down to whole bins.

        Returns
        -------
        mean, coverage : shape (k,)
            The mean is NaN where nothing was captured.
        """
        k = self._n_bins(window_s)
        last = self._bins(at)
        return self._between(last - k, last)

    def ramps(self, at: NDArray[np.float64], window_s: float) -> NDArray[np.float64]:
        """Return (P_w(t) - P_w(t - w)) / w at each index, in W/s; NaN if half is missing."""
        k = self._n_bins(window_s)
        last = self._bins(at)
        now, covered_now = self._between(last - k, last)
        before, covered_before = self._between(last - 2 * k, last - k)
        ramps = (now - before) * (self._rate / (k * self._totals.hop))
        ramps[(covered_now < HALF) | (covered_before < HALF)] = np.nan
        return ramps

    def newest(self) -> tuple[float, float, float, float]:
        """Return the power and both rms values of the last 20 ms, and NaN for the frequency."""
        last = np.asarray([self._totals.stop // self._totals.hop])
        power, _ = self._between(last - self._n_bins(_NOW_S), last)
        vrms, irms = (math.nan if row is None else self._rms(row, last) for row in self._rms_rows)
        return float(power[0]), vrms, irms, math.nan

    def _rms(self, row: int, last: NDArray[np.int64]) -> float:
        rows = (self._totals.squares(row), self._totals.count)
        mean, _ = self._between(last - self._n_bins(_NOW_S), last, rows)
        return math.sqrt(max(float(mean[0]), 0.0))

    def _n_bins(self, window_s: float) -> int:
        return max(1, round(window_s * self._rate / self._totals.hop))

    def _bins(self, at: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.floor_divide(at, self._totals.hop).astype(np.int64)

    def _between(
        self,
        first: NDArray[np.int64],
        last: NDArray[np.int64],
        rows: tuple[int, int] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        oldest = self._totals.start // self._totals.hop
        until = self._totals.totals(np.maximum(last, oldest), rows or self._rows)
        since = self._totals.totals(np.maximum(first, oldest), rows or self._rows)
        sums, n = until - since
        mean = np.divide(sums, n, out=np.full(n.shape, np.nan), where=n > 0)
        return mean, n / ((last - first) * self._totals.hop)
