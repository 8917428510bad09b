"""WAV, for the ear: each signal is scaled by its own largest value, and a gap is silence."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from monitor.errors import ConfigError
from monitor.export.description import Job
from monitor.export.formats import Format, Write
from monitor.export.pieces import SLAB, Piece
from monitor.units import si

_MOST_BYTES = (1 << 32) - (1 << 16)  # what a length of 32 bits can tell
_IEEE_FLOAT = 3


def _n_bytes(job: Job) -> int:
    return 4 * (job.selection.stop - job.selection.start) * len(job.signals)


def _check(job: Job) -> None:
    if job.selection.codes:
        raise ConfigError("WAV holds values that are scaled to be heard, no codes")
    if not 1 <= round(job.rate_hz) < 1 << 32:
        raise ConfigError(f"WAV cannot tell a sample rate of {job.rate_hz:g} Hz")
    if _n_bytes(job) > _MOST_BYTES:
        most_s = _MOST_BYTES / 4 / len(job.signals) / job.rate_hz
        raise ConfigError(
            f"WAV holds at most 4 GiB, here {most_s:.0f} s; choose a --range or fewer --signals"
        )


@contextlib.contextmanager
def _writer(path: Path, job: Job) -> Iterator[Write]:
    selection = job.selection
    found = job.recording.summary(selection.start, selection.stop)
    peaks = [max(abs(found[row].min), abs(found[row].max)) or 1.0 for row in selection.rows]
    full = np.array(peaks, np.float32)
    said = "; ".join(
        f"{signal.name}: full scale is {peak:.9g} {signal.unit} ({si(peak, signal.unit)})"
        for signal, peak in zip(job.signals, peaks, strict=True)
    )
    at = selection.start
    with path.open("wb") as out:
        out.write(_header(job, said))

        def silence(until: int) -> None:
            nonlocal at
            while at < until:
                n = min(until - at, SLAB)
                out.write(bytes(4 * n * len(full)))
                at += n

        def write(piece: Piece) -> None:
            nonlocal at
            silence(piece.start)
            scaled = np.nan_to_num(piece.data.T / full).astype("<f4")
            out.write(np.clip(scaled, -1.0, 1.0).tobytes())
            at = piece.stop

        yield write
        silence(selection.stop)


def _header(job: Job, said: str) -> bytes:
    n, rate = len(job.signals), round(job.rate_hz)
    form = struct.pack("<HHIIHHH", _IEEE_FLOAT, n, rate, (4 * n * rate) % (1 << 32), 4 * n, 32, 0)
    n_frames = job.selection.stop - job.selection.start
    text = said.encode() + b"\0"
    info = b"INFO" + _chunk(b"ICMT", text)
    head = _chunk(b"fmt ", form) + _chunk(b"fact", struct.pack("<I", n_frames))
    head += _chunk(b"LIST", info) + b"data" + struct.pack("<I", _n_bytes(job))
    return b"RIFF" + struct.pack("<I", 4 + len(head) + _n_bytes(job)) + b"WAVE" + head


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


WAV = Format(name="wav", suffix=".wav", n_bytes=_n_bytes, writer=_writer, check=_check)
