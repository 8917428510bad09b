"""Logs of SPEC PTDaemon, as MLPerf keeps them (``spl.txt``).

A line is ``Time,12-23-2020 10:21:51.496,Watts,23.43,Volts,228.37,Amps,0.204,PF,0.502,Mark,name``,
about once a second; a value that the analyser does not give is -1, NaN or infinite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path

import numpy as np

from monitor.errors import RecordingError
from monitor.model import NS, Edge, Marker
from monitor.sources.tables import times
from monitor.sources.tables.reading import opened
from monitor.sources.tables.table import Column, Table, check, cleaned

_UNITS = {"Watts": ("power", "W"), "Volts": ("voltage", "V"), "Amps": ("current", "A"),
          "PF": ("power factor", "")}  # fmt: skip
_NO_MARK = {"", "notset"}
_INVALID = (-1.0,)
_STAMP_NS = 500_000_000  # of an analyser that is asked once a second


def load(path: Path, *, zone: tzinfo) -> Table:
    """Read a log.

    Its marks become stages: from the row before the first that has it to the last, as each row is
    the mean of the time since the one before.

    Parameters
    ----------
    zone
        Of the clock of PTDaemon's computer, which does not write it down.

    Raises
    ------
    RecordingError
        If the file cannot be read, or a line is something else.
    """
    dates: list[int] = []
    marks: list[str] = []
    rows: dict[str, list[float]] = {name: [] for name in _UNITS}
    with opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                fields = _fields(line)
                dates.append(_date(fields["Time"], zone))
                for name, values in rows.items():
                    values.append(float(fields[name]))
            except (KeyError, ValueError) as error:
                raise RecordingError(
                    f"{path}, line {number}: expected a line of a PTDaemon log such as"
                    " 'Time,12-23-2020 10:21:51.496,Watts,23.43,Volts,228.37,Amps,0.20,PF,0.50,"
                    f"Mark,test', got {line.strip()[:60]!r}"
                ) from error
            marks.append(fields.get("Mark", ""))
    if not dates:
        raise RecordingError(f"{path}: expected lines of a PTDaemon log, got none")
    columns = tuple(
        Column(*_UNITS[name], cleaned(np.array(values), _INVALID)) for name, values in rows.items()
    )
    table = Table(
        name="SPEC PTDaemon",
        start_ns=dates[0],
        start_uncertainty_ns=_STAMP_NS,
        time_s=np.array([(date - dates[0]) / NS for date in dates]),
        columns=columns,
        measured=columns[:1],
        notes={"file": path.name, "time zone": str(zone)},
    )
    check(table, path)
    return replace(table, markers=tuple(_stages(table, marks)))


def _fields(line: str) -> dict[str, str]:
    words = [word.strip() for word in line.strip().split(",")]
    return dict(zip(words[::2], words[1::2], strict=True))


def _date(text: str, zone: tzinfo) -> int:
    date = times.parsed(text, zone)
    if not isinstance(date, datetime):
        raise ValueError(f"expected a date, got {text!r}")
    return times.ns(date)


def _stages(table: Table, marks: Sequence[str]) -> Iterator[Marker]:
    """Yield the edges of each run of rows with the same mark."""
    edges = [row for row in range(1, len(marks)) if marks[row] != marks[row - 1]]
    named = [
        (begin, end)
        for begin, end in zip([0, *edges], [*edges, len(marks)], strict=True)
        if marks[begin].lower() not in _NO_MARK
    ]
    for index, (begin, end) in enumerate(named):
        longest_s = 1.5 * table.step_s
        since_s = float(table.time_s[begin] - table.time_s[begin - 1]) if begin else longest_s
        back_s = since_s if since_s < longest_s else table.step_s
        begin_ns = table.time_ns(begin) - round(back_s * NS)
        for seq, (edge, time_ns) in enumerate(
            ((Edge.BEGIN, begin_ns), (Edge.END, table.time_ns(end - 1))), start=2 * index + 1
        ):
            yield Marker(
                time_ns=time_ns,
                received_ns=time_ns,
                stage=marks[begin],
                edge=edge,
                run_id=f"ptdaemon-{table.start_ns}",
                span_id=f"mark-{index}",
                seq=seq,
                timing="log",
            )
