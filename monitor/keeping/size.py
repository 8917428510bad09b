"""How large a recording becomes that is made of others, told and looked after before it is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monitor.config import Compression
from monitor.export.export import check_room
from monitor.recording.reader import Recording

_SUMMARIES = 0.04  # of the bytes of the codes before they are compressed
_BLOCK, _BLOCK_CHANNEL, _MARKER, _READING = 52, 4, 300, 36  # bytes
_EMPTY = 450_000  # bytes: the first piece of every table and of every summary
_SPARE = 8 << 20  # bytes: a file that is written leaves some of the disk


@dataclass(frozen=True, slots=True)
class Size:
    """How a file is written, and how large it becomes."""

    compression: Compression
    n_bytes: int
    """About."""

    def check(self, path: Path) -> None:
        """Raise RecordingError if there is no room for it."""
        check_room(path, self.n_bytes + _SPARE, "choose another disk, or free some space")


def size_of(*sources: Recording, share: float = 1.0) -> Size:
    """Return the size of a recording made of a share of others, compressed as the first is."""
    compression = sources[0].compression
    n_bytes = _EMPTY + share * sum(_bytes_of(each, compression) for each in sources)
    return Size(compression, round(n_bytes))


def _bytes_of(recording: Recording, compression: Compression) -> float:
    n_channels = len(recording.info.channels)
    raw = recording.n_samples * n_channels * np.dtype(recording.info.dtype).itemsize
    both = "none" not in (compression, recording.compression)
    return (
        (min(recording.n_stored, raw) if both else raw)
        + _SUMMARIES * raw
        + recording.n_blocks * (_BLOCK + _BLOCK_CHANNEL * n_channels)
        + len(recording.markers) * _MARKER
        + len(recording.slow) * _READING
    )
