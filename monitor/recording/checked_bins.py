"""Bins of summaries, in pieces with a checksum each: one that does not hold is not used."""

from __future__ import annotations

import zlib
from functools import cached_property
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from monitor.recording import hdf
from monitor.recording.opening import n_readable

SUFFIX = "_crc"
"""Of the name of a dataset: the one that has its checksums."""
BINS = "bins"
"""Attribute of the latter: bins of a piece."""
SUM = np.dtype([("n", "<u4"), ("crc", "<u4")])
"""How many of the first bins of a piece, in a row, have the checksum."""

_PIECE_BYTES = 8192  # of one row
_SUMS_CHUNK = 64  # pieces


class GrowingBins:
    """A dataset of a file in the making, whose columns are bins.

    Parameters
    ----------
    chunk_rows
        Rows that are mostly read together.
    n_rows
        Of all.
    is_short
        Whether few bins will come, as in coarse levels: an hour should not begin with room for a
        year.
    """

    def __init__(
        self,
        group: h5py.Group,
        name: str,
        dtype: str,
        chunk_rows: int,
        n_rows: int,
        *,
        is_short: bool = False,
    ) -> None:
        self._piece = _PIECE_BYTES // np.dtype(dtype).itemsize // (4 if is_short else 1)
        self._data = group.create_dataset(
            name, (n_rows, 0), dtype, maxshape=(n_rows, None), chunks=(chunk_rows, self._piece)
        )
        self.attrs = self._data.attrs
        self._sums = group.create_dataset(
            name + SUFFIX, (n_rows, 0), SUM, maxshape=(n_rows, None), chunks=(n_rows, _SUMS_CHUNK)
        )
        self._sums.attrs[BINS] = self._piece
        self._crcs = [0] * n_rows  # of the piece that is not full

    def extend(self, new: NDArray[Any]) -> None:
        """Append bins, shape (n_rows, n), and flush them; then their checksums."""
        if not new.shape[1]:
            return
        n = self._data.shape[1]
        self._data.resize(n + new.shape[1], axis=1)
        self._data[:, n:] = new
        self._data.flush()
        first = n // self._piece
        sums = self._checksums(n, new)
        self._sums.resize(first + sums.shape[1], axis=1)
        self._sums[:, first:] = sums
        self._sums.flush()

    def _checksums(self, n: int, new: NDArray[Any]) -> NDArray[np.void]:
        """Return those of every piece that bins from the ``n``-th on lie in."""
        new = np.ascontiguousarray(new, self._data.dtype)
        piece, end = self._piece, n + new.shape[1]
        first, last = n // piece, -(-end // piece)
        sums = np.zeros((len(new), last - first), SUM)
        for k in range(first, last):
            begin, stop = max(k * piece, n), min((k + 1) * piece, end)
            for row, bins in enumerate(new[:, begin - n : stop - n]):
                before = self._crcs[row] if begin > k * piece else 0
                self._crcs[row] = zlib.crc32(bins.data, before)
            sums["n"][:, k - first] = stop - k * piece
            sums["crc"][:, k - first] = self._crcs
        return sums


class CheckedBins:
    """What is read of such a dataset, each piece compared with its checksum at first.

    Parameters
    ----------
    n_bytes
        Size of a file that is not whole, of which less may be there; None if it is.

    Raises
    ------
    ValueError
        If the checksums are none, or not of these; of a whole file, when bins are asked for.
    """

    def __init__(self, group: h5py.Group, data: h5py.Dataset, n_bytes: int | None) -> None:
        self._group, self._data = group, data
        self.shape: tuple[int, int] = data.shape
        if n_bytes is not None:  # perhaps growing: bins are there before their checksums
            sums, piece = self._file_sums, self._piece
            k = min(int(sums.shape[1]), n_readable(sums, n_bytes))
            self._sums = sums[:, :k]
            n = (k - 1) * piece + int(self._sums["n"][:, -1].min()) if k else 0
            n_rows, n_bins = self.shape
            self.shape = n_rows, n if n <= n_bins else n_bins // piece * piece

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type of the bins."""
        found: np.dtype[Any] = self._data.dtype
        return found

    def __getitem__(self, place: tuple[slice, slice]) -> NDArray[Any]:
        """Return rows and columns.

        Raises
        ------
        OSError, RuntimeError, ValueError
            If they cannot be read, or are not as they were written.
        """
        rows, start, stop = place[0], place[1].start, min(place[1].stop, self.shape[1])
        first, last = start // self._piece, -(-stop // self._piece)
        if start >= stop or self._held[rows, first:last].all():
            return np.asarray(self._data[rows, start:stop])
        begin = first * self._piece
        bins = np.ascontiguousarray(
            self._data[rows, begin : min(last * self._piece, self.shape[1])]
        )
        for k in range(first, last):
            part = bins[:, k * self._piece - begin : (k + 1) * self._piece - begin]
            for values, held in zip(part, self._sums[rows, k].tolist(), strict=True):
                if held != (len(values), zlib.crc32(values.data)):
                    raise ValueError(
                        f"bins {k * self._piece} to {k * self._piece + len(values)} of"
                        f" {self._data.name} changed since they were written"
                    )
        self._held[rows, first:last] = True
        return bins[:, start - begin : stop - begin]

    @cached_property
    def _file_sums(self) -> h5py.Dataset:
        sums = hdf.find(self._group, str(self._data.name).rpartition("/")[2] + SUFFIX)
        if sums is None or sums.ndim != 2 or not hdf.has_type(sums, SUM):
            raise ValueError(f"{self._data.name} has checksums that are none")
        if sums.shape[0] != self.shape[0]:
            raise ValueError(f"{self._data.name} is not what its checksums are of")
        return sums

    @cached_property
    def _piece(self) -> int:
        """Return the bins that have a checksum in each row."""
        bins = int(hdf.attribute(self._file_sums, BINS) or 0)
        if bins < 1:
            raise ValueError(f"{self._data.name} has checksums that are none")
        return bins

    @cached_property
    def _held(self) -> NDArray[np.bool_]:
        """Return, by row and piece, whether it was found to be as it was written."""
        n_rows, n_bins = self.shape
        return np.zeros((n_rows, -(-n_bins // self._piece)), np.bool_)

    @cached_property
    def _sums(self) -> NDArray[Any]:
        wanted = -(-self.shape[1] // self._piece)
        if self._file_sums.shape[1] != wanted:
            raise ValueError(
                f"{self._data.name} has {self._file_sums.shape[1]} checksums, expected {wanted}"
            )
        return hdf.rows(self._file_sums, SUM, 0, self.shape[0])
