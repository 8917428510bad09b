"""Rows of numbers with their times, and the source that they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitor.errors import ConfigError, RecordingError
from monitor.model import (
    NS,
    Block,
    Channel,
    Marker,
    Quantity,
    Reading,
    Scale,
    SlowChannel,
    StreamInfo,
    Supply,
)
from monitor.sources.meters.source import PER_CODE, MeterSource
from monitor.sources.meters.spell import Sieve, Value, is_error
from monitor.sources.source import Item, Source

SLOW_S = 0.01
"""Rows that are further apart are a meter's, which averages; others are samples."""

_LEAST_HZ = 100.0  # of a meter's rows: whole days are imported, and their stages are no tiles
_QUANTITIES = {"W": Quantity.POWER, "V": Quantity.VOLTAGE, "A": Quantity.CURRENT}
_BLOCK = 100_000  # samples
_FULL_CODE = (1 << 31) - 1
_FINEST = 1 << 24  # codes that the largest sample has at least
_REACH = 1.5  # steps between samples beyond which there is a gap
_FINER = 2  # grid points a step, where steps are uneven


@dataclass(frozen=True, slots=True)
class Column:
    """What was logged of one quantity."""

    name: str
    unit: str
    """Symbol without a prefix: W, V, A, Hz; empty for a pure number."""
    values: NDArray[np.float64]
    """Shape (n,): in that unit; NaN where there was an error value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A log: each row has a time and a value of each column."""

    name: str
    """What it is of, shown to people."""
    start_ns: int
    """UTC that ``time_s`` counts from."""
    start_uncertainty_ns: int
    time_s: NDArray[np.float64]
    """Shape (n,): rising."""
    columns: tuple[Column, ...]
    measured: tuple[Column, ...]
    """Those that power is made of: one in W, or one in V and one in A."""
    markers: tuple[Marker, ...] = ()
    """In order of time."""
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def step_s(self) -> float:
        """Return the usual time from row to row."""
        return float(np.median(np.diff(self.time_s)))

    def time_ns(self, row: int) -> int:
        """Return the UTC of a row."""
        return self.start_ns + round(float(self.time_s[row]) * NS)


def cleaned(values: NDArray[np.float64], invalid: tuple[float, ...]) -> NDArray[np.float64]:
    """Return values with NaN for each that stands for an error."""
    wrong = np.fromiter((is_error(value, invalid) for value in values), bool, len(values))
    return np.where(wrong, np.nan, values)


def check(table: Table, path: object) -> Table:
    """Return a table that can be measured from; RecordingError names what is wrong with others."""
    if len(table.time_s) < 2:
        raise RecordingError(f"{path}: expected two or more rows, got {len(table.time_s)}")
    steps = np.diff(table.time_s)
    if not (steps > 0).all():
        row = int(np.argmin(steps > 0))
        raise RecordingError(
            f"{path}: expected rising times, got {table.time_s[row]:.6f} s and then"
            f" {table.time_s[row + 1]:.6f} s in rows {row + 1} and {row + 2}; if they are printed"
            " with too few digits, name another column with --time"
        )
    if all(np.isnan(column.values).all() for column in table.measured):
        raise RecordingError(f"{path}: expected numbers, got only error values")
    return table


def source_of(table: Table) -> Source:
    """Return a table as a source: of means if its rows are a meter's, else of samples."""
    if table.step_s < SLOW_S:
        return SampleSource(table)
    return MeterSource(
        TableMeter(table),
        _Standing(table.time_ns(0) - round(table.step_s * NS)),
        uncertainty_ns=table.start_uncertainty_ns,
        notes=table.notes,
        least_hz=_LEAST_HZ,
    )


class TableMeter:
    """The rows of a table as the readings of a meter, all at once."""

    def __init__(self, table: Table) -> None:
        self._table = table
        # What is measured from goes first.
        rest = (c for c in table.columns if all(c is not m for m in table.measured))
        self._columns = (*table.measured, *rest)

    @property
    def channels(self) -> tuple[SlowChannel, ...]:
        """Return one per column, those that are measured from first."""
        step_s = self._table.step_s
        return tuple(
            SlowChannel(
                name=column.name,
                source=self._table.name,
                unit=column.unit,
                interval_s=step_s,
                window_s=step_s,
                note="imported",
            )
            for column in self._columns
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    async def readings(self) -> AsyncGenerator[Reading | Marker, None]:
        """Yield readings, markers, and events around error values, by their times."""
        sieve, channels = Sieve(), self.channels
        markers = list(reversed(self._table.markers))
        for row in range(len(self._table.time_s)):
            time_ns = self._table.time_ns(row)
            while markers and markers[-1].time_ns <= time_ns:
                yield markers.pop()
            values = (
                Value(channel=channel, value=float(column.values[row]), time_ns=time_ns)
                for channel, column in zip(channels, self._columns, strict=True)
            )
            for item in sieve.sift(values, time_ns):
                yield item
        while markers:
            yield markers.pop()


class _Standing:
    """The clock of a log that is over."""

    def __init__(self, time_ns: int) -> None:
        self._time_ns = time_ns

    def now_ns(self) -> int:
        return self._time_ns

    async def sleep(self, seconds: float) -> None:
        pass


class SampleSource:
    """The rows of a table as samples on an even grid.

    Where rows are even, a sample is a row. Where they are not, each grid point holds the newest
    row before it. Points without a row, or with an error value, are a gap.
    """

    def __init__(self, table: Table) -> None:
        for column in table.measured:
            if column.unit not in _QUANTITIES:
                raise ConfigError(f"{column.name} is in {column.unit!r}, expected W, V or A")
        self._table = table
        n, span_s = len(table.time_s), float(table.time_s[-1] - table.time_s[0])
        self._rate_hz = (n - 1) / span_s
        even_s = table.time_s[0] + np.arange(n) / self._rate_hz
        self._is_even = bool((np.abs(table.time_s - even_s) < 0.5 / self._rate_hz).all())
        if not self._is_even:
            self._rate_hz = _FINER / table.step_s
        self._gains = tuple(_gain(column.values) for column in table.measured)

    @property
    def info(self) -> StreamInfo:
        """Return what holds for every block."""
        table = self._table
        return StreamInfo(
            channels=tuple(
                Channel(name=column.name, quantity=_QUANTITIES[column.unit], rail="imported")
                for column in table.measured
            ),
            sample_rate_hz=self._rate_hz,
            t0_ns=table.time_ns(0),
            t0_uncertainty_ns=table.start_uncertainty_ns,
            dtype="int32",
            continuous=True,
            supply=Supply.AUTO,
            instrument={
                "identity": table.name,
                "grid": "rows" if self._is_even else f"rows held, at {self._rate_hz:g} Hz",
                **table.notes,
            },
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    async def items(self) -> AsyncGenerator[Item, None]:
        """Yield blocks, which end where a gap begins."""
        rows, known = self._rows()
        edges = np.flatnonzero(np.diff(np.concatenate(([False], known, [False])).astype(np.int8)))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            cuts = [*range(int(start), int(stop), _BLOCK), int(stop)]
            for first, last in pairwise(cuts):
                yield self._block(first, rows[first:last])

    def _rows(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the row of each grid point, and whether it has one."""
        time_s = self._table.time_s - self._table.time_s[0]
        wrong = np.isnan(np.array([c.values for c in self._table.measured])).any(axis=0)
        if self._is_even:
            return np.arange(len(time_s)), ~wrong
        grid_s = np.arange(int(time_s[-1] * self._rate_hz)) / self._rate_hz
        rows = np.searchsorted(time_s, grid_s + 1e-9 * self._table.step_s, side="right") - 1
        known = (grid_s - time_s[rows] <= _REACH * self._table.step_s) & ~wrong[rows]
        return rows, known

    def _block(self, start: int, rows: NDArray[np.int64]) -> Block:
        codes = np.stack(
            [
                np.rint(column.values[rows] / gain).astype(np.int32)
                for column, gain in zip(self._table.measured, self._gains, strict=True)
            ]
        )
        return Block(
            start=start,
            codes=codes,
            scales=tuple(Scale(gain, 0.0) for gain in self._gains),
            clipped=(0,) * len(codes),
            host_ns=self.info.time_ns(start),
            host_uncertainty_ns=self._table.start_uncertainty_ns,
        )


def _gain(values: NDArray[np.float64]) -> float:
    """Return units per code: fine for the largest value, and never too fine for 32 bits."""
    largest = float(np.nanmax(np.abs(values)))
    return max(min(PER_CODE, largest / _FINEST), largest / _FULL_CODE) or PER_CODE
