"""Parquet: a column per signal; what happened meanwhile is in the metadata of the file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from monitor.export.blocks import Blocks
from monitor.export.description import KEY, Job, describe, to_json
from monitor.export.formats import Format, Write, library
from monitor.export.pieces import Piece

BLOCKS = f"{KEY}_blocks"
"""Key of scales and blocks: known at the end only, so not with the rest."""

_INDEX_BYTES = 2  # per sample: index and time are counted up, which packs well
_WHAT = "Parquet"


def _check(job: Job) -> None:
    library("pyarrow.parquet", _WHAT)


def _n_bytes(job: Job) -> int:
    width = np.dtype(job.recording.info.dtype).itemsize if job.selection.codes else 4
    rows = job.n_samples * (_INDEX_BYTES + width * len(job.signals))
    return rows + 3 * len(to_json(describe(job)))


@contextlib.contextmanager
def _writer(path: Path, job: Job) -> Iterator[Write]:
    pa, pq = library("pyarrow", _WHAT), library("pyarrow.parquet", _WHAT)
    codes = job.selection.codes
    kind = pa.float32()
    if codes:
        kind = pa.from_numpy_dtype(np.dtype(job.recording.info.dtype).newbyteorder("="))
    names = [f"{s.name} [{'code' if codes else s.unit}]" for s in job.signals]
    fields = [pa.field("sample", pa.int64()), pa.field("utc", pa.timestamp("ns", "UTC"))]
    fields += [pa.field(name, kind) for name in names]
    if codes:
        fields.append(pa.field("scale", pa.int32()))
    schema = pa.schema(fields, {KEY: to_json(describe(job))})
    blocks = Blocks()
    packed = {"sample": "DELTA_BINARY_PACKED", "utc": "DELTA_BINARY_PACKED"}
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=["scale"] if codes else False,
        column_encoding=packed,
    ) as out:

        def write(piece: Piece) -> None:
            n = piece.data.shape[1]
            columns = [pa.array(np.arange(piece.start, piece.stop))]
            utc = job.times_ns(piece.start, piece.stop)
            columns.append(pa.array(utc, pa.timestamp("ns", "UTC")))
            columns += [pa.array(row.astype(kind.to_pandas_dtype())) for row in piece.data]
            if piece.block is not None:
                columns.append(pa.array(np.full(n, blocks.add(piece.block), np.int32)))
            out.write_batch(pa.record_batch(columns, schema=schema))

        yield write
        out.add_key_value_metadata({BLOCKS: json.dumps(blocks.told())})


PARQUET = Format(name="parquet", suffix=".parquet", n_bytes=_n_bytes, writer=_writer, check=_check)
