"""How the files of a recording that is split are called."""

from __future__ import annotations

from pathlib import Path


def part_path(first: Path, number: int) -> Path:
    """Return the name of a part, from that of the first: ``r.h5``, ``r.part2.h5``, ..."""
    return first if number == 1 else first.with_name(f"{first.stem}.part{number}{first.suffix}")
