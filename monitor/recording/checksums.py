"""Checksums of what each flush added to a recording, so that a bit that flips later is seen.

They are a table of their own: a checksum inside a chunk that grows, as HDF5's own filter has, would
cost the chunk if the process dies while it is written.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import h5py
import numpy as np
from numpy.typing import NDArray

from monitor.recording import schema

CHECKSUMS = "checksums"
TABLES = (
    schema.CODES,
    schema.BLOCKS,
    schema.SCALES,
    schema.MARKERS,
    schema.MARKER_JSON,
    schema.READINGS,
    schema.SLOW_CHANNELS,
)
"""By the number that stands for them."""
ROW = np.dtype([("table", "u1"), ("channel", "u1"), ("first", "<i8"), ("n", "<i8"), ("crc", "<u4")])

_AT_ONCE = 1 << 22  # codes that are read at once


class Checksums:
    """Those of a file that grows, until they are written to it."""

    def __init__(self, n_channels: int) -> None:
        self._codes = [0] * n_channels
        self._codes_first = self._n_codes = 0
        self._rows: list[tuple[int, int, int, int, int]] = []

    def add_codes(self, codes: NDArray[np.integer]) -> None:
        """Take the next codes, shape (n_channels, n)."""
        for k, row in enumerate(codes):
            self._codes[k] = zlib.crc32(np.ascontiguousarray(row).data, self._codes[k])
        self._n_codes += codes.shape[1]

    def add(self, name: str, first: int, rows: NDArray[np.generic]) -> None:
        """Take rows that were appended to another table, from row ``first`` on."""
        crc = zlib.crc32(np.ascontiguousarray(rows).tobytes())
        self._rows.append((TABLES.index(name), 0, first, len(rows), crc))

    def take(self) -> NDArray[np.void]:
        """Return the rows of what was taken since the last time."""
        if self._n_codes:
            codes = [(0, k, self._codes_first, self._n_codes, c) for k, c in enumerate(self._codes)]
            self._rows = [*codes, *self._rows]
            self._codes = [0] * len(self._codes)
            self._codes_first += self._n_codes
            self._n_codes = 0
        rows, self._rows = self._rows, []
        return np.array(rows, ROW)


def changed(file: h5py.File) -> Iterator[str]:
    """Yield what of a file is not as it was written, e.g. ``rows 10 to 20 of markers``.

    Raises
    ------
    OSError, RuntimeError, LookupError, ValueError
        If it cannot be read.
    """
    for row in file[CHECKSUMS][:].tolist() if CHECKSUMS in file else ():
        number, channel, first, n, crc = row
        if number >= len(TABLES) or first < 0 or n < 0 or (number and channel):
            yield "the checksums themselves"
            continue
        name = TABLES[number]
        length = file[name].shape[1 if name == schema.CODES else 0]
        if first + n > length or _crc(file[name], channel, first, n) != crc:
            where = f"samples {first} to {first + n} of channel {channel}"
            yield where if number == 0 else f"rows {first} to {first + n} of {name}"


def _crc(data: h5py.Dataset, channel: int, first: int, n: int) -> int:
    """Return the checksum of rows of a table, or of codes of a channel."""
    if data.name.lstrip("/") != schema.CODES:
        return zlib.crc32(np.ascontiguousarray(data[first : first + n]).tobytes())
    crc = 0
    for at in range(first, first + n, _AT_ONCE):
        codes = data[channel, at : min(at + _AT_ONCE, first + n)]
        crc = zlib.crc32(np.ascontiguousarray(codes).data, crc)
    return crc
