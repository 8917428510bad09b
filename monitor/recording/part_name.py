"""How the files of a recording that is split are called, and how they follow one another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple


class Part(NamedTuple):
    """Which file of a recording one is."""

    set: str = ""
    """Name of the set of files that it belongs to."""
    number: int = 1
    """As in its name, from 1."""
    after: int = 0
    """Number of the file that it follows: a name that is taken is left out."""


ALONE = Part()
"""Of a recording that is never split."""


def part_path(first: Path, number: int) -> Path:
    """Return the name of a part, from that of the first: ``r.h5``, ``r.part2.h5``, ..."""
    return first if number == 1 else first.with_name(f"{first.stem}.part{number}{first.suffix}")


def parts_beside(first: Path) -> dict[int, Path]:
    """Return the files that by their names are further parts, by number, the lowest first."""
    try:
        found = {_number_of(first, path): path for path in first.parent.iterdir()}
    except OSError:  # a folder that one may not list, or that is not there
        return {}
    return {number: found[number] for number in sorted(found) if number > 1}


def _number_of(first: Path, path: Path) -> int:
    """Return which part a file is by its name; 1 if it is none of the parts of that recording."""
    found = re.fullmatch(
        rf"{re.escape(first.stem)}\.part([1-9]\d{{0,5}}){re.escape(first.suffix)}", path.name
    )
    return int(found[1]) if found else 1
