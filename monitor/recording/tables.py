"""The tables of a recording as they lie in its file, and whether they contradict themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from monitor.recording import hdf, schema
from monitor.recording.opening import n_readable

_FARTHEST = 1 << 60  # samples: thousands of years, and no difference of two overflows


@dataclass(frozen=True, slots=True)
class Tables:
    """The rows of all tables but the codes that can be read."""

    rows: dict[str, NDArray[Any]]
    """By the name of the table."""
    missing: dict[str, int]
    """How many more of each there should be."""


def read(file: h5py.File, n_channels: int, *, whole: bool) -> Tables:
    """Return the tables, read in the opposite order of writing, since the file may be growing.

    Parameters
    ----------
    whole
        Whether all that is claimed is there.

    Raises
    ------
    ValueError
        If one is not there, or of another shape.
    """
    shapes: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
        schema.BLOCKS: (schema.block_row(n_channels), ()),
        schema.MARKERS: (schema.MARKER_ROW, ()),
        schema.MARKER_JSON: (np.dtype("u1"), ()),
        schema.READINGS: (schema.READING_ROW, ()),
        schema.SLOW_CHANNELS: (np.dtype("u1"), ()),
        schema.SCALES: (np.dtype("<f8"), (n_channels, 2)),
    }
    rows, missing = {}, {}
    before_them = schema.READINGS not in file and schema.SLOW_CHANNELS not in file
    for name, (dtype, columns) in shapes.items():
        if before_them and name in {schema.READINGS, schema.SLOW_CHANNELS}:
            rows[name], missing[name] = np.zeros(0, dtype), 0
        else:
            rows[name], missing[name] = _table(file, name, dtype, whole, *columns)
    return Tables(rows, missing)


def dataset(file: h5py.File, name: str, n_dimensions: int) -> h5py.Dataset:
    """Return a dataset of so many dimensions; ValueError if there is none."""
    data = hdf.find(file, name)
    if data is None or data.ndim != n_dimensions:
        raise ValueError(f"/{name} is missing or has another shape")
    return data


def pointing_inside(
    found: Tables, n_codes: int, *, whole: bool
) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
    """Return the rows up to the first that points to what is not there, and how many are not.

    Raises
    ------
    ValueError
        If a table contradicts itself, or the file is whole and one points to what is not there.
    """
    rows = dict(found.rows)
    blocks, marks, readings = rows[schema.BLOCKS], rows[schema.MARKERS], rows[schema.READINGS]
    _check_blocks(blocks)
    n_channels = int(np.count_nonzero(rows[schema.SLOW_CHANNELS] == ord("\n")))
    ends = {
        schema.BLOCKS: (
            (blocks["offset"] + blocks["n"], n_codes),
            (blocks["scale_row"] + np.int64(1), len(rows[schema.SCALES])),
        ),
        schema.MARKERS: ((marks["offset"] + marks["length"], len(rows[schema.MARKER_JSON])),),
        schema.READINGS: ((readings["channel"] + np.int64(1), n_channels),),
    }
    missing = {}
    for name, places in ends.items():
        n = min(_inside(at, end) for at, end in places)
        if whole and n < len(rows[name]):
            raise ValueError(f"its {name[:-1]} table points to what is not there")
        missing[name] = found.missing[name] + len(rows[name]) - n
        rows[name] = rows[name][:n]
    _check_order(rows[schema.MARKERS]["order"], "marker")
    _check_order(rows[schema.READINGS]["order"], "reading")
    if (rows[schema.READINGS]["channel"] < 0).any():
        raise ValueError("its reading table has negative channels")
    return rows, missing


def _check_blocks(rows: NDArray[np.void]) -> None:
    """Raise ValueError if the table contradicts itself."""
    _check_order(rows["order"], "block")
    for name, at in (("index", "start"), ("place", "offset")):
        begins, ends = rows[at], rows[at] + rows["n"]
        if (ends < begins).any() or (begins[1:] < ends[:-1]).any():
            raise ValueError(f"its block table contradicts itself: the {name} goes backwards")
        if len(rows) and not -_FARTHEST <= begins[0] <= ends[-1] <= _FARTHEST:
            raise ValueError(f"its block table is of no recording: the {name} goes to {ends[-1]}")
    if len(rows) and (rows["offset"][0] < 0 or rows["scale_row"].min() < 0):
        raise ValueError("its block table contradicts itself: it has negative places")


def _check_order(order: NDArray[np.int64], what: str) -> None:
    if (order[1:] <= order[:-1]).any():
        raise ValueError(f"its {what} table is not in order")


def _inside(ends: NDArray[np.integer], n: int) -> int:
    """Return how many of the first rows end before there."""
    outside = np.flatnonzero(ends > n)
    return int(outside[0]) if outside.size else len(ends)


def n_channels(file: h5py.File) -> int:
    """Return the rows of the codes."""
    return int(dataset(file, schema.CODES, 2).shape[0])


def size_of(file: h5py.File) -> int:
    """Return the bytes of a file."""
    return Path(file.filename).stat().st_size


def _table(
    file: h5py.File, name: str, dtype: np.dtype[Any], whole: bool, *columns: int
) -> tuple[NDArray[Any], int]:
    """Return the rows of a table that can be read, and how many more there should be."""
    data = dataset(file, name, 1 + len(columns))
    if not hdf.has_type(data, dtype) or data.shape[1:] != columns:
        raise ValueError(f"/{name} has other columns than schema {schema.SCHEMA_VERSION}")
    size, n = size_of(file), int(data.shape[0])
    readable = n if whole else min(n, n_readable(data, size))
    if readable * dtype.itemsize * int(np.prod(columns)) > size:
        raise ValueError(f"/{name} claims {n} rows, more than the file holds")
    return hdf.rows(data, dtype, 0, readable), n - readable
