"""The codes that are no readings: holes, and samples outside of the screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.sources.dialect import Preamble


def pieces(codes: NDArray[np.integer], hole: int | None) -> tuple[tuple[int, int], ...]:
    """Return the intervals ``[first, last)`` in which every input was sampled.

    Parameters
    ----------
    codes : shape (n_channels, n_samples)
        Of one record.
    hole
        Code of a sample that was not taken; None if there is none.
    """
    whole = ((0, int(codes.shape[1])),)
    if hole is None:
        return whole
    missing = codes == hole
    if not missing.any():
        return whole
    valid = np.concatenate(([False], ~missing.any(axis=0), [False]))
    edges = np.flatnonzero(valid[1:] != valid[:-1])
    return tuple((int(first), int(last)) for first, last in edges.reshape(-1, 2))


def n_clipped(codes: NDArray[np.integer], preamble: Preamble) -> int:
    """Return how many samples of one input, shape (n,), stood outside of the screen."""
    low = codes <= preamble.low
    if preamble.hole is not None:
        low &= codes != preamble.hole
    return int(np.count_nonzero(low) + np.count_nonzero(codes >= preamble.high))
