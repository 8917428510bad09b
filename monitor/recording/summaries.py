"""Summaries beside the codes: derived, checked by their making, and never the truth.

They are of volts, amperes and watts, so they say with which probes they were made; with other
probes they are not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import h5py
import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.dsp.deskew import Deskew
from monitor.dsp.passing_cycles import PassingCycles
from monitor.dsp.power import total_power
from monitor.dsp.reduction import Reduction
from monitor.dsp.scale import to_units
from monitor.model import Block, Scale, StreamInfo
from monitor.recording.checked_bins import GrowingBins

GROUP = "summaries"
MADE_WITH = "made_with"
FIRST = "first"
HOP = "hop"
CYCLES = "cycles"

_FINEST = 256  # samples
_COARSE = 1 << 16  # samples of a bin: an hour at 100 kS/s has 5000 of them
_SHARE = 0.045  # of the bytes of the codes
_N_EXTREMES, _N_TOTALS = 7, 2  # levels
_EXTREMES_FACTOR = 4
"""Bins of extremes that make one of the next level: with 8 a view reads up to twice as much, and
an eighth less is stored of them."""
_TOTALS_FACTOR = 32
"""Bins between two running totals of one level, of the next."""
_TOTALS_BINS = 4
"""Bins of the finest extremes between two of the finest running totals."""
_AT_ONCE = 1 << 15  # samples: what is reduced stays in the second-level cache


def extremes_name(level: int) -> str:
    """Return the name of a level of extremes, the finest is 0."""
    return f"extremes_{level}"


def totals_name(level: int) -> str:
    """Return the name of a level of running totals, the finest is 0."""
    return f"totals_{level}"


def made_with(info: StreamInfo) -> str:
    """Return what the summaries depend on beside the codes and their scales, as JSON."""
    return msgspec.json.encode(
        [
            {
                "quantity": channel.quantity.value,
                "rail": channel.rail,
                "ratio": channel.probe.ratio,
                "offset": channel.probe.offset,
                "calibration_gain": channel.probe.calibration.gain,
                "calibration_offset": channel.probe.calibration.offset,
                "deskew_s": channel.probe.calibration.deskew_s,
            }
            for channel in info.channels
        ]
    ).decode()


def hop_for(info: StreamInfo) -> int:
    """Return the samples of a finest bin, so that all summaries cost at most 4.5 % of the codes."""
    n_signals = len(info.channels) + 1
    raw = len(info.channels) * np.dtype(info.dtype).itemsize
    extremes = 8 * _EXTREMES_FACTOR / (_EXTREMES_FACTOR - 1)  # bytes, of finest bins of one sample
    totals = 16 * _TOTALS_FACTOR / (_TOTALS_FACTOR - 1) / _TOTALS_BINS
    hop = _FINEST
    while n_signals * (extremes + totals) / hop > _SHARE * raw:
        hop *= 2
    return hop


def reduction_for(info: StreamInfo) -> Reduction:
    """Return what makes the summaries of a stream."""
    hop = hop_for(info)
    return Reduction(
        len(info.channels) + 1,
        [hop * _EXTREMES_FACTOR**k for k in range(_N_EXTREMES)],
        [hop * _TOTALS_BINS * _TOTALS_FACTOR**k for k in range(_N_TOTALS)],
    )


@dataclass(frozen=True, slots=True)
class Summaries:
    """What is filled in one file."""

    extremes: tuple[GrowingBins, ...]
    totals: tuple[GrowingBins, ...]
    cycles: GrowingBins


class Summariser:
    """Makes the summaries of a recording as its blocks come, for its file and those that follow."""

    def __init__(self, info: StreamInfo) -> None:
        self._info, self._channels = info, info.channels
        self._n_samples = 0
        self._reduction = reduction_for(info)
        self._cycles = PassingCycles(info.channels, info.sample_rate_hz, info.supply)
        self._deskew = Deskew(info.channels, info.sample_rate_hz)

    def attach(self, file: h5py.File) -> Summaries:
        """Return what will be filled, added to a file before it is in SWMR mode."""
        n = self._reduction.n_signals
        group = file.create_group(GROUP)
        group.attrs[MADE_WITH] = made_with(self._info)
        group.attrs[FIRST] = self._n_samples
        extremes = tuple(
            self._bins(group, extremes_name(k), "<f4", 2 * n, hop)
            for k, hop in enumerate(self._reduction.extremes_hops)
        )
        totals = tuple(  # one row by itself: mostly, only the power is asked about
            self._bins(group, totals_name(k), "<f8", 1, hop)
            for k, hop in enumerate(self._reduction.totals_hops)
        )
        return Summaries(extremes, totals, GrowingBins(group, CYCLES, "<f8", 3, 3))

    def _bins(
        self, group: h5py.Group, name: str, dtype: str, chunk_rows: int, hop: int
    ) -> GrowingBins:
        n_rows, is_short = 2 * self._reduction.n_signals, hop >= _COARSE
        bins = GrowingBins(group, name, dtype, chunk_rows, n_rows, is_short=is_short)
        bins.attrs[HOP] = hop
        return bins

    def append(self, blocks: Sequence[Block], codes: NDArray[np.integer]) -> None:
        """Take the next blocks.

        Parameters
        ----------
        codes : shape (n_channels, n)
            Of all of them, one after another.
        """
        first = last = 0
        for k, block in enumerate(blocks):
            last += block.n_samples
            after = blocks[k + 1] if k + 1 < len(blocks) else None
            if after is None or after.start != block.stop or after.scales != block.scales:
                self._append_run(block.stop - (last - first), codes[:, first:last], block.scales)
                first = last

    def append_signals(self, start: int, signals: NDArray[np.float32]) -> None:
        """Take signals that begin at an index, every sample in its place."""
        self._reduction.append(signals)
        self._cycles.append(start, signals)
        self._n_samples += signals.shape[1]

    def _append_run(
        self, start: int, codes: NDArray[np.integer], scales: tuple[Scale, ...]
    ) -> None:
        """Take codes without a gap and of one scale."""
        for first in range(0, codes.shape[1], _AT_ONCE):
            part = codes[:, first : first + _AT_ONCE]
            signals = np.empty((len(part) + 1, part.shape[1]), np.float32)
            to_units(part, self._channels, scales, out=signals[:-1])
            total_power(signals[:-1], self._channels, out=signals[-1])
            self._deskew.append(start + first, signals)
            self.append_signals(start + first, signals)

    def flush(self, into: Summaries) -> None:
        """Put what is new into a file.

        Raises
        ------
        OSError, RuntimeError
            If the disk does not take it.
        """
        reduced = self._reduction.take()
        for rows, bins in zip(into.extremes, reduced.extremes, strict=True):
            rows.extend(bins)
        for rows, totals in zip(into.totals, reduced.totals, strict=True):
            rows.extend(totals)
        into.cycles.extend(self._cycles.take())
