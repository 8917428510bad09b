"""Marks and notes on a recording that exists; its own bytes stay as they are."""

from __future__ import annotations

from monitor.errors import ConfigError
from monitor.model import NS, Marker
from monitor.recording import marks
from monitor.recording.marks import Edit
from monitor.recording.reader import Recording


def hand_marks(recording: Recording) -> tuple[Marker, ...]:
    """Return the marks by hand, by time."""
    found = (marker for marker in recording.markers if marks.is_mark(marker))
    return tuple(sorted(found, key=lambda marker: marker.time_ns))


def time_at(recording: Recording, seconds: float) -> int:
    """Return the UTC so many seconds after the first sample.

    Raises
    ------
    ConfigError
        If that is outside of the recording.
    """
    if not 0.0 <= seconds <= recording.duration_s:
        raise ConfigError(
            f"--at {seconds:g}s is not in {recording.path}, which is"
            f" {recording.duration_s:.6g} s long"
        )
    return recording.start_ns + round(seconds * NS)


def add(recording: Recording, text: str, time_ns: int) -> None:
    """Put a mark; like all here, it is on the disk when this returns, or raises RecordingError."""
    marks.append(recording.path, Edit(do="add", marker=marks.new_mark(text, time_ns)))


def note(recording: Recording, text: str) -> None:
    """Put a note on the session."""
    marks.append(recording.path, Edit(do="note", text=text))


def move(recording: Recording, which: str, time_ns: int) -> None:
    """Move a mark."""
    chosen = marks.mark_id(_chosen(recording, which))
    marks.append(recording.path, Edit(do="move", mark=chosen, time_ns=time_ns))


def rename(recording: Recording, which: str, text: str) -> None:
    """Give a mark another text."""
    chosen = marks.mark_id(_chosen(recording, which))
    marks.append(recording.path, Edit(do="rename", mark=chosen, text=text))


def delete(recording: Recording, which: str) -> None:
    """Take a mark away."""
    marks.append(recording.path, Edit(do="delete", mark=marks.mark_id(_chosen(recording, which))))


def undo(recording: Recording) -> None:
    """Take back the newest edit that holds.

    Raises
    ------
    ConfigError
        If there is none.
    """
    edits, _ = marks.read(recording.path)
    if not marks.holding(edits):
        raise ConfigError(f"{recording.path} has no edit that could be undone")
    marks.append(recording.path, Edit(do="undo"))


def _chosen(recording: Recording, which: str) -> Marker:
    """Return the mark of that number, from 1, or of that text."""
    known = hand_marks(recording)
    if which.isdecimal() and 1 <= int(which) <= len(known):
        return known[int(which) - 1]
    found = [marker for marker in known if marker.attrs.get("text") == which]
    if len(found) == 1:
        return found[0]
    raise ConfigError(
        f"{recording.path} has {len(found)} marks {which!r}; choose by the number that"
        " wattstage annotate FILE shows"
    )
