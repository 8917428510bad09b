"""Running totals of a recording: exact at any sample, or of whole bins for rolling windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.recording.levels import Level
from monitor.recording.places import Places
from monitor.recording.samples import Samples

_MOST_BINS = 1 << 22  # of one row, that are read at once: 32 MB
_APART = 4096  # bins: totals that are closer are read at once


class StoredTotals:
    """The running totals of a file, addressed like those of a ``Pyramid``.

    Parameters
    ----------
    levels
        The finest first.
    """

    def __init__(self, samples: Samples, places: Places, levels: Sequence[Level]) -> None:
        self._samples, self._places, self._levels = samples, places, levels
        self.hop = levels[0].hop
        """Samples of a finest bin."""
        self.start, self.stop = samples.bounds
        self.count = int(levels[0].data.shape[0])
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
        level, nearest = self._nearest(places)
        stored = [row for row in rows if row != self.count]
        sums = iter(_before(level, nearest, stored))
        found = [nearest * float(level.hop) if row == self.count else next(sums) for row in rows]
        return np.stack(found).reshape(len(rows), *bins.shape)

    def exact(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return sums and sums of squares before each place, shape (2 * n_signals, k)."""
        level = self._levels[0]
        bins = np.minimum(places // level.hop, level.n)
        found = _before(level, bins, range(self.count))
        for k in np.argsort(places, kind="stable").tolist():
            begin, end = int(bins[k]) * level.hop, int(places[k])
            for a in range(begin, end, level.hop):
                wide = self._samples.at(a, min(a + level.hop, end)).astype(np.float64)
                found[:, k] += np.concatenate((wide.sum(axis=1), np.vecdot(wide, wide)))
        return found

    def _nearest(self, places: NDArray[np.int64]) -> tuple[Level, NDArray[np.int64]]:
        """Return a level of which not too much is to be read, and its nearest bins."""
        level = self._levels[0]
        if places.size * _APART > _MOST_BINS:
            span = (int(places.max()) - int(places.min())) // level.hop
            level = next(
                (k for k in self._levels if span * level.hop // k.hop <= _MOST_BINS),
                self._levels[-1],
            )
        return level, np.minimum((places + level.hop // 2) // level.hop, level.n)


def _before(level: Level, bins: NDArray[np.int64], rows: Sequence[int]) -> NDArray[np.float64]:
    """Return the running totals before bins, shape (n_rows, k); 0 before the first."""
    wanted = np.unique(bins)
    values = np.zeros((len(rows), wanted.size))
    cuts = np.flatnonzero(np.diff(wanted) > _APART) + 1
    for group in np.split(np.flatnonzero(wanted >= 0), cuts):
        inner = group[wanted[group] > 0]
        if inner.size:
            first, last = int(wanted[inner[0]]) - 1, int(wanted[inner[-1]])
            for row, target in zip(rows, values, strict=True):
                read = level.read(first, last, slice(row, row + 1))[0]
                target[inner] = read[wanted[inner] - 1 - first]
    return values[:, np.searchsorted(wanted, bins)]
