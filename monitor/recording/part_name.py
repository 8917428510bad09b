"""How the files of a recording that is split are called."""

from __future__ import annotations

import re
from pathlib import Path


def part_path(first: Path, number: int) -> Path:
    """Return the name of a part, from that of the first: ``r.h5``, ``r.part2.h5``, ..."""
    return first if number == 1 else first.with_name(f"{first.stem}.part{number}{first.suffix}")


def number_of(first: Path, path: Path) -> int:
    """Return which part a file is by its name; 1 if it is none of the parts of that recording."""
    found = re.fullmatch(
        rf"{re.escape(first.stem)}\.part([1-9]\d{{0,5}}){re.escape(first.suffix)}", path.name
    )
    return int(found[1]) if found else 1
