"""What an examination says: one line for each thing that was looked at."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec

Level = Literal["ok", "warn", "fail", "skip"]
"""ok; numbers may suffer; numbers are wrong or there are none; was not looked at."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    id: str
    """For programs; docs/how-to/doctor.md lists them."""
    level: Level
    what: str
    """What was found, with its number, unit and window."""
    fix: str = ""
    """What to do; empty if nothing."""
    value: float | None = None
    """The number for programs; None if there is none."""
    unit: str = ""
    """Of the value."""


def to_json_value(lines: list[Line]) -> dict[str, Any]:
    """Return what ``wattstage doctor --json`` prints."""
    known = [
        line
        if line.value is None or math.isfinite(line.value)
        else msgspec.structs.replace(line, value=None)
        for line in lines
    ]
    return {"ok": is_good(lines), "lines": [msgspec.to_builtins(line) for line in known]}


def is_good(lines: list[Line]) -> bool:
    """Return whether nothing failed."""
    return all(line.level != "fail" for line in lines)


def failed(which: str, error: Exception) -> Line:
    """Return the line of something that did not work; our errors say what to do after a ``;``."""
    what, _, fix = str(error).partition("; ")
    return Line(id=which, level="fail", what=what or type(error).__name__, fix=fix)
