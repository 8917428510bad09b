"""Lossless compression of the codes: which there is, and whether it can be read here."""

from __future__ import annotations

from typing import Any

import h5py
from h5py import h5z

from monitor.config import Compression
from monitor.errors import RecordingError

_REWRITES = 8  # pieces in a flush: the last one, half full, is written again by the next flush
_LEAST = 4096  # samples of a piece
_MOST = 65_536  # likewise: with a quarter of it a third slower, with four times no faster

_FILTERS: dict[int, Compression] = {
    h5z.FILTER_DEFLATE: "gzip", h5z.FILTER_LZF: "lzf", 32_008: "bitshuffle-lz4",
}  # fmt: skip
_NONE = (h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32)  # filters that compress nothing by themselves

_HOW_TO_GET = "it needs hdf5plugin: install wattstage[compression]"


def options(name: str) -> dict[str, Any]:
    """Return what ``create_dataset`` is told, for one of ``RecordingSettings.compression``.

    Raises
    ------
    RecordingError
        If it needs what is not installed.
    """
    if name == "bitshuffle-lz4":
        try:
            import hdf5plugin  # noqa: PLC0415  # optional, and slow to import
        except ImportError as error:
            raise RecordingError(f"compression bitshuffle-lz4: {_HOW_TO_GET}") from error
        return dict(hdf5plugin.Bitshuffle(cname="lz4"))
    if name == "gzip":
        return {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    return {"compression": "lzf", "shuffle": True} if name == "lzf" else {}


def compression_of(codes: h5py.Dataset) -> Compression:
    """Return how codes are compressed; of another program's way, what every reader knows."""
    used = [code for code in _filters(codes) if code not in _NONE]
    return _FILTERS.get(used[0], "gzip") if used else "none"


def piece(name: str, samples_per_flush: float) -> int:
    """Return how many samples of a channel are compressed together.

    A flush writes the last piece though it is not full, and HDF5 gives its old place up: with
    pieces of an eighth of a flush that costs about 6 %.
    """
    size = _MOST
    while name != "none" and size > _LEAST and size * _REWRITES > samples_per_flush:
        size //= 2
    return size


def check_readable(codes: h5py.Dataset) -> None:
    """Raise RecordingError if the codes are compressed with what is not installed."""
    for code in _filters(codes):
        if h5z.filter_avail(code):
            continue
        try:
            import hdf5plugin  # noqa: F401, PLC0415  # registers its filters
        except ImportError as error:
            raise RecordingError(
                f"{codes.file.filename} is compressed (HDF5 filter {code}), {_HOW_TO_GET}"
            ) from error


def _filters(codes: h5py.Dataset) -> list[int]:
    made = codes.id.get_create_plist()
    return [int(made.get_filter(k)[0]) for k in range(made.get_nfilters())]
