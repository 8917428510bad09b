"""The extremes of a recording: of any range, and of each pixel column of a view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.envelope import column_edges
from monitor.dsp.ranges import Extremes
from monitor.dsp.reduced import reduced
from monitor.recording.levels import Level
from monitor.recording.places import Places
from monitor.recording.samples import Samples
from monitor.recording.stretches import Stretch, Stretches

_BINS = 2  # at least, in a column: below that the columns would be visibly uneven
_PASS = 1 << 18  # samples that are read at once
_DIRECT = 1 << 13  # samples: fewer are rather read than their bins and the samples beside them
_READ_BINS = 16  # at least, at a time: each time costs as much as some hundreds of them
_RESOLVED = 48  # edges in gaps whose bin is looked into: each costs some reads


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
    edges = column_edges(start, stop, n_columns)
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
    if empty.any():
        low[empty] = high[empty] = np.nan
    return edges, low, high


def _all_of(found: list[Extremes]) -> Extremes:
    """Return the extremes of what lies in several stretches."""
    if len(found) == 1:
        return found[0]
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
    nearest = stretches.nearest(cuts[1:-1], hop)
    inside = (nearest >= cuts[0]) & (nearest <= cuts[-1])
    together = inside & places.together(edges[1:-1], nearest)
    if together.all():
        edges[1:-1], cuts[1:-1] = places.indices(nearest), nearest
        return
    moved, stay = (1 + np.flatnonzero(some) for some in (together, inside & ~together))
    edges[moved], cuts[moved] = places.indices(nearest[together]), nearest[together]
    if np.count_nonzero(np.diff(cuts[stay])) >= _RESOLVED:
        cuts[stay] = nearest[stay - 1]


def _from_samples(samples: Samples, cuts: NDArray[np.int64]) -> Extremes:
    widths = np.diff(cuts)
    if cuts[-1] - cuts[0] <= _PASS and widths.all():
        return samples.extremes_at(cuts)
    low = np.full((samples.n_signals, cuts.size - 1), np.inf, np.float32)
    high = -low
    some = np.flatnonzero(widths)
    ends = np.append(cuts[some], cuts[-1])
    first = 0
    while first < some.size:
        last = max(first + 1, int(np.searchsorted(ends, ends[first] + _PASS, side="right")) - 1)
        lowest, highest = samples.extremes_at(ends[first : last + 1])
        here = _as_slice(some[first:last])
        low[:, here], high[:, here] = lowest, highest
        first = last
    return low, high


def _as_slice(places: NDArray[np.intp]) -> NDArray[np.intp] | slice:
    """Return ascending places as a slice if they follow one another, which is faster."""
    first, last = int(places[0]), int(places[-1])
    return slice(first, last + 1) if last - first == places.size - 1 else places


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
    before = cuts // level.hop
    in_bin = before * level.hop != cuts
    firsts = np.minimum(before[:-1] + in_bin[:-1], level.stop)
    lasts = np.minimum(before[1:], level.stop)
    low = np.full((n_signals, cuts.size - 1), np.inf, np.float32)
    high = -low
    whole = np.flatnonzero(firsts < lasts)
    if whole.size:
        begin, end = int(firsts[whole[0]]), int(lasts[whole[-1]])
        bins, here = level.read(begin, end), _as_slice(whole)
        ranges = firsts[here] - begin, lasts[here] - begin
        low[:, here] = reduced(np.minimum, bins[:n_signals], *ranges)
        high[:, here] = reduced(np.maximum, bins[n_signals:], *ranges)
    fringed = in_bin[:-1] | in_bin[1:] | (cuts[1:] > level.stop * level.hop)
    for k in np.flatnonzero(fringed & (cuts[:-1] < cuts[1:])).tolist():
        a, b = int(cuts[k]), int(cuts[k + 1])
        first, last = int(firsts[k]) * level.hop, int(lasts[k]) * level.hop
        for begin, end in ((a, first), (last, b)) if first < last else ((a, b),):
            if begin < end:
                lowest, highest = _below(stretch, levels[:-1], begin, end)
                low[:, k] = np.minimum(low[:, k], lowest)
                high[:, k] = np.maximum(high[:, k], highest)
    return low, high


def _below(stretch: Stretch, levels: Sequence[Level], begin: int, end: int) -> Extremes:
    """Return the extremes of ``[begin, end)`` from these levels and, at the fringes, samples."""
    fit = [level for level in levels if _READ_BINS * level.hop <= end - begin]
    if end - begin < _DIRECT or not fit:
        return _read(stretch, begin, end)
    level = fit[-1]
    first, last = min(-(-begin // level.hop), level.stop), min(end // level.hop, level.stop)
    if first >= last:
        return _below(stretch, fit[:-1], begin, end)
    bins, n_signals = level.read(first, last), stretch.n_signals
    low, high = bins[:n_signals].min(axis=1), bins[n_signals:].max(axis=1)
    for a, b in ((begin, first * level.hop), (last * level.hop, end)):
        if a < b:
            lowest, highest = _below(stretch, fit[:-1], a, b)
            low, high = np.minimum(low, lowest), np.maximum(high, highest)
    return low, high


def _read(stretch: Stretch, begin: int, end: int) -> Extremes:
    if begin >= end:
        none = np.full(stretch.n_signals, np.inf, np.float32)
        return none, -none
    cuts = np.array([*range(begin, end, _PASS), end])
    low, high = _all_of([stretch.extremes_at(cuts[k : k + 2]) for k in range(cuts.size - 1)])
    return low[:, 0], high[:, 0]
