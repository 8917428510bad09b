"""What somebody writes into a session by hand: on the disk first, and taken back if asked."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import msgspec

from monitor.errors import EngineError, RecordingError
from monitor.model import Edge, Marker, Notebook
from monitor.recording import marks, notes
from monitor.recording.by_hand import ByHand
from monitor.recording.marks import Edit
from monitor.session.aside import aside
from monitor.sources.clock import Clock

_PATIENCE_S = 10.0  # for a disk that does not answer


class Desk:
    """Marks and notes of one session, and the recording beside which they are kept.

    Whatever changes them is on the disk when it returns, if the session is recorded.

    Parameters
    ----------
    clock
        Of the host.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._id = uuid.uuid4().hex
        self._n_marks = 0
        self._by_hand = ByHand()
        self._path: Path | None = None
        self._from_ns = 0
        self._written: set[str] = set()  # marks that the recording was given
        self._recorded: dict[str, str] = {}  # what it calls the notes that it began with

    @property
    def changed(self) -> bool:
        """Return whether anything was ever done but adding marks."""
        return self._by_hand.changed

    @property
    def notebook(self) -> Notebook:
        """Return the marks by hand and the notes that hold."""
        return self._by_hand.notebook

    def begin_recording(self, path: Path) -> None:
        """Keep what follows beside a recording that begins."""
        self._path, self._written = path, set()
        self._recorded = {
            note.note_id: notes.numbered(k) for k, note in enumerate(self.notebook.notes, 1)
        }
        self._by_hand.begin_recording()

    def record_from(self, time_ns: int) -> None:
        """Know from which UTC on the recording has samples."""
        self._from_ns = time_ns

    def end_recording(self) -> set[str]:
        """Keep nothing on the disk any more; return the marks that are in the recording."""
        self._path = None
        return self._written

    def wrote(self, marker: Marker) -> None:
        """Know that the recording was given a marker."""
        if marks.is_mark(marker):
            self._written.add(marks.mark_id(marker))

    def told(self, described: dict[str, str]) -> dict[str, str]:
        """Return what a recording that begins says of the session beside its data."""
        return notes.told(described, self.notebook.notes)

    def is_own(self, marker: Marker) -> bool:
        """Return whether it was made by hand here, not in the session that is replayed."""
        return marks.is_mark(marker) and marker.run_id == self._id

    def marks_of(self, start_ns: int, stop_ns: int) -> list[Marker]:
        """Return the marks by hand of a span of UTC as they are now, by time."""
        return [m for m in self._by_hand.notebook.marks if start_ns <= m.time_ns < stop_ns]

    async def mark(self, text: str, time_ns: int) -> Marker:
        """Return a mark by hand at a UTC time (0: now), which is kept.

        Raises
        ------
        RecordingError
            If the disk does not take it; there is no mark then.
        """
        now_ns = self._clock.now_ns()
        self._n_marks += 1
        mark = Marker(
            time_ns=time_ns or now_ns,
            received_ns=now_ns,
            stage="note",
            edge=Edge.INSTANT,
            run_id=self._id,
            seq=self._n_marks,
            timing="hand",
            attrs={"text": text},
        )
        edit = Edit(do="add", marker=mark)
        await self._keep(edit)
        self._by_hand.take(edit)
        return mark

    async def edit(self, edit: Edit) -> None:
        """Move, rename or delete a mark by hand, put a note on the session, rename or delete it.

        Raises
        ------
        EngineError
            If there is no such mark or note, or it is no such edit.
        RecordingError
            If the disk does not take it; nothing is changed then.
        """
        if edit.do not in ("move", "rename", "delete", "note"):
            raise EngineError(f"an edit moves, renames or deletes a mark, or notes; got {edit.do}")
        self._by_hand.check(edit)
        if edit.do == "note":
            edit = marks.new_note(edit.text)
        await self._keep(edit)
        self._by_hand.take(edit)

    async def undo(self) -> str:
        """Take back the newest edit by hand that holds, and return what it was.

        Raises
        ------
        EngineError
            If there is none.
        RecordingError
            If the disk does not take it; the edit stays then.
        """
        edit = self._by_hand.newest()
        if self._by_hand.newest_is_recorded:
            await self._keep(Edit(do="undo"))
        elif self._is_recorded(inverse := self._by_hand.inverse()):
            await self._keep(inverse)
        self._by_hand.undo()
        return marks.words(edit)

    async def redo(self) -> str:
        """Make again what was taken back last, and return what it is; raises as ``undo``."""
        edit = self._by_hand.undone()
        concerns = self._by_hand.newest_is_recorded or self._is_recorded(edit)
        if concerns:
            await self._keep(edit)
        self._by_hand.redo(recorded=concerns)
        return marks.words(edit)

    def _is_recorded(self, edit: Edit) -> bool:
        """Return whether the recording that runs has to know of an edit from before it."""
        known = {marks.mark_id(mark): mark for mark in self.notebook.marks}
        mark = edit.marker or known.get(edit.mark)
        if mark is None:  # it is of a note
            return True
        return mark.time_ns >= self._from_ns or marks.mark_id(mark) in self._written

    async def _keep(self, edit: Edit) -> None:
        """Have the disk keep an edit, beside the recording if there is one."""
        if self._path is not None:
            edit = msgspec.structs.replace(edit, mark=self._recorded.get(edit.mark, edit.mark))
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await aside(marks.append, self._path, edit)
            except TimeoutError as error:
                raise RecordingError(
                    f"{marks.journal_path(self._path)}: the disk has not answered for"
                    f" {_PATIENCE_S:g} s, so it is not known whether this is kept; check the drive"
                    " and its connection, and look at the marks again"
                ) from error
