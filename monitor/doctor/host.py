"""The computer that measures: its disk and its clock."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from monitor.doctor.report import Line
from monitor.units import si

_PIECE = 8 << 20  # bytes
_MOST_PIECES = 8
_LONGEST_S = 2.0
_SPARE = 256 << 20  # bytes that are left free whatever is tried
_FEW_HOURS, _TOO_FEW_HOURS = 8.0, 0.25
_MARGIN = 3.0  # that a disk should be faster than the data
_UNSYNCHRONISED = 0x0040  # STA_UNSYNC of <sys/timex.h>
_WIDE_S = 0.1


def disk(folder: Path, bytes_per_s: float) -> Iterator[Line]:
    """Yield how fast a folder's disk is, and for how long it has room; blocking.

    Parameters
    ----------
    bytes_per_s
        That are to be recorded.
    """
    try:
        free = shutil.disk_usage(folder).free
        speed = _speed(folder, max(1, min(_MOST_PIECES, (free - _SPARE) // _PIECE)))
    except OSError as error:
        yield Line(
            id="disk",
            level="fail",
            what=f"nothing can be written to {folder}: {error.strerror or error}",
            fix="choose another folder with WATTSTAGE_RECORDINGS, or make room",
        )
        return
    is_fast = speed >= _MARGIN * bytes_per_s
    yield Line(
        id="disk",
        level="ok" if is_fast else "warn" if speed > bytes_per_s else "fail",
        what=f"{folder} takes {si(speed, 'B/s')}, the data is {si(bytes_per_s, 'B/s')}",
        fix="" if is_fast else "a local disk, a lower rate, or format = BYTE",
        value=speed,
        unit="B/s",
    )
    hours = free / bytes_per_s / 3600
    is_enough = hours >= _FEW_HOURS
    yield Line(
        id="room",
        level="ok" if is_enough else "warn" if hours >= _TOO_FEW_HOURS else "fail",
        what=f"room for {hours:.3g} h at that rate ({si(free, 'B')} free)",
        fix="" if is_enough else "free some space, or record to another disk",
        value=hours,
        unit="h",
    )


def _speed(folder: Path, n_pieces: int) -> float:
    """Return how fast a file is written and made safe, in bytes per second."""
    piece, written = os.urandom(_PIECE), 0
    with tempfile.TemporaryFile(prefix=".wattstage-doctor-", dir=folder) as file:
        begun = time.perf_counter()
        while written < n_pieces * _PIECE and time.perf_counter() - begun < _LONGEST_S:
            written += file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        return written / max(time.perf_counter() - begun, 1e-9)


class _Timex(ctypes.Structure):
    """The beginning of ``struct timex`` of <sys/timex.h>, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def clock() -> Iterator[Line]:
    """Yield whether this computer's clock is kept right, as its kernel says."""
    state = _Timex()
    try:
        code = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):
        code = -1
    if code < 0:
        yield Line(id="host-clock", level="skip", what="this computer's clock cannot be asked")
        return
    bound_s = state.maxerror / 1e6
    fix = "let chrony or systemd-timesyncd keep it, so that times of different days compare"
    if state.status & _UNSYNCHRONISED:
        what = "nothing keeps this computer's clock right"
        yield Line(id="host-clock", level="warn", what=what, fix=fix)
        return
    is_wide = bound_s > _WIDE_S
    yield Line(
        id="host-clock",
        level="warn" if is_wide else "ok",
        what=f"this computer's clock is kept right within {si(bound_s, 's')} (the kernel's bound)",
        fix=fix if is_wide else "",
        value=bound_s,
        unit="s",
    )


def nearest(folder: Path) -> Path:
    """Return the nearest folder that exists; a folder that is yet to be made has its disk."""
    with contextlib.suppress(OSError):
        folder = folder.resolve()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
