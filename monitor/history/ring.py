"""The newest samples in the instrument's own codes, addressed by sample index."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.power import total_power
from monitor.dsp.scale import to_units
from monitor.model import Block, Channel, Scale

_TRIM = 1024  # forgotten runs that are kept, so that a list need not be cut at each block


@dataclass(slots=True)
class Run:
    """Samples without a gap and with one scale."""

    start: int
    stop: int
    scales: tuple[Scale, ...]


class Ring:
    """The codes of the newest ``capacity`` samples, and which of them were captured.

    A ring that is split at the wrap: two copies per append. One task appends.
    """

    def __init__(self, channels: tuple[Channel, ...], dtype: str, capacity: int) -> None:
        self._channels = channels
        self._codes = np.zeros((len(channels), capacity), np.dtype(dtype))
        self._runs: list[Run] = []
        self._clipped: deque[tuple[int, tuple[int, ...]]] = deque()  # start of a block, its counts

    def append(self, block: Block) -> None:
        """Take a block that begins at or after the end of the one before.

        Raises
        ------
        ValueError
            If it overlaps the one before, or has other channels or codes.
        """
        if block.codes.dtype != self._codes.dtype or len(block.codes) != len(self._codes):
            raise ValueError(
                f"expected {len(self._codes)} channels of {self._codes.dtype}, got a block of"
                f" {len(block.codes)} of {block.codes.dtype}"
            )
        if block.n_samples == 0:
            return
        newest = self._runs[-1] if self._runs else None
        if newest is not None and block.start < newest.stop:
            raise ValueError(f"a block from index {block.start} overlaps those up to {newest.stop}")
        if (
            newest is not None
            and block.start == newest.stop
            and tuple(block.scales) == newest.scales
        ):
            newest.stop = block.stop
        else:
            self._runs.append(Run(block.start, block.stop, tuple(block.scales)))
        self._write(block)
        if any(block.clipped):
            self._clipped.append((block.start, block.clipped))
        self._forget(block.stop - self._codes.shape[1])

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the samples of ``[start, stop)`` in their units, with the power.

        Returns
        -------
        shape (n_channels + 1, stop - start)
            NaN where nothing was captured or it is forgotten.
        """
        rows = np.empty((len(self._codes) + 1, stop - start), np.float32)
        filled = 0
        for run, begin, end in self._overlapping(start, stop):
            rows[:, filled : begin - start] = np.nan
            for a, b in self._pieces(begin, end):
                part = rows[:, a - start : b - start]
                slot = a % self._codes.shape[1]
                codes = self._codes[:, slot : slot + b - a]
                to_units(codes, self._channels, run.scales, out=part[:-1])
                total_power(part[:-1], self._channels, out=part[-1])
            filled = end - start
        rows[:, filled:] = np.nan
        return rows

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield copies of what is remembered of ``[start, stop)``, a block for each run.

        They need not be cut as they came: what was clipped is counted where its block began. Of
        what a block knows, only the time at which the host saw it is not remembered.
        """
        nothing = (0,) * len(self._codes)
        for run, begin, end in self._overlapping(start, stop):
            for a, b in self._pieces(begin, end):
                slot = a % self._codes.shape[1]
                counts = [n for at, n in self._clipped if a <= at < b]
                yield Block(
                    start=a,
                    codes=self._codes[:, slot : slot + b - a].copy(),
                    scales=run.scales,
                    clipped=tuple(map(sum, zip(nothing, *counts, strict=True))),
                    host_ns=0,
                    host_uncertainty_ns=0,
                )

    def _overlapping(self, start: int, stop: int) -> Iterator[tuple[Run, int, int]]:
        if not self._runs:
            return
        start = max(start, self._runs[-1].stop - self._codes.shape[1])
        k = max(0, bisect_right(self._runs, start, key=lambda run: run.start) - 1)
        while k < len(self._runs) and self._runs[k].start < stop:
            begin, end = max(start, self._runs[k].start), min(stop, self._runs[k].stop)
            if begin < end:
                yield self._runs[k], begin, end
            k += 1

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Cut a range at the wrap."""
        size = self._codes.shape[1]
        wrap = (start // size + 1) * size
        yield start, min(stop, wrap)
        if wrap < stop:
            yield wrap, stop

    def _write(self, block: Block) -> None:
        size = self._codes.shape[1]
        begin = max(block.start, block.stop - size)
        for a, b in self._pieces(begin, block.stop):
            self._codes[:, a % size : a % size + b - a] = block.codes[
                :, a - block.start : b - block.start
            ]

    def _forget(self, oldest: int) -> None:
        n = bisect_right(self._runs, oldest, key=lambda run: run.stop)
        if n > _TRIM:
            del self._runs[:n]
        while self._clipped and self._clipped[0][0] < oldest:
            self._clipped.popleft()
