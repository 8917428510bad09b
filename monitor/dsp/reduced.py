"""What lies in ranges of rows, reduced."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_NARROW = 12  # values: up to there it is faster to reduce all neighbours than each range by itself
_MOST_PARTS = 4


def reduced(
    how: np.ufunc, rows: NDArray[Any], firsts: NDArray[np.int64], lasts: NDArray[np.int64]
) -> NDArray[Any]:
    """Return what a function makes of each range ``[first, last)`` of rows.

    Parameters
    ----------
    how
        Of two values: minimum, maximum, fmin or fmax.
    rows : shape (..., n)
    firsts, lasts : shape (k,), k > 0
        None of the ranges is empty; the last one's end is the highest.

    Returns
    -------
    shape (..., k)
    """
    rows = rows[..., : lasts[-1]]
    widths = lasts - firsts
    narrowest, widest = int(widths.min()), int(widths.max())
    part = 1 << (narrowest.bit_length() - 1)
    if widest <= min(_MOST_PARTS * part, _NARROW) and rows.shape[-1] <= 2 * _NARROW * widths.size:
        return _from_parts(how, rows, firsts, lasts, part)
    if np.array_equal(firsts[1:], lasts[:-1]):
        return np.asarray(how.reduceat(rows, firsts, axis=-1))
    # What lies between the end of one and the begin of the next is not asked for; an end may be
    # the end of the rows, too, behind which something must be.
    ends = np.stack((firsts, lasts), axis=1).ravel()
    rows = np.concatenate((rows, rows[..., :1]), axis=-1)
    return np.asarray(how.reduceat(rows, ends, axis=-1)[..., ::2])


def _from_parts(
    how: np.ufunc,
    rows: NDArray[Any],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
    part: int,
) -> NDArray[Any]:
    """Return the same from parts of each range: what is in two of them does not matter.

    Parameters
    ----------
    part
        Values, a power of two; no range has fewer.
    """
    width, widest = 1, int((lasts - firsts).max())
    while width < part:  # of each value and those after it
        rows = how(rows[..., :-width], rows[..., width:])
        width *= 2
    found = rows.take(lasts - part, axis=-1)
    for begin in range(0, widest - part, part):
        how(found, rows.take(np.minimum(firsts + begin, lasts - part), axis=-1), out=found)
    return np.asarray(found)
