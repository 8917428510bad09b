"""The files of a recording that is split, as one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import RecordingError
from monitor.recording.contents import Contents
from monitor.recording.levels import Level, Levels
from monitor.recording.part_name import number_of, part_path

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

    def changed(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the ranges in columns ``[begin, end)`` that changed; see ``CheckedCodes``."""
        firsts = [0, *self._ends[:-1].tolist()]
        for part, first, stop in zip(self._parts, firsts, self._ends.tolist(), strict=True):
            for a, b in part.changed(max(begin, first) - first, min(end, stop) - first):
                yield a + first, b + first


def load_parts(first: Path, load: Callable[[Path], Contents], drop: Callable[[], None]) -> Contents:
    """Return the contents of a file and of the parts that follow it, as those of one.

    A part that is missing or damaged is a gap, and is told in ``lost``.

    Parameters
    ----------
    load
        Opens a file; RecordingError if it cannot.
    drop
        Closes the file that was opened last.

    Raises
    ------
    RecordingError
        If the first cannot be loaded, or the parts contradict one another.
    """
    parts, lost, last = [load(first)], {}, 1
    for number, path in _following(first, parts[0]):
        if not path.exists():
            lost[number] = f"part {number} is missing: there is no file {path}"
            continue
        try:
            part = load(path)
        except RecordingError as error:
            lost[number], last = f"part {number} is left out: {error}", number
            continue
        why_not = _why_not(part, number, parts[0])
        if why_not:
            drop()
            lost[number] = f"part {number} is left out: {path} {why_not}"
        else:
            parts.append(part)
            last = number
    told = tuple(text for number, text in lost.items() if number <= last)
    for text in told:
        logger.warning("%s", text)
    whole = join(parts)
    return replace(whole, lost=(*whole.lost, *told), closed=whole.closed and not told)


def _following(first: Path, whole: Contents) -> Iterator[tuple[int, Path]]:
    """Yield the numbers and names of the parts of a recording up to the last that is there."""
    if whole.part[1] != 1:
        return
    last = max((number_of(first, path) for path in first.parent.iterdir()), default=1)
    for number in range(2, last + 1):
        yield number, part_path(first, number)


def _why_not(part: Contents, number: int, first: Contents) -> str:
    """Return why a file is not that part of a recording; empty if it is."""
    if part.part != (first.part[0], number):
        return "is a file of another recording"
    if part.info != first.info:
        return (
            "has other probes: they were corrected there and not in the first part, or the other"
            " way round"
        )
    return ""


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
        damage=tuple(dict.fromkeys(each for part in parts for each in part.damage)),
        unused=next((part.unused for part in parts if part.unused), ""),
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
