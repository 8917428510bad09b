"""The scope's converters: from a reading on the screen to a code, and what the code means.

Code 0 marks a hole, code 1 a sample below the screen and the highest code one above it, as in
the InfiniiVision programmer's guide (:WAVeform:DATA?).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_HALF_SCREEN = 127  # byte codes from the middle of the screen to its top
_WORD_MARK = 0x7FFF  # from the middle to a clipping mark


@dataclass(frozen=True, slots=True)
class Coding:
    """How values are turned into codes: ``value = (code - reference) * increment + origin``."""

    word: bool
    """Two bytes a code instead of one."""
    unsigned: bool
    increment: float
    origin: float
    step: int
    """Codes between two levels of the converter."""

    @classmethod
    def of(
        cls, range_: float, offset: float, *, bits: int, word: bool = True, unsigned: bool = True
    ) -> Self:
        """Describe a converter of ``bits`` whose 10 divisions span ``range_`` around ``offset``."""
        codes_per_byte_code = 256 if word else 1
        increment = range_ / (2 * _HALF_SCREEN * codes_per_byte_code)
        step = 1 << (16 - bits) if word else 1
        return cls(word, unsigned, increment, offset, step)

    @property
    def reference(self) -> int:
        """Return the code of the middle of the screen."""
        if not self.unsigned:
            return 0
        return 0x8000 if self.word else 0x80

    @property
    def dtype(self) -> type[np.integer[Any]]:
        """Return the integer type of the codes."""
        if self.unsigned:
            return np.uint16 if self.word else np.uint8
        return np.int16 if self.word else np.int8

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.integer]:
        """Return the codes of values in the channel's unit; the same shape, native byte order."""
        top = _HALF_SCREEN * (256 if self.word else 1) // self.step
        levels = values - self.origin
        levels *= 1.0 / (self.increment * self.step)
        np.rint(levels, out=levels)
        # In a byte the outermost levels are the clipping marks; a word has room beside them.
        beyond = top + 1 if self.word else top
        np.clip(levels, -beyond, beyond, out=levels)
        levels *= self.step
        if self.word:
            levels[levels > top * self.step] = _WORD_MARK
            levels[levels < -top * self.step] = -_WORD_MARK
        levels += self.reference
        return levels.astype(self.dtype)
