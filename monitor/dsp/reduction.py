"""Summaries of a stream as it passes, to be stored: nothing of it is kept here but a rest.

Places count captured samples, not time: a gap takes no place, so every bin but the last is full.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 1 << 15  # samples: what is reduced stays in the second-level cache


@dataclass(frozen=True, slots=True)
class Reduced:
    """What new samples have become.

    ``S`` signals; columns follow those that were taken before.
    """

    extremes: tuple[NDArray[np.float32], ...]
    """Per level, shape (2 S, n): the minima of the signals, then their maxima."""
    totals: tuple[NDArray[np.float64], ...]
    """Per level, shape (2 S, n): since the first sample, to the end of each bin, the sums of the
    signals, then their sums of squares."""


class Reduction:
    """Reduces samples to bins at several levels.

    What comes out does not depend, to the last bit, on how the samples were cut.

    Parameters
    ----------
    extremes_hops, totals_hops
        Samples of a bin at each level, the finest first. Bins of a level consist of whole bins of
        the finer one, and those of the finest totals of whole bins of the finest extremes.
    """

    def __init__(
        self, n_signals: int, extremes_hops: Sequence[int], totals_hops: Sequence[int]
    ) -> None:
        self.extremes_hops, self.totals_hops = tuple(extremes_hops), tuple(totals_hops)
        self.n_signals = n_signals
        self._rest = np.empty((n_signals, self.totals_hops[0]), np.float32)
        self._n_rest = 0
        self._new_extremes: list[NDArray[np.float32]] = []
        self._new_sums: list[NDArray[np.float64]] = []
        self._waiting = [np.empty((2 * n_signals, 0), np.float32) for _ in self.extremes_hops[1:]]
        self._now = np.zeros((2 * n_signals, 1))
        self._n_totals = 0

    def append(self, signals: NDArray[np.float32]) -> None:
        """Take samples, shape (n_signals, n), none of them NaN."""
        unit, n, done = self._rest.shape[1], signals.shape[1], 0
        if self._n_rest:
            done = min(unit - self._n_rest, n)
            self._rest[:, self._n_rest : self._n_rest + done] = signals[:, :done]
            self._n_rest += done
            if self._n_rest < unit:
                return
            self._reduce(self._rest)
        whole = done + (n - done) // unit * unit
        while done < whole:
            stop = min(done + max(_AT_ONCE // unit, 1) * unit, whole)
            self._reduce(signals[:, done:stop])
            done = stop
        self._n_rest = n - done
        self._rest[:, : self._n_rest] = signals[:, done:]

    def take(self) -> Reduced:
        """Return what has become of the samples since the last time."""
        n = 2 * self.n_signals
        bins = np.concatenate([np.empty((n, 0), np.float32), *self._new_extremes], axis=1)
        sums = np.concatenate([self._now, *self._new_sums], axis=1)
        self._new_extremes, self._new_sums = [], []
        extremes = [bins]
        for level, (finer, hop) in enumerate(itertools.pairwise(self.extremes_hops)):
            factor = hop // finer
            bins = np.concatenate((self._waiting[level], bins), axis=1)
            whole = bins.shape[1] // factor * factor
            self._waiting[level] = bins[:, whole:].copy()
            groups = bins[:, :whole].reshape(2, self.n_signals, -1, factor)
            bins = np.concatenate((groups[0].min(axis=2), groups[1].max(axis=2)))
            extremes.append(bins)
        running = np.cumsum(sums, axis=1)[:, 1:]  # one after another, wherever it was cut
        if running.shape[1]:
            self._now = running[:, -1:].copy()
        totals, first = [], self._n_totals
        self._n_totals += running.shape[1]
        for hop in self.totals_hops:
            step = hop // self.totals_hops[0]
            totals.append(running[:, (-first - 1) % step :: step])
        return Reduced(tuple(extremes), tuple(totals))

    def _reduce(self, signals: NDArray[np.float32]) -> None:
        """Reduce a whole number of the finest bins of totals."""
        n, hop = self.n_signals, self.extremes_hops[0]
        offsets = np.arange(0, signals.shape[1], hop)
        bins = np.empty((2 * n, offsets.size), np.float32)
        np.minimum.reduceat(signals, offsets, axis=1, out=bins[:n])
        np.maximum.reduceat(signals, offsets, axis=1, out=bins[n:])
        self._new_extremes.append(bins)
        wide = signals.astype(np.float64).reshape(n, -1, self.totals_hops[0])
        sums = np.empty((2 * n, wide.shape[1]))
        np.einsum("ijk->ij", wide, out=sums[:n])
        np.vecdot(wide, wide, out=sums[n:])
        self._new_sums.append(sums)
