"""What is drawn: the extremes of each pixel column, so that no peak is hidden at any zoom."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.pyramid import Pyramid, Read
from monitor.dsp.ranges import Extremes, extremes_below

_BINS = 4  # at least, in a column: below that the columns would be visibly uneven


def envelope(
    pyramid: Pyramid, start: int, stop: int, n_columns: int, read: Read
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Return the extremes of each pixel column.

    Every sample falls in exactly one column, and the outermost columns end exactly at ``start``
    and ``stop``, so the extremes of the whole are those of the data at any zoom.

    Parameters
    ----------
    start, stop
        Any span; it may reach into the future or into what is forgotten.
    n_columns
        Width of the plot, in pixels.
    read
        Gives samples where summaries are too coarse.

    Returns
    -------
    edges : shape (n + 1,)
        Sample indices; ``n = min(n_columns, stop - start)``.
    low, high : shape (n_signals, n)
        NaN where nothing was captured.

    Raises
    ------
    ValueError
        If there are no samples or no columns to return.
    """
    if stop <= start or n_columns < 1:
        raise ValueError(f"nothing to draw: {start=}, {stop=}, {n_columns=}")
    edges = column_edges(start, stop, n_columns)
    n = edges.size - 1
    depth = sum(_BINS * level.hop * n <= stop - start for level in pyramid.levels)
    if depth > 0:
        hop = pyramid.levels[depth - 1].hop
        edges[1:-1] = (edges[1:-1] + hop // 2) // hop * hop
    columns = _Columns(edges, pyramid.n_signals)
    begin, end = max(start, pyramid.start), min(stop, pyramid.stop)
    if begin < end and depth == 0:
        samples = read(begin, end)
        columns.join(begin, 1, (samples, samples))
    elif begin < end:
        first, last = -(-begin // hop), end // hop
        if first < last:
            columns.join(first * hop, hop, pyramid.levels[depth - 1].bins(first, last))
        first, last = min(first * hop, end), max(last * hop, begin)
        for a, b in columns.cut((begin, first), (max(first, last), end)):
            low, high = extremes_below(pyramid, a, b, read, depth - 1)
            columns.join(a, b - a, (low[:, np.newaxis], high[:, np.newaxis]))
    return columns.result()


def column_edges(start: int, stop: int, n_columns: int) -> NDArray[np.int64]:
    """Return where columns begin and end that are as even as samples allow.

    Returns
    -------
    shape (n + 1,)
        ``n = min(n_columns, stop - start)``.
    """
    n = min(n_columns, stop - start)
    step, rest = divmod(stop - start, n)
    k = np.arange(n + 1)
    return start + k * step + k * rest // n  # no product is larger than the span


class _Columns:
    """Extremes of columns in the making; (+inf, -inf) is an empty one."""

    def __init__(self, edges: NDArray[np.int64], n_signals: int) -> None:
        self.edges = edges
        self.low = np.full((n_signals, edges.size - 1), np.inf, np.float32)
        self.high = np.full((n_signals, edges.size - 1), -np.inf, np.float32)

    def join(self, start: int, hop: int, bins: Extremes) -> None:
        """Join consecutive bins of ``hop`` samples, none of which reaches over an edge.

        Parameters
        ----------
        start
            Index of the first bin's first sample.
        bins : each of shape (n_signals, n)
            Their minima and maxima; NaN where not captured.
        """
        places = np.clip((self.edges - start) // hop, 0, bins[0].shape[1])
        some = np.flatnonzero(np.diff(places))
        self.low[:, some] = np.fmin(
            self.low[:, some], np.fmin.reduceat(bins[0], places[some], axis=1)
        )
        self.high[:, some] = np.fmax(
            self.high[:, some], np.fmax.reduceat(bins[1], places[some], axis=1)
        )

    def result(self) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """Return the edges and the extremes, NaN in columns without a sample."""
        empty = self.low > self.high
        self.low[empty] = self.high[empty] = np.nan
        return self.edges, self.low, self.high

    def cut(self, *ranges: tuple[int, int]) -> list[tuple[int, int]]:
        """Cut ranges at the edges of the columns."""
        parts: list[tuple[int, int]] = []
        for start, stop in ranges:
            inside = self.edges[(self.edges > start) & (self.edges < stop)]
            cuts = [start, *inside.tolist(), stop] if start < stop else []
            parts += pairwise(cuts)
        return parts
