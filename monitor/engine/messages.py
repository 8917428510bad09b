"""What an engine and its viewers say to each other: msgpack over one ZeroMQ request and reply.

Every message is a tagged struct, so a wrong one is refused with the field's name.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import DTypeLike, NDArray

from monitor.model import (
    Frame,
    Notebook,
    SlowChannel,
    SlowView,
    Snapshot,
    SpanNumbers,
    StageTable,
    Timeline,
    View,
)
from monitor.recording.marks import Edit

PROTOCOL = 1
"""Raised when an old viewer could misread a new engine."""

MAX_COLUMNS = 16_384
"""Columns of one view: wider than any screen, small enough to answer at once."""


class Hello(msgspec.Struct, frozen=True, tag=True):
    """Ask who is there; answered by ``Welcome``."""


class FrameRequest(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Ask for all that a window draws; answered by ``FrameReply``.

    With ``start`` and ``stop`` None, the newest ``span`` samples are meant.
    """

    start: int | None = None
    stop: int | None = None
    span: int = 1
    n_columns: int = 1000


class TableRequest(msgspec.Struct, frozen=True, tag=True):
    """Ask for the stage table; answered by ``TableReply``."""


class SpanRequest(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Ask what was measured in ``[start, stop)``, sample indices; answered by ``SpanReply``."""

    start: int
    stop: int


class Mark(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Put a mark by hand."""

    text: str
    time_ns: int
    """UTC at which it was made; 0 means on arrival."""


class EditMarks(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Move, rename or delete a mark by hand, or put a note on the session."""

    edit: Edit


class Undo(msgspec.Struct, frozen=True, tag=True):
    """Take back the newest edit by hand; answered by ``Done`` with what it was."""


class Redo(msgspec.Struct, frozen=True, tag=True):
    """Make again what was taken back last; answered by ``Done`` with what it is."""


class NotebookRequest(msgspec.Struct, frozen=True, tag=True):
    """Ask for the marks by hand and the notes; answered by ``NotebookReply``."""


class StartRecording(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Start recording; answered by ``Done`` with the file's path."""

    path: str | None = None
    """None chooses a name in the recordings folder."""


class StopRecording(msgspec.Struct, frozen=True, tag=True):
    """Stop and close the recording; answered by ``Done`` with the file's path."""


class SaveRecent(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Write what is remembered of the last seconds to a file; answered by ``Done`` with its path.

    The answer does not wait for the end of the writing.
    """

    seconds: float
    path: str | None = None
    """None chooses a name in the recordings folder."""


class Pace(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Set a replay's speed."""

    speed: float


class Pause(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Hold a replay, or let it go on."""

    paused: bool


class Seek(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Move a replay's playhead to a sample index."""

    index: int


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """End the session, close the recording and leave."""


Request = (
    Hello | FrameRequest | TableRequest | SpanRequest | NotebookRequest | Mark | EditMarks | Undo
    | Redo | StartRecording | StopRecording | SaveRecent | Pace | Pause | Seek | Shutdown
)  # fmt: skip


class Welcome(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Who answers."""

    protocol: int
    version: str
    pid: int


class Done(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The command was carried out."""

    value: str = ""


class Refused(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The request could not be carried out."""

    message: str


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """A slow channel's steps; arrays travel as little-endian bytes."""

    channel: SlowChannel
    starts: bytes
    stops: bytes
    low: bytes
    high: bytes

    @classmethod
    def of(cls, view: SlowView) -> Steps:
        """Pack them."""
        return cls(
            channel=view.channel,
            starts=_pack(view.starts_ns, "<i8"),
            stops=_pack(view.stops_ns, "<i8"),
            low=_pack(view.low, "<f4"),
            high=_pack(view.high, "<f4"),
        )

    def view(self) -> SlowView:
        """Unpack them."""
        return SlowView(
            self.channel,
            np.frombuffer(self.starts, "<i8"),
            np.frombuffer(self.stops, "<i8"),
            np.frombuffer(self.low, "<f4"),
            np.frombuffer(self.high, "<f4"),
        )


class FrameReply(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A frame; arrays travel as little-endian bytes."""

    snapshot: Snapshot
    timeline: Timeline
    n_columns: int
    edges: bytes = b""
    low: bytes = b""
    high: bytes = b""
    averages: bytes = b""
    ramps: bytes = b""
    average_lines: bytes = b""
    ramp_lines: bytes = b""
    coverage: bytes = b""
    slow: tuple[Steps, ...] = ()

    @classmethod
    def of(cls, frame: Frame) -> FrameReply:
        """Pack a frame."""
        view, slow = frame.view, tuple(map(Steps.of, frame.slow))
        if view is None:
            return cls(snapshot=frame.snapshot, timeline=frame.timeline, n_columns=0, slow=slow)
        return cls(
            snapshot=frame.snapshot,
            timeline=frame.timeline,
            n_columns=len(view.edges) - 1,
            edges=_pack(view.edges, "<i8"),
            low=_pack(view.low, "<f4"),
            high=_pack(view.high, "<f4"),
            averages=_pack(view.averages_w, "<f4"),
            ramps=_pack(view.ramps_w_per_s, "<f4"),
            average_lines=_packed(view.average_lines_w),
            ramp_lines=_packed(view.ramp_lines_w_per_s),
            coverage=_packed(view.coverage),
            slow=slow,
        )

    def frame(self) -> Frame:
        """Unpack it."""
        slow = tuple(steps.view() for steps in self.slow)
        if self.n_columns == 0:
            return Frame(self.snapshot, None, self.timeline, slow)

        def table(data: bytes) -> NDArray[np.float32]:
            return np.frombuffer(data, "<f4").reshape(-1, self.n_columns)

        def lines(data: bytes) -> NDArray[np.float32] | None:
            return np.frombuffer(data, "<f4").reshape(2, -1, self.n_columns) if data else None

        view = View(
            np.frombuffer(self.edges, "<i8"),
            table(self.low),
            table(self.high),
            table(self.averages),
            table(self.ramps),
            lines(self.average_lines),
            lines(self.ramp_lines),
            np.frombuffer(self.coverage, "<f4") if self.coverage else None,
        )
        return Frame(self.snapshot, view, self.timeline, slow)


class TableReply(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The stage table of the session so far."""

    table: StageTable


class SpanReply(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What was measured between two instants."""

    numbers: SpanNumbers


class NotebookReply(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What was written by hand."""

    notebook: Notebook


Reply = Welcome | Done | Refused | FrameReply | TableReply | SpanReply | NotebookReply

encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def _packed(array: NDArray[np.float32] | None) -> bytes:
    return b"" if array is None else _pack(array, "<f4")


def _pack(array: NDArray[np.generic], dtype: DTypeLike) -> bytes:
    return np.ascontiguousarray(array, dtype).tobytes()
