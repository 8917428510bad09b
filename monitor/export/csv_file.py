"""CSV: a line per sample, and beside it a file of JSON with all that happened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import numpy as np

from monitor.export.blocks import Blocks
from monitor.export.description import Job, describe, to_json
from monitor.export.formats import Format, Write
from monitor.export.pieces import Piece
from monitor.model import NS

SIDECAR = ".json"
MAGIC = "# wattstage "
"""How the first line begins."""
_ROW_BYTES, _NUMBER_BYTES = 50, 12  # index, UTC and seconds; a number


def _n_bytes(job: Job) -> int:
    rows = job.n_samples * (_ROW_BYTES + _NUMBER_BYTES * len(job.signals))
    return rows + len(to_json(describe(job)))


@contextlib.contextmanager
def _writer(path: Path, job: Job) -> Iterator[Write]:
    description = describe(job)
    with path.open("w", encoding="utf-8", newline="\n") as out:
        rows, blocks = _Rows(out, job), Blocks()
        out.write(_header(job))

        def write(piece: Piece) -> None:
            rows.write(piece, None if piece.block is None else blocks.add(piece.block))

        yield write
    description |= blocks.told() | {"n_gaps": rows.n_gaps}
    path.with_name(path.name + SIDECAR).write_bytes(to_json(description))


class _Rows:
    """Writes rows."""

    def __init__(self, out: TextIO, job: Job) -> None:
        self._out, self._job = out, job
        self._stop: int | None = None
        self.n_gaps = 0

    def write(self, piece: Piece, scale: int | None) -> None:
        """Write a line per sample, and an empty one where some are missing before."""
        if self._stop is not None and piece.start > self._stop:
            self.n_gaps += 1
            self._lines(self._stop, np.empty((len(piece.data), 0)), gap=True)
        self._lines(piece.start, piece.data, tail="" if scale is None else f",{scale}")
        self._stop = piece.stop

    def _lines(self, start: int, data: np.ndarray, *, tail: str = "", gap: bool = False) -> None:
        job = self._job
        stop = start + (1 if gap else data.shape[1])
        index = np.arange(start, stop)
        utc = np.datetime_as_string(job.times_ns(start, stop).astype("datetime64[ns]")).tolist()
        seconds = ((index - job.recording.bounds[0]) / job.rate_hz).tolist()
        if gap:
            empty = "," * (len(data) + job.selection.codes)
            self._out.write(f"{start},{utc[0]}Z,{seconds[0]:.9f}{empty}\n")
            return
        number = "%d" if job.selection.codes else "%.9g"  # nine digits tell any float32 apart
        form = "%d,%sZ,%.9f" + f",{number}" * len(data) + tail + "\n"
        columns = [row.tolist() for row in data]
        text = "".join(
            form % row for row in zip(index.tolist(), utc, seconds, *columns, strict=True)
        )
        self._out.write(text.replace("nan", "") if np.isnan(data).any() else text)


def _header(job: Job) -> str:
    info, selection = job.recording.info, job.selection
    span_s = (selection.stop - selection.start) / info.sample_rate_hz
    start = datetime.fromtimestamp(job.start_ns // NS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    lines = [
        f"{MAGIC[2:]}{'codes' if selection.codes else 'values'} of {job.recording.path.name}",
        f"start {start}.{job.start_ns % NS:09d}Z ± {info.t0_uncertainty_ns / NS:.3g} s;"
        f" {span_s:.9g} s at {info.sample_rate_hz:.9g} Hz; coverage {job.coverage:.6f}",
        *(f"{key}: {value}" for key, value in info.instrument.items()),
    ]
    for channel in info.channels:
        found = channel.probe.calibration
        lines.append(
            f"channel {channel.name}: {channel.quantity.value} of rail {channel.rail} in"
            f" {channel.quantity.unit}; probe {channel.probe.ratio:g} × reading"
            f" + {channel.probe.offset:g}; calibration {found.gain:g} × nominal"
            f" + {found.offset:g} {found.date}".rstrip()
        )
    lines.append("a row without values: from there on samples are missing, up to the next row")
    if selection.codes:
        lines.append(
            "reading = gain × code + offset; gains and offsets by number of scale: sidecar"
        )
    lines.append("time_s counts from the first sample of the recording; sample is its index")
    lines.append(f"markers, stages, slow channels, settings: in the file beside it, {SIDECAR}")
    said = "".join(f"# {' '.join(line.split())}\n" for line in lines)
    titles = [f"{s.name} [{'code' if selection.codes else s.unit}]" for s in job.signals]
    names = [title.replace(",", ";").replace('"', "'").replace("\n", " ") for title in titles]
    return f"{said}{','.join(['sample', 'utc', 'time_s', *names])}{',scale' * selection.codes}\n"


CSV = Format(name="csv", suffix=".csv", n_bytes=_n_bytes, writer=_writer, companions=(SIDECAR,))
