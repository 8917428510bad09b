"""MDF 4, as measurement programs of the car industry read it: times beside every sample.

The gap is in the times. Codes keep their linear conversion; each change of range begins a group.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.scale import fold
from monitor.export.description import KEY, Job, describe, to_json
from monitor.export.formats import Format, Write, library
from monitor.export.pieces import Piece
from monitor.model import NS, Scale

_WHAT = "MDF4"
_TIME_BYTES = 8


def _check(job: Job) -> None:
    library("asammdf", _WHAT)


def _dtype(job: Job) -> np.dtype[Any]:
    return np.dtype(job.recording.info.dtype if job.selection.codes else "f4").newbyteorder("=")


def _n_bytes(job: Job) -> int:
    row = _TIME_BYTES + _dtype(job).itemsize * len(job.signals)
    return row * job.n_samples + len(to_json(describe(job)))


@contextlib.contextmanager
def _writer(path: Path, job: Job) -> Iterator[Write]:
    asammdf = library("asammdf", _WHAT)
    dtype = _dtype(job)
    with asammdf.MDF(version="4.10", temporary_folder=str(path.parent)) as out:
        out.start_time = datetime.fromtimestamp(job.start_ns / NS, UTC)
        out.header.comment = f"wattstage export of {job.recording.path.name}"
        groups: dict[tuple[Scale, ...] | None, int] = {}

        def write(piece: Piece) -> None:
            scales = None if piece.block is None else piece.block.scales
            index = np.arange(piece.start, piece.stop) - job.selection.start
            seconds = index / job.rate_hz
            rows = [np.ascontiguousarray(row, dtype) for row in piece.data]
            if scales not in groups:
                groups[scales] = out.append(
                    _signals(asammdf, job, scales, rows, seconds), common_timebase=True
                )
            else:
                out.extend(groups[scales], [(seconds, None), *((row, None) for row in rows)])

        yield write
        _events(asammdf, out, job)
        out.attach(to_json(describe(job)), file_name=f"{KEY}.json", mime="application/json")
        made = path.with_suffix(".mf4")
        out.save(made, overwrite=True, compression=0)
    if made != path:
        made.replace(path)


def _signals(
    asammdf: Any,
    job: Job,
    scales: tuple[Scale, ...] | None,
    rows: list[NDArray[Any]],
    seconds: NDArray[np.float64],
) -> list[Any]:
    """Return the first samples of a group; of codes with what makes values of them."""
    channels = job.recording.info.channels
    found = []
    for k, (signal, row) in enumerate(zip(job.signals, rows, strict=True)):
        conversion = None
        if scales is not None:
            folded = fold(channels[job.selection.rows[k]], scales[k])
            conversion = {"a": folded.gain, "b": folded.offset}
        found.append(
            asammdf.Signal(
                samples=row,
                timestamps=seconds,
                name=signal.name,
                unit=signal.unit,
                conversion=conversion,
            )
        )
    return found


def _events(asammdf: Any, out: Any, job: Job) -> None:
    """Write stages and marks as a channel of texts at their times."""
    said: list[tuple[int, str]] = [
        (stage.start_ns, f"{stage.path} #{stage.index} begins") for stage in job.stages()
    ]
    said += [
        (stage.stop_ns, f"{stage.path} #{stage.index} ends")
        for stage in job.stages()
        if stage.stop_ns is not None
    ]
    said += [(mark.time_ns, str(mark.attrs.get("text", mark.stage))) for mark in job.marks()]
    inside = sorted((t, text) for t, text in said if job.start_ns <= t < job.stop_ns)
    if not inside:
        return
    texts = np.array([text.encode(errors="replace") for _, text in inside])
    seconds = np.array([(t - job.start_ns) / NS for t, _ in inside])
    out.append(
        [asammdf.Signal(samples=texts, timestamps=seconds, name="markers", encoding="utf-8")],
        comment="stages and marks",
    )


# Twice the room: asammdf keeps the samples in a file of its own until it saves.
MF4 = Format(name="mf4", suffix=".mf4", n_bytes=_n_bytes, writer=_writer, check=_check, room=2.0)
