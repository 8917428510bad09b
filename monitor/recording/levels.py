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


@dataclass(frozen=True, slots=True)
class Level:
    """One dataset of summaries."""

    data: Any
    """A dataset, or those of several files."""
    hop: int
    """Samples of a bin."""
    n: int
    """Bins that are there and whole."""

    def read(self, first: int, stop: int, rows: slice = slice(None)) -> NDArray[Any]:
        """Return bins ``[first, stop)``, shape (n_rows, stop - first).

        Raises
        ------
        RecordingError
            If the file is damaged there.
        """
        try:
            bins: NDArray[Any] = self.data[rows, first:stop]
        except (OSError, RuntimeError, ValueError) as error:
            raise RecordingError(f"the summaries cannot be read: {short(error)}") from error
        return bins


@dataclass(frozen=True, slots=True)
class Levels:
    """All summaries of a file."""

    extremes: tuple[Level, ...]
    """The finest first."""
    totals: tuple[Level, ...]
    """Likewise."""
    cycles: Level
    first: int
    """Samples in the files before: bins count places from the first of all."""


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
    return Levels(tuple(extremes), tuple(totals), cycles, first)


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
    return Level(data, hop, min(n, (first + n_samples) // hop - begin))


def _check_hops(levels: Sequence[Level]) -> None:
    for finer, coarser in itertools.pairwise(levels):
        if coarser.hop <= finer.hop or coarser.hop % finer.hop:
            raise ValueError(f"bins of {coarser.hop} do not consist of bins of {finer.hop}")
