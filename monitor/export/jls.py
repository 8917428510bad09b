"""JLS, as Joulescope reads it: a signal each, stages and marks as annotations, the rest as data.

A gap is NaN in values and 0 in codes, of which the list of blocks tells what was captured.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from monitor.errors import ConfigError, RecordingError
from monitor.export.blocks import Blocks
from monitor.export.description import Job, describe, to_json
from monitor.export.formats import Format, Write, library
from monitor.export.pieces import SLAB, Piece
from monitor.model import NS

DESCRIPTION, BLOCKS = 0x571, 0x572
"""Numbers of the user data: parts of the description, and of scales and blocks."""
EPOCH_NS = 1_514_764_800 * NS
"""UTC of 2018, from which JLS counts time in units of 2^-30 s."""
_WHAT = "JLS"
_PART = 1 << 20  # bytes of user data in one piece
_OVERHEAD = 1.05  # summaries, headers and checksums


def _check(job: Job) -> None:
    library("pyjls", _WHAT)
    if not 1 <= round(job.rate_hz) < 1 << 31:
        raise ConfigError(f"JLS cannot tell a sample rate of {job.rate_hz:g} Hz")


def _dtype(job: Job) -> np.dtype[Any]:
    return np.dtype(job.recording.info.dtype if job.selection.codes else "f4").newbyteorder("=")


def _n_bytes(job: Job) -> int:
    span = job.selection.stop - job.selection.start
    samples = span * len(job.signals) * _dtype(job).itemsize
    return round(samples * _OVERHEAD) + len(to_json(describe(job)))


@contextlib.contextmanager
def _writer(path: Path, job: Job) -> Iterator[Write]:
    pyjls = library("pyjls", _WHAT)
    dtype, selection, blocks = _dtype(job), job.selection, Blocks()
    kind = getattr(pyjls.DataType, f"{dtype.kind.upper()}{8 * dtype.itemsize}")
    at = selection.start
    try:
        with pyjls.Writer(str(path)) as out:
            identity = job.recording.info.instrument.get("identity", "")
            out.source_def(1, name=job.recording.path.stem, vendor="wattstage", model=identity)
            for number, signal in enumerate(job.signals, start=1):
                out.signal_def(
                    number,
                    source_id=1,
                    sample_rate=round(job.rate_hz),
                    data_type=kind,
                    name=signal.name,
                    units="code" if selection.codes else signal.unit,
                )
            _tell(out, DESCRIPTION, to_json(describe(job)))

            def put(data: np.ndarray) -> None:
                nonlocal at
                for number, row in enumerate(data, start=1):
                    out.utc(number, at - selection.start, _jls_time(job.recording.info.time_ns(at)))
                    out.fsr(number, at - selection.start, row)
                at += data.shape[1]

            def missing(until: int) -> None:
                fill = 0 if selection.codes else np.nan
                while at < until:
                    put(np.full((len(job.signals), min(until - at, SLAB)), fill, dtype))

            def write(piece: Piece) -> None:
                missing(piece.start)
                put(np.ascontiguousarray(piece.data, dtype))
                if piece.block is not None:
                    blocks.add(piece.block)

            yield write
            missing(selection.stop)
            _annotate(out, job, pyjls.AnnotationType.TEXT)
            _tell(out, BLOCKS, json.dumps(blocks.told()).encode())
        with pyjls.Reader(str(path)) as made:
            lengths = {made.signals[k].length for k in range(1, len(job.signals) + 1)}
    except RuntimeError as error:
        raise RecordingError(f"{path.name} could not be written as JLS: {error}") from error
    if lengths != {selection.stop - selection.start}:
        raise RecordingError(f"{path.name} could not be written as JLS: is the disk full?")


def _annotate(out: Any, job: Job, text: Any) -> None:
    """Write the edges of stages, and marks, in the order of time."""
    said: list[tuple[int, str]] = []
    for stage in job.stages():
        name = f"{stage.path} #{stage.index}"
        said.append((stage.start_ns, f"{name} begins"))
        if stage.stop_ns is not None:
            said.append((stage.stop_ns, f"{name} ends"))
    for mark in job.marks():
        said.append((mark.time_ns, str(mark.attrs.get("text", mark.stage))))
    for time_ns, words in sorted(said):
        if job.start_ns <= time_ns < job.stop_ns:
            place = job.recording.info.index_at(time_ns) - job.selection.start
            clean = words.replace("\0", " ").encode(errors="replace").decode()
            out.annotation(1, place, float("nan"), text, 0, clean)


def _tell(out: Any, number: int, content: bytes) -> None:
    for first in range(0, len(content), _PART):
        out.user_data(number, content[first : first + _PART])


def _jls_time(time_ns: int) -> int:
    return ((time_ns - EPOCH_NS) << 30) // NS


JLS = Format(name="jls", suffix=".jls", n_bytes=_n_bytes, writer=_writer, check=_check)
