"""From a reduced stream to what a plot of one span needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.hold import LONGEST_CYCLE_S, Extremes
from monitor.model import View

Columns = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]
"""Edges, minima and maxima; see ``monitor.dsp.envelope``."""


_FEW_HOPS = 8  # in fewer, a hop more or less is a share too many


class Rolling(Protocol):
    """What knows rolling averages and ramps: a track, or a file."""

    @property
    def hop(self) -> int:
        """To how many samples ``captured`` is right."""

    @property
    def bounds(self) -> tuple[int, int]:
        """Sample indices ``[start, stop)`` of what is known."""

    def averages(
        self, at: NDArray[np.int64], window_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean power over the window that ends at each index, and its coverage."""

    def ramps(self, at: NDArray[np.int64], window_s: float) -> NDArray[np.float64]:
        """Return the ramp at each index, in W/s."""

    def ramp_columns(self, edges: NDArray[np.int64], window_s: float) -> Extremes | None:
        """Return the lowest and the highest ramp in each column; None if it is not known."""

    def captured(self, edges: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the captured samples before indices; to a hop, where that is what is known."""

    def cycle_columns(self, edges: NDArray[np.int64]) -> Extremes | None:
        """Return the extremes of the means of line cycles in each column; None on DC."""


def view_of(
    rolling: Rolling,
    columns: Columns,
    average_windows_s: Sequence[float],
    ramp_windows_s: Sequence[float],
) -> View:
    """Return the view of columns."""
    edges, low, high = columns
    newest = rolling.bounds[1]
    at = np.minimum(edges[1:], newest)
    future = edges[:-1] >= newest
    averages = [rolling.averages(at, window)[0] for window in average_windows_s]
    ramps = [rolling.ramps(at, window) for window in ramp_windows_s]
    averages_w, ramps_w_per_s = _rows(averages, future), _rows(ramps, future)
    wanted = (*average_windows_s, *ramp_windows_s)  # without a window no line is drawn of them
    cycles = rolling.cycle_columns(edges) if wanted else None
    average_lines, ramp_lines = (np.array([rows, rows]) for rows in (averages_w, ramps_w_per_s))
    for k, window in enumerate(average_windows_s):
        if cycles is not None and window < LONGEST_CYCLE_S:
            average_lines[:, k] = cycles  # over each cycle, not from its end on
    for k, window in enumerate(ramp_windows_s):
        seen = rolling.ramp_columns(edges, window)
        if seen is not None and cycles is not None:
            ramp_lines[:, k] = seen  # at whole cycles, and so not in a gap
        elif seen is not None:
            ramp_lines[0, k] = np.fmin(ramp_lines[0, k], seen[0])
            ramp_lines[1, k] = np.fmax(ramp_lines[1, k], seen[1])
    coverage = _coverage(edges, rolling.captured(edges), np.isnan(low[-1]), rolling.hop)
    return View(edges, low, high, averages_w, ramps_w_per_s, average_lines, ramp_lines, coverage)


def _coverage(
    edges: NDArray[np.int64], captured: NDArray[np.int64], empty: NDArray[np.bool_], hop: int
) -> NDArray[np.float32]:
    """Return the captured share of each column; of narrow ones, whether there is anything."""
    lengths = np.diff(edges)
    share = np.minimum(np.diff(captured) / np.maximum(lengths, 1), 1.0)
    share = np.where(lengths < _FEW_HOPS * hop, 1.0, share)
    return np.where(empty, 0.0, share).astype(np.float32)


def _rows(values: list[NDArray[np.float64]], empty: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Stack one row per window, NaN in the columns that are empty."""
    rows = np.full((len(values), empty.size), np.nan, np.float32)
    for row, value in zip(rows, values, strict=True):
        row[~empty] = value[~empty]
    return rows
