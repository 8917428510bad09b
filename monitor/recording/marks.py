"""Marks and notes by hand that lie beside a recording: on the disk before anybody is told so."""

from __future__ import annotations

import errno
import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from monitor.errors import RecordingError
from monitor.model import Edge, Marker, Note
from monitor.recording import journal_line, notes
from monitor.recording.disk import reason

_MAX_BYTES = 64 << 20  # more than anybody writes by hand


class Edit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that somebody did by hand."""

    do: Literal["add", "move", "rename", "delete", "note", "undo", "lost"]
    """``undo`` takes back the newest of those before it that still hold; ``lost`` is never written:
    it stands for a line that is damaged, so that an undo takes back what it did."""
    made_ns: int = 0
    """UTC."""
    marker: Marker | None = None
    """What is added."""
    mark: str = ""
    """``mark_id`` or ``note_id`` of what is moved, renamed or deleted; of a note, its own."""
    time_ns: int = 0
    """UTC to which it is moved."""
    text: str = ""
    """The note, or the new text of a mark or a note."""


def mark_id(marker: Marker) -> str:
    """Return what names a mark by hand, in its recording."""
    return f"{marker.run_id}:{marker.seq}"


def new_mark(text: str, time_ns: int) -> Marker:
    """Return a mark by hand at a UTC time, for a recording that exists."""
    return Marker(
        time_ns=time_ns,
        stage="note",
        edge=Edge.INSTANT,
        run_id=uuid.uuid4().hex,
        seq=1,
        timing="hand",
        attrs={"text": text},
    )


def new_note(text: str) -> Edit:
    """Return the edit that puts a note."""
    return Edit(do="note", mark=notes.new_id(), text=text)


def is_mark(marker: Marker) -> bool:
    """Return whether a marker is a mark by hand."""
    return marker.edge is Edge.INSTANT and marker.timing == "hand"


def words(edit: Edit) -> str:
    """Return what an edit did, as it is told to people."""
    match edit.do:
        case "add" if edit.marker is not None:
            return str(edit.marker.attrs.get("text", ""))
        case "rename":
            return f"the text {edit.text}"
        case "move":
            return "the move of a mark"
        case "delete":
            return f"the deletion of a {'note' if notes.is_note(edit.mark) else 'mark'}"
        case "lost":
            return "an edit whose line is damaged"
        case _:
            return edit.text


def journal_path(recording: Path) -> Path:
    """Return the file beside a recording that has its marks by hand."""
    return recording.with_name(recording.name + ".marks.jsonl")


def append(recording: Path, edit: Edit) -> None:
    """Keep an edit; when this returns, it is on the disk.

    Raises
    ------
    RecordingError
        If the disk does not take it; nothing of it is kept then.
    """
    path = journal_path(recording)
    stamped = msgspec.structs.replace(edit, made_ns=edit.made_ns or time.time_ns())
    try:
        recording.stat()  # a drive that was unmounted leaves a folder in which nobody looks
        line = journal_line.encode(msgspec.to_builtins(stamped))
        is_new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            _append(handle, line)
        finally:
            os.close(handle)
        if is_new:
            _sync_folder(path.parent)
    except OSError as error:
        raise RecordingError(
            f"{path} does not take the mark: {reason(error)}; it is not kept, so free some space"
            " or check the disk, and put it again"
        ) from error


def read(recording: Path) -> tuple[tuple[Edit, ...], str]:
    """Return the edits beside a recording, and what is wrong with them; empty if nothing is.

    A last line that is not ended was never acknowledged, and does not count.
    """
    path = journal_path(recording)
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return (), ""
    except OSError as error:
        return (), f"{path} cannot be read: {reason(error)}; marks by hand are missing"
    if len(text) > _MAX_BYTES:
        return (), f"{path} is larger than {_MAX_BYTES >> 20} MiB; marks by hand are missing"
    *lines, rest = text.split(b"\n")
    if _edit(rest[:-1]).do != "lost":  # it was whole, and its newline is another character now
        lines.append(rest)
    edits = [_edit(line) for line in lines if line]
    n_wrong = sum(edit.do == "lost" for edit in edits)
    wrong = f"{path}: {n_wrong} of its lines are damaged and left out" if n_wrong else ""
    return tuple(edits), wrong


def _edit(line: bytes) -> Edit:
    try:
        return msgspec.convert(journal_line.decode(line), Edit)
    except (ValueError, RecursionError):
        return Edit(do="lost")


def history(edits: Iterable[Edit]) -> tuple[list[Edit], list[Edit]]:
    """Return the edits that hold, oldest first, and those that can be made again, newest last.

    What was undone and follows once more is made again; any other edit ends what can be.
    """
    held: list[Edit] = []
    undone: list[Edit] = []
    for edit in edits:
        if edit.do == "undo":
            if held and (taken := held.pop()).do != "lost":
                undone.append(taken)
            continue
        if undone and _is_same(edit, undone[-1]):
            undone.pop()
        else:
            undone.clear()
        held.append(edit)
    return held, undone


def _is_same(edit: Edit, other: Edit) -> bool:
    return msgspec.structs.replace(edit, made_ns=other.made_ns) == other


def apply(
    edits: Iterable[Edit],
    placed: Sequence[tuple[int, Marker]],
    place: Callable[[int], int],
    recorded: Iterable[Note] = (),
) -> tuple[list[tuple[int, Marker]], tuple[Note, ...]]:
    """Return markers with their places as the edits have them, in order, and the notes.

    Parameters
    ----------
    placed
        The markers of the file, each with its place among all items.
    place
        Gives a UTC time its place.
    recorded
        The notes of the file.
    """
    edits = list(edits)
    held, _ = history(edits)
    others = [(at, marker) for at, marker in placed if not is_mark(marker)]
    marks = {mark_id(marker): (at, marker) for at, marker in placed if is_mark(marker)}
    there = {mark_id(edit.marker) for edit in held if edit.do == "add" and edit.marker is not None}
    for edit in edits:  # of those that were undone, the file may have the mark all the same
        if edit.do == "add" and edit.marker is not None and mark_id(edit.marker) not in there:
            marks.pop(mark_id(edit.marker), None)
    for edit in held:
        if edit.do == "add" and edit.marker is not None:
            marks.setdefault(mark_id(edit.marker), (place(edit.marker.time_ns), edit.marker))
        elif edit.do == "delete":
            marks.pop(edit.mark, None)
        elif edit.mark in marks:
            marks[edit.mark] = _changed(edit, marks[edit.mark], place)
    found = sorted([*others, *marks.values()], key=lambda pair: pair[0])
    return found, _noted(held, recorded)


def _noted(held: Iterable[Edit], recorded: Iterable[Note]) -> tuple[Note, ...]:
    """Return the notes, oldest first."""
    texts = {note.note_id: note.text for note in recorded}
    n_put = len(texts)
    for edit in held:
        if edit.do == "note":
            n_put += 1  # older journals do not name a note: its number does, as undo is in order
            texts[edit.mark or notes.numbered(n_put)] = edit.text
        elif edit.do == "delete":
            texts.pop(edit.mark, None)
        elif edit.do == "rename" and edit.mark in texts:
            texts[edit.mark] = edit.text
    return tuple(Note(note_id=name, text=text) for name, text in texts.items())


def _changed(
    edit: Edit, mark: tuple[int, Marker], place: Callable[[int], int]
) -> tuple[int, Marker]:
    at, marker = mark
    if edit.do == "move":
        return place(edit.time_ns), msgspec.structs.replace(marker, time_ns=edit.time_ns)
    return at, msgspec.structs.replace(marker, attrs={**marker.attrs, "text": edit.text})


def _append(handle: int, line: bytes) -> None:
    """Add a line and have the disk keep it; what is only half there is taken back."""
    end = os.lseek(handle, 0, os.SEEK_END)
    torn = end > 0 and os.pread(handle, 1, end - 1) != b"\n"
    text = (b"\n" if torn else b"") + line
    try:
        if os.write(handle, text) != len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, end)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def begin(recording: Path) -> None:
    """See to it that a new recording does not take over the marks of one that is gone.

    Raises
    ------
    RecordingError
        If there are some.
    """
    path = journal_path(recording)
    if path.exists():
        raise RecordingError(
            f"{path} has marks of an earlier recording of this name; choose another file, or move"
            " it away"
        )


def settle(recording: Path, written: Iterable[str]) -> None:
    """Remove the edits beside a recording that was closed well, if the file has all of them.

    Parameters
    ----------
    written
        ``mark_id`` of the marks in the file.
    """
    edits, wrong = read(recording)
    there = set(written)
    in_file = all(
        edit.do == "add" and edit.marker is not None and mark_id(edit.marker) in there
        for edit in edits
    )
    if wrong or not edits or not in_file or not recording.exists():
        return
    with recording.open("rb") as file:
        os.fsync(file.fileno())
    journal_path(recording).unlink()
