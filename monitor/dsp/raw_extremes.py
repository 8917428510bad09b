"""The extremes of ranges of codes, of which only the power needs every sample in its unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.power import signals, total_power
from monitor.dsp.scale import to_units
from monitor.model import Channel, Scale

_FEW = 4096  # samples: to put all in units costs less than to do without
_AT_ONCE = 1 << 16  # samples: what is made of them stays in the second-level cache


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
        rows = signals(to_units(codes, channels, scales), channels)
        return np.minimum.reduceat(rows, firsts, axis=1), np.maximum.reduceat(rows, firsts, axis=1)
    found = [how.reduceat(codes, firsts, axis=1) for how in (np.minimum, np.maximum)]
    ends = to_units(np.concatenate(found, axis=1), channels, scales)
    k = firsts.size
    low, high = (np.empty((len(codes) + 1, k), np.float32) for _ in range(2))
    np.minimum(ends[:, :k], ends[:, k:], out=low[:-1])
    np.maximum(ends[:, :k], ends[:, k:], out=high[:-1])
    stops = np.append(firsts[1:], codes.shape[1])
    first = 0
    while first < k:
        begin = int(firsts[first])
        last = max(first + 1, int(np.searchsorted(stops, begin + _AT_ONCE, side="right")))
        some = codes[:, begin : int(stops[last - 1])]
        power = total_power(to_units(some, channels, scales), channels)
        here = slice(first, last)
        np.minimum.reduceat(power, firsts[here] - begin, out=low[-1, here])
        np.maximum.reduceat(power, firsts[here] - begin, out=high[-1, here])
        first = last
    return low, high
