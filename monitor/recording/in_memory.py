"""Answers from all samples of a recording, reduced in memory: where its file has no summaries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.track import Track
from monitor.model import StreamInfo, Summary
from monitor.recording.room import check_room
from monitor.recording.samples import Samples

_RAMP_WINDOWS_S = (0.1, 1.0, 10.0)


class InMemory:
    """A ``Track`` of a whole recording.

    Parameters
    ----------
    progress
        Told the share that is reduced, 0 to 1; may raise to cancel.

    Raises
    ------
    RecordingError
        If it needs more memory than there is, or the codes cannot be read.
    """

    def __init__(
        self,
        path: Path,
        info: StreamInfo,
        samples: Samples,
        progress: Callable[[float], None] | None,
    ) -> None:
        start, stop = samples.bounds
        check_room(path, info, stop - start)
        self._samples = samples
        self._track = Track(
            info.channels,
            info.sample_rate_hz,
            info.supply,
            capacity=max(stop - start, 1),
            ramp_windows_s=_RAMP_WINDOWS_S,
        )
        told = 0.0
        for first, signals, share in samples.passing():
            if progress is not None and share > told > 0.0:
                progress(told)
            self._track.append(first, signals)
            told = share
        if progress is not None and told > 0.0:
            progress(told)
        self.supply = self._track.supply
        self.bounds = self._track.bounds
        self.peak_window_s = self._track.peak_window_s
        self.averages, self.ramps = self._track.averages, self._track.ramps
        self.ramp_extremes = self._track.ramp_extremes
        self.captured, self.hop = self._track.captured, self._track.hop
        self.ramp_columns, self.cycle_columns = self._track.ramp_columns, self._track.cycle_columns

    def envelope(
        self, start: int, stop: int, n_columns: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """Return the extremes of each pixel column."""
        return self._track.envelope(start, stop, n_columns, self._samples.read)

    def cumulative(
        self, indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the running sums and counts before sample indices, exact to the sample."""
        return self._track.cumulative(indices, self._samples.read)

    def summary(self, start: int, stop: int) -> tuple[Summary, ...]:
        """Return the exact summary of each signal over ``[start, stop)``."""
        return self._track.summary(start, stop, self._samples.read)

    def peak(self, start: int, stop: int) -> float:
        """Return the highest power in W: mean of a line cycle on mains, sample on DC."""
        return self._track.peak(start, stop, self._samples.read)

    def steady(self, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what may stand for dead time between neighbouring edges; see ``Track.steady``."""
        return self._track.steady(edges, self._samples.read)
