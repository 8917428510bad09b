"""Channels that show the circuit at different times, brought to one time.

``Calibration.deskew_s`` says how late a channel is. The latest stays as it is, the others are
delayed to it, by linear interpolation between their samples: so nothing needs what has not come
yet, and what is live and what is read from a file are the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.power import total_power
from monitor.model import Channel


class Deskew:
    """Delays the channels of one stream; one task appends.

    At the beginning of a stretch without a gap the samples before it are not known: there the
    first of them holds, for as long as the delay.

    Parameters
    ----------
    channels
        The rows of what is appended, but for the last, which is the total power.
    """

    def __init__(self, channels: Sequence[Channel], sample_rate_hz: float) -> None:
        self._channels = tuple(channels)
        late_s = [channel.probe.calibration.deskew_s for channel in channels]
        delays = [(max(late_s) - each) * sample_rate_hz for each in late_s]
        self._delays = [
            (row, math.floor(delay), np.float32(delay - math.floor(delay)))
            for row, delay in enumerate(delays)
            if delay > 0
        ]
        self.lead = 1 + max(whole for _, whole, _ in self._delays) if self._delays else 0
        """Samples before a range that its values depend on; 0 if nothing is to be done."""
        self._stop: int | None = None
        self._tail = np.empty((len(channels), 0), np.float32)

    def append(self, start: int, signals: NDArray[np.float32]) -> None:
        """Put the next samples in their place, and their power.

        Parameters
        ----------
        start
            Index of the first; if the samples before it were appended last, they are continued.
        signals : shape (n_channels + 1, n)
            In units, the total power last; changed in place.
        """
        n = signals.shape[1]
        if not self.lead or n == 0:
            return
        values = signals[:-1]
        before = self._tail if start == self._stop else np.repeat(values[:, :1], self.lead, axis=1)
        longer = np.concatenate((before, values), axis=1)
        self._tail, self._stop = longer[:, -self.lead :].copy(), start + n
        for row, whole, part in self._delays:
            last = self.lead - whole
            newer, older = longer[row, last:][:n], longer[row, last - 1 :][:n]
            values[row] = newer + part * (older - newer)
        total_power(values, self._channels, out=signals[-1])

    def applied(self, signals: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a range of signals with every sample in its place.

        Parameters
        ----------
        signals : shape (n_channels + 1, lead + n)
            As they were captured, from ``lead`` samples before the range on; NaN in every row
            where nothing was.

        Returns
        -------
        shape (n_channels + 1, n)
        """
        placed = signals.copy()
        captured = np.concatenate(([False], ~np.isnan(signals[-1]), [False]))
        edges = np.flatnonzero(captured[1:] != captured[:-1]).tolist()
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            self._stop = None
            self.append(start, placed[:, start:stop])
        self._stop = None
        return placed[:, self.lead :]
