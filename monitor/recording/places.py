"""From sample indices, which are time, to places, which count captured samples, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Places:
    """The stretches of a recording without a gap.

    Parameters
    ----------
    starts, stops : shape (n,)
        Sample indices of each block; they do not overlap.
    """

    def __init__(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> None:
        some = stops > starts
        starts, stops = starts[some], stops[some]
        begins = np.append(True, starts[1:] != stops[:-1])[: len(starts)]
        ends = np.append(starts[1:] != stops[:-1], True)[: len(starts)]
        self.starts, self.stops = starts[begins], stops[ends]
        lengths = self.stops - self.starts
        self._first = np.concatenate(([0], np.cumsum(lengths)))

    @property
    def n(self) -> int:
        """Return the captured samples."""
        return int(self._first[-1])

    def before(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many samples were captured before each index."""
        if len(self.starts) == 1:
            return np.asarray(
                np.minimum(np.maximum(indices - self.starts[0], 0), self._first[1]), np.int64
            )
        if not len(self.starts):
            return np.zeros(np.shape(indices), np.int64)
        k = np.minimum(np.searchsorted(self.stops, indices, side="right"), len(self.stops) - 1)
        inside = np.minimum(np.maximum(indices - self.starts[k], 0), self.stops[k] - self.starts[k])
        return np.asarray(self._first[k] + inside, np.int64)

    def indices(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of the sample at each place, from 0 to below ``n``."""
        if len(self.starts) == 1:
            return np.asarray(places + self.starts[0], np.int64)
        k = np.searchsorted(self._first, places, side="right") - 1
        return np.asarray(self.starts[k] + places - self._first[k], np.int64)

    def together(self, indices: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether each index and the sample at each place lie in one stretch."""
        if len(self.starts) == 1:
            return np.asarray((indices >= self.starts[0]) & (places < self._first[1]), np.bool_)
        k = np.minimum(np.searchsorted(self.stops, indices, side="right"), len(self.stops) - 1)
        inside = (indices >= self.starts[k]) & (places >= self._first[k])
        return np.asarray(inside & (places < self._first[k + 1]), np.bool_)
