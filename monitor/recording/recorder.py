"""Writes a session to disk, on a thread of its own, so that nothing else ever waits for a disk."""

from __future__ import annotations

import atexit
import logging
import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from monitor.config import PLAIN, RecordingSettings
from monitor.model import Block, Marker, Reading, RecordingState, SlowChannel, StreamInfo
from monitor.recording import marker_text, slow
from monitor.recording.disk import advice, reason
from monitor.recording.parts import Parts
from monitor.recording.schema import READING_ROW
from monitor.recording.writer import Entry

logger = logging.getLogger(__name__)

_BATCH_BYTES = 8 << 20  # gathered before writing; beyond that nothing is gained
_NOTABLE_S = 3.0  # without an answer of the disk before that is told
_RATE_KNOWN_S = 10.0  # recorded before it is said for how long the disk will do
_READING_BYTES = READING_ROW.itemsize


class Recorder:
    """A recording in the making.

    ``write``, ``mark`` and ``add`` never wait and never raise, from any thread: what a disk cannot
    take ends the recording, leaves what was written readable, and shows in ``state``.

    Parameters
    ----------
    path
        File to make; one that exists is not overwritten.
    info
        Of the stream.
    settings
        What else a reader may want to know.
    how
        Compression, and what else was chosen.
    flush_s
        What was given longer ago than this survives the death of the process.
    max_queue_bytes
        How far the disk may fall behind.
    patience_s
        After which a disk that does not answer is not waited for any more, at the end.

    Raises
    ------
    RecordingError
        If the file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        info: StreamInfo,
        *,
        settings: dict[str, str] | None = None,
        how: RecordingSettings = PLAIN,
        flush_s: float = 0.5,
        max_queue_bytes: int = 256 << 20,
        patience_s: float = 30.0,
    ) -> None:
        self._path, self._info = Path(path), info
        self._writer = Parts(self._path, info, settings or {}, how=how, flush_s=flush_s)
        self._began = time.monotonic()
        self._dtype = np.dtype(info.dtype)
        self._flush_s, self._max_queue_bytes = flush_s, max_queue_bytes
        self._patience_s = patience_s
        self._change = threading.Condition()  # guards all below
        self._queue: deque[Entry] = deque()
        self._queued_bytes = self._queued_samples = 0
        self._n_samples = self._n_bytes = 0
        self._left_s = math.inf
        self._order = 0  # items that were queued
        self._stop: int | None = None
        self._n_dropped = 0
        self._ending = False
        self._failure = ("", "")  # why, and what to do
        self._done = False
        self._asked_at: float | None = None  # when the disk was asked for what it does now
        # A drive that is gone may keep it for ever; nobody else shall be kept.
        self._thread = threading.Thread(target=self._run, name="wattstage-recorder", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def state(self) -> RecordingState:
        """Return how it is doing; ``n_samples`` are safe. From any thread."""
        with self._change:
            return RecordingState(
                path=str(self._path),
                n_samples=self._n_samples,
                n_bytes=self._n_bytes,
                queued_s=self._queued_samples / self._info.sample_rate_hz,
                left_s=self._left_s,
                stalled_s=stalled_s if (stalled_s := self._stalled_s()) > _NOTABLE_S else 0.0,
                error=self._error(),
            )

    @property
    def n_dropped(self) -> int:
        """Return how many items were given that are not in the file and will not be."""
        with self._change:
            return self._n_dropped

    def put(self, item: Block | Marker | Reading) -> None:
        """Write a block, a marker or a reading."""
        if isinstance(item, Block):
            self.write(item)
        elif isinstance(item, Reading):
            self.add(item)
        else:
            self.mark(item)

    def write(self, block: Block) -> None:
        """Write a block, soon."""
        with self._change:
            wrong = self._wrong_with(block)
            if wrong and not self._failed:
                self._fail(wrong, "This is a fault of the source: please report it")
            if self._put(block.codes.nbytes, (self._order, block)):
                self._stop = block.stop
                self._queued_samples += block.n_samples

    def mark(self, marker: Marker) -> None:
        """Write a marker, soon."""
        try:
            text = marker_text.encode(marker)
        except (TypeError, ValueError) as error:
            self._leave_out("marker", error)
            return
        with self._change:
            self._put(len(text), (self._order, marker, text))

    def add(self, reading: Reading) -> None:
        """Write a reading of a slow channel, soon."""
        try:
            slow.check(reading)
        except (TypeError, ValueError) as error:
            self._leave_out("reading", error)
            return
        with self._change:
            self._put(_READING_BYTES, (self._order, reading))

    def announce(self, channels: Iterable[SlowChannel]) -> None:
        """Know slow channels before their first reading."""
        for channel in channels:
            try:
                slow.check_channel(channel)
            except (TypeError, ValueError) as error:
                logger.warning("%s: a channel cannot be recorded: %s", self._path, error)
                continue
            with self._change:
                if not (self._failed or self._ending):
                    self._queue.append(channel)

    def drain(self, n_bytes: int) -> None:
        """Wait until no more than that waits to be written, or nothing will be any more."""
        with self._change:
            self._change.wait_for(
                lambda: self._queued_bytes <= n_bytes or self._failed or self._done
            )

    def close(self) -> None:
        """Write what is queued, and close the file; one without a block is removed.

        A disk that does not answer is left to itself in the end. The process can leave then, too.
        """
        with self._change:
            self._ending = True
            self._change.notify_all()
            while not self._done:
                patience_s = self._patience_s - self._stalled_s()
                if patience_s <= 0:
                    self._give_up()
                    return
                self._change.wait(patience_s)
        self._thread.join()

    def _give_up(self) -> None:
        """Count on the disk no more; under the lock."""
        self._fail(
            f"the disk has not answered for {self._patience_s:.3g} s",
            "Check the drive and its connection, and start a new recording",
        )
        atexit.register(_leave)

    def _stalled_s(self) -> float:
        """Return for how long the disk has been at what it does; under the lock."""
        return 0.0 if self._asked_at is None else time.monotonic() - self._asked_at

    def _leave_out(self, what: str, error: Exception) -> None:
        logger.warning("%s: a %s cannot be recorded: %s", self._path, what, error)
        with self._change:
            self._n_dropped += 1

    def _put(self, n_bytes: int, entry: Entry) -> bool:
        """Queue an item, if the recording goes on."""
        full = self._queued_bytes + n_bytes > self._max_queue_bytes
        if full and not self._failed:
            self._fail(
                f"the disk is more than {self._max_queue_bytes / 2**20:.3g} MiB behind the"
                " instrument",
                "Use a faster disk or a lower sample rate, and start a new recording",
            )
        if self._failed or self._ending:
            self._n_dropped += 1
            return False
        self._queue.append(entry)
        self._queued_bytes += n_bytes
        self._order += 1
        if self._queued_bytes >= _BATCH_BYTES:
            self._change.notify_all()
        return True

    def _wrong_with(self, block: Block) -> str:
        """Return why a block cannot be part of this stream; empty if it can."""
        n, shape = len(self._info.channels), block.codes.shape
        if len(shape) != 2 or not n == shape[0] == len(block.scales) == len(block.clipped):
            return f"a block of {shape} codes came, expected {n} channels"
        if not np.can_cast(block.codes.dtype, self._dtype, "equiv"):
            return f"a block of {block.codes.dtype} codes came, expected {self._dtype}"
        if self._stop is not None and block.start < self._stop:
            return f"a block from sample {block.start} overlaps those up to {self._stop}"
        return ""

    def _fail(self, why: str, what_to_do: str) -> None:
        """End the recording; under the lock."""
        self._failure = (why, what_to_do)
        self._change.notify_all()

    @property
    def _failed(self) -> bool:
        return self._failure != ("", "")

    def _error(self) -> str:
        if not self._failed:
            return ""
        nothing = self._done and not self._n_samples
        kept = "nothing was written" if nothing else "what was written up to then is readable"
        why, what_to_do = self._failure
        return f"recording to {self._path} stopped: {why}; {kept}. {what_to_do}"

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # whatever it is, only the recording may end
            self._disk_failed(error)
        with self._change:
            self._ending = True
            items = sum(not isinstance(entry, SlowChannel) for entry in self._queue)
            n_dropped = self._n_dropped + items
            self._queue.clear()
            self._asked_at = time.monotonic()
        try:
            self._writer.close(complete=not self._failed, n_dropped=n_dropped)
        except Exception as error:
            self._disk_failed(error)
        with self._change:
            self._queued_bytes = self._queued_samples = 0
            self._n_dropped += self._order - self._writer.n_items
            self._n_samples = self._writer.n_samples
            self._asked_at = None
            self._done = True
            self._change.notify_all()
            atexit.unregister(_leave)

    def _work(self) -> None:
        """Write until the end, or an error, and the queue is empty."""
        flushed = time.monotonic()
        ended = False
        while not ended:
            due_s = flushed + self._flush_s - time.monotonic()
            with self._change:
                self._change.wait_for(self._has_work, timeout=max(due_s, 0.0))
                batch, n_bytes, n_samples = self._take()
                ended = (self._ending or self._failed) and not self._queue
                self._asked_at = time.monotonic()
            self._writer.append(batch)
            if ended or time.monotonic() - flushed >= self._flush_s:
                self._writer.flush()
                flushed = time.monotonic()
            n_in_file = self._writer.n_bytes
            left_s = self._until_full(n_in_file)
            with self._change:
                self._asked_at = None
                self._queued_bytes -= n_bytes
                self._queued_samples -= n_samples
                self._n_samples, self._n_bytes = self._writer.n_samples, n_in_file
                self._left_s = left_s
                self._change.notify_all()

    def _until_full(self, n_bytes: int) -> float:
        """Return the seconds until the disk is full, if it goes on as it did."""
        elapsed_s = time.monotonic() - self._began
        if elapsed_s < _RATE_KNOWN_S or not n_bytes:
            return math.inf
        return max(self._writer.room, 0) / n_bytes * elapsed_s

    def _has_work(self) -> bool:
        return self._queued_bytes >= _BATCH_BYTES or self._ending or self._failed

    def _take(self) -> tuple[list[Entry], int, int]:
        """Return a batch from the queue, its bytes and its samples."""
        batch: list[Entry] = []
        n_bytes = n_samples = 0
        while self._queue and n_bytes < _BATCH_BYTES:
            entry = self._queue.popleft()
            batch.append(entry)
            match entry:
                case (_, Block() as block):
                    n_bytes += block.codes.nbytes
                    n_samples += block.n_samples
                case (_, Reading()):
                    n_bytes += _READING_BYTES
                case SlowChannel():
                    pass  # too few to count
                case (_, _, text):
                    n_bytes += len(text)
        return batch, n_bytes, n_samples

    def _disk_failed(self, error: Exception) -> None:
        with self._change:
            if not self._failed:
                self._fail(reason(error), advice(error))


def _leave() -> None:
    """End the process while a drive still keeps a thread, for which HDF5 would wait at the end."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
