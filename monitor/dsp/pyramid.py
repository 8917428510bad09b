"""Summaries of a stream at several levels, addressed by sample index and joined as they come.

Each level keeps the extremes of bins of ``hop``, ``8 hop``, ``64 hop`` ... samples in a ring. The
sum, the sum of squares and the count of a bin are differences of running totals, which are kept
at the start of every first-level bin; so the sum over any range costs the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Read = Callable[[int, int], NDArray[np.float32]]
"""Returns the signals of ``[start, stop)``, shape (n_signals, n); NaN where not captured."""

_FACTOR = 8  # first-level bins per second-level bin, and so on
_COARSEST = 64  # bins: a level that would have fewer is not worth keeping


def hop_for(sample_rate_hz: float) -> int:
    """Return the samples per first-level bin: 0.25 to 0.5 ms of them, from 1 to 128.

    Short enough to interpolate a line cycle's zero crossing; long enough that summaries cost
    little beside the samples.
    """
    return int(np.clip(2.0 ** math.floor(math.log2(sample_rate_hz / 2000.0)), 1, 128))


class Level:
    """The extremes of equally long bins. An empty bin is (+inf, -inf), the neutral element."""

    def __init__(self, n_signals: int, hop: int, n_slots: int) -> None:
        self.hop = hop
        self._low = np.full((n_signals, n_slots), np.inf, np.float32)
        self._high = np.full((n_signals, n_slots), -np.inf, np.float32)
        self._last: int | None = None

    def join(self, first: int, low: NDArray[np.float32], high: NDArray[np.float32]) -> None:
        """Join the extremes of new samples, shape (n_signals, k), to the bins from ``first`` on."""
        if self._last is not None and first == self._last:
            slot = first % self._low.shape[1]
            low[:, 0] = np.minimum(low[:, 0], self._low[:, slot])
            high[:, 0] = np.maximum(high[:, 0], self._high[:, slot])
        elif self._last is not None:
            _fill(self._low, self._last + 1, first, np.inf)
            _fill(self._high, self._last + 1, first, -np.inf)
        _put(self._low, first, low)
        _put(self._high, first, high)
        self._last = first + low.shape[1] - 1

    def bins(self, first: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the minima and maxima of bins ``[first, stop)``, each (n_signals, n)."""
        return _take(self._low, first, stop), _take(self._high, first, stop)


class Pyramid:
    """The reduced form of the newest ``capacity`` samples.

    One task appends; what it returns are copies, or views that the next append may change.

    Parameters
    ----------
    n_signals
        Rows of what is appended.
    hop
        Samples per first-level bin.
    capacity
        Samples that are remembered, at least; older ones are forgotten bin by bin.
    extremes
        Whether there are levels of extremes, beside the totals.
    """

    def __init__(self, n_signals: int, hop: int, capacity: int, *, extremes: bool = True) -> None:
        if min(n_signals, hop, capacity) < 1:
            raise ValueError(f"need at least one of each: {n_signals=}, {hop=}, {capacity=}")
        self.n_signals = n_signals
        self.hop = hop
        # One more, since the oldest bin may be forgotten before its last sample is too old.
        self.capacity = (-(-capacity // hop) + 1) * hop
        n_levels = 1 + max(0, int(math.log(self.capacity / (hop * _COARSEST), _FACTOR)))
        hops = [hop * _FACTOR**k for k in range(n_levels if extremes else 0)]
        # Two more than fit: a range that is not aligned touches a bin at either end.
        self.levels = tuple(Level(n_signals, h, self.capacity // h + 2) for h in hops)
        self._totals = np.zeros((2 * n_signals + 1, self.capacity // hop + 2))
        self._now = np.zeros(2 * n_signals + 1)
        self._last: int | None = None
        self.first: int | None = None
        """Index of the first sample ever appended; None until then."""
        self.stop = 0
        """Index after the newest sample."""

    @property
    def start(self) -> int:
        """Return the index of the oldest sample that is remembered."""
        if self.first is None:
            return self.stop
        oldest = -(-(self.stop - self.capacity) // self.hop) * self.hop
        return max(self.first, oldest)

    @property
    def n_samples(self) -> int:
        """Return how many samples were ever appended."""
        return int(self._now[-1])

    def append(self, start: int, signals: NDArray[np.float32]) -> None:
        """Take samples that begin at index ``start``.

        Parameters
        ----------
        signals : shape (n_signals, n)
            At most ``capacity`` samples, none of them NaN.

        Raises
        ------
        ValueError
            If they overlap what was appended before, or are more than fit.
        """
        n = signals.shape[1]
        if n == 0:
            return
        if n > self.capacity:
            raise ValueError(f"{n} samples do not fit in a pyramid of {self.capacity}")
        if self.first is None:
            self.first = start
        elif start < self.stop:
            raise ValueError(f"samples from index {start} overlap those up to {self.stop}")
        first, stop = start // self.hop, -(-(start + n) // self.hop)
        offsets = np.arange(first, stop) * self.hop - start
        offsets[0] = 0
        if self.levels:
            # reduceat, not reshape: 3 times as fast for short bins, and blocks need no alignment.
            low = np.minimum.reduceat(signals, offsets, axis=1)
            high = np.maximum.reduceat(signals, offsets, axis=1)
            self._stack(first, low, high)
        self._count(first, signals, offsets)
        self._last = stop - 1
        self.stop = start + n

    def totals(
        self, bins: NDArray[np.int64], rows: Sequence[int] | None = None
    ) -> NDArray[np.float64]:
        """Return the running totals before the start of first-level bins.

        Parameters
        ----------
        bins : any shape
            Bins that are remembered; beyond the newest, the totals are those of now.
        rows
            Which totals: the sums of the signals, their sums of squares, the count; None for all.

        Returns
        -------
        shape (n_rows, *bins.shape)
        """
        known = -1 if self._last is None else self._last
        rows = range(len(self._totals)) if rows is None else rows
        slots = bins % self._totals.shape[1]
        beyond = bins > known
        found = np.empty((len(rows), *bins.shape))
        for target, row in zip(found, rows, strict=True):
            np.take(self._totals[row], slots, out=target)
            target[beyond] = self._now[row]
        return found

    def squares(self, row: int) -> int:
        """Return the row in ``totals`` of a signal's sum of squares."""
        return self.n_signals + row

    @property
    def count(self) -> int:
        """Return the row in ``totals`` of the number of samples."""
        return 2 * self.n_signals

    def _count(self, first: int, signals: NDArray[np.float32], offsets: NDArray[np.int64]) -> None:
        wide = signals.astype(np.float64)
        k = self.n_signals
        sums = np.empty((2 * k + 1, len(offsets)))
        np.add.reduceat(wide, offsets, axis=1, out=sums[:k])
        np.add.reduceat(np.square(wide, out=wide), offsets, axis=1, out=sums[k:-1])
        sums[-1, :-1] = np.diff(offsets)
        sums[-1, -1] = signals.shape[1] - offsets[-1]
        np.cumsum(sums, axis=1, out=sums)
        sums += self._now[:, np.newaxis]
        if first != self._last:
            unseen = first if self._last is None else self._last + 1
            _fill(self._totals, unseen, first + 1, self._now[:, np.newaxis])
        _put(self._totals, first + 1, sums[:, :-1])
        self._now = sums[:, -1].copy()

    def _stack(self, first: int, low: NDArray[np.float32], high: NDArray[np.float32]) -> None:
        """Join new bins to every level; ``low`` and ``high`` are ours to change."""
        for level, above in zip(self.levels, (*self.levels[1:], None), strict=True):
            if above is None:
                level.join(first, low, high)
                return
            upper, last = first // _FACTOR, (first + low.shape[1] - 1) // _FACTOR
            offsets = np.maximum(np.arange(upper, last + 1) * _FACTOR - first, 0)
            joined = (
                np.minimum.reduceat(low, offsets, axis=1),
                np.maximum.reduceat(high, offsets, axis=1),
            )
            level.join(first, low, high)
            first, (low, high) = upper, joined


def _put(ring: NDArray[Any], first: int, values: NDArray[Any]) -> None:
    """Write consecutive bins from ``first`` on; at most as many as the ring has slots."""
    n_slots, n = ring.shape[1], values.shape[1]
    slot = first % n_slots
    head = min(n, n_slots - slot)
    ring[:, slot : slot + head] = values[:, :head]
    ring[:, : n - head] = values[:, head:]


def _fill(ring: NDArray[Any], first: int, stop: int, value: float | NDArray[Any]) -> None:
    """Write one value to all bins of ``[first, stop)`` that will be remembered."""
    n_slots = ring.shape[1]
    first = max(first, stop - n_slots)
    slot, n = first % n_slots, stop - first
    head = min(n, n_slots - slot)
    ring[:, slot : slot + head] = value
    ring[:, : n - head] = value


def _take(ring: NDArray[Any], first: int, stop: int) -> NDArray[Any]:
    """Return bins ``[first, stop)``, a view where the ring does not wrap."""
    n_slots = ring.shape[1]
    slot, n = first % n_slots, stop - first
    if slot + n <= n_slots:
        return ring[:, slot : slot + n]
    return np.concatenate((ring[:, slot:], ring[:, : slot + n - n_slots]), axis=1)
