"""Recordings of the tests, and what becomes of them."""

from pathlib import Path

from monitor.export.choice import choose
from monitor.export.description import Job
from monitor.export.export import export
from monitor.export.selection import select
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder


def recorded(folder: Path, stream, items, name="made.h5") -> Path:
    """Record items."""
    path = folder / name
    with Recorder(path, stream) as recorder:
        for item in items:
            recorder.put(item)
    assert not recorder.state.error
    return path


def exported(path: Path, out: Path, **selection) -> Path:
    """Export a recording, in the format of the ending."""
    with Recording(path) as recording:
        export(Job(recording, select(recording, **selection)), out, choose("", out))
    return out
