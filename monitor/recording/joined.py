"""The files of a recording that is split, as one."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import RecordingError
from monitor.recording.contents import Contents
from monitor.recording.levels import Level, Levels
from monitor.recording.part_name import part_path

logger = logging.getLogger(__name__)


class Joined:
    """Datasets whose columns follow one another.

    Parameters
    ----------
    parts
        Each with the number of its columns that count.
    """

    def __init__(self, parts: Sequence[tuple[Any, int]]) -> None:
        self._parts = [part for part, _ in parts]
        self._ends = np.cumsum([n for _, n in parts])
        self.shape = (int(parts[0][0].shape[0]), int(self._ends[-1]))
        self.dtype = parts[0][0].dtype

    def __getitem__(self, place: tuple[slice, slice]) -> NDArray[Any]:
        """Return rows and columns, as a dataset does."""
        rows, columns = place
        found, start, stop = [], columns.start, min(columns.stop, self.shape[1])
        firsts = [0, *self._ends[:-1].tolist()]
        for part, first, end in zip(self._parts, firsts, self._ends.tolist(), strict=True):
            if start < min(end, stop):
                found.append(part[rows, start - first : min(end, stop) - first])
                start = min(end, stop)
        return np.concatenate(found, axis=1) if found else self._parts[0][rows, 0:0]


def following(first: Path, whole: Contents) -> Iterable[Path]:
    """Yield the files that may be the next parts of a recording, in their order."""
    number = 2
    while whole.part[1] == 1:
        path = part_path(first, number)
        if not path.exists():
            return
        yield path
        number += 1


def belongs(part: Contents, number: int, first: Contents, path: Path) -> bool:
    """Return whether a file is that part of a recording."""
    if part.part != (first.part[0], number):
        return False
    if part.info != first.info:
        logger.warning(
            "%s and what follows it is left out: its probes were corrected and those of the first"
            " part were not, or the other way round",
            path,
        )
        return False
    return True


def join(parts: Sequence[Contents]) -> Contents:
    """Return the contents of all parts, in their order, as those of one file.

    Raises
    ------
    RecordingError
        If they contradict one another.
    """
    if len(parts) == 1:
        return parts[0]
    blocks, readings, codes = [], [], []
    n_codes = n_scales = n_channels = 0
    for part in parts:
        rows, slow = part.blocks.copy(), part.readings.copy()
        n = int(rows["offset"][-1] + rows["n"][-1]) if len(rows) else 0
        rows["offset"] += n_codes
        rows["scale_row"] += n_scales
        slow["channel"] += n_channels
        blocks.append(rows)
        readings.append(slow)
        codes.append((part.codes, n))
        n_codes, n_scales = n_codes + n, n_scales + len(part.scales)
        n_channels += len(part.slow_channels)
    table = np.concatenate(blocks)
    ends = table["start"] + table["n"]
    if (table["start"][1:] < ends[:-1]).any() or (np.diff(table["order"]) <= 0).any():
        raise RecordingError("its parts contradict one another: time goes backwards")
    return replace(
        parts[0],
        blocks=table,
        scales=tuple(scale for part in parts for scale in part.scales),
        markers=tuple(marker for part in parts for marker in part.markers),
        marker_order=np.concatenate([part.marker_order for part in parts]),
        slow_channels=tuple(channel for part in parts for channel in part.slow_channels),
        readings=np.concatenate(readings),
        codes=Joined(codes),
        levels=_levels(parts, [n for _, n in codes]),
        closed=all(part.closed for part in parts),
        lost=tuple(each for part in parts for each in part.lost),
    )


def _levels(parts: Sequence[Contents], lengths: Sequence[int]) -> Levels | None:
    """Return the summaries of all; None if they do not follow one another."""
    found: list[Levels] = []
    first = 0
    for part, n in zip(parts, lengths, strict=True):
        if part.levels is None or part.levels.first != first:
            return None
        found.append(part.levels)
        first += n
    return Levels(
        tuple(_level(levels) for levels in zip(*(f.extremes for f in found), strict=True)),
        tuple(_level(levels) for levels in zip(*(f.totals for f in found), strict=True)),
        _level([f.cycles for f in found]),
        0,
    )


def _level(parts: Sequence[Level]) -> Level:
    data = Joined([(part.data, part.n) for part in parts])
    return Level(data, parts[0].hop, sum(part.n for part in parts))
