"""A recording that is split: the file that grows is left, and another one is begun."""

from __future__ import annotations

import contextlib
import logging
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from monitor.config import PLAIN, RecordingSettings
from monitor.errors import RecordingError
from monitor.model import Block, StreamInfo
from monitor.recording.part_name import Part, part_path, parts_beside
from monitor.recording.writer import Entry, Writer

logger = logging.getLogger(__name__)

_GB, _HOUR_S = 1e9, 3600.0
_AGAIN_S = 60.0  # until another file is tried, if it could not be made


class Parts:
    """A ``Writer`` that goes on in another file when one is large or old enough.

    A file is left only once the next one holds what follows it. If that cannot be made, the old one
    grows on.

    Parameters
    ----------
    path
        Of the first file; the next has ``.part2`` before its suffix, or the next number of which
        there is no file.

    Raises
    ------
    RecordingError
        If the file cannot be made, or would be split and there are files of such names already.
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
        if how.split_gb is not None or how.split_hours is not None:
            _refuse_taken(path)
        self._n_items = self._n_samples = self._n_bytes = 0  # of the files that were closed
        self._open: list[Writer] = []
        """The one that grows, last; before it, while it has no block, the one that it follows."""
        self._part = Part(set=uuid.uuid4().hex)
        self._begin(self._part)
        self._wait_until, self._is_told = 0.0, False  # after a file could not be made

    @property
    def n_items(self) -> int:
        """Return the blocks, readings and markers that are safe."""
        return self._n_items + sum(writer.n_items for writer in self._open)

    @property
    def n_samples(self) -> int:
        """Return the samples of each channel that are safe."""
        return self._n_samples + sum(writer.n_samples for writer in self._open)

    @property
    def n_bytes(self) -> int:
        """Return the size of all files."""
        return self._n_bytes + sum(writer.n_bytes for writer in self._open)

    @property
    def room(self) -> int:
        """Return the bytes that may still be written."""
        return self._open[-1].room if self._open else 0

    def append(self, entries: Sequence[Entry]) -> None:
        """Take items in their order; raises like ``Writer.append``."""
        # A file begins with a block: one without would not be kept.
        split = self._is_due() and any(
            isinstance(e, tuple) and isinstance(e[1], Block) for e in entries
        )
        if split:
            self._open[-1].flush()  # the summaries go on in the next
            split = self._go_on()
        self._open[-1].append(entries)
        if split:
            self._open[-1].flush()
            self._leave(self._open[0], complete=True, n_dropped=0, goes_on=True)

    def flush(self) -> None:
        """Make all that was appended safe; raises like ``Writer.flush``."""
        self._open[-1].flush()

    def close(self, *, complete: bool, n_dropped: int) -> None:
        """Close the file that grows; raises like ``Writer.close``."""
        if not self._open:
            return
        *left, growing = self._open
        try:
            self._leave(growing, complete=complete, n_dropped=n_dropped)
        finally:
            follows = growing.n_blocks > 0
            for writer in left:
                n_here = 0 if follows else n_dropped
                self._leave(writer, complete=complete or follows, n_dropped=n_here, goes_on=follows)

    def _leave(
        self, writer: Writer, *, complete: bool, n_dropped: int, goes_on: bool = False
    ) -> None:
        """Close a file, and count what is in it."""
        try:
            writer.close(complete=complete, n_dropped=n_dropped, goes_on=goes_on)
        finally:
            self._open.remove(writer)
            self._n_items += writer.n_items
            self._n_samples += writer.n_samples
            with contextlib.suppress(OSError):  # gone, or without a block
                self._n_bytes += writer.path.stat().st_size

    def _go_on(self) -> bool:
        """Begin the next file, if one can be made."""
        number = self._part.number + 1
        while os.path.lexists(part_path(self._path, number)):
            number += 1
        part = Part(self._part.set, number, after=self._part.number)
        try:
            self._begin(part)
        except RecordingError as error:
            if not self._is_told:
                logger.warning("%s goes on in the file that it has: %s", self._path, error)
            self._is_told = True
            self._wait_until = time.monotonic() + _AGAIN_S
            return False
        self._part = part
        return True

    def _begin(self, part: Part) -> None:
        writer = Writer(
            part_path(self._path, part.number),
            self._info,
            self._settings,
            part=part,
            summariser=self._open[-1].summariser if self._open else None,
            how=self._how,
            flush_s=self._flush_s,
        )
        self._open.append(writer)
        self._begun = time.monotonic()

    def _is_due(self) -> bool:
        how, writer, now = self._how, self._open[-1], time.monotonic()
        large = how.split_gb is not None and writer.n_bytes >= how.split_gb * _GB
        old = how.split_hours is not None and now - self._begun >= how.split_hours * _HOUR_S
        return writer.n_blocks > 0 and (large or old) and now >= self._wait_until


def _refuse_taken(path: Path) -> None:
    """Raise RecordingError if there are files already that look like further parts."""
    for taken in parts_beside(path).values():
        raise RecordingError(
            f"{path} is to be split, and {taken} is there already, of another recording; move it"
            " and those like it away, or choose another name"
        )
