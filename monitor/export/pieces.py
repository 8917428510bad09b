"""A selection in pieces without a gap, so that a file of any size needs the same memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.export.selection import Selection
from monitor.model import NS, Block
from monitor.recording.reader import Recording

SLAB = 1 << 17  # samples per channel that are held at once
_EDGES = 4096  # slabs whose captured samples are asked for at once


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive samples. Where the next begins later, samples are missing."""

    start: int
    """Sample index."""
    data: NDArray[Any]
    """Shape (n_signals, n): float32 in units, NaN where one channel alone is missing; or codes."""
    block: Block | None = None
    """Of codes: the block that they are, cut to the selection."""

    @property
    def stop(self) -> int:
        """Return the index after the last sample."""
        return self.start + int(self.data.shape[1])


def pieces(recording: Recording, selection: Selection) -> Iterator[Piece]:
    """Yield what is selected, in order.

    Raises
    ------
    RecordingError
        If samples cannot be read.
    """
    return _codes(recording, selection) if selection.codes else _values(recording, selection)


def _values(recording: Recording, selection: Selection) -> Iterator[Piece]:
    rows = list(selection.rows)
    for start, stop in _slabs(recording, selection):
        signals = recording.read(start, stop)
        captured = np.concatenate(([False], ~np.isnan(signals).all(axis=0), [False]))
        edges = np.flatnonzero(captured[1:] != captured[:-1]).tolist()
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            yield Piece(start + first, np.ascontiguousarray(signals[rows, first:last]))


def _slabs(recording: Recording, selection: Selection) -> Iterator[tuple[int, int]]:
    """Yield the spans that hold any sample: a gap of days is not read."""
    step = SLAB * _EDGES
    for begin in range(selection.start, selection.stop, step):
        end = min(begin + step, selection.stop)
        edges = np.append(np.arange(begin, end, SLAB), end)
        before = recording.cumulative(edges)[1]
        for k in np.flatnonzero(np.diff(before)).tolist():
            yield int(edges[k]), int(edges[k + 1])


def _codes(recording: Recording, selection: Selection) -> Iterator[Piece]:
    rows, rate_hz = list(selection.rows), recording.info.sample_rate_hz
    for block in recording.blocks():
        if block.stop <= selection.start or not block.n_samples:
            continue
        if block.start >= selection.stop:
            return
        first = max(selection.start - block.start, 0)
        codes = block.codes[rows, first : selection.stop - block.start]
        n = codes.shape[1]
        cut = Block(
            start=block.start + first,
            codes=codes,
            scales=tuple(block.scales[row] for row in rows),
            # Of a block that is cut: at most so many.
            clipped=tuple(min(block.clipped[row], n) for row in rows),
            host_ns=block.host_ns + round(first * NS / rate_hz),
            host_uncertainty_ns=block.host_uncertainty_ns,
        )
        yield Piece(cut.start, codes, cut)
