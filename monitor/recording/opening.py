"""Opens a recording that is closed, is being written, lost its writer, or was cut short."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import math
from pathlib import Path
from typing import Any

import h5py
from h5py import h5f, h5p

from monitor.errors import RecordingError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# A file is longer before its first sample; HDF5 2.0 hangs in half a heap of texts (2 to 4 kB).
_HEAD_BYTES = 12_288
_READ_ATTEMPTS = 20  # of metadata that a writer changes just now: some milliseconds


def open_file(path: Path) -> tuple[h5py.File, bool]:
    """Return the file, and whether it is whole.

    A file that its writer did not close, or of which a part is missing, is not whole: what it
    claims to hold must be compared with what is there (``n_readable``), because a SWMR read
    beyond the end of a file gives zeros and no error.

    Raises
    ------
    RecordingError
        If it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            signature = file.read(len(_SIGNATURE))
    except OSError as error:
        raise RecordingError(_why_not(path, error)) from error
    if signature != _SIGNATURE:
        raise RecordingError(
            f"{path} is not a Wattstage recording: it is not an HDF5 file, or its beginning is"
            " lost; record with `wattstage record`"
        )
    try:
        return h5py.File(path, "r"), True
    except OSError as error:
        first = error
    if path.stat().st_size < _HEAD_BYTES:
        raise RecordingError(f"{path} is cut short: none of its samples is left; copy it again")
    try:
        return _open_swmr(path), False
    except (OSError, RuntimeError):
        raise RecordingError(
            f"{path} cannot be opened: {short(first)}; it may be cut short, so copy it again if"
            " there is an original"
        ) from first


def n_readable(data: h5py.Dataset, n_bytes: int) -> int:
    """Return how many columns (of a table: rows) lie in a file of ``n_bytes``.

    Chunks are listed in the order in which a recorder makes them. (Not all versions of HDF5 tell
    the place of a chunk rightly here, so it is counted.)
    """
    found: list[Any] = []
    with contextlib.suppress(OSError, RuntimeError):  # beyond there, their list is lost
        data.id.chunk_iter(found.append)
    there = itertools.takewhile(lambda chunk: chunk.byte_offset + chunk.size <= n_bytes, found)
    growing = data.maxshape.index(None)
    per_column = math.prod(
        -(-n // k)
        for axis, (n, k) in enumerate(zip(data.shape, data.chunks, strict=True))
        if axis != growing
    )
    chunk = int(data.chunks[growing])
    columns: int = sum(1 for _ in there) // per_column * chunk
    return columns


def short(error: BaseException) -> str:
    """Return the first line of an error."""
    return (str(error).strip("'\"").splitlines() or [type(error).__name__])[0][:200]


def _open_swmr(path: Path) -> h5py.File:
    """Open a file as one that is being written.

    A piece of metadata that does not match its checksum is read again, after a pause that doubles
    each time: with the 100 attempts of HDF5 a damaged file hangs for ever. h5py does not know the
    setting, so the library is called.
    """
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_libver_bounds(h5f.LIBVER_LATEST, h5f.LIBVER_LATEST)
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    set_attempts = ctypes.CDLL(h5p.__file__).H5Pset_metadata_read_attempts
    set_attempts.argtypes = (ctypes.c_int64, ctypes.c_uint)
    set_attempts(access.id, _READ_ATTEMPTS)
    flags = h5f.ACC_RDONLY | h5f.ACC_SWMR_READ
    return h5py.File(h5f.open(str(path).encode(), flags, fapl=access))


def _why_not(path: Path, error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return f"there is no file {path}; check the name"
        case errno.EISDIR:
            return f"{path} is a folder; name the file in it"
        case errno.EACCES | errno.EPERM:
            return f"you may not read {path}; ask its owner"
    return f"{path} cannot be read: {error.strerror}"
