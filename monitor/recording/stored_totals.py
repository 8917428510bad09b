"""Running totals of a recording: exact at any sample, or of whole bins for rolling windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitor.recording.levels import Level
from monitor.recording.places import Places
from monitor.recording.samples import Samples
from monitor.recording.stretches import Stretch, Stretches

_MOST_BINS = 1 << 22  # of one row, that are read at once: 32 MB
_APART = 4096  # bins: totals that are closer are read at once


class StoredTotals:
    """The running totals of a recording, addressed like those of a ``Pyramid``."""

    def __init__(self, samples: Samples, places: Places, stretches: Stretches) -> None:
        self._places, self._stretches = places, stretches
        self._each = tuple(_Totals(stretch) for stretch in stretches.each)
        self._levels = stretches.each[0].levels.totals  # all have bins of the same lengths
        self.hop = self._levels[0].hop
        """Samples of a finest bin."""
        self.start, self.stop = samples.bounds
        self.count = 2 * samples.n_signals
        """Row in ``totals`` of the number of samples."""

    def squares(self, row: int) -> int:
        """Return the row in ``totals`` of a signal's sum of squares."""
        return self.count // 2 + row

    def totals(
        self, bins: NDArray[np.int64], rows: Sequence[int] | None = None
    ) -> NDArray[np.float64]:
        """Return the running totals before bins of time, shape (n_rows, *bins.shape).

        Those of the stored bin that begins nearest; the counts are of the same samples.
        """
        rows = range(self.count + 1) if rows is None else rows
        places = self._places.before(bins.ravel() * self.hop)
        depth = self._depth(places)
        stored = [row for row in rows if row != self.count]
        found = np.empty((len(rows), places.size))
        for k, here in self._shared(places):
            sums, count = self._each[k].nearest(places[here], depth, stored)
            sums += self._bases[k][stored, None]
            each = iter(sums)
            for row, target in zip(rows, found, strict=True):
                target[here] = count if row == self.count else next(each)
        return found.reshape(len(rows), *bins.shape)

    def exact(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return sums and sums of squares before each place, shape (2 * n_signals, k)."""
        found = np.empty((self.count, places.size))
        for k, here in self._shared(places):
            found[:, here] = self._each[k].exact(places[here]) + self._bases[k][:, None]
        return found

    def _shared(self, places: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield the numbers of the stretches that places lie in, each with which of them do."""
        number = self._stretches.number(places)
        for k in np.unique(number).tolist():
            yield k, np.flatnonzero(number == k)

    @cached_property
    def _bases(self) -> tuple[NDArray[np.float64], ...]:
        """Return the sums of all stretches before each."""
        bases = [np.zeros(self.count)]
        for each in self._each[:-1]:
            bases.append(bases[-1] + each.exact(np.array([each.stop]))[:, 0])
        return tuple(bases)

    def _depth(self, places: NDArray[np.int64]) -> int:
        """Return the finest level of which not too much is to be read."""
        if places.size * _APART <= _MOST_BINS:
            return 0
        span = int(places.max()) - int(places.min())
        few = (k for k, level in enumerate(self._levels) if span // level.hop <= _MOST_BINS)
        return next(few, len(self._levels) - 1)


class _Totals:
    """Totals of one stretch, from its first sample on."""

    def __init__(self, stretch: Stretch) -> None:
        self._stretch = stretch
        self._first = stretch.levels.first
        self._rows = range(2 * stretch.n_signals)
        self._origins: dict[int, NDArray[np.float64]] = {}
        self.stop = stretch.stop

    def nearest(
        self, places: NDArray[np.int64], depth: int, rows: Sequence[int]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return totals of a level near each place, shape (n_rows, k), and at which places."""
        level, own = self._stretch.levels.totals[depth], self._stretch.own(places)
        bins = np.minimum((own + level.hop // 2) // level.hop, level.stop)
        return self._before(level, bins, rows), self._begins(level, bins) - self._stretch.shift

    def exact(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return sums and sums of squares before each place, shape (2 * n_signals, k)."""
        level, own = self._stretch.levels.totals[0], self._stretch.own(places)
        bins = np.minimum(own // level.hop, level.stop)
        found, begins = self._before(level, bins, self._rows), self._begins(level, bins)
        for k in np.argsort(places, kind="stable").tolist():
            found[:, k] += self._summed(int(begins[k]), int(own[k]), level.hop)
        return found

    def _begins(self, level: Level, bins: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where bins begin; of one that began before the stretch, the stretch."""
        return np.maximum(bins * level.hop, self._first)

    def _before(
        self, level: Level, bins: NDArray[np.int64], rows: Sequence[int]
    ) -> NDArray[np.float64]:
        """Return the totals before bins, shape (n_rows, k)."""
        if self._first == 0:
            return _stored(level, bins, rows)
        found = np.zeros((len(rows), bins.size))
        inside = np.flatnonzero(bins * level.hop > self._first)
        if inside.size:
            origin = self._origin(level)[list(rows), None]
            found[:, inside] = _stored(level, bins[inside], rows) - origin
        return found

    def _origin(self, level: Level) -> NDArray[np.float64]:
        """Return what the stored totals had come to before the stretch, of what is not here."""
        if level.hop not in self._origins:
            whole = self._first // level.hop + 1
            stored = _stored(level, np.array([whole]), self._rows)[:, 0]
            own = self._summed(self._first, whole * level.hop, level.hop)
            self._origins[level.hop] = stored - own
        return self._origins[level.hop]

    def _summed(self, begin: int, end: int, at_once: int) -> NDArray[np.float64]:
        """Return sums and sums of squares of samples."""
        found = np.zeros(len(self._rows))
        for a in range(begin, end, at_once):
            wide = self._stretch.at(a, min(a + at_once, end)).astype(np.float64)
            found += np.concatenate((wide.sum(axis=1), np.vecdot(wide, wide)))
        return found


def _stored(level: Level, bins: NDArray[np.int64], rows: Sequence[int]) -> NDArray[np.float64]:
    """Return the running totals before bins, shape (n_rows, k); 0 before the first of all."""
    wanted = np.unique(bins)
    values = np.zeros((len(rows), wanted.size))
    cuts = np.flatnonzero(np.diff(wanted) > _APART) + 1
    for group in np.split(np.flatnonzero(wanted >= 0), cuts):
        inner = group[wanted[group] > 0]
        if inner.size:
            first, last = int(wanted[inner[0]]) - 1, int(wanted[inner[-1]])
            for begin, end in _together(rows, last - first):
                read = level.read(first, last, slice(rows[begin], rows[end - 1] + 1))
                values[begin:end, inner] = read[:, wanted[inner] - 1 - first]
    return values[:, np.searchsorted(wanted, bins)]


def _together(rows: Sequence[int], n_bins: int) -> Iterator[tuple[int, int]]:
    """Yield which rows to read at once: neighbours, unless they are long."""
    first = 0
    for k in range(1, len(rows) + 1):
        if k == len(rows) or rows[k] != rows[k - 1] + 1 or n_bins > _APART:
            yield first, k
            first = k
