"""Where the window gets what it draws: an engine, or a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import psutil

from monitor.engine.client import EngineClient
from monitor.errors import EngineError
from monitor.model import Frame, Notebook, SpanNumbers, StageTable
from monitor.recording.marks import Edit

NOT_YET = -1
"""Version of a snapshot whose numbers take longer, and come with one of the next frames."""


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """What to draw, in sample indices."""

    start: int | None
    stop: int | None
    """Both None: the newest ``span`` samples."""
    span: int
    n_columns: int
    """Width of the plot, in pixels."""


class Feed(Protocol):
    """A session that can be looked at.

    Used by one thread at a time. Every method may block, and raises a ``WattstageError`` when it
    cannot do what it was asked.
    """

    @property
    def name(self) -> str:
        """What is shown in the title bar."""

    def frame(self, request: FrameRequest) -> Frame:
        """Return the newest snapshot, and a view and the markers of the span asked for."""

    def table(self) -> StageTable:
        """Return what each stage used so far."""

    def measured(self, start: int, stop: int) -> SpanNumbers:
        """Return what was measured in ``[start, stop)``, sample indices."""

    def mark(self, text: str, time_ns: int) -> None:
        """Put a mark by hand at a UTC time."""

    def edit(self, edit: Edit) -> None:
        """Move, rename or delete a mark by hand, or put a note on the session."""

    def undo(self) -> str:
        """Take back the newest edit by hand, and return what it was."""

    def redo(self) -> str:
        """Make again what was taken back last, and return what it is."""

    def notebook(self) -> Notebook:
        """Return the marks by hand and the notes."""

    def start_recording(self, path: str | None) -> str:
        """Start recording and return the file's path; None chooses a name."""

    def stop_recording(self) -> str:
        """Close the recording and return the file's path."""

    def set_speed(self, speed: float) -> None:
        """Set the speed of a replay."""

    def pause(self) -> None:
        """Hold a replay."""

    def resume(self) -> None:
        """Let a replay go on, or start it at the playhead."""

    def seek(self, index: int) -> None:
        """Move a replay's playhead to a sample index."""

    @property
    def progress(self) -> float:
        """How much of what must be read first is read, 0 to 1; any thread may ask."""

    def abandon(self) -> None:
        """Give up what is being read; the one method that another thread may call."""

    def close(self) -> None:
        """Let go of it; a session elsewhere goes on."""


class EngineFeed:
    """A session in another process."""

    def __init__(self, endpoint: str) -> None:
        self._client = EngineClient(endpoint)
        self._pid: int | None = None  # of the engine that answered last
        self._missed = False
        self.name = "live"
        self.progress = 1.0

    def hello(self) -> None:
        """Check that an engine answers; EngineError if not."""
        self._pid = self._client.hello().pid

    def frame(self, request: FrameRequest) -> Frame:
        """Return what to draw."""
        try:
            if self._pid is None or self._missed:  # the first, or one that was started anew
                self.hello()
                self._missed = False
            return self._client.frame(
                start=request.start,
                stop=request.stop,
                span=request.span,
                n_columns=request.n_columns,
            )
        except EngineError as error:
            self._missed = True
            if not self._is_gone():
                raise
            raise EngineError(f"the engine, process {self._pid}, is gone") from error

    def _is_gone(self) -> bool:
        """Return whether the process that answered has ended, as far as can be seen from here."""
        if self._pid is None or not self._client.endpoint.startswith("ipc:"):
            return False  # what listens on TCP may be a tunnel to another machine
        try:  # one that is dead may wait for whoever started it
            return psutil.Process(self._pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False

    def table(self) -> StageTable:
        """Return the stage table so far."""
        return self._client.table()

    def measured(self, start: int, stop: int) -> SpanNumbers:
        """Return what was measured between two instants."""
        return self._client.measured(start, stop)

    def mark(self, text: str, time_ns: int) -> None:
        """Put a mark by hand."""
        self._client.mark(text, time_ns)

    def edit(self, edit: Edit) -> None:
        """Edit what was written by hand."""
        self._client.edit(edit)

    def undo(self) -> str:
        """Take back the newest edit."""
        return self._client.undo()

    def redo(self) -> str:
        """Make again what was taken back."""
        return self._client.redo()

    def notebook(self) -> Notebook:
        """Return what was written by hand."""
        return self._client.notebook()

    def start_recording(self, path: str | None) -> str:
        """Start recording in the engine."""
        return self._client.start_recording(path)

    def stop_recording(self) -> str:
        """Stop recording in the engine."""
        return self._client.stop_recording()

    def set_speed(self, speed: float) -> None:
        """Set the speed of the engine's replay."""
        self._client.set_speed(speed)

    def pause(self) -> None:
        """Hold the engine's replay."""
        self._client.pause()

    def resume(self) -> None:
        """Let the engine's replay go on."""
        self._client.resume()

    def seek(self, index: int) -> None:
        """Move the engine's playhead."""
        self._client.seek(index)

    def abandon(self) -> None:
        """Do nothing: an engine answers within seconds, or is given up."""

    def close(self) -> None:
        """Hang up."""
        self._client.close()
