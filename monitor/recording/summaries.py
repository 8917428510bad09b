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
N_EXTREMES = 4
N_TOTALS = 2

_FINEST = 256  # samples
_SHARE = 0.04  # of the bytes of the codes
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
    """Return the samples of a finest bin, so that all summaries cost at most 4 % of the codes."""
    n_signals = len(info.channels) + 1
    raw = len(info.channels) * np.dtype(info.dtype).itemsize
    per_sample = n_signals * (8 * 16 / 15 + 16 * 32 / 31 / 4)  # bytes, of a bin of one sample
    hop = _FINEST
    while per_sample / hop > _SHARE * raw:
        hop *= 2
    return hop


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
        n = len(info.channels) + 1
        self._reduction = Reduction(n, hop_for(info), n_extremes=N_EXTREMES, n_totals=N_TOTALS)
        self._cycles = PassingCycles(info.channels, info.sample_rate_hz, info.supply)
        self._deskew = Deskew(info.channels, info.sample_rate_hz)

    def attach(self, file: h5py.File) -> Summaries:
        """Return what will be filled, added to a file before it is in SWMR mode."""
        n = self._reduction.n_signals
        group = file.create_group(GROUP)
        group.attrs[MADE_WITH] = made_with(self._info)
        group.attrs[FIRST] = self._n_samples
        made = Summaries(
            tuple(
                GrowingBins(group, extremes_name(k), "<f4", 2 * n, 2 * n) for k in range(N_EXTREMES)
            ),
            # One row by itself: mostly, only the power is asked about.
            tuple(GrowingBins(group, totals_name(k), "<f8", 1, 2 * n) for k in range(N_TOTALS)),
            GrowingBins(group, CYCLES, "<f8", 3, 3),
        )
        for data, hop in (
            *zip(made.extremes, self._reduction.extremes_hops, strict=True),
            *zip(made.totals, self._reduction.totals_hops, strict=True),
        ):
            data.attrs[HOP] = hop
        return made

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
