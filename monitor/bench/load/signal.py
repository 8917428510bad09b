"""What the bench's probes see: voltage and current as functions of a sample index."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_TILE = 4096  # samples; noise of one tile is one slice of the table
_TABLE = 1 << 17  # samples of noise, 1 MB
_ENVELOPE_HZ = 10_000.0  # power and its edges are resolved to 0.1 ms
_MASK = (1 << 64) - 1


class Waveform(Protocol):
    """A voltage and a current, determined by the sample index alone.

    Sampling ``[a, b)`` and ``[b, c)`` gives bit for bit what sampling ``[a, c)`` gives, so a scope
    may read the same instant in any pieces, and again.
    """

    @property
    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the lowest and highest voltage in V, then current in A, that can occur."""
        ...

    def sample(
        self, start: int, n: int, rate_hz: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return voltage in V and current in A, each of shape (n,).

        Sample ``k`` is taken ``(start + k) / rate_hz`` seconds after the bench's zero.
        """
        ...


class Noise:
    """White Gaussian noise of standard deviation 1, determined by the sample index.

    A table is drawn once; each tile of samples reads it from a place that its number, hashed,
    decides. Drawing every sample anew would cost more than the signal itself.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        table = np.random.default_rng(seed).standard_normal(_TABLE + _TILE)
        self._table = table - table.mean()

    def add(self, samples: NDArray[np.float64], start: int, amplitude: float) -> None:
        """Add noise of standard deviation ``amplitude`` to samples from index ``start`` on."""
        stop = start + len(samples)
        for tile in range(start // _TILE, -(-stop // _TILE)):
            a, b = max(start, tile * _TILE), min(stop, (tile + 1) * _TILE)
            at = _hash(tile ^ self._seed) % _TABLE - tile * _TILE
            samples[a - start : b - start] += amplitude * self._table[at + a : at + b]


class Grid:
    """The coarse grid on which slow quantities are computed, aligned to the sample index."""

    def __init__(self, start: int, n: int, rate_hz: float) -> None:
        self._ratio = max(1, round(rate_hz / _ENVELOPE_HZ))
        first = start // self._ratio
        self._skip = start - first * self._ratio
        self._n = n
        cells = -(-(self._skip + n) // self._ratio)
        self.time_s = np.arange(first, first + cells + 1, dtype=np.float64) * (
            self._ratio / rate_hz
        )
        """Shape (n_cells + 1,): seconds after the bench's zero."""

    def expand(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values of ``time_s`` at every sample, joined by straight lines."""
        if self._ratio == 1:
            return values[:-1]
        weight = np.arange(self._ratio) / self._ratio
        cells = values[:-1, np.newaxis] + np.diff(values)[:, np.newaxis] * weight
        return cells.ravel()[self._skip : self._skip + self._n]


def _hash(number: int) -> int:
    """Return 64 well-mixed bits (splitmix64, Steele et al. 2014)."""
    x = (number + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)
