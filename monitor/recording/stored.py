"""Answers from the summaries of a file: whatever its size, little of it is read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.cycle_table import CycleTable
from monitor.dsp.hold import Extremes, MaxHold, Pieces, reach_s
from monitor.dsp.hops import HALF, Hops, Totals
from monitor.dsp.pyramid import Pyramid, hop_for
from monitor.model import Summary, Supply
from monitor.recording.levels import Levels
from monitor.recording.places import Places
from monitor.recording.samples import Samples
from monitor.recording.stored_columns import envelope, extremes
from monitor.recording.stored_totals import StoredTotals
from monitor.recording.stretches import Stretch, Stretches

_NOMINAL_HZ = 50.0  # of the line, if no cycle was found
_FEW = 8  # indices that a number is asked for at, not a plot
_FINE = 64  # bins: a window of fewer is made of samples, if they are not too many
_MOST_SAMPLES = 1 << 20  # of which windows are made: some 10 ms
_LONGEST = 1 << 23  # sample indices, gaps included, likewise
_LOOKED_AT = 1 << 16  # places of ramps at once


class Stored:
    """What a ``Track`` of the same samples would answer, from the summaries of their file.

    Sums, extremes and line cycles are those of the samples. Rolling windows are made of line
    cycles on mains. On DC those at a few indices are exact to the sample; those of a plot are made
    of whole bins: of a ``Track`` in a closer view, of the file (about 1000 samples) in a wider one.

    Parameters
    ----------
    levels
        Of each stretch of the samples, in their order.
    supply
        MAINS or DC.
    """

    def __init__(
        self, samples: Samples, levels: Sequence[Levels], supply: Supply, sample_rate_hz: float
    ) -> None:
        self.supply = supply
        self.bounds = samples.bounds
        self._samples, self._rate = samples, sample_rate_hz
        self._stretches = Stretches(samples, levels)
        self._places = Places(samples.starts, samples.stops)
        self._totals = StoredTotals(samples, self._places, self._stretches)
        self._bins = self._hops(self._totals)
        self._near: tuple[int, int, Hops] | None = None
        self._holds: dict[float, MaxHold] = {}

    hop = 1
    """``captured`` is exact."""

    @property
    def peak_window_s(self) -> float:
        """Return over what a peak is a mean: a line cycle on mains, a sample on DC."""
        if self.supply is Supply.MAINS:
            line_hz = self._cycles.line_hz()
            return 1.0 / (line_hz if line_hz > 0 else _NOMINAL_HZ)
        return 1.0 / self._rate

    def averages(
        self, at: NDArray[np.int64], window_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean power over the window that ends at each index, and its coverage."""
        places = np.asarray(at, np.float64)
        outside = self._outside(places)
        if self.supply is not Supply.MAINS and at.size <= _FEW:
            mean, coverage = self._exact_averages(at, window_s)
        else:
            mean, coverage = self._pieces(at, window_s).averages(places, window_s)
        return np.where(outside, np.nan, mean), np.where(outside, 0.0, np.minimum(coverage, 1.0))

    def _exact_averages(
        self, at: NDArray[np.int64], window_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return averages to the sample, which a number needs and a plot does not."""
        width = max(1, round(window_s * self._rate))
        stops = np.minimum(at, self.bounds[1])
        starts = np.maximum(stops - width, self.bounds[0])
        sums, n = self.cumulative(np.concatenate((starts, stops)))
        total, count = sums[-1][at.size :] - sums[-1][: at.size], n[at.size :] - n[: at.size]
        mean = np.divide(total, count, out=np.full(at.size, np.nan), where=count > 0)
        return mean, count / width

    def _exact_ramps(self, at: NDArray[np.int64], window_s: float) -> NDArray[np.float64]:
        width = max(1, round(window_s * self._rate))
        now, covered_now = self._exact_averages(at, window_s)
        before, covered_before = self._exact_averages(at - width, window_s)
        ramps = (now - before) * (self._rate / width)
        ramps[(covered_now < HALF) | (covered_before < HALF)] = np.nan
        return ramps

    def ramps(self, at: NDArray[np.int64], window_s: float) -> NDArray[np.float64]:
        """Return (P_w(t) - P_w(t - w)) / w at each index, in W/s."""
        places = np.asarray(at, np.float64)
        if self.supply is not Supply.MAINS and at.size <= _FEW:
            ramps = self._exact_ramps(at, window_s)
        else:
            ramps = self._pieces(at, window_s).ramps(places, window_s)
        return np.where(self._outside(places), np.nan, ramps)

    def ramp_extremes(self, window_s: float) -> tuple[float, float]:
        """Return the highest and the lowest ramp, at the end of every line cycle or bin."""
        if window_s not in self._holds:
            hold = MaxHold((window_s,), capacity=2 * self._n_ends + 2)
            pieces: Pieces = self._cycles if self.supply is Supply.MAINS else self._bins
            for at in self._ends():
                hold.look(pieces, at)
            self._holds[window_s] = hold
        return self._holds[window_s][window_s]

    def captured(self, edges: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the captured samples before indices."""
        return self._places.before(edges)

    def ramp_columns(self, edges: NDArray[np.int64], window_s: float) -> Extremes | None:
        """Return the lowest and the highest ramp in each column.

        Of a long file, None until its extremes were asked for.
        """
        if self._n_ends <= _LOOKED_AT:
            self.ramp_extremes(window_s)
        hold = self._holds.get(window_s)
        reach = reach_s(window_s) * self._rate if self.supply is Supply.MAINS else 0.0
        return hold.columns(edges, window_s, reach=reach) if hold is not None else None

    def cycle_columns(self, edges: NDArray[np.int64]) -> Extremes | None:
        """Return the extremes of the means of line cycles in each column; None on DC."""
        return self._cycles.columns(edges) if self.supply is Supply.MAINS else None

    def envelope(
        self, start: int, stop: int, n_columns: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """Return the extremes of each pixel column."""
        return envelope(self._samples, self._stretches, self._places, start, stop, n_columns)

    def cumulative(
        self, indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the running sums and counts before sample indices, exact to the sample."""
        places = self._places.before(indices)
        return self._totals.exact(places)[: self._samples.n_signals], places

    def summary(self, start: int, stop: int) -> tuple[Summary, ...]:
        """Return the exact summary of each signal over ``[start, stop)``."""
        places = self._places.before(np.asarray([start, max(start, stop)]))
        begin, end = places.tolist()
        totals = np.diff(self._totals.exact(places), axis=1)[:, 0].tolist()
        low, high = extremes(self._stretches, begin, end)
        k = self._samples.n_signals
        return tuple(
            Summary(end - begin, totals[i], totals[k + i], float(low[i]), float(high[i]))
            for i in range(k)
        )

    def peak(self, start: int, stop: int) -> float:
        """Return the highest power in W: mean of a line cycle on mains, sample on DC."""
        if self.supply is Supply.MAINS:
            return self._cycles.peak(start, stop)
        begin, end = self._places.before(np.asarray([start, stop])).tolist()
        if end <= begin:
            return math.nan
        return float(extremes(self._stretches, begin, end)[1][-1])

    def steady(self, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what may stand for dead time between neighbouring edges; see ``Track.steady``."""
        if self.supply is Supply.MAINS:
            return self._cycles.between(edges)
        sums, n = self.cumulative(edges)
        return np.diff(sums[-1]), np.diff(n).astype(np.float64)

    @cached_property
    def _cycles(self) -> CycleTable:
        found = []
        for stretch in self._stretches.each:
            level = stretch.levels.cycles
            cycles = level.read(0, level.n)
            # One may have begun in a part that is missing; a crash may have left more of them than
            # of blocks.
            start, stop = self._indices(stretch)
            found.append(cycles[:, (cycles[0] >= start) & (cycles[1] <= stop)])
        return CycleTable.of(np.concatenate(found, axis=1), self._rate)

    def _indices(self, stretch: Stretch) -> tuple[int, int]:
        """Return the sample indices of the first sample of a stretch and after its last."""
        if stretch.stop == stretch.begin:
            return 0, 0
        first, last = self._places.indices(np.array([stretch.begin, stretch.stop - 1])).tolist()
        return first, last + 1

    def _hops(self, totals: Totals) -> Hops:
        power = self._samples.n_signals - 1
        return Hops(totals, power=power, voltage=None, current=None, sample_rate_hz=self._rate)

    def _pieces(self, at: NDArray[np.int64], window_s: float) -> Pieces:
        """Return what windows that end at these indices are made of."""
        if self.supply is Supply.MAINS:
            return self._cycles
        width = math.ceil(window_s * self._rate)
        if not at.size or width >= _FINE * self._totals.hop:
            return self._bins
        hop = hop_for(self._rate)
        begin = (int(at.min()) - 2 * width) // hop * hop - 2 * hop
        begin, end = max(begin, self.bounds[0]), min(int(at.max()), self.bounds[1])
        if self._near is not None and self._near[0] <= begin and end <= self._near[1]:
            return self._near[2]
        first, last = self._places.before(np.asarray([begin, end])).tolist()
        if end - begin > _LONGEST or not 0 < last - first <= _MOST_SAMPLES:
            return self._bins
        pyramid = Pyramid(self._samples.n_signals, hop, end - begin + hop, extremes=False)
        for start, signals in self._pieces_of(first, last):
            pyramid.append(start, signals)
        self._near = (begin, end, self._hops(pyramid))
        return self._near[2]

    def _pieces_of(self, begin: int, end: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield the signals of places without the gaps between them, by the index."""
        signals = self._samples.at(begin, end)
        indices = self._places.indices(np.arange(begin, end))
        cuts = np.flatnonzero(np.diff(indices) != 1) + 1
        for first, last in zip([0, *cuts.tolist()], [*cuts.tolist(), end - begin], strict=True):
            yield int(indices[first]), signals[:, first:last]

    def _outside(self, at: NDArray[np.float64]) -> NDArray[np.bool_]:
        start, stop = self.bounds
        return (at <= start) | (at > stop)

    @property
    def _n_ends(self) -> int:
        mains = self.supply is Supply.MAINS
        levels = (stretch.levels for stretch in self._stretches.each)
        return sum(each.cycles.n if mains else each.totals[0].n for each in levels)

    def _ends(self) -> list[NDArray[np.float64]]:
        """Return where ramps are looked at, in the order of time."""
        if self.supply is Supply.MAINS:
            at = self._cycles.stops
        else:
            places = np.concatenate([_ends(stretch) for stretch in self._stretches.each])
            at = self._places.indices(places - 1).astype(np.float64) + 1.0
        return [at[k : k + _LOOKED_AT] for k in range(0, at.size, _LOOKED_AT)]


def _ends(stretch: Stretch) -> NDArray[np.int64]:
    """Return the places at which the finest totals of a stretch end."""
    level = stretch.levels.totals[0]
    first = stretch.levels.first // level.hop + 1  # the one before may not be of it alone
    return np.arange(first, level.stop + 1) * level.hop - stretch.shift
