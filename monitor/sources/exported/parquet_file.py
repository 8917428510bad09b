"""Parquet files that were exported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from monitor.errors import RecordingError
from monitor.export.description import KEY
from monitor.export.formats import library
from monitor.export.parquet import BLOCKS
from monitor.model import Block
from monitor.sources.exported.described import (
    Numbers,
    decoded,
    decoded_blocks,
    from_codes,
    from_values,
)
from monitor.sources.exported.source import FileSource

_ROWS = 1 << 17  # that are held at once
_FIRST = 2  # columns before the signals: sample, utc


def parquet_source(path: Path) -> FileSource:
    """Return the content of a Parquet file that was exported as a source.

    Raises
    ------
    ConfigError
        If it has no power, or pyarrow is not installed.
    RecordingError
        If it cannot be read, or was made by something else.
    """
    pa, pq = library("pyarrow", "Parquet"), library("pyarrow.parquet", "Parquet")
    with _opened(pa, pq, path) as file:
        told = file.metadata.metadata or {}
    if KEY.encode() not in told:
        raise RecordingError(
            f"{path} was not made by `wattstage export`; write it as CSV, and import that"
        )
    description = decoded(told[KEY.encode()], path.name)
    info, columns = description.imported_info, description.imported_columns

    def numbers(file: Any) -> Iterator[Numbers]:
        places = [0, *(_FIRST + k for k in columns)]
        try:
            names = [file.schema_arrow.names[k] for k in places]
            for batch in file.iter_batches(_ROWS, columns=names):
                rows = [batch.column(name).to_numpy(zero_copy_only=False) for name in names]
                yield Numbers(rows[0].astype(np.int64), np.stack(rows[1:]))
        except (pa.ArrowException, OSError, ValueError, LookupError) as error:
            raise RecordingError(f"{path} is damaged: {error}; export it again") from error

    def blocks() -> Iterator[Block]:
        with _opened(pa, pq, path) as file:
            if description.is_codes:
                table = decoded_blocks(told.get(BLOCKS.encode(), b""), path.name)
                yield from from_codes(numbers(file), table, columns, info.dtype, path.name)
            else:
                largest = [description.largest[k] for k in columns]
                yield from from_values(numbers(file), info, largest)

    return FileSource(info, blocks, description.events)


def _opened(pa: Any, pq: Any, path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RecordingError(f"{path} is no Parquet file, or damaged: {error}") from error
