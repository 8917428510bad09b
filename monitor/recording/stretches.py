"""Where the summaries of a recording lie: in stretches, if a part between them is missing.

Bins count the samples from the first of all files, those of missing ones, too; places count the
samples that are here. Within a stretch both go in step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.ranges import Extremes
from monitor.recording.levels import Levels
from monitor.recording.samples import Samples


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples whose summaries follow one another, addressed as their bins are."""

    samples: Samples
    levels: Levels
    begin: int
    """Place of its first sample."""

    @property
    def stop(self) -> int:
        """Return the place after its last sample."""
        return self.begin + self.levels.n_samples

    @property
    def shift(self) -> int:
        """Return how far the count of its bins is ahead of that of places."""
        return self.levels.first - self.begin

    @property
    def n_signals(self) -> int:
        """Return the number of the channels and the power."""
        return self.samples.n_signals

    def own(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how its bins count places; those before or after it are its ends."""
        return np.minimum(np.maximum(places, self.begin), self.stop) + self.shift

    def at(self, begin: int, end: int) -> NDArray[np.float32]:
        """Return signals, as its bins count them, shape (n_signals, end - begin)."""
        return self.samples.at(begin - self.shift, end - self.shift)

    def extremes_at(self, cuts: NDArray[np.int64]) -> Extremes:
        """Return the extremes between cuts, as its bins count them; see ``Samples``."""
        return self.samples.extremes_at(cuts - self.shift)


class Stretches:
    """All stretches of a recording, in their order."""

    def __init__(self, samples: Samples, levels: Sequence[Levels]) -> None:
        begins = np.cumsum([0, *(each.n_samples for each in levels)]).tolist()
        self.each = tuple(
            Stretch(samples, own, begin) for own, begin in zip(levels, begins[:-1], strict=True)
        )
        self._begins, self._stops = np.array(begins[:-1]), np.array(begins[1:])
        self._shifts = np.array([each.shift for each in self.each], np.int64)

    def number(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return in which stretch each place lies; the place after all is in the last."""
        return np.asarray(np.searchsorted(self._begins, places, side="right") - 1, np.int64)

    def nearest(self, places: NDArray[np.int64], hop: int) -> NDArray[np.int64]:
        """Return the place nearest to each at which a bin begins, or its stretch begins or ends."""
        number = self.number(places)
        shifts = self._shifts[number]
        nearest = (places + shifts + hop // 2) // hop * hop - shifts
        begins, stops = self._begins[number], self._stops[number]
        return np.asarray(np.minimum(np.maximum(nearest, begins), stops), np.int64)
