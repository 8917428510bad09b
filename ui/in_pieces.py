"""What takes long to ask of a recording, asked in pieces, so that no picture waits for it."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from monitor.model import Supply
from monitor.recording.reader import Recording

_FEW = 16  # indices that are asked for at once
_AT_ONCE = 32  # of more: some 10 ms


class NotYetError(Exception):
    """The time is over; asking the same again goes on where it was."""


class InPieces:
    """Answers as a recording does, but gives up after a time, and keeps what it has by then."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._until_s, self._is_begun = math.inf, False
        self._totals: dict[int, tuple[NDArray[np.float64], np.int64]] = {}
        self._peaks: dict[tuple[int, int], float] = {}
        self._ramps: dict[float, tuple[float, float]] = {}

    def give(self, seconds: float) -> None:
        """Let the questions that follow take that long together; at least one piece is answered."""
        self._until_s, self._is_begun = time.monotonic() + seconds, False

    @property
    def peak_window_s(self) -> float:
        """Return over what a peak is a mean."""
        return self._recording.peak_window_s

    def cumulative(
        self, indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the running sums and counts before indices; NotYetError if they take long."""
        if indices.size <= _FEW:
            return self._recording.cumulative(indices)
        wanted = indices.tolist()
        missing = [index for index in wanted if index not in self._totals]
        for first in range(0, len(missing), _AT_ONCE):
            self._check_time()
            some = missing[first : first + _AT_ONCE]
            sums, counts = self._recording.cumulative(np.asarray(some, np.int64))
            self._totals.update(zip(some, zip(sums.T, counts, strict=True), strict=True))
        found = [self._totals[index] for index in wanted]
        return np.stack([sums for sums, _ in found], axis=1), np.array([n for _, n in found])

    def steady(self, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what may stand for dead time between neighbouring edges."""
        if self._recording.supply is Supply.MAINS:
            return self._recording.steady(edges)
        sums, counts = self.cumulative(edges)  # which is what the recording makes it of
        return np.diff(sums[-1]), np.diff(counts).astype(np.float64)

    def peak(self, start: int, stop: int) -> float:
        """Return the highest power in W; NotYetError if the time is over."""
        if (start, stop) not in self._peaks:
            self._check_time()
            self._peaks[start, stop] = self._recording.peak(start, stop)
        return self._peaks[start, stop]

    def ramp_extremes(self, window_s: float) -> tuple[float, float]:
        """Return the highest and lowest ramp rate in W/s; NotYetError if the time is over."""
        if window_s not in self._ramps:
            self._check_time()
            self._ramps[window_s] = self._recording.ramp_extremes(window_s)
        return self._ramps[window_s]

    def _check_time(self) -> None:
        if self._is_begun and time.monotonic() > self._until_s:
            raise NotYetError
        self._is_begun = True
