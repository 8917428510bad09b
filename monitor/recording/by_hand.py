"""What was done by hand in a session: what holds of it, and what can be taken back."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.errors import EngineError
from monitor.model import Marker, Notebook
from monitor.recording import marks
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
        """Raise EngineError if it changes a mark that is not there."""
        known = {marks.mark_id(mark) for mark in self.notebook.marks}
        if edit.do in ("move", "rename", "delete") and edit.mark not in known:
            raise EngineError(
                f"there is no mark {edit.mark!r} by hand in this session; it may be deleted"
            )

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
        self.notebook = notebook(self._held, self._undone)
        """Replaced whole."""

    _changed = False


def notebook(
    held: list[Edit], undone: list[Edit], there: Iterable[Marker] = (), notes: Iterable[str] = ()
) -> Notebook:
    """Return the marks and notes that hold.

    Parameters
    ----------
    there, notes
        What a recording has before these edits.
    """
    placed, more = marks.apply(
        held, [(mark.time_ns, mark) for mark in there], lambda time_ns: time_ns
    )
    return Notebook(
        marks=tuple(mark for _, mark in placed),
        notes=(*notes, *more),
        undo=marks.words(held[-1]) if held else "",
        redo=marks.words(undone[-1]) if undone else "",
    )
