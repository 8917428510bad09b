"""The extremes of the ramps since the first sample, so that no peak falls between displays."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.reduced import reduced

LONGEST_CYCLE_S = 0.03
"""No line cycle is longer; a window this short is one cycle on mains."""
_HOLDS_FOR = 0.25  # of a window: so long after its last cycle a ramp is still about that time
Extremes = tuple[NDArray[np.float32], NDArray[np.float32]]


class Pieces(Protocol):
    """What rolling windows are made of: line cycles, or bins."""

    def averages(
        self, at: NDArray[np.float64], window_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean over the window that ends at each index, and its captured share."""

    def ramps(self, at: NDArray[np.float64], window_s: float) -> NDArray[np.float64]:
        """Return the ramp at each index, per second."""


def reach_s(window_s: float) -> float:
    """Return for how long a ramp at the end of a line cycle holds on in dead time."""
    return max(LONGEST_CYCLE_S, _HOLDS_FOR * window_s)


class MaxHold:
    """The highest and the lowest ramp over each window, of all places that were looked at.

    Parameters
    ----------
    cell
        Samples of which the extremes are remembered together, so that a plot can be made of them;
        there may be smaller cells.
    capacity
        Cells that are remembered, at least half of it; of 0 there is no plot.
    """

    def __init__(self, windows_s: Iterable[float], *, cell: int = 1, capacity: int = 0) -> None:
        self._extremes = dict.fromkeys(windows_s, (math.nan, math.nan))
        self._rows = {window: row for row, window in enumerate(self._extremes)}
        self._cell, self._n = cell, 0
        self._ends = np.empty(capacity)
        self._low = np.empty((len(self._rows), capacity), np.float32)
        self._high = np.empty((len(self._rows), capacity), np.float32)

    def __getitem__(self, window_s: float) -> tuple[float, float]:
        return self._extremes[window_s]

    def look(self, pieces: Pieces, at: NDArray[np.float64]) -> None:
        """Take in the ramps at new places, shape (k,), rising sample indices."""
        if not at.size or not self._rows:
            return
        ramps = np.stack([pieces.ramps(at, window) for window in self._rows])
        for window, row in self._rows.items():
            up, down = self._extremes[window]
            self._extremes[window] = (
                float(np.fmax.reduce(ramps[row], initial=up)),
                float(np.fmin.reduce(ramps[row], initial=down)),
            )
        if self._ends.size:
            self._remember(at, ramps)

    def columns(
        self, edges: NDArray[np.int64], window_s: float, *, reach: float = 0.0
    ) -> Extremes | None:
        """Return the lowest and the highest ramp at places in each ``(edges[k], edges[k + 1]]``.

        Parameters
        ----------
        reach
            Samples for which a ramp holds on, until there is another.

        Returns
        -------
        shape (k,) each
            NaN where there is none; None if nothing is remembered of that window.
        """
        row = self._rows.get(window_s)
        if row is None or not self._n:
            return None
        cuts = np.searchsorted(self._ends[: self._n], edges, side="right")
        firsts, lasts = cuts[:-1], cuts[1:]
        held = (firsts == lasts) & (firsts > 0)
        held &= edges[1:] - self._ends[np.maximum(firsts - 1, 0)] <= reach
        values = self._low[row, : self._n], self._high[row, : self._n]
        return extremes_between(*values, firsts - held, lasts)

    def clear(self) -> None:
        """Forget what was seen."""
        self._extremes = dict.fromkeys(self._extremes, (math.nan, math.nan))
        self._n = 0

    def _remember(self, at: NDArray[np.float64], ramps: NDArray[np.float64]) -> None:
        cells = np.ceil(at / self._cell)
        firsts = np.flatnonzero(np.diff(cells, prepend=-1.0))[-self._ends.size // 2 :]
        n, size = firsts.size, self._ends.size
        if self._n + n > size:
            kept = slice(self._n - size // 2, self._n)
            for table in (self._ends, self._low, self._high):
                table[..., : size // 2] = table[..., kept].copy()
            self._n = size // 2
        room = slice(self._n, self._n + n)
        self._ends[room] = at[np.append(firsts[1:], at.size) - 1]
        self._low[:, room] = np.fmin.reduceat(ramps, firsts, axis=1)
        self._high[:, room] = np.fmax.reduceat(ramps, firsts, axis=1)
        self._n += n


def extremes_between(
    low: NDArray[np.floating],
    high: NDArray[np.floating],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
) -> Extremes:
    """Return the lowest and the highest of ``[firsts, lasts)``; NaN of nothing, or of NaN only."""
    some = np.flatnonzero(firsts < lasts)
    lowest, highest = np.full((2, firsts.size), np.nan, np.float32)
    if some.size:
        ranges = firsts[some], lasts[some]
        lowest[some] = reduced(np.fmin, low, *ranges)
        highest[some] = reduced(np.fmax, high, *ranges)
    return lowest, highest
