"""What of a recording is not as it was written, by its checksums."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from monitor.recording import hdf, schema
from monitor.recording.checksums import (
    ATTRIBUTES,
    CHECKSUMS,
    N_CLOSING,
    ROW,
    TABLES,
)

_AT_ONCE = 1 << 20  # codes of a channel that are read at once


_FOLLOWS = {
    "info": "rate, times, probes and every number may be wrong",
    "settings": "what was set, and notes, may be wrong",
    "corrections": "what its probes were before they were corrected may be wrong",
    "set": "parts of another recording may have been joined to it",
    "part": "parts of another recording may have been joined to it",
    "after": "a part that is missing may not be told",
    schema.BLOCKS: "gaps, energies and times may be wrong",
    schema.SCALES: "every number may be wrong",
    schema.MARKERS: "stages and marks may be wrong",
    schema.MARKER_JSON: "stages and marks may be wrong",
    schema.READINGS: "slow channels may be wrong",
    schema.SLOW_CHANNELS: "slow channels may be wrong",
    CHECKSUMS: "a change may go unnoticed",
}


@dataclass(frozen=True, slots=True)
class Changed:
    """Something that is not as it was written."""

    name: str
    """Of the table or the attribute."""
    first: int = 0
    """Row or, of the codes, column."""
    stop: int = 0
    channel: int = 0
    crc: int = 0
    """That it had."""

    def __str__(self) -> str:
        """Return what it is, e.g. ``rows 10 to 20 of markers``."""
        if self.name in ATTRIBUTES:
            return f"the attribute {self.name}"
        if self.name == schema.CODES:
            return f"samples {self.first} to {self.stop} of channel {self.channel}"
        if self.name == CHECKSUMS:
            return "the checksums themselves"
        return f"rows {self.first} to {self.stop} of {self.name}"


class Sums:
    """The checksums of a file; none if it is from before there were any.

    Parameters
    ----------
    closed
        Whether its recorder ended it, and all of it is there.
    """

    def __init__(self, file: h5py.File, *, closed: bool) -> None:
        self._closed = closed
        data = hdf.find(file, CHECKSUMS)
        is_table = data is not None and data.ndim == 1 and hdf.has_type(data, ROW)
        # Of a file that grows, what the rows are of is there once they are; it is read later.
        self._data = _Rows(data) if is_table else np.zeros(0, ROW)
        if not closed:
            self._data = self._data[:]
        self._head = self._data[: len(ATTRIBUTES)]
        self.has_whole = bool((self._head["table"] >= len(TABLES)).any())
        """Whether it has those of the attributes and, once closed, of whole tables."""

    def __len__(self) -> int:
        return len(self._data)

    def attributes(self, texts: Mapping[str, bytes]) -> Iterator[Changed]:
        """Yield which of the attributes changed, came or went, if there are checksums of them."""
        known = {int(row["table"]): row for row in self._head}
        for number, name in enumerate(ATTRIBUTES, len(TABLES)):
            text, row = texts.get(name), known.get(number)
            if self.has_whole and not _holds(text, row):
                yield Changed(name, crc=0 if row is None else int(row["crc"]))

    def tables(
        self, tables: Mapping[str, NDArray[Any]], *, thorough: bool = False
    ) -> Iterator[Changed]:
        """Yield what changed in tables, the checksums themselves if they contradict each other.

        Parameters
        ----------
        tables
            By name, their rows; of a file that is not closed those that can be read.
        thorough
            Whether to look at the pieces of a table, too, that is right as a whole.
        """
        has_closing = self._closed and self.has_whole
        ends = self._data[-N_CLOSING:].tolist() if has_closing else []
        right = {name for name, rows in tables.items() if _closing_row(name, rows) in ends}
        for name, rows in tables.items():
            if name in right and not thorough:
                continue
            found = list(self._changed_rows(name, rows))
            if has_closing and (name in right) == bool(found):
                yield Changed(CHECKSUMS)
            else:
                yield from found

    def codes(self, codes: Any, start: int, stop: int) -> Iterator[Changed]:
        """Yield what changed or cannot be read of the columns ``[start, stop)`` of the codes."""
        rows = self._pieces(schema.CODES)
        rows = rows[(rows["first"] < stop) & (rows["first"] + rows["n"] > start)]
        for channel in range(codes.shape[0]):
            ahead = _Ahead(codes, channel)
            for _, _, first, n, crc in rows[rows["channel"] == channel].tolist():
                if ahead.crc(first, first + n) != crc:
                    yield Changed(schema.CODES, first, first + n, channel, crc)

    def malformed(self, n_channels: int) -> Iterator[Changed]:
        """Yield the checksums if some row cannot be."""
        rows = self._rows
        number, channel = rows["table"], rows["channel"]
        is_code, is_attribute = number == 0, number >= len(TABLES)
        wrong = number >= len(TABLES) + len(ATTRIBUTES)
        wrong |= np.where(is_code, channel >= n_channels, channel > 0)
        wrong |= (rows["first"] < 0) | (rows["n"] < 0) | (is_attribute & (rows["first"] > 0))
        if wrong.any():
            yield Changed(CHECKSUMS)

    @cached_property
    def _rows(self) -> NDArray[np.void]:
        rows: NDArray[np.void] = self._data[:]
        return rows

    def _pieces(self, name: str) -> NDArray[np.void]:
        """Return the rows of a table's pieces; that of the whole table is not among them."""
        rows, number = self._rows, TABLES.index(name)
        tail = rows[-N_CLOSING:]
        is_closing = tail["table"].tolist() == [*range(1, len(TABLES))] and not tail["first"].any()
        if is_closing or (self._closed and self.has_whole):
            rows = rows[:-N_CLOSING]
        known = (rows["table"] == number) & (rows["first"] >= 0) & (rows["n"] > 0)
        return np.asarray(rows[known])

    def _changed_rows(self, name: str, table: NDArray[Any]) -> Iterator[Changed]:
        n_rows, data = len(table), _bytes(table)
        size = len(data) // max(n_rows, 1)
        for _, _, first, n, crc in self._pieces(name).tolist():
            if first + n > n_rows:
                if self._closed:
                    yield Changed(name, first, first + n, crc=crc)
            elif zlib.crc32(data[first * size : (first + n) * size]) != crc:
                yield Changed(name, first, first + n, crc=crc)


class _Rows:
    """The table of checksums, of which little is read."""

    def __init__(self, data: h5py.Dataset) -> None:
        self._data = data

    def __len__(self) -> int:
        return int(self._data.shape[0])

    def __getitem__(self, place: slice) -> NDArray[np.void]:
        start, stop, _ = place.indices(len(self))
        return hdf.rows(self._data, ROW, start, stop)


class _Ahead:
    """The codes of a channel, more of them read at once than are asked for."""

    def __init__(self, codes: Any, channel: int) -> None:
        self._codes, self._channel = codes, channel
        self._slab, self._first = np.zeros(0, codes.dtype), 0

    def crc(self, first: int, stop: int) -> int | None:
        """Return the checksum of columns; None if they are not there, or cannot be read."""
        if stop > self._codes.shape[1]:
            return None
        found, at = 0, first
        while at < stop:
            if not self._first <= at < self._first + len(self._slab):
                try:
                    self._slab = self._read(at, at + _AT_ONCE)
                except (OSError, RuntimeError):
                    try:
                        self._slab = self._read(at, stop)
                    except (OSError, RuntimeError):
                        return None
                self._first = at
            part = self._slab[at - self._first : stop - self._first]
            found = zlib.crc32(part.data, found)
            at += len(part)
        return found

    def _read(self, first: int, stop: int) -> NDArray[Any]:
        rows = self._codes[self._channel : self._channel + 1, first:stop]
        return np.ascontiguousarray(rows[0])


def _holds(text: bytes | None, row: NDArray[np.void] | None) -> bool:
    """Return whether an attribute is that of its row; one without is not there."""
    if text is None or row is None:
        return text is None and row is None
    return (0, 0, len(text), zlib.crc32(text)) == tuple(row.tolist())[1:]


def _bytes(table: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(table).reshape(-1).view(np.uint8).data


def _closing_row(name: str, table: NDArray[Any]) -> tuple[int, ...]:
    return TABLES.index(name), 0, 0, len(table), zlib.crc32(_bytes(table))


def sentences(changes: Iterable[Changed]) -> tuple[str, ...]:
    """Return what changed and what follows, one sentence for each table or attribute."""
    names = dict.fromkeys(each.name for each in changes)
    return tuple(f"its {name} changed since it was recorded: {_FOLLOWS[name]}" for name in names)
