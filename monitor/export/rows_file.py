"""Tables as CSV, JSON and Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

from monitor.errors import ConfigError
from monitor.export.export import making
from monitor.export.formats import library, refuse_existing
from monitor.export.stage_rows import Rows


def write_rows(rows: Rows, path: Path, form: str = "") -> None:
    """Write a table: whole, or not at all.

    Parameters
    ----------
    form
        ``csv``, ``json`` or ``parquet``; empty takes the ending of the file.

    Raises
    ------
    ConfigError
        If there is no such format, its library is missing, or the file exists.
    RecordingError
        If the disk does not take it.
    """
    name = (form or path.suffix.removeprefix(".")).lower()
    if name not in _WRITERS:
        raise ConfigError(f"a table is written as csv, json or parquet, got {name!r}; add --format")
    refuse_existing([path])
    with making([path]) as part:
        _WRITERS[name](rows, part)


def _csv(rows: Rows, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        meanings = [f"{column.title}: {column.meaning}" for column in rows.columns]
        for line in (*rows.about, *meanings):
            out.write(f"# {' '.join(line.split())}\n")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([column.title for column in rows.columns])
        writer.writerows(["" if cell is None else cell for cell in row] for row in rows.rows)


def _json(rows: Rows, path: Path) -> None:
    names = [column.name for column in rows.columns]
    value = {
        "about": rows.about,
        "columns": [{"name": c.name, "unit": c.unit, "meaning": c.meaning} for c in rows.columns],
        "rows": [dict(zip(names, row, strict=True)) for row in rows.rows],
    }
    path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _parquet(rows: Rows, path: Path) -> None:
    pa, pq = library("pyarrow", "Parquet"), library("pyarrow.parquet", "Parquet")
    fields, columns = [], []
    for k, column in enumerate(rows.columns):
        cells = [row[k] for row in rows.rows]
        if len({type(cell) for cell in cells if cell is not None} - {int, float}) > 1:
            cells = [None if cell is None else str(cell) for cell in cells]  # an attribute's
        try:
            made = pa.array(cells)
        except (pa.ArrowException, OverflowError):
            made = pa.array([None if cell is None else str(cell) for cell in cells])
        told = {"unit": column.unit, "meaning": column.meaning}
        fields.append(pa.field(column.title, made.type, metadata=told))
        columns.append(made)
    schema = pa.schema(fields, {"about": "\n".join(rows.about)})
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), path, compression="zstd")


_WRITERS: dict[str, Callable[[Rows, Path], None]] = {
    "csv": _csv, "json": _json, "parquet": _parquet,
}  # fmt: skip
