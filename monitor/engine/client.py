"""How a viewer reaches an engine: one blocking request, one reply."""

from __future__ import annotations

import threading
import time
from typing import Self, TypeVar

import msgspec
import zmq

from monitor.engine import messages as m
from monitor.engine.endpoint import check
from monitor.errors import EngineError
from monitor.model import Frame, Notebook, SpanNumbers, StageTable
from monitor.recording.marks import Edit

_R = TypeVar("_R", bound=m.Reply)

_ON_DISK = (m.Mark, m.EditMarks, m.Undo, m.Redo, m.StartRecording, m.StopRecording)
"""What a disk has to take before it is answered."""


class EngineClient:
    """A connection to an engine; any number may be open.

    Used by one thread at a time; a lock keeps a second one waiting.
    """

    def __init__(self, endpoint: str, *, timeout_s: float = 3.0) -> None:
        self.endpoint = check(endpoint)
        self._timeout_ms = int(timeout_s * 1000)
        self._lock = threading.Lock()
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the engine as it is and hang up."""
        with self._lock:
            self._drop()
            self._context.term()

    def hello(self) -> m.Welcome:
        """Return who answers; EngineError if nobody does or it speaks another protocol."""
        welcome = self._ask(m.Hello(), m.Welcome)
        if welcome.protocol != m.PROTOCOL:
            raise EngineError(
                f"the engine at {self.endpoint} is wattstage {welcome.version}, which speaks"
                f" protocol {welcome.protocol}; this viewer speaks {m.PROTOCOL}. Use one version."
            )
        return welcome

    def wait(self, timeout_s: float) -> None:
        """Return once an engine answers; EngineError if none does in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.hello()
            except EngineError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def frame(
        self, *, start: int | None = None, stop: int | None = None, span: int = 1, n_columns: int
    ) -> Frame:
        """Return the newest snapshot with a view of a span and its timeline.

        Parameters
        ----------
        start, stop
            Sample indices; None for both means the newest ``span`` samples.
        span
            Samples.
        n_columns
            Width of the plot, in pixels.
        """
        request = m.FrameRequest(start=start, stop=stop, span=span, n_columns=n_columns)
        return self._ask(request, m.FrameReply).frame()

    def table(self) -> StageTable:
        """Return the stage table of the session so far."""
        return self._ask(m.TableRequest(), m.TableReply).table

    def measured(self, start: int, stop: int) -> SpanNumbers:
        """Return what was measured in ``[start, stop)``, sample indices."""
        return self._ask(m.SpanRequest(start=start, stop=stop), m.SpanReply).numbers

    def mark(self, text: str, time_ns: int = 0) -> None:
        """Put a mark by hand at a UTC time; 0 means now, as the engine sees it."""
        self._ask(m.Mark(text=text, time_ns=time_ns), m.Done)

    def edit(self, edit: Edit) -> None:
        """Move, rename or delete a mark by hand, or put a note on the session."""
        self._ask(m.EditMarks(edit=edit), m.Done)

    def undo(self) -> str:
        """Take back the newest edit by hand, and return what it was: of a mark, its text."""
        return self._ask(m.Undo(), m.Done).value

    def redo(self) -> str:
        """Make again what was taken back last, and return what it is."""
        return self._ask(m.Redo(), m.Done).value

    def notebook(self) -> Notebook:
        """Return the marks by hand and the notes."""
        return self._ask(m.NotebookRequest(), m.NotebookReply).notebook

    def start_recording(self, path: str | None = None) -> str:
        """Start recording and return the file's path."""
        return self._ask(m.StartRecording(path=path), m.Done).value

    def stop_recording(self) -> str:
        """Close the recording and return the file's path."""
        return self._ask(m.StopRecording(), m.Done).value

    def save_recent(self, seconds: float, path: str | None = None) -> str:
        """Begin to write what is remembered of the last seconds; return the file's path."""
        return self._ask(m.SaveRecent(seconds=seconds, path=path), m.Done).value

    def set_speed(self, speed: float) -> None:
        """Set the speed of a replay."""
        self._ask(m.Pace(speed=speed), m.Done)

    def pause(self) -> None:
        """Hold a replay."""
        self._ask(m.Pause(paused=True), m.Done)

    def resume(self) -> None:
        """Let a held replay go on."""
        self._ask(m.Pause(paused=False), m.Done)

    def seek(self, index: int) -> None:
        """Move a replay's playhead to a sample index."""
        self._ask(m.Seek(index=index), m.Done)

    def shutdown(self) -> None:
        """End the engine; its recording is closed first."""
        self._ask(m.Shutdown(), m.Done)

    def _ask(self, request: m.Request, kind: type[_R]) -> _R:
        with self._lock:
            reply = self._exchange(request)
        if isinstance(reply, m.Refused):
            raise EngineError(reply.message)
        if not isinstance(reply, kind):
            raise EngineError(
                f"the engine at {self.endpoint} answered {type(reply).__name__} to"
                f" {type(request).__name__}; use one version of wattstage on both sides"
            )
        return reply

    def _exchange(self, request: m.Request) -> m.Reply:
        socket = self._socket or self._connect()
        socket.send(m.encode(request))
        if not socket.poll(self._timeout_ms):
            self._drop()  # a late reply must not be taken for the next one's
            if isinstance(request, _ON_DISK):
                self._exchange(m.Hello())  # or there is no engine at all
                raise EngineError(
                    f"the engine at {self.endpoint} has not answered for"
                    f" {self._timeout_ms / 1000:g} s: its disk may be slow or gone. It may still"
                    " do this, so look before you ask again"
                )
            raise EngineError(
                f"no engine answers at {self.endpoint}; start one with `wattstage record` or"
                " `wattstage engine`, or give its --endpoint"
            )
        try:
            reply: m.Reply = m.decode_reply(socket.recv())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._drop()
            raise EngineError(
                f"the engine at {self.endpoint} answered something unknown ({error}); use one"
                " version of wattstage on both sides"
            ) from error
        return reply

    def _connect(self) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(zmq.REQ)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(self.endpoint)
        self._socket = socket
        return socket

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close(linger=0)
            self._socket = None
