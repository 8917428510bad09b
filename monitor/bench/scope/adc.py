"""The scope's converters: from a reading on the screen to a code, and what the code means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How values are turned into codes: ``value = (code - reference) * increment + origin``.

    Each instrument states its own; codes are what it sends, besides the order of their bytes.
    """

    dtype: str
    """numpy name of a code, e.g. ``u2``."""
    increment: float
    """Units per code."""
    origin: float
    """What the code ``reference`` stands for."""
    reference: float
    """In codes."""
    step: int
    """Codes between two levels of the converter; each level is a multiple of it."""
    low: int
    """Lowest code of a reading."""
    high: int
    """Highest code of a reading."""
    below: int
    """Code of what is lower than the converter sees; ``low`` where it has no code of its own."""
    above: int
    """Code of what is higher than the converter sees."""

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.integer]:
        """Return the codes of values in the channel's unit; the same shape, native byte order."""
        levels = values - self.origin
        levels *= 1.0 / (self.increment * self.step)
        levels += self.reference / self.step
        np.rint(levels, out=levels)
        bottom, top = -(-self.low // self.step), self.high // self.step
        np.clip(levels, bottom - 1, top + 1, out=levels)
        too_low, too_high = levels < bottom, levels > top
        levels *= self.step
        levels[too_low] = self.below
        levels[too_high] = self.above
        return levels.astype(self.dtype)

    def decode(self, codes: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the values that codes stand for; the same shape."""
        return (codes - np.float64(self.reference)) * self.increment + self.origin


def step_of(bits: int, width: int) -> int:
    """Return the codes between two levels of a converter of ``bits``, in codes of ``width`` bits.

    The converter's bits are the upper ones; a narrow code cuts the lower ones off.
    """
    return 1 << max(0, width - bits)
