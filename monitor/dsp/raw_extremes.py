"""The extremes of ranges of codes, of which only the power needs every sample in its unit."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.power import total_power
from monitor.dsp.scale import to_units
from monitor.model import Channel, Scale

_FEW = 4096  # samples: to put all in units costs less than to do without

_kept = threading.local()


def raw_extremes(
    codes: NDArray[np.integer],
    channels: Sequence[Channel],
    scales: Sequence[Scale],
    firsts: NDArray[np.int64],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the minima and maxima of the channels, and of the total power last.

    They are those of the samples that ``to_units`` makes, to the bit: it keeps the order of codes,
    or turns it round.

    Parameters
    ----------
    codes : shape (n_channels, n)
    channels, scales
        One per row of ``codes``.
    firsts : shape (k,)
        Where ranges begin, ascending; each goes to the next, the last to the end.

    Returns
    -------
    each of shape (n_channels + 1, k)
    """
    if codes.shape[1] <= _FEW:
        rows = _signals(codes, channels, scales)
        return np.minimum.reduceat(rows, firsts, axis=1), np.maximum.reduceat(rows, firsts, axis=1)
    found = [how.reduceat(codes, firsts, axis=1) for how in (np.minimum, np.maximum)]
    ends = to_units(np.concatenate(found, axis=1), channels, scales)
    k, power = firsts.size, _signals(codes, channels, scales)[-1]
    low, high = (np.empty((len(codes) + 1, k), np.float32) for _ in range(2))
    np.minimum(ends[:, :k], ends[:, k:], out=low[:-1])
    np.maximum(ends[:, :k], ends[:, k:], out=high[:-1])
    np.minimum.reduceat(power, firsts, out=low[-1])
    np.maximum.reduceat(power, firsts, out=high[-1])
    return low, high


def _signals(
    codes: NDArray[np.integer], channels: Sequence[Channel], scales: Sequence[Scale]
) -> NDArray[np.float32]:
    """Return samples in their units and the power, shape (n_channels + 1, n), until asked again."""
    rows = _room(len(codes) + 1, codes.shape[1])
    to_units(codes, channels, scales, out=rows[:-1])
    total_power(rows[:-1], channels, out=rows[-1])
    return rows


def _room(n_rows: int, n: int) -> NDArray[np.float32]:
    """Return room that this thread keeps, since new memory costs as much as what is done in it."""
    room: NDArray[np.float32] = getattr(_kept, "room", np.empty(0, np.float32))
    if room.size < n_rows * n:
        _kept.room = room = np.empty(n_rows * n, np.float32)
    return room[: n_rows * n].reshape(n_rows, n)
