"""What the window asks of a feed and tells it, through its worker."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from monitor.model import Notebook, SpanNumbers, StageTable
from monitor.recording.marks import Edit
from ui.feed import Feed, FrameRequest
from ui.worker import Worker

_BY_HAND = ("mark", "edit", "undo", "redo")


class Remote(QObject):
    """Owns the worker of one feed; every call returns at once."""

    frame_ready = Signal(object)
    """A Frame."""
    frame_failed = Signal(str)
    table_ready = Signal(object)
    """A StageTable."""
    notebook_ready = Signal(object)
    """A Notebook."""
    numbers_ready = Signal(object)
    """SpanNumbers."""
    refused = Signal(str)
    """Which command failed, and why."""

    def __init__(self, feed: Feed, parent: QObject) -> None:
        super().__init__(parent)
        self._worker = Worker(feed, parent=self)
        self._table_asked = self._notebook_asked = False
        self._seek_to: int | None = None
        self._span: tuple[int, int] | None = None
        self._span_asked = False
        self._worker.frame_ready.connect(self.frame_ready)
        self._worker.frame_failed.connect(self.frame_failed)
        self._worker.command_done.connect(self._done)
        self._worker.command_failed.connect(self._failed)

    @property
    def progress(self) -> float:
        """How much of what must be read before the first frame is read, 0 to 1."""
        return self._worker.feed.progress

    def tick(self, request: FrameRequest) -> None:
        """Ask for a frame, unless one is on its way; move the playhead if it was dragged."""
        if self._seek_to is not None:
            index, self._seek_to = self._seek_to, None
            self._worker.do("seek", lambda feed: feed.seek(index))
        if self._span is not None and not self._span_asked:
            (start, stop), self._span = self._span, None
            self._span_asked = True
            self._worker.do("between the cursors", lambda feed: feed.measured(start, stop))
        if self._worker.idle:
            self._worker.ask(request)

    def record(self, *, on: bool) -> None:
        """Start recording under a name of the engine's choice, or stop it."""
        if on:
            self._worker.do("record", lambda feed: feed.start_recording(None))
        else:
            self._worker.do("stop recording", lambda feed: feed.stop_recording())

    def mark(self, text: str, time_ns: int) -> None:
        """Put a mark by hand."""
        self._worker.do("mark", lambda feed: feed.mark(text, time_ns))

    def undo(self) -> None:
        """Take back the newest edit by hand."""
        self._worker.do("undo", lambda feed: feed.undo())

    def redo(self) -> None:
        """Make again what was taken back last."""
        self._worker.do("redo", lambda feed: feed.redo())

    def edit(self, edit: Edit) -> None:
        """Edit what was written by hand."""
        self._worker.do("edit", lambda feed: feed.edit(edit))

    def ask_notebook(self) -> None:
        """Ask for the marks by hand and the notes, unless they are on their way."""
        if not self._notebook_asked:
            self._notebook_asked = True
            self._worker.do("notebook", lambda feed: feed.notebook())

    def play(self, *, on: bool) -> None:
        """Let a replay go on, or hold it."""
        if on:
            self._worker.do("play", lambda feed: feed.resume())
        else:
            self._worker.do("hold", lambda feed: feed.pause())

    def seek(self, index: int) -> None:
        """Move the playhead with the next tick: of a fast drag only the last place counts."""
        self._seek_to = index

    def measure(self, start: int, stop: int) -> None:
        """Ask with the next tick what was measured; of a fast drag only the last place counts."""
        self._span = (start, stop)

    def set_speed(self, speed: float) -> None:
        """Replay at another speed."""
        self._worker.do("speed", lambda feed: feed.set_speed(speed))

    def ask_table(self) -> None:
        """Ask for the stage table, unless it is on its way."""
        if not self._table_asked:
            self._table_asked = True
            self._worker.do("table", lambda feed: feed.table())

    def close(self) -> None:
        """Let go of the feed; no signal follows."""
        self._worker.close()

    def _done(self, label: str, result: object) -> None:
        if isinstance(result, StageTable):
            self._table_asked = False
            self.table_ready.emit(result)
        elif isinstance(result, SpanNumbers):
            self._span_asked = False
            if self._span is None:  # or it is of an earlier place
                self.numbers_ready.emit(result)
        elif isinstance(result, Notebook):
            self._notebook_asked = False
            self.notebook_ready.emit(result)
        elif label in _BY_HAND:
            self.ask_notebook()

    def _failed(self, label: str, why: str) -> None:
        self._span_asked = self._span_asked and label != "between the cursors"
        if label == "table":  # there is none before the first block
            self._table_asked = False
        elif label == "notebook":
            self._notebook_asked = False
        else:
            self.refused.emit(f"{label}: {why}")
