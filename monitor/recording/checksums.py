"""Checksums of what each flush added to a recording, so that a bit that flips later is seen.

They are a table of their own: a checksum inside a chunk that grows, as HDF5's own filter has, would
cost the chunk if the process dies while it is written. At its head are those of the attributes, at
the end of a file that was closed those of whole tables, so that both are found without reading it.
"""

from __future__ import annotations

import zlib

import h5py
import numpy as np
from numpy.typing import NDArray

from monitor.recording import hdf, schema

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
ATTRIBUTES = ("info", "settings", "corrections", "set", "part", "after")
"""Likewise, from the number after the last table on."""
ROW = np.dtype([("table", "u1"), ("channel", "u1"), ("first", "<i8"), ("n", "<i8"), ("crc", "<u4")])
N_CLOSING = len(TABLES) - 1
"""Rows at the end of a closed file: one for the whole of each table but the codes."""

_CODES = 65_536  # of a row, at most: one piece of a channel, so that little is lost with it
_BYTES = 512  # of a table, likewise: a sector of a disk

Row = tuple[int, int, int, int, int]


class Checksums:
    """Those of a file that grows, until they are written to it."""

    def __init__(self, n_channels: int) -> None:
        self._codes = [0] * n_channels
        self._codes_first = self._n_codes = 0
        self._pieces: list[Row] = []
        self._rows: list[Row] = []
        self._whole = dict.fromkeys(range(1, len(TABLES)), (0, 0))

    def add_codes(self, codes: NDArray[np.integer]) -> None:
        """Take the next codes, shape (n_channels, n)."""
        done = 0
        while done < codes.shape[1]:
            n = _CODES - (self._codes_first + self._n_codes) % _CODES
            part = codes[:, done : done + n]
            for k, row in enumerate(part):
                self._codes[k] = zlib.crc32(np.ascontiguousarray(row).data, self._codes[k])
            self._n_codes += part.shape[1]
            done += n
            if part.shape[1] == n:
                self._end_piece()

    def add(self, name: str, first: int, rows: NDArray[np.generic]) -> None:
        """Take rows that were appended to another table, from row ``first`` on."""
        number, data = TABLES.index(name), np.ascontiguousarray(rows)
        together = max(1, _BYTES // (data.nbytes // len(data)))
        for k in range(0, len(data), together):
            part = data[k : k + together]
            self._rows.append((number, 0, first + k, len(part), zlib.crc32(part.tobytes())))
        n, crc = self._whole[number]
        self._whole[number] = n + len(data), zlib.crc32(data.tobytes(), crc)

    def take(self) -> NDArray[np.void]:
        """Return the rows of what was taken since the last time."""
        self._end_piece()
        rows = [*self._pieces, *self._rows]
        self._pieces, self._rows = [], []
        return np.array(rows, ROW)

    def closing(self) -> NDArray[np.void]:
        """Return the rows that end the table: of all that was taken but the codes."""
        return np.array([(number, 0, 0, *whole) for number, whole in self._whole.items()], ROW)

    def _end_piece(self) -> None:
        if self._n_codes:
            first, n = self._codes_first, self._n_codes
            self._pieces += [(0, k, first, n, crc) for k, crc in enumerate(self._codes)]
            self._codes = [0] * len(self._codes)
            self._codes_first, self._n_codes = first + n, 0


def attribute_texts(file: h5py.File) -> dict[str, bytes]:
    """Return what the checksums of the attributes of a file are of; numbers as their digits."""
    found: dict[str, bytes] = {}
    for name in ATTRIBUTES:
        value = hdf.attribute(file, name)
        if value is not None:
            found[name] = str(value).encode("utf-8", "surrogateescape")
    return found


def attribute_rows(file: h5py.File) -> NDArray[np.void]:
    """Return the rows of the attributes that a file has."""
    found = [
        (len(TABLES) + ATTRIBUTES.index(name), 0, 0, len(text), zlib.crc32(text))
        for name, text in attribute_texts(file).items()
    ]
    return np.array(found, ROW)


def seal(file: h5py.File) -> None:
    """Let the checksums be those of the attributes as they are now, if the file has any.

    Who changes an attribute of a closed recording on purpose does this.
    """
    if CHECKSUMS not in file:
        return
    data = file[CHECKSUMS]
    rows = data[:]
    rows = np.concatenate((attribute_rows(file), rows[rows["table"] < len(TABLES)]))
    data.resize(len(rows), axis=0)
    data[:] = rows
