"""The codes of a file, and which of them are not as they were written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
from numpy.typing import NDArray

from monitor.recording.sums import Sums


class CheckedCodes:
    """A dataset of codes; they are only compared with their checksums where that is asked for."""

    def __init__(self, data: h5py.Dataset, sums: Sums) -> None:
        self._data, self._sums = data, sums
        self.shape: tuple[int, int] = data.shape
        self.dtype = data.dtype

    def __getitem__(self, place: tuple[slice, slice]) -> NDArray[Any]:
        """Return rows and columns, as a dataset does."""
        codes: NDArray[Any] = self._data[place]
        return codes

    def changed(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the ranges in columns ``[begin, end)`` that changed in one of the channels."""
        for each in self._sums.codes(self._data, begin, end):
            yield max(each.first, begin), min(each.stop, end)
