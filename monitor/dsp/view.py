"""From a reduced stream to what a plot of one span needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.model import View

Columns = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]
"""Edges, minima and maxima; see ``monitor.dsp.envelope``."""


class Rolling(Protocol):
    """What knows rolling averages and ramps: a track, or a file."""

    @property
    def bounds(self) -> tuple[int, int]:
        """Sample indices ``[start, stop)`` of what is known."""

    def averages(
        self, at: NDArray[np.int64], window_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean power over the window that ends at each index, and its coverage."""

    def ramps(self, at: NDArray[np.int64], window_s: float) -> NDArray[np.float64]:
        """Return the ramp at each index, in W/s."""


def view_of(
    rolling: Rolling,
    columns: Columns,
    average_windows_s: Sequence[float],
    ramp_windows_s: Sequence[float],
) -> View:
    """Return the view of columns; averages and ramps are those at the columns' ends."""
    edges, low, high = columns
    newest = rolling.bounds[1]
    at = np.minimum(edges[1:], newest)
    future = edges[:-1] >= newest
    averages = [rolling.averages(at, window)[0] for window in average_windows_s]
    ramps = [rolling.ramps(at, window) for window in ramp_windows_s]
    return View(edges, low, high, _rows(averages, future), _rows(ramps, future))


def _rows(values: list[NDArray[np.float64]], empty: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Stack one row per window, NaN in the columns that are empty."""
    rows = np.full((len(values), empty.size), np.nan, np.float32)
    for row, value in zip(rows, values, strict=True):
        row[~empty] = value[~empty]
    return rows
