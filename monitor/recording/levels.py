"""The summaries of a file, checked, and read piece by piece."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from monitor.errors import RecordingError
from monitor.model import StreamInfo
from monitor.recording import summaries
from monitor.recording.opening import n_readable, short

logger = logging.getLogger(__name__)

_MOST = 1 << 60  # samples: thousands of years, and no sum of two of them overflows


@dataclass(frozen=True, slots=True)
class Level:
    """One dataset of summaries."""

    data: Any
    """A dataset, or those of several files."""
    hop: int
    """Samples of a bin."""
    n: int
    """Bins that are there and whole."""
    first: int = 0
    """Number of the first of them, counted from the first file of all."""

    @property
    def stop(self) -> int:
        """Return the number after the last of them."""
        return self.first + self.n

    def read(self, first: int, stop: int, rows: slice = slice(None)) -> NDArray[Any]:
        """Return bins ``[first, stop)``, shape (n_rows, stop - first).

        Raises
        ------
        RecordingError
            If the file is damaged there.
        """
        try:
            bins: NDArray[Any] = self.data[rows, first - self.first : stop - self.first]
        except (OSError, RuntimeError, ValueError) as error:
            raise RecordingError(f"the summaries cannot be read: {short(error)}") from error
        return bins


@dataclass(frozen=True, slots=True)
class Levels:
    """All summaries of a file, or of several that follow one another."""

    extremes: tuple[Level, ...]
    """The finest first."""
    totals: tuple[Level, ...]
    """Likewise."""
    cycles: Level
    first: int
    """Samples in the files before, here or missing: bins count from the first of all."""
    n_samples: int
    """That they are of."""

    @property
    def together(self) -> tuple[Level, ...]:
        """Return the levels of which bins are as long as they say."""
        return *self.extremes, *self.totals

    @property
    def n_missing(self) -> int:
        """Return the samples at the end that are in no bin; many, where a file was cut short."""
        bins = (self.extremes[0], self.totals[0])
        return self.first + self.n_samples - min(level.stop * level.hop for level in bins)

    def is_followed_by(self, other: Levels) -> bool:
        """Return whether the bins of others go on where these end."""
        return other.first == self.first + self.n_samples and all(
            ours.stop == theirs.first
            for ours, theirs in zip(self.together, other.together, strict=True)
        )


def find(file: h5py.File, info: StreamInfo, n_samples: int, n_bytes: int | None) -> Levels | None:
    """Return the summaries of a file; None if it has none that hold for its probes.

    Parameters
    ----------
    n_samples
        That its blocks have.
    n_bytes
        Size of a file that is not whole; None if it is.
    """
    group = file.get(summaries.GROUP)
    if not isinstance(group, h5py.Group):
        return None
    if group.attrs.get(summaries.MADE_WITH) != summaries.made_with(info):
        logger.info("%s: its summaries are of other probes, and are not used", file.filename)
        return None
    n_rows = 2 * (len(info.channels) + 1)
    try:
        first = int(group.attrs[summaries.FIRST])
        if not 0 <= first < _MOST:
            raise ValueError(f"there cannot be {first} samples before it")
        unit = int(group[summaries.totals_name(0)].attrs[summaries.HOP])
        extremes = [
            _level(
                group[summaries.extremes_name(k)], "<f4", n_rows, (first, n_samples, unit), n_bytes
            )
            for k in range(summaries.N_EXTREMES)
        ]
        totals = [
            _level(
                group[summaries.totals_name(k)], "<f8", n_rows, (first, n_samples, unit), n_bytes
            )
            for k in range(summaries.N_TOTALS)
        ]
        cycles = _level(group[summaries.CYCLES], "<f8", 3, None, n_bytes)
        _check_hops(extremes)
        _check_hops(totals)
    except (KeyError, ValueError, TypeError, OSError, RuntimeError) as error:
        logger.warning("%s: its summaries are not used: %s", file.filename, short(error))
        return None
    return Levels(tuple(extremes), tuple(totals), cycles, first, n_samples)


def _level(
    data: Any, dtype: str, n_rows: int, places: tuple[int, int, int] | None, n_bytes: int | None
) -> Level:
    if not isinstance(data, h5py.Dataset) or data.dtype != np.dtype(dtype) or data.ndim != 2:
        raise ValueError(f"a level is no table of {dtype}")
    if data.shape[0] != n_rows:
        raise ValueError(f"{data.name} has {data.shape[0]} rows, expected {n_rows}")
    n = int(data.shape[1]) if n_bytes is None else min(data.shape[1], n_readable(data, n_bytes))
    if places is None:
        return Level(data, 0, n)
    hop = int(data.attrs[summaries.HOP])
    if hop < 1:
        raise ValueError(f"{data.name} has bins of {hop} samples")
    first, n_samples, unit = places
    together = max(hop, unit)  # samples that are summarised at once
    begin = first // together * (together // hop)
    return Level(data, hop, min(n, (first + n_samples) // hop - begin), begin)


def _check_hops(levels: Sequence[Level]) -> None:
    for finer, coarser in itertools.pairwise(levels):
        if coarser.hop <= finer.hop or coarser.hop % finer.hop:
            raise ValueError(f"bins of {coarser.hop} do not consist of bins of {finer.hop}")
