"""Exact answers over any range: summaries for the middle, samples for the fringes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.pyramid import Pyramid, Read

_NEAR = 16  # bins: fringes closer than this are read at once, which costs less than two reads
_MOST = 64  # fringes that are read at once: bounds the memory

Extremes = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Minima and maxima, each of shape (n_signals, n) or (n_signals,)."""


def totals_at(pyramid: Pyramid, indices: NDArray[np.int64], read: Read) -> NDArray[np.float64]:
    """Return the running totals before sample indices, exact to the sample.

    Parameters
    ----------
    indices : shape (k,)
        Beyond what is remembered, they are clamped.
    read
        Gives the samples of less than a bin before each index.

    Returns
    -------
    shape (2 * n_signals + 1, k)
        Sums, sums of squares and the count since the first sample.
    """
    at = np.clip(indices, pyramid.start, pyramid.stop)
    bins = at // pyramid.hop
    found = pyramid.totals(bins)
    newest = at == pyramid.stop
    found[:, newest] = pyramid.totals(bins[newest] + 1)
    inside = np.flatnonzero((at != bins * pyramid.hop) & ~newest)
    inside = inside[np.argsort(at[inside], kind="stable")]
    apart = np.flatnonzero(np.diff(bins[inside]) > _NEAR) + 1
    for group in np.split(inside, np.union1d(apart, np.arange(_MOST, inside.size, _MOST))):
        if group.size:
            begin = int(bins[group[0]]) * pyramid.hop
            running = _running(read(begin, int(at[group[-1]])))
            found[:, group] += (
                running[:, at[group] - begin] - running[:, bins[group] * pyramid.hop - begin]
            )
    return found


def extremes(pyramid: Pyramid, start: int, stop: int, read: Read) -> Extremes:
    """Return the exact minimum and maximum of each signal; (+inf, -inf) if there is none."""
    return extremes_below(
        pyramid, max(start, pyramid.start), min(stop, pyramid.stop), read, len(pyramid.levels)
    )


def extremes_below(pyramid: Pyramid, start: int, stop: int, read: Read, depth: int) -> Extremes:
    """Return the extremes from the levels finer than ``depth`` and, at the fringes, samples.

    The range must be remembered; (+inf, -inf) if there is no sample in it.
    """
    if start >= stop:
        empty = np.full(pyramid.n_signals, np.inf, np.float32)
        return empty, -empty
    if depth == 0:
        samples = read(start, stop)
        return (
            np.fmin.reduce(samples, axis=1, initial=np.inf),
            np.fmax.reduce(samples, axis=1, initial=-np.inf),
        )
    level = pyramid.levels[depth - 1]
    first, last = -(-start // level.hop), stop // level.hop
    if first >= last:
        return extremes_below(pyramid, start, stop, read, depth - 1)
    low, high = level.bins(first, last)
    before = extremes_below(pyramid, start, first * level.hop, read, depth - 1)
    after = extremes_below(pyramid, last * level.hop, stop, read, depth - 1)
    return (
        np.minimum(low.min(axis=1), np.minimum(before[0], after[0])),
        np.maximum(high.max(axis=1), np.maximum(before[1], after[1])),
    )


def _running(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the totals of the first k samples for each k, (2 * n_signals + 1, n + 1)."""
    n_signals, n = samples.shape
    captured = ~np.isnan(samples[-1])
    wide = np.where(captured, samples, 0.0).astype(np.float64)
    running = np.zeros((2 * n_signals + 1, n + 1))
    np.cumsum(wide, axis=1, out=running[:n_signals, 1:])
    np.cumsum(np.square(wide), axis=1, out=running[n_signals:-1, 1:])
    np.cumsum(captured, out=running[-1, 1:])
    return running
