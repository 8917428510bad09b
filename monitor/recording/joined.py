"""The files of a recording that is split, as one."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.errors import RecordingError
from monitor.recording.contents import Contents
from monitor.recording.levels import Level, Levels
from monitor.recording.part_name import part_path, parts_beside

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
    parts, left_out = [load(first)], dict[int, _LeftOut]()
    if parts[0].part.number != 1:
        return parts[0]
    seen: set[int] = set()
    # Until there is no other: while it is recorded, one that was the last may be split meanwhile.
    while new := {n: path for n, path in parts_beside(first).items() if n not in seen}:
        seen |= new.keys()
        for number, path in new.items():
            try:
                part = load(path)
            except RecordingError as error:
                left_out[number] = _LeftOut(str(error))
                continue
            wrong = _wrong(part, path, number, parts)
            if wrong is None:
                parts.append(part)
            else:
                drop()
                left_out[number] = wrong
    told = tuple(_told(first, _absent(parts, left_out), left_out))
    for text in told:
        logger.warning("%s", text)
    whole = join(parts)
    return replace(whole, lost=(*whole.lost, *told))


class _LeftOut(NamedTuple):
    """A file beside a recording that is not taken with it."""

    why: str
    is_ours: bool = True
    """Whether it may be a part all the same."""


def _wrong(part: Contents, path: Path, number: int, parts: Sequence[Contents]) -> _LeftOut | None:
    """Return why a file cannot follow these parts of a recording; None if it can."""
    first, before = parts[0], parts[-1].part.number
    if part.part[:2] != (first.part.set, number):
        why = f"{path} is a file of another recording"
        return _LeftOut(why, is_ours=bool(part.damage))  # of which the name may have changed
    if not before <= part.part.after < number:
        return _LeftOut(f"{path} follows part {part.part.after}, expected {before} to {number - 1}")
    if part.info != first.info:
        return _LeftOut(
            f"{path} has other probes: they were corrected there and not in the first part, or the"
            " other way round"
        )
    return None


def _absent(parts: Sequence[Contents], left_out: Mapping[int, _LeftOut]) -> Iterator[range]:
    """Yield the numbers of parts that should be there."""
    for before, part in itertools.pairwise(parts):
        yield range(before.part.number + 1, part.part.after + 1)
    last, number = parts[-1], parts[-1].part.number
    if last.goes_on or (last.goes_on is None and last.ended):
        ours = [n for n, each in left_out.items() if each.is_ours]
        yield range(number + 1, max(number + bool(last.goes_on), *ours, 0) + 1)
    # Else it is the last; after one that was not ended, the next was only being made.


def _told(first: Path, absent: Iterable[range], left_out: Mapping[int, _LeftOut]) -> Iterator[str]:
    """Yield a sentence about each file that is left out, and about those that are missing."""
    for numbers in absent:
        begin = numbers.start
        for number in [*sorted(n for n in left_out if n in numbers), numbers.stop]:
            if number > begin:
                yield _missing(first, begin, number - 1)
            if number < numbers.stop:
                yield f"part {number} is left out: {left_out[number].why}"
            begin = number + 1


def _missing(first: Path, begin: int, last: int) -> str:
    if begin == last:
        return f"part {begin} is missing: there is no file {part_path(first, begin)}"
    names = f"{part_path(first, begin)} to {part_path(first, last).name}"
    return f"parts {begin} to {last} are missing: there are no files {names}"


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
        levels=_levels(parts),
        ended=all(part.ended for part in parts),
        goes_on=parts[-1].goes_on,
        lost=tuple(each for part in parts for each in part.lost),
        damage=tuple(dict.fromkeys(each for part in parts for each in part.damage)),
        unused=next((part.unused for part in parts if part.unused), ""),
    )


def _levels(parts: Sequence[Contents]) -> tuple[Levels, ...]:
    """Return the summaries of each stretch of files that follow one another; none if one has none.

    A part that is missing breaks them: bins after it count its samples.
    """
    hops = {tuple(level.hop for level in each.together) for part in parts for each in part.levels}
    if len(hops) != 1 or not all(part.levels for part in parts):
        return ()
    stretches: list[list[Levels]] = []
    for levels in (each for part in parts for each in part.levels):
        if stretches and stretches[-1][-1].is_followed_by(levels):
            stretches[-1].append(levels)
        else:
            stretches.append([levels])
    return tuple(map(_one, stretches))


def _one(stretch: Sequence[Levels]) -> Levels:
    return Levels(
        tuple(_level(levels) for levels in zip(*(each.extremes for each in stretch), strict=True)),
        tuple(_level(levels) for levels in zip(*(each.totals for each in stretch), strict=True)),
        _level([each.cycles for each in stretch]),
        stretch[0].first,
        sum(each.n_samples for each in stretch),
    )


def _level(parts: Sequence[Level]) -> Level:
    data = Joined([(part.data, part.n) for part in parts])
    return Level(data, parts[0].hop, sum(part.n for part in parts), parts[0].first)
