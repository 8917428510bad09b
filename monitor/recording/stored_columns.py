"""The extremes of a recording: of any range, and of each pixel column of a view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.reduced import reduced
from monitor.recording.levels import Level
from monitor.recording.places import Places
from monitor.recording.samples import Samples
from monitor.recording.stretches import Stretch, Stretches

_BINS = 2  # at least, in a column: below that the columns would be visibly uneven
_PASS = 1 << 18  # samples that are read at once
_RESOLVED = 48  # edges in gaps whose bin is looked into: each costs some reads

Extremes = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Minima and maxima, each of shape (n_signals, n) or (n_signals,)."""


def extremes(stretches: Stretches, begin: int, end: int) -> Extremes:
    """Return the exact extremes of places ``[begin, end)``; (+inf, -inf) if there are none."""
    found = []
    for stretch in stretches.each:
        first, last = stretch.own(np.array([begin, end])).tolist()
        found.append(_below(stretch, stretch.levels.extremes, first, last))
    return _all_of(found)


def envelope(  # noqa: PLR0917  # the order of a recording's view
    samples: Samples, stretches: Stretches, places: Places, start: int, stop: int, n_columns: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Return the extremes of each pixel column, as ``monitor.dsp.envelope`` does.

    Every sample falls in exactly one column. Where a view has more gaps than some dozens, a sample
    beside a gap may be shown on its other side, at most a quarter of a column's samples away.

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
    n = min(n_columns, stop - start)
    edges = start + np.arange(n + 1) * (stop - start) // n
    cuts = places.before(edges)
    n_some = max(int(np.count_nonzero(np.diff(cuts))), 1)
    per_column = (int(cuts[-1]) - int(cuts[0])) // n_some
    hops = [level.hop for level in stretches.each[0].levels.extremes]
    depth = sum(_BINS * hop <= per_column for hop in hops)
    if depth == 0:
        low, high = _from_samples(samples, cuts)
    else:
        _snap(edges, cuts, places, stretches, hops[depth - 1])
        low, high = _all_of([_from_bins(each, depth, each.own(cuts)) for each in stretches.each])
    empty = low > high
    low[empty] = high[empty] = np.nan
    return edges, low, high


def _all_of(found: list[Extremes]) -> Extremes:
    """Return the extremes of what lies in several stretches."""
    low, high = (np.stack(each) for each in zip(*found, strict=True))
    return low.min(axis=0), high.max(axis=0)


def _snap(
    edges: NDArray[np.int64],
    cuts: NDArray[np.int64],
    places: Places,
    stretches: Stretches,
    hop: int,
) -> None:
    """Move the inner edges to where bins begin; those in or beside gaps stay, if they are few."""
    nearest = stretches.nearest(cuts, hop)
    inner = np.arange(1, len(edges) - 1)
    inner = inner[(nearest[inner] >= cuts[0]) & (nearest[inner] <= cuts[-1])]
    together = places.together(edges[inner], nearest[inner])
    moved, stay = inner[together], inner[~together]
    edges[moved], cuts[moved] = places.indices(nearest[moved]), nearest[moved]
    if np.count_nonzero(np.diff(cuts[stay])) >= _RESOLVED:
        cuts[stay] = nearest[stay]


def _from_samples(samples: Samples, cuts: NDArray[np.int64]) -> Extremes:
    low = np.full((samples.n_signals, cuts.size - 1), np.inf, np.float32)
    high = -low
    first = 0
    while first < cuts.size - 1:
        last = max(first + 1, int(np.searchsorted(cuts, cuts[first] + _PASS, side="right")) - 1)
        begin, end = int(cuts[first]), int(cuts[last])
        some = first + np.flatnonzero(np.diff(cuts[first : last + 1]))
        if some.size:
            signals = samples.at(begin, end)
            low[:, some] = np.minimum.reduceat(signals, cuts[some] - begin, axis=1)
            high[:, some] = np.maximum.reduceat(signals, cuts[some] - begin, axis=1)
        first = last
    return low, high


def _from_bins(stretch: Stretch, depth: int, cuts: NDArray[np.int64]) -> Extremes:
    """Return the extremes between cuts, from bins, and from finer ones at what is not whole.

    Parameters
    ----------
    depth
        Levels that may be used, the finest first.
    cuts
        As the bins of the stretch count.
    """
    levels, n_signals = stretch.levels.extremes[:depth], stretch.n_signals
    level = levels[-1]
    firsts = np.minimum(-(-cuts[:-1] // level.hop), level.stop)
    lasts = np.minimum(cuts[1:] // level.hop, level.stop)
    low = np.full((n_signals, cuts.size - 1), np.inf, np.float32)
    high = -low
    whole = np.flatnonzero(firsts < lasts)
    if whole.size:
        begin, end = int(firsts[whole[0]]), int(lasts[whole[-1]])
        bins = level.read(begin, end)
        ranges = firsts[whole] - begin, lasts[whole] - begin
        low[:, whole] = reduced(np.minimum, bins[:n_signals], *ranges)
        high[:, whole] = reduced(np.maximum, bins[n_signals:], *ranges)
    fringed = (cuts[:-1] != firsts * level.hop) | (cuts[1:] != lasts * level.hop)
    for k in np.flatnonzero(fringed & (cuts[:-1] < cuts[1:])).tolist():
        a, b = int(cuts[k]), int(cuts[k + 1])
        first, last = int(firsts[k]) * level.hop, int(lasts[k]) * level.hop
        parts = ((a, first), (last, b)) if first < last else ((a, b),)
        for begin, end in parts:
            lowest, highest = _below(stretch, levels[:-1], begin, end)
            low[:, k] = np.minimum(low[:, k], lowest)
            high[:, k] = np.maximum(high[:, k], highest)
    return low, high


def _below(stretch: Stretch, levels: tuple[Level, ...], begin: int, end: int) -> Extremes:
    """Return the extremes of ``[begin, end)`` from these levels and, at the fringes, samples."""
    if not levels:
        return _read(stretch, begin, end)
    level = levels[-1]
    first, last = min(-(-begin // level.hop), level.stop), min(end // level.hop, level.stop)
    if begin >= end or first >= last:
        return _below(stretch, levels[:-1], begin, end)
    bins, n_signals = level.read(first, last), stretch.n_signals
    low, high = bins[:n_signals].min(axis=1), bins[n_signals:].max(axis=1)
    for a, b in ((begin, first * level.hop), (last * level.hop, end)):
        if a < b:
            lowest, highest = _below(stretch, levels[:-1], a, b)
            low, high = np.minimum(low, lowest), np.maximum(high, highest)
    return low, high


def _read(stretch: Stretch, begin: int, end: int) -> Extremes:
    low = np.full(stretch.n_signals, np.inf, np.float32)
    high = -low
    for a in range(begin, end, _PASS):
        signals = stretch.at(a, min(a + _PASS, end))
        low, high = np.minimum(low, signals.min(axis=1)), np.maximum(high, signals.max(axis=1))
    return low, high
