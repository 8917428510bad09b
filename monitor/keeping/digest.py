"""A checksum over the codes of a recording, which any program can check."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

CODES_SHA256 = "codes_sha256"
"""Attribute of a file: per channel, the SHA-256 of its row of ``/codes``, separated by commas."""


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
