"""The extremes of ranges of codes, of which only the power needs every sample in its unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.power import total_power
from monitor.dsp.scale import to_units
from monitor.model import Channel, Scale

_FEW = 4096  # samples: to reduce floats costs less than what else is to be done with codes


def raw_extremes(
    codes: NDArray[np.integer],
    channels: Sequence[Channel],
    scales: Sequence[Scale],
    firsts: NDArray[np.int64],
    room: NDArray[np.float32],
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
    room : shape (n_channels + 1, n)
        What is put in it does not matter: new memory would cost as much as what is done in it.

    Returns
    -------
    each of shape (n_channels + 1, k)
    """
    to_units(codes, channels, scales, out=room[:-1])
    power = total_power(room[:-1], channels, out=room[-1])
    if codes.shape[1] <= _FEW:
        return np.minimum.reduceat(room, firsts, axis=1), np.maximum.reduceat(room, firsts, axis=1)
    found = [how.reduceat(codes, firsts, axis=1) for how in (np.minimum, np.maximum)]
    ends = to_units(np.concatenate(found, axis=1), channels, scales)
    k = firsts.size
    low, high = (np.empty((len(codes) + 1, k), np.float32) for _ in range(2))
    np.minimum(ends[:, :k], ends[:, k:], out=low[:-1])
    np.maximum(ends[:, :k], ends[:, k:], out=high[:-1])
    np.minimum.reduceat(power, firsts, out=low[-1])
    np.maximum.reduceat(power, firsts, out=high[-1])
    return low, high
