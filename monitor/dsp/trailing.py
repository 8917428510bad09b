"""What a slow sensor would show of a power that was sampled: trailing means of it."""

from __future__ import annotations

import enum
import math

import numpy as np
from numpy.typing import NDArray

_TAIL = 8.0  # time constants after which nothing of the past is left, to 0.03 %


class Shape(enum.Enum):
    """How a sensor weighs the past."""

    BOXCAR = "boxcar"
    """All of a window the same."""
    FIRST_ORDER = "first-order"
    """By an exponential that decays with a time constant, as a low-pass filter does."""


class Trailing:
    """Trailing means of a power that is known as means of equal cells.

    Parameters
    ----------
    power_w : shape (n,)
        Mean of each cell; NaN where nothing was captured. Short stretches of NaN are bridged by a
        straight line; ``share_missing`` tells how much of a time is made up so.
    start_s
        When the first cell begins.
    step_s
        Length of a cell.

    Raises
    ------
    ValueError
        If nothing was captured.
    """

    def __init__(self, power_w: NDArray[np.floating], start_s: float, step_s: float) -> None:
        cells = np.asarray(power_w, np.float64)
        known = np.isfinite(cells)
        if not known.any():
            raise ValueError("nothing was captured")
        places = np.arange(cells.size)
        filled = np.interp(places, places[known], cells[known])
        self.step_s = step_s
        self._start_s = start_s
        self._mean = float(filled.mean())
        self._cells = filled - self._mean
        self._missing = np.concatenate(([0], np.cumsum(~known)))
        self._energy = np.concatenate(([0.0], np.cumsum(self._cells) * step_s))
        self._first_order: dict[float, NDArray[np.float64]] = {}

    @property
    def span_s(self) -> tuple[float, float]:
        """Return when the first cell begins, and when the last ends."""
        return self._start_s, self._start_s + self._cells.size * self.step_s

    def share_missing(
        self, start_s: NDArray[np.float64], stop_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the share of each span that was not captured; all of what lies outside."""
        first, last = self.span_s
        inside = np.clip(stop_s, first, last) - np.clip(start_s, first, last)
        missing_s = self._missing * self.step_s
        missing = self._at(missing_s, stop_s) - self._at(missing_s, start_s)
        share = 1.0 - (inside - missing) / (stop_s - start_s)
        return np.asarray(share, np.float64)

    def at(
        self, times_s: NDArray[np.float64], shape: Shape, delay_s: float, width_s: float
    ) -> NDArray[np.float64]:
        """Return what a sensor shows at each time.

        Parameters
        ----------
        times_s : shape (k,)
            When it is read.
        delay_s
            How much later it shows things on average: the centre of its weights.
        width_s
            Window, or time constant, above 0.

        Returns
        -------
        shape (k,)
            In W.
        """
        if shape is Shape.BOXCAR:
            stop_s = times_s - (delay_s - 0.5 * width_s)
            drawn = self._at(self._energy, stop_s) - self._at(self._energy, stop_s - width_s)
            return self._mean + drawn / width_s
        return self._mean + self._at(self._decayed(width_s), times_s - (delay_s - width_s))

    def _at(self, edges: NDArray[np.floating], times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is known at the edges of the cells at other times, by straight lines."""
        places = (times_s - self._start_s) / self.step_s
        return np.asarray(np.interp(places, np.arange(edges.size), edges), np.float64)

    def _decayed(self, constant_s: float) -> NDArray[np.float64]:
        """Return what a low-pass filter shows at the edges of the cells."""
        if constant_s not in self._first_order:
            n_taps = min(math.ceil(_TAIL * constant_s / self.step_s) + 1, self._cells.size)
            decay = np.exp(-np.arange(n_taps + 1) * (self.step_s / constant_s))
            taps = -np.diff(decay)
            size = 1 << math.ceil(math.log2(self._cells.size + n_taps))
            spectrum = np.fft.rfft(self._cells, size) * np.fft.rfft(taps, size)
            shown = np.fft.irfft(spectrum, size)[: self._cells.size]
            self._first_order = {constant_s: np.concatenate(([0.0], shown))}  # the last is enough
        return self._first_order[constant_s]
