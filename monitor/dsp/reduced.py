"""What lies in ranges of rows, reduced."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    if np.array_equal(firsts[1:], lasts[:-1]):
        return np.asarray(how.reduceat(rows, firsts, axis=-1))
    # What lies between the end of one and the begin of the next is not asked for; an end may be
    # the end of the rows, too, behind which something must be.
    ends = np.stack((firsts, lasts), axis=1).ravel()
    rows = np.concatenate((rows, rows[..., :1]), axis=-1)
    return np.asarray(how.reduceat(rows, ends, axis=-1)[..., ::2])
