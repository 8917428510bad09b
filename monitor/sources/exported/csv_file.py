"""CSV files that were exported, with the file beside them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np

from monitor.errors import RecordingError
from monitor.export.csv_file import MAGIC, SIDECAR
from monitor.model import Block
from monitor.sources.exported.described import (
    Description,
    Numbers,
    decoded,
    decoded_blocks,
    from_codes,
    from_values,
)
from monitor.sources.exported.source import FileSource
from monitor.sources.tables.reading import opened

_LINES = 1 << 15  # that are held at once
_FIRST = 3  # columns before the signals: sample, utc, time_s


def csv_source(path: Path) -> FileSource | None:
    """Return the content of a CSV file as a source; None if it was not exported.

    Raises
    ------
    RecordingError
        If it cannot be read, or the file beside it is missing or of something else.
    """
    with opened(path) as lines:
        if lines.readline(len(MAGIC)) != MAGIC:
            return None
    beside = path.with_name(path.name + SIDECAR)
    try:
        text = beside.read_bytes()
    except OSError as error:
        raise RecordingError(
            f"{beside} cannot be read: {error.strerror}; it tells what the columns of {path.name}"
            " are, and belongs beside it"
        ) from error
    description = decoded(text, beside.name)
    info, columns = description.imported_info, description.imported_columns

    def blocks() -> Iterator[Block]:
        with opened(path) as lines:
            numbers = _numbers(lines, description, path)
            if description.is_codes:
                table = decoded_blocks(text, beside.name)
                yield from from_codes(numbers, table, columns, info.dtype, path.name)
            else:
                largest = [description.largest[k] for k in columns]
                yield from from_values(numbers, info, largest)

    return FileSource(info, blocks, description.events)


def _numbers(lines: TextIO, description: Description, path: Path) -> Iterator[Numbers]:
    rows = (line for line in lines if not line.startswith("#"))
    next(rows, None)  # the titles
    places = [_FIRST + k for k in description.imported_columns]
    kind = np.dtype(np.int64 if description.is_codes else np.float64)
    while some := list(islice(rows, _LINES)):
        cells = [line.rstrip("\r\n").split(",") for line in some]
        try:
            full = [row for row in cells if any(row[_FIRST:])]
            index = np.array([int(row[0]) for row in full], np.int64)
            data = np.array([[row[k] or "nan" for row in full] for k in places]).astype(kind)
        except (ValueError, IndexError, OverflowError) as error:
            raise RecordingError(
                f"{path}: expected the rows of an export, got {error}; was it edited?"
            ) from error
        yield Numbers(index, data)
