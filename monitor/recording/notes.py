"""Notes on a session: what names each, and how they lie in the settings of a file."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping

import msgspec

from monitor.model import Note

NOTES = "notes"
"""Setting of a file that has the notes from before it, or of what it was made of, a JSON list."""


def new_id() -> str:
    """Return a name for a new note, which no other has, whoever puts one meanwhile."""
    return f"note-{uuid.uuid4().hex}"


def numbered(number: int) -> str:
    """Return the name of a note that was written without one: its number, from 1."""
    return f"note-{number}"


def is_note(name: str) -> bool:
    """Return whether it is the name of a note; that of a mark is ``run_id:seq``."""
    return ":" not in name


def recorded(settings: Mapping[str, str]) -> tuple[Note, ...]:
    """Return the notes that a file has in its settings, named by their place there.

    Raises
    ------
    msgspec.DecodeError
        If they are no JSON list of texts.
    """
    texts = msgspec.json.decode(settings.get(NOTES, "[]"), type=list[str])
    return tuple(Note(note_id=numbered(k), text=text) for k, text in enumerate(texts, 1))


def told(settings: Mapping[str, str], notes: Iterable[Note]) -> dict[str, str]:
    """Return settings with these notes, and no other."""
    others = {name: text for name, text in settings.items() if name != NOTES}
    texts = [note.text for note in notes]
    return {**others, NOTES: json.dumps(texts)} if texts else others
