"""Readings that stand for intervals, onto a uniform grid, with their energy kept."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monitor.model import NS

_EDGE = 1e-6  # cells from an edge that rounding makes of none


class Grid:
    """Means of held values over the cells of a uniform grid.

    A value holds over an interval; cell ``k`` is ``[k, k + 1) / rate`` after zero, and its sample
    is the mean of what holds there. So the sum over the cells times their length is the sum of
    value times duration, wherever the edges of the intervals lie. A cell of which a part is not
    known is left out: a gap is never filled, not even by half.

    Parameters
    ----------
    rate_hz
        Cells per second.
    zero_ns
        UTC of the first cell.
    n_channels
        Values per interval.
    """

    def __init__(self, rate_hz: float, zero_ns: int, n_channels: int) -> None:
        self._rate_hz = rate_hz
        self._zero_ns = zero_ns
        self._at = 0.0  # cells; up to here values have been taken
        self._part = np.zeros(n_channels)  # of the cell that has begun: values times cells

    @property
    def stop_ns(self) -> int:
        """Return the UTC up to which values have been taken."""
        return self._zero_ns + round(self._at / self._rate_hz * NS)

    def hold(
        self, begin_ns: int, end_ns: int, values: NDArray[np.float64]
    ) -> tuple[int, NDArray[np.float64]]:
        """Let values hold over an interval and return the cells that are whole by that.

        Intervals come in order; what lies before the one before it, or before zero, is cut off.

        Parameters
        ----------
        begin_ns, end_ns
            UTC.
        values : shape (n_channels,)

        Returns
        -------
        start
            Index of the first cell.
        samples : shape (n_channels, n_cells)
            Means; perhaps none.
        """
        begin, end = self._cells(begin_ns), self._cells(end_ns)
        if begin > self._at:
            self._at = float(math.ceil(begin))
            self._part[:] = 0.0
        first, stop = math.floor(self._at), math.floor(end)
        if stop <= first:
            if end > self._at:
                self._part += (end - self._at) * values
                self._at = end
            return first, np.empty((len(values), 0))
        samples = np.repeat(values[:, np.newaxis], stop - first, axis=1)
        samples[:, 0] = self._part + (first + 1 - self._at) * values
        self._part = (end - stop) * values
        self._at = end
        return first, samples

    def _cells(self, time_ns: int) -> float:
        cells = (time_ns - self._zero_ns) / NS * self._rate_hz
        edge = round(cells)
        return float(edge) if abs(cells - edge) < _EDGE else cells
