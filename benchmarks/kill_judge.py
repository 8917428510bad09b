"""What is left of a recording whose process was killed; for kill_matrix.py."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from monitor.errors import WattstageError
from monitor.keeping.repair import repair
from monitor.keeping.verify import verify
from monitor.recording.reader import Recording

RATE_HZ = 1_000_000.0


@dataclass
class Heard:
    """What a recording process said before it died."""

    given: int = 0
    marks: list[str] = field(default_factory=list)
    error: str = ""
    flushes_s: list[tuple[float, float]] = field(default_factory=list)
    """When each flush began and ended; the end of one that is going on is infinite."""
    killed_ns: int = 0
    """UTC of its death, where that is held against the recording, and not what was given."""

    @property
    def flushing(self) -> bool:
        """Return whether a flush is going on."""
        return bool(self.flushes_s) and self.flushes_s[-1][1] == math.inf


@dataclass
class Row:
    """One way to die, over all its trials."""

    how: str
    n: int = 0
    opened: int = 0
    lost_s: float = 0.0
    marks: int = 0
    missing: int = 0
    verified: int = 0
    in_flush: int = 0
    notes: set[str] = field(default_factory=set)


def judge(row: Row, path: Path, heard: Heard) -> None:
    """Count what opens, what is lost, and whether it can be repaired."""
    with tempfile.TemporaryDirectory() as elsewhere:
        out = Path(elsewhere) / "repaired.h5"
        try:
            with Recording(path) as recording:
                row.opened += 1
                lost_s = (heard.given - recording.bounds[1]) / RATE_HZ
                if heard.killed_ns:
                    lost_s = (heard.killed_ns - recording.info.time_ns(recording.bounds[1])) / 1e9
                row.lost_s = max(row.lost_s, lost_s)
                there = {mark.attrs.get("text") for mark in recording.markers}
                row.missing += sum(mark not in there for mark in heard.marks)
            repair(path, out)
        except WattstageError as error:
            row.notes.add(str(error).replace(str(path), "FILE"))
            return
        wrong = [f for f in verify(out) if f.state == "fail" or (f.name == "end" and f.fix)]
        row.verified += not wrong
        row.notes.update(f.text for f in wrong)
