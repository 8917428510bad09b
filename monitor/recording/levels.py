"""The summaries of a file, checked, and read piece by piece."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from monitor.errors import RecordingError
from monitor.model import StreamInfo
from monitor.recording import hdf, summaries
from monitor.recording.checked_bins import SUFFIX, CheckedBins
from monitor.recording.opening import n_readable, short


class OtherProbesError(ValueError):
    """Summaries were made with other probes than the file tells of."""


class UnusableSummariesError(RecordingError):
    """The summaries of a file cannot be read, or changed since they were written."""


_LEVELS = 64  # at most: each has bins twice as long at least
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
        UnusableSummariesError
            If the file is damaged there.
        """
        try:
            bins: NDArray[Any] = self.data[rows, first - self.first : stop - self.first]
        except (OSError, RuntimeError, ValueError) as error:
            raise UnusableSummariesError(short(error)) from error
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


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a file there is to be summarised."""

    n_samples: int
    """That its blocks have."""
    closed: bool
    """Whether its recorder ended it, so that no bin is missing."""
    n_bytes: int | None
    """Size of a file that is not whole; None if it is."""


def find(file: h5py.File, info: StreamInfo, extent: Extent) -> Levels | None:
    """Return the summaries of a file; None if it has none.

    Raises
    ------
    OtherProbesError
        If they are of other probes.
    ValueError
        If they contradict themselves, or the samples.
    """
    group = file.get(summaries.GROUP)
    if not isinstance(group, h5py.Group):
        return None
    if hdf.attribute(group, summaries.MADE_WITH) != summaries.made_with(info):
        raise OtherProbesError("they are of other probes than its info has")
    n_rows = 2 * (len(info.channels) + 1)
    try:
        first = int(hdf.attribute(group, summaries.FIRST))
        if not 0 <= first < _MOST:
            raise ValueError(f"there cannot be {first} samples before it")
        places = first, int(hdf.attribute(group[summaries.totals_name(0)], summaries.HOP))
        extremes = [
            _level(group, name, "<f4", n_rows, extent, places=places)
            for name in _names(group, summaries.extremes_name)
        ]
        totals = [
            _level(group, name, "<f8", n_rows, extent, places=places)
            for name in _names(group, summaries.totals_name)
        ]
        cycles = _level(group, summaries.CYCLES, "<f8", 3, extent)
    except (KeyError, TypeError, OSError, RuntimeError) as error:
        raise ValueError(short(error)) from error
    _check_hops(extremes)
    _check_hops(totals)
    return Levels(tuple(extremes), tuple(totals), cycles, first, extent.n_samples)


def _names(group: h5py.Group, of: Callable[[int], str]) -> Iterator[str]:
    """Yield the names of the levels that are there, and of one at least."""
    yield of(0)
    yield from itertools.takewhile(lambda name: hdf.has(group, name), map(of, range(1, _LEVELS)))


def _level(
    group: h5py.Group,
    name: str,
    dtype: str,
    n_rows: int,
    extent: Extent,
    *,
    places: tuple[int, int] | None = None,
) -> Level:
    """Return a level.

    Parameters
    ----------
    places
        Samples in the files before, and those that are summarised at once; None of line cycles.
    """
    data = hdf.find(group, name)
    if data is None or not hdf.has_type(data, np.dtype(dtype)) or data.ndim != 2:
        raise ValueError(f"{name} is no table of {dtype}")
    has_sums = hdf.has(group, name + SUFFIX)
    bins = CheckedBins(group, data, extent.n_bytes) if has_sums else data
    if data.shape[0] != n_rows:
        raise ValueError(f"{name} has {data.shape[0]} rows, expected {n_rows}")
    n = int(bins.shape[1])
    if extent.n_bytes is not None:
        n = min(n, n_readable(data, extent.n_bytes))
    if places is None:
        return Level(bins, 0, n)
    hop = int(hdf.attribute(data, summaries.HOP))
    if hop < 1:
        raise ValueError(f"{name} has bins of {hop} samples")
    first, unit = places
    together = max(hop, unit)
    begin, end = (k // together * (together // hop) for k in (first, first + extent.n_samples))
    if extent.closed and n != end - begin:
        raise ValueError(f"{name} has {n} bins, expected {end - begin}")
    return Level(bins, hop, min(n, end - begin), begin)


def _check_hops(levels: Sequence[Level]) -> None:
    for finer, coarser in itertools.pairwise(levels):
        if coarser.hop <= finer.hop or coarser.hop % finer.hop:
            raise ValueError(f"bins of {coarser.hop} do not consist of bins of {finer.hop}")
