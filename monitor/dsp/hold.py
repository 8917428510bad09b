"""The extremes of the ramps since the first sample, so that no peak falls between displays."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Pieces(Protocol):
    """What rolling windows are made of: line cycles, or bins."""

    def averages(
        self, at: NDArray[np.float64], window_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean over the window that ends at each index, and its captured share."""

    def ramps(self, at: NDArray[np.float64], window_s: float) -> NDArray[np.float64]:
        """Return the ramp at each index, per second."""


class MaxHold:
    """The highest and the lowest ramp over each window, of all places that were looked at."""

    def __init__(self, windows_s: Iterable[float]) -> None:
        self._extremes = dict.fromkeys(windows_s, (math.nan, math.nan))

    def __getitem__(self, window_s: float) -> tuple[float, float]:
        return self._extremes[window_s]

    def look(self, pieces: Pieces, at: NDArray[np.float64]) -> None:
        """Take in the ramps at new places, shape (k,), sample indices."""
        if not at.size:
            return
        for window, (up, down) in self._extremes.items():
            ramps = pieces.ramps(at, window)
            self._extremes[window] = (
                float(np.fmax.reduce(ramps, initial=up)),
                float(np.fmin.reduce(ramps, initial=down)),
            )

    def clear(self) -> None:
        """Forget what was seen."""
        self._extremes = dict.fromkeys(self._extremes, (math.nan, math.nan))
