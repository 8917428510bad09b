"""A recording that is split: the file that grows is left, and another one is begun."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from monitor.config import PLAIN, RecordingSettings
from monitor.model import Block, StreamInfo
from monitor.recording.part_name import part_path
from monitor.recording.summaries import Summariser
from monitor.recording.writer import Entry, Writer

_GB, _HOUR_S = 1e9, 3600.0


class Parts:
    """A ``Writer`` that goes on in another file when one is large or old enough.

    Parameters
    ----------
    path
        Of the first file; the next has ``.part2`` before its suffix.

    Raises
    ------
    RecordingError
        If the file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        info: StreamInfo,
        settings: dict[str, str],
        *,
        how: RecordingSettings = PLAIN,
        flush_s: float = 0.5,
    ) -> None:
        self._path, self._info, self._settings = path, info, settings
        self._how, self._flush_s = how, flush_s
        self._set = uuid.uuid4().hex
        self._number = 0
        self._summariser: Summariser | None = None  # of the first file, for all
        self._n_items = self._n_samples = self._n_bytes = 0  # of the files that were left
        self._open = False
        self._writer = self._begin()

    @property
    def n_items(self) -> int:
        """Return the blocks, readings and markers that are safe."""
        return self._n_items + (self._writer.n_items if self._open else 0)

    @property
    def n_samples(self) -> int:
        """Return the samples of each channel that are safe."""
        return self._n_samples + (self._writer.n_samples if self._open else 0)

    @property
    def n_bytes(self) -> int:
        """Return the size of all files."""
        return self._n_bytes + (self._writer.n_bytes if self._open else 0)

    @property
    def room(self) -> int:
        """Return the bytes that may still be written."""
        return self._writer.room if self._open else 0

    def append(self, entries: Sequence[Entry]) -> None:
        """Take items in their order; raises like ``Writer.append``."""
        # A file begins with a block: one without would not be kept.
        if self._is_due() and any(
            isinstance(e, tuple) and isinstance(e[1], Block) for e in entries
        ):
            self.close(complete=True, n_dropped=0)
            self._writer = self._begin()
        self._writer.append(entries)

    def flush(self) -> None:
        """Make all that was appended safe; raises like ``Writer.flush``."""
        self._writer.flush()

    def close(self, *, complete: bool, n_dropped: int) -> None:
        """Close the file that grows; raises like ``Writer.close``."""
        if not self._open:
            return
        try:
            self._writer.close(complete=complete, n_dropped=n_dropped)
        finally:
            self._open = False
            self._n_items += self._writer.n_items
            self._n_samples += self._writer.n_samples
            with contextlib.suppress(OSError):  # gone, or without a block
                self._n_bytes += part_path(self._path, self._number).stat().st_size

    def _begin(self) -> Writer:
        self._number += 1
        writer = Writer(
            part_path(self._path, self._number),
            self._info,
            self._settings,
            part=(self._set, self._number),
            summariser=self._summariser,
            how=self._how,
            flush_s=self._flush_s,
        )
        self._summariser = writer.summariser
        self._open, self._begun = True, time.monotonic()
        return writer

    def _is_due(self) -> bool:
        how = self._how
        large = how.split_gb is not None and self._writer.n_bytes >= how.split_gb * _GB
        age_s = time.monotonic() - self._begun
        old = how.split_hours is not None and age_s >= how.split_hours * _HOUR_S
        return self._writer.n_blocks > 0 and (large or old)
