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
from monitor.recording import (
    calibrated,
    hdf,
    levels,
    marker_text,
    notes,
    schema,
    slow,
    sound,
    tables,
)
from monitor.recording.calibrated import Correction
from monitor.recording.checked_codes import CheckedCodes
from monitor.recording.checksums import attribute_texts
from monitor.recording.compression import check_readable
from monitor.recording.levels import Extent, Levels
from monitor.recording.opening import n_readable
from monitor.recording.part_name import Part
from monitor.recording.sums import Sums, sentences

logger = logging.getLogger(__name__)

_OTHER_PROBES = "its summaries are not used: they are of other probes than its info tells of"
_EITHER = (
    "its info or its summaries changed since it was recorded, as they are of different probes and"
    " no correction is told of: every number may be wrong"
)


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
    """``CheckedCodes``, or those of several files; shape (n_channels, n)."""
    levels: tuple[Levels, ...]
    """Summaries, of each stretch of files that follow one another; none if some do not hold."""
    ended: bool
    """Whether its recorder ended it as asked."""
    goes_on: bool | None
    """Whether another file holds what follows; None if it was made before that was told."""
    lost: tuple[str, ...]
    """What should be there and cannot be read, one sentence each."""
    damage: tuple[str, ...]
    """What is there and not as it was written, one sentence each."""
    unused: str
    """Why summaries that are there are not used; empty if they are, or were of other probes."""


def load(file: h5py.File, path: Path, *, whole: bool, only_sound: bool = False) -> Contents:
    """Return the checked contents of a file.

    Parameters
    ----------
    whole
        Whether it was closed; if not, what its tables point to may be missing at the end.
    only_sound
        Whether to leave out the rows that changed since they were written.

    Raises
    ------
    RecordingError
        If it is not ours, or of another version, or nothing of it is left.
    OSError, RuntimeError, KeyError, TypeError, ValueError, MemoryError
        If it is damaged; the text says how.
    """
    version = _version(file, path)
    # In the opposite order of writing, since the file may be growing.
    status = tables.dataset(file, schema.STATUS, 1)[:]
    closed = whole and bool(status[schema.STATUS_CLOSED])
    sums = Sums(file, closed=closed)
    texts = attribute_texts(file)
    found = tables.read(file, tables.n_channels(file), whole=whole)
    changes = list(sums.attributes(texts))
    if sums.has_whole or only_sound:
        changes += sums.tables(found.rows)
    told: tuple[str, ...] = ()
    if only_sound:
        found, texts, changes, told = sound.only(found, texts, changes)
    info = _info(texts)
    codes = _codes(file, info)
    n_codes = int(codes.shape[1])
    if not whole:
        n_codes = min(n_codes, n_readable(codes, tables.size_of(file)))
    kept, missing = tables.pointing_inside(found, n_codes, whole=whole)
    if missing[schema.BLOCKS] and not len(kept[schema.BLOCKS]):
        raise RecordingError(
            f"{path} is cut short: none of its {missing[schema.BLOCKS]} blocks is left; copy it"
            " again if there is an original"
        )
    cut = _cut_short(kept, missing)
    blocks, marks = kept[schema.BLOCKS], kept[schema.MARKERS]
    corrected = calibrated.decode(texts.get("corrections"))
    n_bytes = None if whole else tables.size_of(file)
    extent = Extent(int(blocks["n"].sum()), closed and not only_sound, n_bytes)
    summaries, unused = _summaries(file, info, extent)
    damage = sentences(changes)
    if unused is _OTHER_PROBES:
        if corrected:
            unused = ""
        elif not sums.has_whole:
            damage = (*damage, _EITHER)
    for each in (*cut, *(() if only_sound else (*damage, *filter(None, [unused])))):
        logger.warning("%s: %s", path, each)
    return Contents(
        schema_version=version,
        part=_part(texts),
        info=info,
        settings=_settings(texts),
        corrections=corrected,
        blocks=blocks,
        scales=tuple(
            tuple(Scale(float(gain), float(offset)) for gain, offset in row)
            for row in kept[schema.SCALES]
        ),
        markers=_markers(marks, kept[schema.MARKER_JSON]),
        marker_order=np.ascontiguousarray(marks["order"]),
        slow_channels=_slow_channels(kept[schema.SLOW_CHANNELS]),
        readings=kept[schema.READINGS],
        codes=CheckedCodes(codes, sums),
        levels=() if only_sound or summaries is None else (summaries,),
        ended=closed,
        goes_on=_goes_on(status),
        lost=(*cut, *told),
        damage=damage,
        unused=unused,
    )


def _cut_short(kept: dict[str, NDArray[Any]], missing: dict[str, int]) -> tuple[str, ...]:
    """Return what the end of a file that was cut short had."""
    n_blocks = len(kept[schema.BLOCKS]) + missing[schema.BLOCKS]
    words = {
        schema.BLOCKS: f"of {n_blocks} blocks",
        schema.MARKERS: "markers",
        schema.READINGS: "readings",
    }
    return tuple(
        f"it is cut short: its last {missing[name]} {what} are lost"
        for name, what in words.items()
        if missing[name]
    )


def _summaries(file: h5py.File, info: StreamInfo, extent: Extent) -> tuple[Levels | None, str]:
    """Return the summaries that hold, and why there are none though the file has some."""
    try:
        return levels.find(file, info, extent), ""
    except levels.OtherProbesError:
        return None, _OTHER_PROBES
    except ValueError as error:
        return None, f"its summaries are not used: {error}"


def _goes_on(status: NDArray[np.int64]) -> bool | None:
    return bool(status[schema.STATUS_GOES_ON]) if len(status) > schema.STATUS_GOES_ON else None


def _version(file: h5py.File, path: Path) -> int:
    if hdf.attribute(file, "format") != schema.FORMAT:
        raise RecordingError(
            f"{path} is an HDF5 file, but not a Wattstage recording; record with `wattstage record`"
        )
    made = int(hdf.attribute(file, "schema_version"))
    if made > schema.SCHEMA_VERSION:
        raise RecordingError(
            f"{path} was made by a newer version: schema {made}, this reads"
            f" {schema.SCHEMA_VERSION}; update wattstage"
        )
    if made < schema.OLDEST_VERSION:
        raise ValueError(f"it is of schema {made}, which never was")
    return made


def _info(texts: dict[str, bytes]) -> StreamInfo:
    try:
        info = msgspec.json.decode(texts["info"], type=StreamInfo)
        rails(info.channels)
    except ValueError as error:
        raise ValueError(f"its stream info is wrong: {error}") from error
    if not 0 < info.sample_rate_hz < np.inf:
        raise ValueError(f"its sample rate is {info.sample_rate_hz} Hz")
    return info


def _part(texts: dict[str, bytes]) -> Part:
    number = int(texts.get("part", b"1"))
    name = texts.get("set", b"").decode(errors="replace")
    return Part(name, number, int(texts.get("after", number - 1)))


def _settings(texts: dict[str, bytes]) -> dict[str, str]:
    try:
        settings = msgspec.json.decode(texts["settings"], type=dict[str, str])
        notes.recorded(settings)
    except ValueError as error:
        raise ValueError(f"its settings are wrong: {error}") from error
    return settings


def _slow_channels(heap: NDArray[np.uint8]) -> tuple[SlowChannel, ...]:
    try:
        return slow.decode(heap.tobytes())
    except ValueError as error:
        raise ValueError(f"one of its slow channels is wrong: {error}") from error


def _codes(file: h5py.File, info: StreamInfo) -> h5py.Dataset:
    codes, n, dtype = (
        tables.dataset(file, schema.CODES, 2),
        len(info.channels),
        np.dtype(info.dtype),
    )
    if codes.shape[0] != n or codes.dtype != dtype or dtype.kind not in "iu":
        raise ValueError(
            f"/{schema.CODES} is {codes.shape[0]} rows of {codes.dtype}, expected {n} of {dtype}"
        )
    check_readable(codes)
    return codes


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
