"""The reduced form of a stream: everything that is asked about power, by sample index."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.dsp import ranges
from monitor.dsp.cycles import Cycles
from monitor.dsp.envelope import envelope
from monitor.dsp.hold import Extremes, MaxHold, Pieces, reach_s
from monitor.dsp.hops import Hops
from monitor.dsp.pyramid import Pyramid, Read, hop_for
from monitor.model import Channel, Quantity, Summary, Supply

_PROBATION_S = 0.1  # captured before a supply is called mains or DC: five cycles of 50 Hz
_LEAST_S = 0.25  # remembered in any case: finding a line cycle looks back that far
_NOMINAL_HZ = 50.0  # of the line, until its first cycle was seen
_CELL_S = 0.01  # of ramps, of which the extremes are remembered: less than a line cycle
_AT_ONCE = 1 << 15  # samples: what is reduced stays in the second-level cache


class Track:
    """Summaries, rolling averages and ramps of the newest samples of a stream.

    One task appends. Signals are the channels in their order, then the total power.

    Parameters
    ----------
    channels
        The rows of what is appended, but for the last.
    supply
        AUTO decides after 0.1 s of captured samples: mains if the first voltage swings to both
        sides of zero and holds a whole line cycle. Without a voltage there are no line cycles to
        be seen, so it is DC.
    capacity
        Samples that are remembered, at least; never less than 0.25 s.
    ramp_windows_s
        Whose extremes are held from the first sample on.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        sample_rate_hz: float,
        supply: Supply,
        *,
        capacity: int,
        ramp_windows_s: Sequence[float] = (),
    ) -> None:
        self._rate = sample_rate_hz
        self._n_signals = len(channels) + 1
        self._voltage = _first(channels, Quantity.VOLTAGE)
        capacity = max(capacity, math.ceil(_LEAST_S * sample_rate_hz), 64)
        self._pyramid = Pyramid(self._n_signals, hop_for(sample_rate_hz), capacity)
        power, current = self._n_signals - 1, _first(channels, Quantity.CURRENT)
        self._hops = Hops(
            self._pyramid,
            power=power,
            voltage=self._voltage,
            current=current,
            sample_rate_hz=sample_rate_hz,
        )
        self._cycles: Cycles | None = None
        if self._voltage is not None and supply is not Supply.DC:
            self._cycles = Cycles(
                self._pyramid,
                power=power,
                voltage=self._voltage,
                current=current,
                sample_rate_hz=sample_rate_hz,
            )
        self.supply = supply if self._cycles is not None else Supply.DC
        """MAINS or DC; AUTO until enough was captured to know."""
        self.n_gaps = 0
        """How often samples were missing between two appends."""
        cell = max(round(_CELL_S * sample_rate_hz), 1)
        self._hold = MaxHold(ramp_windows_s, cell=cell, capacity=2 * (capacity // cell) + 64)
        self._n_held = 0  # bins that the extremes of the ramps have seen

    @property
    def hop(self) -> int:
        """Return the samples per first-level bin."""
        return self._pyramid.hop

    @property
    def capacity(self) -> int:
        """Return how many samples are remembered."""
        return self._pyramid.capacity

    @property
    def bounds(self) -> tuple[int, int]:
        """Return the sample indices ``[start, stop)`` of what is remembered."""
        return self._pyramid.start, self._pyramid.stop

    @property
    def first(self) -> int:
        """Return the index of the first sample ever appended; 0 until then."""
        return self._pyramid.first or 0

    @property
    def n_samples(self) -> int:
        """Return how many samples were ever appended."""
        return self._pyramid.n_samples

    @property
    def peak_window_s(self) -> float:
        """Return over what a peak is a mean: a line cycle on mains, a sample on DC."""
        if self.supply is Supply.MAINS and self._cycles is not None:
            line_hz = self._cycles.found.line_hz()
            return 1.0 / (line_hz if line_hz > 0 else _NOMINAL_HZ)
        return 1.0 / self._rate

    def append(self, start: int, signals: NDArray[np.float32]) -> None:
        """Take samples that begin at index ``start``.

        Parameters
        ----------
        signals : shape (n_signals, n)
            None of them NaN: what was not captured is a jump of the index.

        Raises
        ------
        ValueError
            If they overlap what was appended before.
        """
        if len(signals) != self._n_signals:
            raise ValueError(f"expected {self._n_signals} signals, got {len(signals)}")
        if signals.shape[1] == 0:
            return
        if self._pyramid.first is not None and start < self._pyramid.stop:
            raise ValueError(f"samples from index {start} overlap those up to {self._pyramid.stop}")
        if self._pyramid.first is None or start > self._pyramid.stop:
            self._interrupt(start)
        done = 0
        while done < signals.shape[1]:
            n = min(_AT_ONCE, self._pyramid.capacity // 2, signals.shape[1] - done)
            if self.supply is Supply.AUTO:
                n = min(n, self._on_probation())
            self._pyramid.append(start + done, signals[:, done : done + n])
            self._advance()
            done += n

    def average(self, at: int, window_s: float) -> tuple[float, float]:
        """Return the mean power over the window that ends at an index, and its coverage."""
        mean, coverage = self.averages(np.asarray([at]), window_s)
        return float(mean[0]), float(coverage[0])

    def averages(
        self, at: NDArray[np.int64], window_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean power over the window that ends at each index, in W, and its coverage.

        On mains whole line cycles stand for the window, on DC whole bins; at least one.

        Parameters
        ----------
        at : shape (k,)
            Sample indices.

        Returns
        -------
        mean_w, coverage : shape (k,)
            NaN and 0 where nothing was captured or remembered.
        """
        places = np.asarray(at, np.float64)
        mean, coverage = self._pieces.averages(places, window_s)
        outside = self._outside(places)
        return np.where(outside, np.nan, mean), np.where(outside, 0.0, coverage)

    def ramps(self, at: NDArray[np.int64], window_s: float) -> NDArray[np.float64]:
        """Return (P_w(t) - P_w(t - w)) / w at each index, in W/s.

        Parameters
        ----------
        at : shape (k,)
            Sample indices.

        Returns
        -------
        shape (k,)
            NaN where less than half of either window was captured.
        """
        places = np.asarray(at, np.float64)
        return np.where(self._outside(places), np.nan, self._pieces.ramps(places, window_s))

    def ramp_extremes(self, window_s: float) -> tuple[float, float]:
        """Return the highest and lowest ramp since the first sample, in W/s.

        Evaluated at the end of every line cycle or bin. NaN before there is one.

        Raises
        ------
        KeyError
            If the window was not named at the beginning.
        """
        return self._hold[window_s]

    def captured(self, edges: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the captured samples before indices, to a hop."""
        start, stop = self.bounds
        bins = np.clip(edges // self.hop, -(-start // self.hop), stop // self.hop)
        counts = self._pyramid.totals(bins, (self._pyramid.count,))[0]
        return np.asarray(counts, np.int64)

    def ramp_columns(self, edges: NDArray[np.int64], window_s: float) -> Extremes | None:
        """Return the lowest and the highest ramp in each column; see ``MaxHold.columns``."""
        reach = reach_s(window_s) * self._rate if self.supply is Supply.MAINS else 0.0
        return self._hold.columns(edges, window_s, reach=reach)

    def cycle_columns(self, edges: NDArray[np.int64]) -> Extremes | None:
        """Return the extremes of the means of line cycles in each column; None on DC."""
        if self.supply is Supply.MAINS and self._cycles is not None:
            return self._cycles.found.columns(edges)
        return None

    def newest(self) -> tuple[float, float, float, float]:
        """Return what is measured now.

        Returns
        -------
        power_w, vrms_v, irms_a, line_hz
            Over the last line cycle on mains, over 20 ms on DC, where the frequency is NaN. The
            first voltage and the first current; NaN if there is none, or nothing was captured.
        """
        if self.supply is Supply.MAINS and self._cycles is not None:
            return self._cycles.newest()
        return self._hops.newest()

    def envelope(
        self, start: int, stop: int, n_columns: int, read: Read
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """Return the extremes of each pixel column; see ``monitor.dsp.envelope``."""
        return envelope(self._pyramid, start, stop, n_columns, read)

    def cumulative(
        self, indices: NDArray[np.int64], read: Read
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the running sums and counts before sample indices, exact to the sample.

        Parameters
        ----------
        indices : shape (k,)
            Beyond what is remembered, they are clamped.

        Returns
        -------
        sums : shape (n_signals, k)
            Since the first sample, in each signal's unit times samples.
        n : shape (k,)
            Captured samples; a gap counts nothing.
        """
        totals = ranges.totals_at(self._pyramid, np.asarray(indices, np.int64), read)
        return totals[: self._n_signals], totals[-1].astype(np.int64)

    def extremes(
        self, start: int, stop: int, read: Read
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the exact minimum and maximum of each signal; NaN if nothing was captured."""
        low, high = ranges.extremes(self._pyramid, start, stop, read)
        empty = low > high
        return np.where(empty, np.nan, low), np.where(empty, np.nan, high)

    def summary(self, start: int, stop: int, read: Read) -> tuple[Summary, ...]:
        """Return the exact summary of each signal over ``[start, stop)``."""
        totals = ranges.totals_at(self._pyramid, np.asarray([start, max(start, stop)]), read)
        span = totals[:, 1] - totals[:, 0]
        low, high = ranges.extremes(self._pyramid, start, stop, read)
        k = self._n_signals
        return tuple(
            Summary(
                int(span[-1]), float(span[i]), float(span[k + i]), float(low[i]), float(high[i])
            )
            for i in range(k)
        )

    def peak(self, start: int, stop: int, read: Read, *, inside: bool = False) -> float:
        """Return the highest power in ``[start, stop)`` in W.

        On mains the highest mean of a line cycle, on DC the highest sample; NaN if none. Where no
        cycle lies inside, those that overlap count, unless ``inside``.
        """
        if self.supply is Supply.MAINS and self._cycles is not None:
            return self._cycles.found.peak(start, stop, inside=inside)
        return float(self.extremes(start, stop, read)[1][-1])

    def steady(
        self, edges: NDArray[np.int64], read: Read
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what may stand for dead time between neighbouring edges: power that pulsates not.

        On mains that is whole line cycles, since a part of one can have any mean between none and
        double; on DC all that was captured.

        Parameters
        ----------
        edges : shape (k + 1,)
            Sample indices, rising.

        Returns
        -------
        sums, n : shape (k,)
            W times samples, and samples.
        """
        if self.supply is Supply.MAINS and self._cycles is not None:
            return self._cycles.found.between(edges)
        sums, n = self.cumulative(edges, read)
        return np.diff(sums[-1]), np.diff(n).astype(np.float64)

    @property
    def _pieces(self) -> Pieces:
        if self.supply is Supply.MAINS and self._cycles is not None:
            return self._cycles.found
        return self._hops

    def _outside(self, at: NDArray[np.float64]) -> NDArray[np.bool_]:
        start, stop = self.bounds
        return (at <= start) | (at > stop)

    def _interrupt(self, start: int) -> None:
        """Go on at ``start``; the first sample, or one after a gap."""
        if self._pyramid.first is not None:
            self.n_gaps += 1
            self._find_cycles(final=True)
        if self._cycles is not None:
            self._cycles.restart(start)
        self._n_held = start // self.hop

    def _advance(self) -> None:
        if self.supply is not Supply.MAINS:
            last = self._pyramid.stop // self.hop
            self._hold.look(self._hops, np.arange(self._n_held + 1.0, last + 1.0) * self.hop)
            self._n_held = last
        self._find_cycles()
        if self.supply is Supply.AUTO and self._on_probation() <= 0:
            self._decide()

    def _find_cycles(self, *, final: bool = False) -> None:
        if self._cycles is not None:
            n = self._cycles.advance(final=final)
            if n and self.supply is Supply.MAINS:
                self._hold.look(self._cycles.found, self._cycles.found.stops[-n:])

    def _on_probation(self) -> int:
        """Return how many samples more decide about the supply."""
        return math.ceil(_PROBATION_S * self._rate) - self._pyramid.n_samples

    def _decide(self) -> None:
        if self._cycles is not None and len(self._cycles.found) and self._swings():
            self.supply = Supply.MAINS
            self._hold.clear()
            self._hold.look(self._cycles.found, self._cycles.found.stops)
        else:
            self.supply = Supply.DC
            self._cycles = None

    def _swings(self) -> bool:
        """Return whether the voltage goes to both sides of zero."""
        level = self._pyramid.levels[0]
        low, high = level.bins(
            self._pyramid.start // level.hop, -(-self._pyramid.stop // level.hop)
        )
        lowest, highest = float(low[self._voltage].min()), float(high[self._voltage].max())
        return lowest < 0.0 < highest and lowest < -0.5 * highest


def _first(channels: Sequence[Channel], quantity: Quantity) -> int | None:
    """Return the row of the first channel of a quantity; None if there is none."""
    rows = [row for row, channel in enumerate(channels) if channel.quantity is quantity]
    return rows[0] if rows else None
