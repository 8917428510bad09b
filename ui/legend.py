"""Where the title and the entries of a plot's legend stand: side by side, then in further rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ROW_PX = 16
"""Height of a row."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands."""

    x: float
    row: int


def places(widths: Sequence[float], room: float, begin: float) -> tuple[Place, ...]:
    """Return where entries of such widths stand in rows of ``room``; the first begins later.

    Parameters
    ----------
    begin
        What the title takes of the first row.
    """
    found, x, row = [], begin, 0
    for width in widths:
        if x + width > room and x > 0:
            x, row = 0.0, row + 1
        found.append(Place(x, row))
        x += width
    return tuple(found)
