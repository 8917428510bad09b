"""The line cycles of a stream as it passes, to be stored: nothing of it is kept here."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.cycles import Cycles
from monitor.dsp.pyramid import Pyramid, hop_for
from monitor.model import Channel, Quantity, Supply

_REMEMBERED_S = 1.0  # a cycle is found within 50 ms
_AT_ONCE = 1 << 15  # samples: what is reduced stays in the second-level cache
_LOOKS = 4  # at least, in what is remembered: a look costs 0.1 ms, however little has come


class PassingCycles:
    """Finds the cycles that a ``Track`` of the same samples would find.

    Parameters
    ----------
    channels
        The rows of what is appended, but for the last, which is the total power.
    """

    def __init__(self, channels: Sequence[Channel], sample_rate_hz: float, supply: Supply) -> None:
        rows = [row for row, c in enumerate(channels) if c.quantity is Quantity.VOLTAGE]
        self._power, self._voltage = len(channels), rows[0] if rows else 0
        self._pyramid = Pyramid(
            2,
            hop_for(sample_rate_hz),
            max(math.ceil(_REMEMBERED_S * sample_rate_hz), 64),
            extremes=False,
        )
        self._cycles: Cycles | None = None
        if rows and supply is not Supply.DC:
            self._cycles = Cycles(
                self._pyramid, power=1, voltage=0, current=None, sample_rate_hz=sample_rate_hz
            )
        self._found: list[NDArray[np.float64]] = []
        self._n_unseen = 0

    def append(self, start: int, signals: NDArray[np.float32]) -> None:
        """Take samples that begin at index ``start``, shape (n_channels + 1, n), none NaN."""
        if self._cycles is None or signals.shape[1] == 0:
            return
        if self._pyramid.first is None or start > self._pyramid.stop:
            if self._pyramid.first is not None:
                self._look(self._cycles, final=True)
            self._cycles.restart(start)
        most = self._pyramid.capacity // _LOOKS
        done, rows = 0, slice(self._voltage, None, self._power - self._voltage)  # these two
        while done < signals.shape[1]:
            n = min(_AT_ONCE, most, signals.shape[1] - done)
            if self._n_unseen + n > most:
                self._look(self._cycles)
            self._pyramid.append(start + done, signals[rows, done : done + n])
            self._n_unseen += n
            done += n

    def take(self) -> NDArray[np.float64]:
        """Return the cycles since the last time: shape (3, n); start, stop, sum of the power."""
        if self._cycles is not None:
            self._look(self._cycles)
        found = np.concatenate([np.empty((3, 0)), *self._found], axis=1)
        self._found = []
        return found

    def _look(self, cycles: Cycles, *, final: bool = False) -> None:
        """Find the cycles in what has come; it matters to none of them when that is."""
        n = cycles.advance(final=final)
        self._n_unseen = 0
        if n:
            self._found.append(cycles.found.newest(n))
