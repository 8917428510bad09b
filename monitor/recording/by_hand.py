"""What was done by hand in a session: what holds of it, and what can be taken back."""

from __future__ import annotations

from monitor.errors import EngineError
from monitor.model import Notebook
from monitor.recording import marks, notes
from monitor.recording.marks import Edit


class ByHand:
    """The edits of a session that goes on; one task or thread writes and reads it.

    What is made, taken back or made again is first put on the disk by who owns this.
    """

    def __init__(self) -> None:
        self._held: list[Edit] = []
        self._undone: list[Edit] = []
        self._n_before = 0
        self._refresh()

    @property
    def changed(self) -> bool:
        """Return whether anything was ever done but adding marks."""
        return self._changed

    def begin_recording(self) -> None:
        """Know that the edits up to now are not beside the recording that begins."""
        self._n_before = len(self._held)

    @property
    def newest_is_recorded(self) -> bool:
        """Return whether the newest edit was made since the recording began."""
        return len(self._held) > self._n_before

    def check(self, edit: Edit) -> None:
        """Raise EngineError if it changes a mark or a note that is not there."""
        check(edit, self.notebook, "this session")

    def take(self, edit: Edit) -> None:
        """Let an edit hold."""
        self._changed |= edit.do != "add"
        self._held.append(edit)
        self._undone.clear()
        self._refresh()

    def newest(self) -> Edit:
        """Return what would be taken back; EngineError if there is nothing."""
        if not self._held:
            raise EngineError("there is no mark by hand to take back, and no edit")
        return self._held[-1]

    def inverse(self) -> Edit:
        """Return the edit that does what taking back the newest would."""
        edit, before = self._held[-1], _notebook(self._held[:-1], [])
        if edit.marker is not None:
            return Edit(do="delete", mark=marks.mark_id(edit.marker))
        if edit.do == "note":
            return Edit(do="delete", mark=edit.mark)
        if notes.is_note(edit.mark):
            (text,) = (note.text for note in before.notes if note.note_id == edit.mark)
            return Edit(do="note" if edit.do == "delete" else "rename", mark=edit.mark, text=text)
        (mark,) = (mark for mark in before.marks if marks.mark_id(mark) == edit.mark)
        if edit.do == "delete":
            return Edit(do="add", marker=mark)
        if edit.do == "move":
            return Edit(do="move", mark=edit.mark, time_ns=mark.time_ns)
        return Edit(do="rename", mark=edit.mark, text=str(mark.attrs["text"]))

    def undo(self) -> None:
        """Take the newest back."""
        self._changed = True
        self._undone.append(self._held.pop())
        self._n_before = min(self._n_before, len(self._held))
        self._refresh()

    def undone(self) -> Edit:
        """Return what would be made again; EngineError if there is nothing."""
        if not self._undone:
            raise EngineError("nothing was taken back that could be made again")
        return self._undone[-1]

    def redo(self, *, recorded: bool = True) -> None:
        """Make again what was taken back last.

        Parameters
        ----------
        recorded
            Whether it lies beside the recording now; only the oldest of all that hold may not.
        """
        self._held.append(self._undone.pop())
        if not recorded:
            self._n_before = len(self._held)
        self._refresh()

    def _refresh(self) -> None:
        self.notebook = _notebook(self._held, self._undone)
        """Replaced whole."""

    _changed = False


def check(edit: Edit, book: Notebook, where: str) -> None:
    """Raise EngineError if an edit changes a mark or a note that is not there, or moves a note."""
    if edit.do not in ("move", "rename", "delete"):
        return
    if edit.do == "move" and notes.is_note(edit.mark):
        raise EngineError("a note on the session has no time, so it is not moved")
    names = {note.note_id for note in book.notes} | {marks.mark_id(mark) for mark in book.marks}
    if edit.mark not in names:
        raise EngineError(
            f"there is no mark or note {edit.mark!r} by hand in {where}; it may be deleted"
        )


def _notebook(held: list[Edit], undone: list[Edit]) -> Notebook:
    """Return the marks and notes that hold."""
    placed, texts = marks.apply(held, [], lambda time_ns: time_ns)
    return Notebook(
        marks=tuple(mark for _, mark in placed),
        notes=texts,
        undo=marks.words(held[-1]) if held else "",
        redo=marks.words(undone[-1]) if undone else "",
    )
