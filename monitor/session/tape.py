"""What of a session goes to the disk: the recording that runs, and what is saved of the past."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, TypeVar

from monitor.config import RecordingSettings
from monitor.errors import EngineError
from monitor.history.account import Account
from monitor.model import Block, Marker, Reading, RecordingState, SlowChannel
from monitor.recording import marks
from monitor.recording.recorder import Recorder
from monitor.session.aside import aside
from monitor.session.desk import Desk
from monitor.session.past import write_past

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class Tape:
    """The recordings of one session; nothing that comes live ever waits for their disk.

    Parameters
    ----------
    desk
        Marks and notes by hand, which a recording takes over.
    how
        How files are written.
    described
        What a recording says of the session beside its data: names and texts.
    say
        Is told how a recording ended, if there is something to tell, and whether it ``failed``.
    """

    def __init__(
        self,
        desk: Desk,
        how: RecordingSettings,
        described: dict[str, str],
        say: Callable[..., None],
    ) -> None:
        self._desk, self._how, self._described, self._say = desk, how, described, say
        self._recorder: Recorder | None = None
        self._ending: set[asyncio.Task[Any]] = set()
        self.error = ""
        """Why a recording stopped by itself; empty if none did."""

    @property
    def state(self) -> RecordingState | None:
        """Return how the recording that runs is doing; None if there is none."""
        return self._recorder.state if self._recorder is not None else None

    def start(self, account: Account, path: Path) -> str:
        """Record from now on; raises as ``Session.start_recording``."""
        if self._recorder is not None:
            raise EngineError(f"already recording to {self._recorder.state.path}; stop that first")
        marks.begin(path)
        self.error = ""
        self._recorder = self._new(account, path)
        self._desk.begin_recording(path)
        for marker in account.before:
            self._recorder.mark(marker)
        start, stop = account.history.bounds
        # Of a session that has measured nothing yet, all of it is recorded.
        from_ns = account.info.time_ns(stop) if stop > start else 0
        self._desk.record_from(from_ns)
        for mark in self._desk.marks_of(from_ns, 1 << 63):  # younger than what was measured yet
            self.mark(mark)
        self._recorder.announce(account.slow.channels)
        for reading in account.slow.newest:
            self._recorder.add(reading)
        return str(path)

    async def stop(self) -> str | None:
        """Close the recording and return its path; None if there was none."""
        closing = self._let_go()
        if closing is None:
            return None
        while not closing.done():  # who is in a hurry waits, too; a recorder comes to an end
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(closing)
        return closing.result()

    def save_recent(self, account: Account, path: Path, seconds: float) -> None:
        """Begin to write what is remembered of the last seconds to a file of its own."""
        self._see_to(self._save(account, self._new(account, path), seconds))

    def write(self, block: Block) -> None:
        """Put a block into the recording, if there is one."""
        if self._recorder is not None:
            self._recorder.write(block)

    def mark(self, marker: Marker) -> None:
        """Put a marker into the recording, if there is one."""
        if self._recorder is not None:
            self._recorder.mark(marker)
            self._desk.wrote(marker)

    def add(self, reading: Reading) -> None:
        """Put a reading into the recording, if there is one."""
        if self._recorder is not None:
            self._recorder.add(reading)

    def announce(self, channels: Iterable[SlowChannel]) -> None:
        """Let the recording know slow channels, if there is one."""
        if self._recorder is not None:
            self._recorder.announce(channels)

    def look(self) -> None:
        """Let go of a recording that has failed."""
        if self._recorder is not None and (error := self._recorder.state.error):
            self.error = error
            self._let_go()

    async def rest(self) -> None:
        """Wait for all that is still being written, but the recording that runs."""
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _new(self, account: Account, path: Path) -> Recorder:
        settings = self._desk.told(self._described)
        return Recorder(path, account.info, settings=settings, how=self._how)

    def _let_go(self) -> asyncio.Task[str] | None:
        """Begin to close the recording, if there is one."""
        if self._recorder is None:
            return None
        recorder, self._recorder = self._recorder, None
        return self._see_to(self._close(recorder, self._desk.end_recording()))

    async def _close(self, recorder: Recorder, written: set[str]) -> str:
        """Close a recording, and return its path.

        Parameters
        ----------
        written
            ``mark_id`` of the marks by hand that it was given.
        """
        await aside(recorder.close)
        state = recorder.state
        if state.error:
            self.error = state.error
            self._say(state.error, failed=True)
        elif not recorder.n_dropped:
            try:
                await aside(marks.settle, Path(state.path), written)
            except OSError as error:  # they stay beside the recording, which is as good
                logger.info("marks stay beside %s: %s", state.path, error)
        return state.path

    async def _save(self, account: Account, recorder: Recorder, seconds: float) -> None:
        await write_past(account, self._desk, recorder, seconds)
        state = recorder.state
        length_s = state.n_samples / account.info.sample_rate_hz
        saved = f"saved the last {length_s:.4g} s to {state.path}"
        self._say(state.error or saved, failed=bool(state.error))

    def _see_to(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Let something be done, which the end of the session waits for."""
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task
