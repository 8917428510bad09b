"""A checksum over the codes of a recording, which any program can check."""

from __future__ import annotations

import hashlib

import h5py
import numpy as np
from numpy.typing import NDArray

from monitor.recording.schema import CODES

CODES_SHA256 = "codes_sha256"
"""Attribute of a file: per channel, the SHA-256 of its row of ``/codes``, separated by commas."""
TABLES_SHA256 = "tables_sha256"
"""Attribute of a file: the SHA-256 of all other tables, see ``tables_sha256``."""

_ROWS = 1 << 16  # read at once


class Digest:
    """The digest of codes, piece by piece."""

    def __init__(self, n_channels: int) -> None:
        self._rows = [hashlib.sha256() for _ in range(n_channels)]

    def add(self, codes: NDArray[np.integer]) -> None:
        """Take the next codes, shape (n_channels, n)."""
        for row, values in zip(self._rows, codes, strict=True):
            row.update(np.ascontiguousarray(values).data)

    @property
    def text(self) -> str:
        """Return the digest so far."""
        return ",".join(row.hexdigest() for row in self._rows)


def tables_sha256(file: h5py.File) -> str:
    """Return the SHA-256 over every table of a recording but its codes, by name, in pieces."""
    found = hashlib.sha256()
    for name in sorted(file):
        data = file[name]
        if name == CODES or not isinstance(data, h5py.Dataset):
            continue
        found.update(name.encode())
        for first in range(0, data.shape[0], _ROWS):
            found.update(np.ascontiguousarray(data[first : first + _ROWS]).tobytes())
    return found.hexdigest()
