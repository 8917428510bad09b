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
    marks.append(recording.path, marks.new_note(text))


def move(recording: Recording, which: str, time_ns: int) -> None:
    """Move a mark.

    Raises
    ------
    ConfigError
        If there is no such mark, or more than one, as also of what is renamed or deleted.
    """
    chosen = _chosen(recording, which, notes=False)
    marks.append(recording.path, Edit(do="move", mark=chosen, time_ns=time_ns))


def rename(recording: Recording, which: str, text: str) -> None:
    """Give a mark or a note another text."""
    chosen = _chosen(recording, which)
    marks.append(recording.path, Edit(do="rename", mark=chosen, text=text))


def delete(recording: Recording, which: str) -> None:
    """Take a mark or a note away."""
    marks.append(recording.path, Edit(do="delete", mark=_chosen(recording, which)))


def undo(recording: Recording) -> None:
    """Take back the newest edit that holds.

    Raises
    ------
    ConfigError
        If there is none.
    """
    held, _ = marks.history(marks.read(recording.path)[0])
    if not held:
        raise ConfigError(f"{recording.path} has no edit that could be undone")
    marks.append(recording.path, Edit(do="undo"))


def redo(recording: Recording) -> None:
    """Make again what was taken back last.

    Raises
    ------
    ConfigError
        If nothing was, or another edit was made since.
    """
    _, undone = marks.history(marks.read(recording.path)[0])
    if not undone:
        raise ConfigError(
            f"{recording.path} has no edit that could be made again: only what --undo took back,"
            " and until another edit is made"
        )
    marks.append(recording.path, undone[-1])


def _chosen(recording: Recording, which: str, *, notes: bool = True) -> str:
    """Return what names the mark or note of that number, as it is shown, or of that text."""
    of_marks = [
        (str(number), marks.mark_id(mark), mark.attrs.get("text"))
        for number, mark in enumerate(hand_marks(recording), 1)
    ]
    of_notes = [
        (f"note {number}", each.note_id, each.text)
        for number, each in enumerate(recording.notes if notes else (), 1)
    ]
    known = [*of_marks, *of_notes]
    for number, name, _ in known:
        if number == which:
            return name
    found = [(number, name) for number, name, text in known if text == which]
    if len(found) == 1:
        return found[0][1]
    if found:
        numbers = ", ".join(number for number, _ in found)
        raise ConfigError(
            f"{recording.path} has {len(found)} of the text {which!r}: expected the number of one:"
            f" {numbers}"
        )
    spans = [f"{each[0][0]} to {each[-1][0]}" for each in (of_marks, of_notes) if each]
    what = "mark or note" if notes else "mark"
    raise ConfigError(
        f"{recording.path} has no {what} {which!r}: expected the text of one, or its number:"
        f" {', '.join(spans) or 'but it has none'}"
    )
