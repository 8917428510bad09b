"""What a recording holds beside its codes, checked before anybody relies on it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.dsp.power import rails
from monitor.errors import RecordingError
from monitor.model import Marker, Scale, SlowChannel, StreamInfo
from monitor.recording import levels, marker_text, notes, schema, slow
from monitor.recording.calibrated import Correction, corrections
from monitor.recording.compression import check_readable
from monitor.recording.levels import Levels
from monitor.recording.opening import n_readable
from monitor.recording.part_name import Part

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Contents:
    """The tables of a recording."""

    schema_version: int
    part: Part
    """Which file of the recording it is."""
    info: StreamInfo
    settings: dict[str, str]
    corrections: tuple[Correction, ...]
    """Of the probes, oldest first."""
    blocks: NDArray[np.void]
    """``schema.block_row``, in recorded order."""
    scales: tuple[tuple[Scale, ...], ...]
    """Per row of the table of scales, one per channel."""
    markers: tuple[Marker, ...]
    marker_order: NDArray[np.int64]
    """Their places among all items."""
    slow_channels: tuple[SlowChannel, ...]
    """By number; none in a file that was made before there were any."""
    readings: NDArray[np.void]
    """``schema.READING_ROW``, in recorded order."""
    codes: Any
    """A dataset, or those of several files; shape (n_channels, n)."""
    levels: tuple[Levels, ...]
    """Summaries, of each stretch of files that follow one another; none if some do not hold."""
    ended: bool
    """Whether its recorder ended it as asked."""
    goes_on: bool | None
    """Whether another file holds what follows; None if it was made before that was told."""
    lost: tuple[str, ...]
    """What should be there and cannot be read, one sentence each."""


def load(file: h5py.File, path: Path, *, whole: bool) -> Contents:
    """Return the checked contents of a file.

    Parameters
    ----------
    whole
        Whether it was closed; if not, what its tables point to may be missing at the end.

    Raises
    ------
    RecordingError
        If it is not ours, or of another version, or nothing of it is left.
    OSError, RuntimeError, KeyError, TypeError, ValueError, MemoryError
        If it is damaged; the text says how.
    """
    version = _version(file, path)
    info = _info(file)
    # In the opposite order of writing, since the file may be growing.
    status = _dataset(file, schema.STATUS, 1)[:]
    blocks, some_lost = _table(file, schema.BLOCKS, schema.block_row(len(info.channels)), whole)
    marks, marks_lost = _table(file, schema.MARKERS, schema.MARKER_ROW, whole)
    heap, _ = _table(file, schema.MARKER_JSON, np.dtype("u1"), whole)
    readings, channels, lost_readings = _slow(file, whole)
    scales, _ = _table(file, schema.SCALES, np.dtype("<f8"), whole, len(info.channels), 2)
    codes = _codes(file, info)
    n_codes = int(codes.shape[1]) if whole else min(codes.shape[1], n_readable(codes, _size(path)))
    _check_blocks(blocks)
    kept = _pointing_inside(blocks["offset"] + blocks["n"], n_codes, whole, "block")
    kept = min(
        kept, _pointing_inside(blocks["scale_row"] + np.int64(1), len(scales), whole, "block")
    )
    kept_marks = _pointing_inside(marks["offset"] + marks["length"], len(heap), whole, "marker")
    lost = some_lost + len(blocks) - kept
    if lost and not kept:
        raise RecordingError(
            f"{path} is cut short: none of its {lost} blocks is left; copy it again if there"
            " is an original"
        )
    lost_marks = marks_lost + len(marks) - kept_marks
    missing = tuple(
        f"it is cut short: its last {n} {what} are lost"
        for n, what in (
            (lost, f"of {kept + lost} blocks"),
            (lost_marks, "markers"),
            (lost_readings, "readings"),
        )
        if n
    )
    for each in missing:
        logger.warning("%s: %s", path, each)
    n_samples = int(blocks["n"][:kept].sum())
    found = levels.find(file, info, n_samples, None if whole else _size(path))
    marks = marks[:kept_marks]
    _check_order(marks["order"], "marker")
    return Contents(
        schema_version=version,
        part=_part(file),
        info=info,
        settings=_settings(file),
        corrections=corrections(file),
        blocks=blocks[:kept],
        scales=tuple(
            tuple(Scale(float(gain), float(offset)) for gain, offset in row) for row in scales
        ),
        markers=_markers(marks, heap),
        marker_order=np.ascontiguousarray(marks["order"]),
        slow_channels=channels,
        readings=readings,
        codes=codes,
        levels=(found,) if found else (),
        ended=bool(status[schema.STATUS_CLOSED]),
        goes_on=_goes_on(status),
        lost=missing,
    )


def _part(file: h5py.File) -> Part:
    number = int(file.attrs.get("part", 1))
    return Part(str(file.attrs.get("set", "")), number, int(file.attrs.get("after", number - 1)))


def _goes_on(status: NDArray[np.int64]) -> bool | None:
    return bool(status[schema.STATUS_GOES_ON]) if len(status) > schema.STATUS_GOES_ON else None


def _version(file: h5py.File, path: Path) -> int:
    if file.attrs.get("format") != schema.FORMAT:
        raise RecordingError(
            f"{path} is an HDF5 file, but not a Wattstage recording; record with `wattstage record`"
        )
    made = int(file.attrs["schema_version"])
    if made > schema.SCHEMA_VERSION:
        raise RecordingError(
            f"{path} was made by a newer version: schema {made}, this reads"
            f" {schema.SCHEMA_VERSION}; update wattstage"
        )
    if made < schema.OLDEST_VERSION:
        raise ValueError(f"it is of schema {made}, which never was")
    return made


def _info(file: h5py.File) -> StreamInfo:
    try:
        info = msgspec.json.decode(file.attrs["info"], type=StreamInfo)
        rails(info.channels)
    except ValueError as error:
        raise ValueError(f"its stream info is wrong: {error}") from error
    if not 0 < info.sample_rate_hz < np.inf:
        raise ValueError(f"its sample rate is {info.sample_rate_hz} Hz")
    return info


def _settings(file: h5py.File) -> dict[str, str]:
    try:
        settings = msgspec.json.decode(file.attrs["settings"], type=dict[str, str])
        notes.recorded(settings)
    except ValueError as error:
        raise ValueError(f"its settings are wrong: {error}") from error
    return settings


def _dataset(file: h5py.File, name: str, n_dimensions: int) -> h5py.Dataset:
    data = file.get(name)
    if not isinstance(data, h5py.Dataset) or data.ndim != n_dimensions:
        raise ValueError(f"/{name} is missing or has another shape")
    return data


def _table(
    file: h5py.File, name: str, dtype: np.dtype[Any], whole: bool, *columns: int
) -> tuple[NDArray[Any], int]:
    """Return the rows of a table that can be read, and how many more there should be."""
    data = _dataset(file, name, 1 + len(columns))
    if data.dtype != dtype or data.shape[1:] != columns:
        raise ValueError(f"/{name} has other columns than schema {schema.SCHEMA_VERSION}")
    size, n = _size(Path(file.filename)), int(data.shape[0])
    readable = n if whole else min(n, n_readable(data, size))
    if readable * dtype.itemsize * int(np.prod(columns)) > size:
        raise ValueError(f"/{name} claims {n} rows, more than the file holds")
    return data[:readable], n - readable


def _slow(file: h5py.File, whole: bool) -> tuple[NDArray[np.void], tuple[SlowChannel, ...], int]:
    """Return the readings that can be read, their channels, and how many more there should be."""
    if schema.READINGS not in file and schema.SLOW_CHANNELS not in file:
        return np.zeros(0, schema.READING_ROW), (), 0
    rows, lost = _table(file, schema.READINGS, schema.READING_ROW, whole)
    heap, _ = _table(file, schema.SLOW_CHANNELS, np.dtype("u1"), whole)
    try:
        channels = slow.decode(heap.tobytes())
    except ValueError as error:
        raise ValueError(f"one of its slow channels is wrong: {error}") from error
    kept = _pointing_inside(rows["channel"] + np.int64(1), len(channels), whole, "reading")
    if kept and rows["channel"][:kept].min() < 0:
        raise ValueError("its reading table has negative channels")
    _check_order(rows["order"][:kept], "reading")
    return rows[:kept], channels, lost + len(rows) - kept


def _codes(file: h5py.File, info: StreamInfo) -> h5py.Dataset:
    codes, n, dtype = _dataset(file, schema.CODES, 2), len(info.channels), np.dtype(info.dtype)
    if codes.shape[0] != n or codes.dtype != dtype or dtype.kind not in "iu":
        raise ValueError(
            f"/{schema.CODES} is {codes.shape[0]} rows of {codes.dtype}, expected {n} of {dtype}"
        )
    check_readable(codes)
    return codes


def _check_blocks(rows: NDArray[np.void]) -> None:
    """Raise ValueError if the table contradicts itself."""
    _check_order(rows["order"], "block")
    for name, at in (("index", "start"), ("place", "offset")):
        begins, ends = rows[at], rows[at] + rows["n"]
        if (ends < begins).any() or (begins[1:] < ends[:-1]).any():
            raise ValueError(f"its block table contradicts itself: the {name} goes backwards")
    if len(rows) and (rows["offset"][0] < 0 or rows["scale_row"].min() < 0):
        raise ValueError("its block table contradicts itself: it has negative places")


def _check_order(order: NDArray[np.int64], what: str) -> None:
    if (order[1:] <= order[:-1]).any():
        raise ValueError(f"its {what} table is not in order")


def _pointing_inside(ends: NDArray[np.integer], n: int, whole: bool, what: str) -> int:
    """Return how many of the first rows point to what is there."""
    outside = np.flatnonzero(ends > n)
    if not outside.size:
        return len(ends)
    if whole:
        raise ValueError(f"its {what} table points to what is not there")
    return int(outside[0])


def _markers(rows: NDArray[np.void], heap: NDArray[np.uint8]) -> tuple[Marker, ...]:
    data = heap.tobytes()
    found = []
    for begin, length in zip(rows["offset"].tolist(), rows["length"].tolist(), strict=True):
        if begin < 0 or length < 0:
            raise ValueError("its marker table has negative places")
        try:
            found.append(marker_text.decode(data[begin : begin + length]))
        except ValueError as error:
            raise ValueError(f"one of its markers is wrong: {error}") from error
    return tuple(found)


def _size(path: Path) -> int:
    return path.stat().st_size
