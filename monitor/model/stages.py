"""What markers say, and the stages that they make."""

from __future__ import annotations

import enum

import msgspec

Scalar = str | int | float | bool | None
"""What a marker attribute may be."""


class Edge(enum.Enum):
    """Which side of a stage a marker stands for."""

    BEGIN = "begin"
    END = "end"
    INSTANT = "point"


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """One edge of a stage, or an instant, as its sender saw it."""

    time_ns: int
    """The sender's UTC; never overwritten."""
    stage: str
    """Name as sent, e.g. ``denoise_step``; of a mark by hand, ``note``."""
    edge: Edge
    received_ns: int = 0
    """The engine's UTC on arrival; 0 in a marker that has not travelled."""
    run_id: str = ""
    span_id: str = ""
    """Names the stage occurrence, so that begin and end find each other."""
    parent_id: str = ""
    """span_id of the enclosing stage; empty at the root."""
    seq: int = 0
    """Counts the markers of one sender from 1; (run_id, rank, sender, seq) is unique."""
    rank: int = 0
    sender: str = ""
    """Names the process, or its child, that sent it; empty if it does not say."""
    index: int | None = None
    """Which occurrence this is, e.g. the denoising step; None if the sender does not count."""
    total: int | None = None
    """How many occurrences are expected; None if unknown."""
    timing: str = "host"
    """How the time was taken: sync, event, host, log or hand."""
    attrs: dict[str, Scalar] = {}


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence of a named interval of the workload."""

    name: str
    path: str
    """Names from the root, joined by ``/``."""
    span_id: str
    run_id: str
    parent_id: str
    depth: int
    """0 at the root."""
    index: int
    """As sent; else how many stages of the same path of the same parent began before."""
    start_ns: int
    stop_ns: int | None
    """None while running."""
    leaf: bool
    """Whether no other stage lies in it."""
    total: int | None = None
    """How many occurrences were announced; None if unknown."""
    truncated: bool = False
    """Whether an edge is missing and was put at the parent's, or at the edge of the data."""
    uncertainty_ns: int = 0
    """Within so much its edges are right, as far as the sender's clock goes."""
    timing: str = "host"
    """How its edges were taken, as its marker says."""
    attrs: dict[str, Scalar] = {}

    @property
    def failed(self) -> bool:
        """Return whether an exception passed through it, or its program ended in failure."""
        return self.attrs.get("status") == "error"

    @property
    def warmup(self) -> bool:
        """Return whether its sender says that it did what is only done the first time."""
        return self.attrs.get("warmup") is True


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence on a session, by hand."""

    note_id: str
    """What an edit of it names, for as long as the recording and what lies beside it exist."""
    text: str


class Notebook(msgspec.Struct, frozen=True, kw_only=True):
    """What was written by hand about a session, as it was edited since."""

    marks: tuple[Marker, ...] = ()
    """By time."""
    notes: tuple[Note, ...] = ()
    """On the session, oldest first."""
    undo: str = ""
    """What the next undo takes back, in words; empty if there is nothing."""
    redo: str = ""
    """What the next redo makes again."""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What the markers say about a span of time."""

    stages: tuple[Stage, ...]
    """Sorted by start, parents before children."""
    marks: tuple[Marker, ...]
    """Instants, sorted by time."""
