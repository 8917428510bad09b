"""CSV files of power meters and scopes: a column of times, and others with their units."""

from __future__ import annotations

import csv
import re
from array import array
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.errors import ConfigError, RecordingError
from monitor.model import NS
from monitor.sources.tables import times
from monitor.sources.tables.layout import SNIFFED, Layout, number, sniff, split
from monitor.sources.tables.reading import opened
from monitor.sources.tables.table import SLOW_S, Column, Table, check, cleaned
from monitor.sources.tables.units import Scaled, named

_TIME = re.compile(r"date|time|second|elapsed|zeit|x-axis|^[tx]$", re.IGNORECASE)
_TRIGGERED = re.compile(r"#1,(?P<date>\d[^,]*\d),[^,]*\s*")
"""When LeCroy's first segment was triggered, from which its times count."""
_DAY_S = 86_400.0
_STATED_NS, _GUESSED_NS = 500_000_000, 3_600_000_000_000
"""How well the start of a log is known: as people write times; from the age of its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvOptions:
    """What the file does not say; names of columns may be numbers from 1."""

    time: str = ""
    power: str = ""
    voltage: str = ""
    current: str = ""
    start: str = ""
    """Date of relative time 0; empty takes the file's own age for its last row."""
    zone: tzinfo = UTC
    """Of dates that name none."""
    invalid: tuple[float, ...] = ()
    """Values that are error codes; NaN and infinity always are."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    at: int
    name: str
    unit: str
    factor: float


def load(path: Path, options: CsvOptions) -> Table:
    """Read a file.

    Raises
    ------
    RecordingError
        If it cannot be read, or a row is something else.
    ConfigError
        If a column that is named is not there, or nothing tells which are power, or voltage and
        current.
    """
    table = _read(path, options)
    measured = _measured(table.columns, options, table.time_s, path)
    return check(replace(table, measured=measured), path)


def load_pair(voltage: Path, current: Path, options: CsvOptions) -> Table:
    """Read a voltage and a current that a scope has put into a file each.

    The column after the times is taken, unless one is named.

    Raises
    ------
    RecordingError
        If one cannot be read, or they are not of the same instants.
    ConfigError
        If a column that is named is not there.
    """
    first = _read(voltage, replace(options, voltage=options.voltage or "2", power="", current=""))
    second = _read(current, replace(options, current=options.current or "2", power="", voltage=""))
    step_s = float(np.median(np.diff(first.time_s))) if len(first.time_s) > 1 else 0.0
    if len(first.time_s) != len(second.time_s) or not np.allclose(
        first.time_s, second.time_s, rtol=0.0, atol=step_s / 2
    ):
        raise RecordingError(
            f"{current} has {len(second.time_s)} rows from {second.time_s[0]:g} s on, expected the"
            f" times of {voltage}: {len(first.time_s)} rows from {first.time_s[0]:g} s on"
        )
    pair = tuple(
        Column(name, unit, next(c.values for c in table.columns if c.unit == unit))
        for name, unit, table in (("voltage", "V", first), ("current", "A", second))
    )
    notes = {**first.notes, "file of the current": current.name}
    return check(replace(first, columns=pair, measured=pair, notes=notes), voltage)


def _read(path: Path, options: CsvOptions) -> Table:
    """Return the columns of a file; none is measured from yet."""
    with opened(path) as lines:
        head = list(islice(lines, SNIFFED))
    layout = sniff(head)
    if layout is None:
        raise RecordingError(
            f"{path}: expected rows of a time and numbers within the first {SNIFFED} lines, found"
            " none; is it a CSV file?"
        )
    time_at, date_at = _time_columns(layout, options, path)
    wanted = _wanted(layout, options, {time_at, date_at}, path)
    spacing = _spacing(path, layout, time_at)
    stamps, numbers = _rows(path, layout, (time_at, date_at), wanted, options.zone)
    columns = tuple(
        Column(w.name, w.unit, w.factor * cleaned(np.array(values), options.invalid))
        for w, values in zip(wanted, numbers, strict=True)
    )
    if not stamps:
        raise RecordingError(f"{path}: expected rows of numbers, got none")
    unit = named(layout.names[time_at], layout.units[time_at])[1]
    triggered = next(filter(None, map(_TRIGGERED.fullmatch, head[: layout.n_header])), None)
    if triggered and not options.start:
        options = replace(options, start=triggered["date"])
    start_ns, uncertainty_ns, time_s, how = _times(stamps, spacing, unit, options)
    if start_ns is None:
        start_ns = path.stat().st_mtime_ns - round(float(time_s[-1]) * NS)
    return Table(
        name=path.stem,
        start_ns=start_ns,
        start_uncertainty_ns=uncertainty_ns,
        time_s=time_s,
        columns=columns,
        measured=(),
        notes={"file": path.name, "time": how},
    )


def _time_columns(layout: Layout, options: CsvOptions, path: Path) -> tuple[int, int | None]:
    """Return the column of the times, and that of the dates if they are apart."""
    if options.time:
        return _find(layout, options.time, path), None
    titles = [name.lower() for name in layout.names]
    if "date" in titles and "time" in titles:
        return titles.index("time"), titles.index("date")
    return next((at for at, name in enumerate(titles) if _TIME.search(name)), 0), None


def _wanted(
    layout: Layout, options: CsvOptions, taken: set[int | None], path: Path
) -> list[_Wanted]:
    """Return the columns that are read: those that are named, and those whose unit is known."""
    forced = {
        _find(layout, name, path): unit
        for name, unit in (
            (options.power, "W"), (options.voltage, "V"), (options.current, "A"),
        )
        if name
    }  # fmt: skip
    result = []
    for at, (title, symbol) in enumerate(zip(layout.names, layout.units, strict=False)):
        if at in taken:
            continue
        name, scaled = named(title, symbol)
        if at in forced:
            scaled = _as(scaled, forced[at])
        if scaled is not None and (title or at in forced):
            result.append(_Wanted(at, name or f"column {at + 1}", *scaled))
    return result


def _as(scaled: Scaled | None, unit: str) -> Scaled:
    """Return a unit that was asked for, with the prefix that the file states."""
    return unit, scaled[1] if scaled is not None and scaled[0] == unit else 1.0


def _find(layout: Layout, name: str, path: Path) -> int:
    titles = [title.lower() for title in layout.names]
    if name.lower() in titles:
        return titles.index(name.lower())
    if name.isascii() and name.isdigit() and 1 <= int(name) <= len(titles):
        return int(name) - 1
    shown = ", ".join(repr(title) for title in layout.names if title) or "no names"
    raise ConfigError(
        f"{path} has no column {name!r}; it has {shown}, or name one by its number from 1"
    )


def _spacing(path: Path, layout: Layout, time_at: int) -> tuple[float, float] | None:
    """Return start and increment of a file that counts samples, as Rigol's; else None."""
    titles = [name.lower() for name in layout.names]
    if layout.units[time_at].lower() != "sequence" or not {"start", "increment"} <= set(titles):
        return None
    try:
        start, increment = (float(layout.units[titles.index(t)]) for t in ("start", "increment"))
    except ValueError as error:
        raise RecordingError(f"{path}: expected numbers below Start and Increment") from error
    return start, increment


def _rows(
    path: Path,
    layout: Layout,
    stamp_at: tuple[int, int | None],
    wanted: list[_Wanted],
    zone: tzinfo,
) -> tuple[list[float | datetime], list[array[float]]]:
    """Return the time of each row, and the numbers of each column."""
    stamps: list[float | datetime] = []
    columns: list[array[float]] = [array("d") for _ in wanted]
    commas = layout.has_decimal_commas
    with opened(path) as lines:
        for line_number, line in enumerate(lines, start=1):
            if line_number <= layout.n_header or not line.strip():
                continue
            row = split(line, layout.delimiter)
            try:
                stamps.append(_stamp(row, stamp_at, zone, decimal_commas=commas))
                for column, each in zip(columns, wanted, strict=True):
                    column.append(number(row[each.at], decimal_commas=commas))
            except (ValueError, IndexError, csv.Error) as error:
                raise RecordingError(
                    f"{path}, line {line_number}: expected a time and numbers in"
                    f" {1 + len(wanted)} columns, got {line.strip()[:60]!r}"
                ) from error
    return stamps, columns


def _stamp(
    row: list[str], at: tuple[int, int | None], zone: tzinfo, *, decimal_commas: bool
) -> float | datetime:
    text = row[at[0]]
    if at[1] is not None:
        text = f"{row[at[1]]} {text}"
    return times.parsed(text.replace(",", ".") if decimal_commas else text, zone)


def _times(
    stamps: list[float | datetime],
    spacing: tuple[float, float] | None,
    unit: Scaled | None,
    options: CsvOptions,
) -> tuple[int | None, int, NDArray[np.float64], str]:
    """Return the start (None: not told), how well it is known, seconds after it, and a note."""
    first = stamps[0]
    if isinstance(first, datetime):
        zero_ns = times.ns(first)
        dates = [times.ns(s) if isinstance(s, datetime) else zero_ns for s in stamps]
        seconds = np.array([(date - zero_ns) / NS for date in dates])
        return zero_ns, _STATED_NS, seconds, f"dates, time zone {options.zone}"
    values = np.array([np.nan if isinstance(stamp, datetime) else stamp for stamp in stamps])
    unit_s = times.epoch_unit(float(values[0])) if spacing is None else None
    if unit_s is not None:
        return (
            round(float(values[0]) * unit_s * NS),
            _STATED_NS,
            (values - values[0]) * unit_s,
            "UTC",
        )
    if spacing is not None:
        values = spacing[0] + values * spacing[1]
    elif unit is not None and unit[0] == "s":
        values *= unit[1]
    values = values + _DAY_S * np.cumsum(np.diff(values, prepend=values[0]) < -_DAY_S / 2)
    if options.start:
        start = times.parsed(options.start, options.zone)
        if not isinstance(start, datetime):
            raise ConfigError(f"--start must be a date such as 2026-03-01T12:00:00, got {start:g}")
        return times.ns(start), _STATED_NS, values, f"relative to {options.start}"
    return None, _GUESSED_NS, values, "relative; its last row is as old as the file"


def _measured(
    columns: tuple[Column, ...], options: CsvOptions, time_s: NDArray[np.float64], path: Path
) -> tuple[Column, ...]:
    """Return the power, or voltage and current; of samples rather these."""
    first = {column.unit: column for column in reversed(columns)}
    pair = tuple(first[unit] for unit in "VA" if unit in first)
    is_samples = len(time_s) > 1 and float(np.median(np.diff(time_s))) < SLOW_S
    wants_pair = bool(options.voltage or options.current) or is_samples
    if len(pair) == 2 and not options.power and (wants_pair or "W" not in first):
        return pair
    if "W" in first:
        return (first["W"],)
    found = ", ".join(f"{column.name} in {column.unit or '1'}" for column in columns) or "none"
    raise ConfigError(
        f"{path}: expected a column in W, or one in V and one in A, found {found}; name them with"
        " --power, or --voltage and --current"
    )
