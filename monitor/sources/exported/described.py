"""What an export tells about its samples, checked; and samples made into blocks by it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.dsp.power import rails
from monitor.errors import ConfigError, RecordingError
from monitor.export.description import VERSION
from monitor.model import Block, Marker, Reading, Scale, SlowChannel, StreamInfo

_T = TypeVar("_T")
_DTYPES = {f"{kind}{8 * size}" for kind in ("int", "uint") for size in (1, 2, 4, 8)}
_FARTHEST = 1 << 62  # sample index that an int64 holds with room to spare


class BlockTable(msgspec.Struct, frozen=True, kw_only=True):
    """The blocks of exported codes; see ``monitor.export.blocks``."""

    scales: list[list[tuple[float, float]]] = []
    blocks: list[tuple[int, int, int, int, list[int], int]] = []


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What is used of a description; see ``monitor.export.description``."""

    wattstage: int
    content: str
    imported_info: StreamInfo
    imported_columns: list[int]
    largest: list[float]
    start: int
    stop: int
    markers: list[Marker]
    slow_channels: list[SlowChannel]
    readings: list[tuple[int, int, int, float]]

    @property
    def is_codes(self) -> bool:
        """Return whether the samples are codes."""
        return self.content == "codes"

    @property
    def events(self) -> list[Marker | Reading]:
        """Return markers and readings in the order in which they came."""
        readings = [
            Reading(channel=self.slow_channels[k], time_ns=at, received_ns=received, value=value)
            for k, at, received, value in self.readings
        ]
        return sorted([*self.markers, *readings], key=lambda item: item.received_ns or item.time_ns)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Samples with their indices, which may jump."""

    index: NDArray[np.int64]
    """Shape (n,)."""
    data: NDArray[Any]
    """Shape (n_channels, n)."""


def decoded(text: bytes | str, name: str) -> Description:
    """Return a description.

    Raises
    ------
    RecordingError
        If it is none.
    ConfigError
        If what was exported has no power.
    """
    found = _converted(text, Description, name)
    info = found.imported_info
    if found.wattstage > VERSION:
        raise RecordingError(f"{name} was exported by a newer version; update wattstage")
    try:
        if not info.channels:
            raise ValueError("there is no power in it")
        rails(info.channels)
    except ValueError as error:
        raise ConfigError(
            f"{name} cannot become a recording: {error}; export voltage and current, or the power"
        ) from error
    known = info.dtype in _DTYPES and 0 < info.sample_rate_hz < math.inf
    known = known and len(found.imported_columns) == len(info.channels)
    known = known and all(0 <= peak < math.inf for peak in found.largest)
    if not known or not all(0 <= k < len(found.largest) for k in found.imported_columns):
        raise RecordingError(f"{name}: what it tells about its channels is contradictory")
    if not all(0 <= k < len(found.slow_channels) for k, *_ in found.readings):
        raise RecordingError(f"{name}: a reading is of a slow channel that it does not tell")
    return found


def decoded_blocks(text: bytes | str, name: str) -> BlockTable:
    """Return a table of blocks; RecordingError if it is none."""
    table = _converted(text, BlockTable, name)
    for start, n, _, _, clipped, scale in table.blocks:
        if not 0 <= n < _FARTHEST or not -_FARTHEST < start < _FARTHEST:
            raise RecordingError(f"{name}: its table of blocks is damaged")
        if not 0 <= scale < len(table.scales):
            raise RecordingError(f"{name}: its table of blocks is damaged")
        if len(table.scales[scale]) != len(clipped):
            raise RecordingError(f"{name}: its table of blocks is damaged")
    return table


def _converted(text: bytes | str, kind: type[_T], name: str) -> _T:
    try:
        return msgspec.convert(json.loads(text), kind)
    except (ValueError, TypeError, RecursionError) as error:
        raise RecordingError(
            f"{name}: what wattstage told about it cannot be read: {error}; export it again"
        ) from error


def from_codes(
    numbers: Iterator[Numbers], table: BlockTable, columns: list[int], dtype: str, name: str
) -> Iterator[Block]:
    """Yield the blocks of a table out of the samples.

    Raises
    ------
    RecordingError
        If samples are missing, or are none that the table tells.
    """
    index = np.empty(0, np.int64)
    data = np.empty((len(columns), 0), dtype)
    for start, n, host_ns, uncertainty_ns, clipped, scale in table.blocks:
        while len(index) < n:
            more = next(numbers, None)
            if more is None:
                raise RecordingError(f"{name} is cut short: sample {start + len(index)} is missing")
            index = np.concatenate((index, more.index))
            data = np.concatenate((data, more.data.astype(dtype)), axis=1)
        if not np.array_equal(index[:n], np.arange(start, start + n)):
            raise RecordingError(f"{name}: expected samples {start} to {start + n}, found others")
        yield Block(
            start=start,
            codes=np.ascontiguousarray(data[:, :n]),
            scales=tuple(Scale(*table.scales[scale][k]) for k in columns),
            clipped=tuple(clipped[k] for k in columns),
            host_ns=host_ns,
            host_uncertainty_ns=uncertainty_ns,
        )
        index, data = index[n:], data[:, n:]


def from_values(
    numbers: Iterator[Numbers], info: StreamInfo, largest: list[float]
) -> Iterator[Block]:
    """Yield values as blocks of int32, split where samples are missing.

    The gain is a power of two, so that all but the smallest values are as they were: exact from a
    256th of the largest, and within 2^-31 of it below.

    Parameters
    ----------
    largest
        The largest magnitude of each channel.
    """
    scales = tuple(
        Scale(math.ldexp(1.0, max(math.frexp(peak)[1] - 31, -126)), 0.0) for peak in largest
    )
    gains = np.array([[scale.gain] for scale in scales])
    for piece in numbers:
        known = np.isfinite(piece.data).all(axis=0)
        index, data = piece.index[known], piece.data[:, known]
        cuts = [0, *(np.flatnonzero(np.diff(index) != 1) + 1).tolist(), len(index)]
        for first, last in pairwise(cuts):
            if first < last:
                start = int(index[first])
                codes = np.rint(data[:, first:last] / gains).astype(np.int32)
                at_ns = info.time_ns(start)
                yield Block(start, codes, scales, (0,) * len(codes), at_ns, info.t0_uncertainty_ns)
