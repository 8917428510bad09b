"""From a reduced stream to what a plot of one span needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.pyramid import Read
from monitor.dsp.track import Track
from monitor.model import View


def view_of(  # noqa: PLR0917  # the order of a recording's view
    track: Track,
    start: int,
    stop: int,
    n_columns: int,
    average_windows_s: Sequence[float],
    ramp_windows_s: Sequence[float],
    read: Read,
) -> View:
    """Return the view of ``[start, stop)``; averages and ramps are those at the columns' ends.

    Parameters
    ----------
    read
        Returns the samples of a range, where the view is finer than the summaries.
    """
    edges, low, high = track.envelope(start, stop, n_columns, read)
    at = np.minimum(edges[1:], track.bounds[1])
    future = edges[:-1] >= track.bounds[1]
    averages = [track.averages(at, window)[0] for window in average_windows_s]
    ramps = [track.ramps(at, window) for window in ramp_windows_s]
    return View(edges, low, high, _rows(averages, future), _rows(ramps, future))


def _rows(values: list[NDArray[np.float64]], empty: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Stack one row per window, NaN in the columns that are empty."""
    rows = np.full((len(values), empty.size), np.nan, np.float32)
    for row, value in zip(rows, values, strict=True):
        row[~empty] = value[~empty]
    return rows
