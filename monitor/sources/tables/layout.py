"""Where in a CSV file the numbers begin, and what stands above them."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import pairwise

from monitor.sources.tables import times
from monitor.sources.tables.units import unit_of

SNIFFED = 200
"""Lines within which the numbers begin."""

NO_NUMBER = re.compile(
    r"[-\s*]*(?:N/?A|NAN|[-+]?INF\w*|O\.?\s?[LF]\.?|OVER\w*|ERR\w*|-)?[-\s*]*", re.IGNORECASE
)
"""What stands in a cell instead of a number: nothing, dashes, OL, ERROR."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is laid out."""

    delimiter: str
    n_header: int
    """Lines above the numbers."""
    names: tuple[str, ...]
    """One per column; empty where none is told."""
    units: tuple[str, ...]
    """Likewise, from a row of their own."""

    @property
    def has_decimal_commas(self) -> bool:
        """Return whether a comma may be a decimal point."""
        return self.delimiter != ","


def sniff(lines: Sequence[str]) -> Layout | None:
    """Return the layout of a file by its first lines; None if no numbers are found."""
    # The first of the most frequent: where both are, a comma is a decimal point.
    delimiter = max("\t;,", key=lambda mark: sum(mark in line for line in lines))
    rows = [split(line, delimiter) for line in lines]
    has_commas = delimiter != ","
    data = [_is_data(row, decimal_commas=has_commas) for row in rows]
    begin = next((at for at, (a, b) in enumerate(pairwise([*data, True])) if a and b), None)
    if begin is None:
        return None
    width = len(rows[begin])
    above = [row for row in rows[:begin] if sum(bool(cell) for cell in row) >= 2 and len(row) > 1]
    names, units = _titles(above, width)
    return Layout(delimiter, begin, _padded(names, width), _padded(units, width))


def split(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line."""
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def number(cell: str, *, decimal_commas: bool) -> float:
    """Return a number; NaN for what stands instead of one; ValueError for anything else."""
    if decimal_commas:
        cell = cell.replace(",", ".")
    try:
        return float(cell)
    except ValueError:
        if NO_NUMBER.fullmatch(cell):
            return float("nan")
        raise


def _titles(above: list[list[str]], width: int) -> tuple[list[str], list[str]]:
    """Return names and units out of the rows above the numbers."""
    if not above:
        return [], []
    last = above[-1]
    told = [unit_of(cell) is not None for cell in last if cell and not _is_number(cell)]
    if len(above) > 1 and any(told) and len(above[-2]) >= min(width, len(last)):
        is_units = sum(told) >= len(told) - 1  # Rigol's first says Sequence
        # Watts,Volts,Amps are names if nothing that could be one stands above them.
        if is_units and not all(_is_number(cell) or not cell for cell in above[-2][1:]):
            return above[-2], last
        if is_units and re.fullmatch(r"x-axis", above[-2][0], re.IGNORECASE):  # Keysight
            return [above[-2][0], *(f"channel {cell}" for cell in above[-2][1:])], last
    return last, []


def _is_data(row: list[str], *, decimal_commas: bool) -> bool:
    cells = [cell for cell in row if cell]
    if len(cells) < 2 or not _is_time(cells[0], decimal_commas=decimal_commas):
        return False
    return any(_is_number(cell.replace(",", ".") if decimal_commas else cell) for cell in cells[1:])


def _is_time(cell: str, *, decimal_commas: bool) -> bool:
    try:
        times.parsed(cell.replace(",", ".") if decimal_commas else cell, UTC)
    except ValueError:
        return bool(re.fullmatch(r"[\d./-]{8,10}", cell))  # a date whose time follows
    return True


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _padded(cells: list[str], width: int) -> tuple[str, ...]:
    return tuple((cells + [""] * width)[: max(width, len(cells))])
