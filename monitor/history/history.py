"""What is in memory of a running session: samples, and what was made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.dsp.deskew import Deskew
from monitor.dsp.power import rails, total_power
from monitor.dsp.pyramid import hop_for
from monitor.dsp.scale import to_units
from monitor.dsp.track import Track
from monitor.dsp.view import view_of
from monitor.history.ring import Ring
from monitor.model import Average, Block, Metrics, Ramp, StreamInfo, Summary, Supply, View


class History:
    """The newest samples of a stream, their summaries and the live numbers.

    The session's task appends; other tasks of the same loop may read.

    Parameters
    ----------
    seconds
        How much is remembered.
    max_bytes
        Shortens ``seconds`` at high sample rates.
    average_windows_s, ramp_windows_s
        Of the metrics and of every view.
    """

    def __init__(
        self,
        info: StreamInfo,
        *,
        seconds: float,
        max_bytes: int,
        average_windows_s: Sequence[float],
        ramp_windows_s: Sequence[float],
    ) -> None:
        rails(info.channels)
        self.info = info
        self.average_windows_s = tuple(average_windows_s)
        self.ramp_windows_s = tuple(ramp_windows_s)
        capacity = min(seconds * info.sample_rate_hz, max_bytes / bytes_per_sample(info))
        self._track = Track(
            info.channels,
            info.sample_rate_hz,
            info.supply,
            capacity=int(capacity),
            ramp_windows_s=ramp_windows_s,
        )
        self._ring = Ring(info.channels, info.dtype, self._track.capacity)
        self._incoming = Deskew(info.channels, info.sample_rate_hz)
        self._remembered = Deskew(info.channels, info.sample_rate_hz)
        self._n_clipped = 0

    @property
    def bounds(self) -> tuple[int, int]:
        """Return the sample indices ``[start, stop)`` of what is remembered."""
        return self._track.bounds

    @property
    def first(self) -> int:
        """Return the index of the session's first sample."""
        return self._track.first

    @property
    def span(self) -> tuple[int, int]:
        """Return the sample indices ``[start, stop)`` of the session, the forgotten ones too."""
        return self.first, self.bounds[1]

    @property
    def duration_s(self) -> float:
        """Return the time since the first sample, dead time included."""
        return (self.bounds[1] - self.first) / self.info.sample_rate_hz

    @property
    def supply(self) -> Supply:
        """Return what feeds the computer; AUTO until enough was captured to know."""
        return self._track.supply

    @property
    def peak_window_s(self) -> float:
        """Return over what a peak is a mean: a line cycle on mains, a sample on DC."""
        return self._track.peak_window_s

    @property
    def n_gaps(self) -> int:
        """Return how often samples were missing between two blocks."""
        return self._track.n_gaps

    def append(self, block: Block) -> None:
        """Take the next block.

        Raises
        ------
        ValueError
            If it overlaps the block before, or has other channels or codes than the stream.
        """
        rows = np.empty((len(block.codes) + 1, block.n_samples), np.float32)
        to_units(block.codes, self.info.channels, block.scales, out=rows[:-1])
        total_power(rows[:-1], self.info.channels, out=rows[-1])
        self._ring.append(block)
        self._incoming.append(block.start, rows)
        self._track.append(block.start, rows)
        self._n_clipped += sum(block.clipped)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the samples of ``[start, stop)`` in their units, the power last.

        Returns
        -------
        shape (n_signals, stop - start)
            NaN where nothing was captured or it is forgotten.
        """
        deskew = self._remembered
        if not deskew.lead:
            return self._ring.read(start, stop)
        return deskew.applied(self._ring.read(start - deskew.lead, stop))

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield copies of the codes of ``[start, stop)`` that are remembered."""
        for block in self._ring.blocks(start, stop):
            yield replace(
                block,
                host_ns=self.info.time_ns(block.start),
                host_uncertainty_ns=self.info.t0_uncertainty_ns,
            )

    def view(self, start: int, stop: int, n_columns: int) -> View:
        """Return what a plot of ``[start, stop)`` needs; any span, any number of columns."""
        columns = self._track.envelope(start, stop, n_columns, self.read)
        return view_of(self._track, columns, self.average_windows_s, self.ramp_windows_s)

    def cumulative(self, indices: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the running sums of the signals and the captured samples before each index.

        Exact to the sample; see ``Track.cumulative``.
        """
        return self._track.cumulative(np.atleast_1d(np.asarray(indices, np.int64)), self.read)

    def summary(self, start: int, stop: int) -> tuple[Summary, ...]:
        """Return the exact summary of each signal over ``[start, stop)``."""
        return self._track.summary(start, stop, self.read)

    def steady(self, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what may stand for dead time between neighbouring edges; see ``Track.steady``."""
        return self._track.steady(edges, self.read)

    def peak(self, start: int, stop: int, *, inside: bool = False) -> float:
        """Return the highest power in W; see ``Track.peak``."""
        return self._track.peak(start, stop, self.read, inside=inside)

    def metrics(self) -> Metrics:
        """Return the live numbers at the newest sample.

        ``energy_j`` is the mean captured power times the duration; only who knows the stages can
        fill dead time better.
        """
        first, at = self.first, self.bounds[1]
        rate, n = self.info.sample_rate_hz, self._track.n_samples
        power_w, vrms_v, irms_a, line_hz = self._track.newest()
        total = float(self.cumulative([at])[0][-1, 0])
        return Metrics(
            at=at,
            power_w=power_w,
            averages=tuple(self._average(at, window) for window in self.average_windows_s),
            ramps=tuple(self._ramp(at, window) for window in self.ramp_windows_s),
            vrms_v=vrms_v,
            irms_a=irms_a,
            line_hz=line_hz,
            energy_j=total / n * (at - first) / rate if n else 0.0,
            captured_j=total / rate,
            duration_s=self.duration_s,
            coverage=n / (at - first) if n else 0.0,
            n_clipped=self._n_clipped,
            n_gaps=self.n_gaps,
        )

    def _average(self, at: int, window_s: float) -> Average:
        mean_w, coverage = self._track.average(at, window_s)
        return Average(window_s=window_s, mean_w=mean_w, coverage=coverage)

    def _ramp(self, at: int, window_s: float) -> Ramp:
        up, down = self._track.ramp_extremes(window_s)
        return Ramp(
            window_s=window_s,
            now_w_per_s=float(self._track.ramps(np.asarray([at]), window_s)[0]),
            max_up_w_per_s=up,
            max_down_w_per_s=down,
        )


def bytes_per_sample(info: StreamInfo) -> float:
    """Return what one remembered sample costs: its codes, and its share of the summaries."""
    n_channels = len(info.channels)
    codes = n_channels * np.dtype(info.dtype).itemsize
    # Extremes at all levels (8/7 of the first) as float32, totals as float64.
    bin_bytes = 8 / 7 * 2 * 4 * (n_channels + 1) + 8 * (2 * (n_channels + 1) + 1)
    return float(codes + bin_bytes / hop_for(info.sample_rate_hz))
