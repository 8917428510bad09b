"""What differs between families of scopes: command strings, reply order, a linear formula.

A family is one row, a ``Dialect``; what a string cannot say is a hook of that row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.model import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Preamble:
    """What the codes of one input of one record mean."""

    dtype: str
    """numpy name of a code with its byte order, e.g. ``<u2``."""
    n_points: int
    x_increment_s: float
    scale: Scale
    low: int
    """Codes up to this stood below the screen."""
    high: int
    """Codes from this stood above the screen."""
    hole: int | None
    """Code of a sample that was not taken; None if the family has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One family of scopes. ``{input}``, ``{value}`` are filled in by whoever sends.

    What is sent for every record is a query: two writes in a row wait for each other's
    acknowledgement (Nagle's algorithm), which costs 40 ms on Linux.
    """

    name: str
    idn: re.Pattern[str]
    """Of the reply to ``*IDN?``."""
    clear: str
    error: str
    """Query of the oldest error."""
    no_error: re.Pattern[str]
    displayed: str
    """Query whether an input is on; the reply is 1 or 0."""
    display: str
    """What switches an input on."""
    units: str
    """Query of an input's unit."""
    unit_words: Mapping[str, str]
    """From the unit's symbol to the word that the scope uses for it."""
    set_units: str
    setup: tuple[str, ...]
    """Sent once; ``{format}`` is BYTE or WORD."""
    set_record_length: str
    record_length: str
    """Query of a record's length in s."""
    points: str
    arm: str
    """Arms for one record, and queries the register as ``running`` does."""
    running: str
    """Query of the register that tells whether a record is being taken."""
    running_bit: int
    record_time: str
    """Query of a record's start on the instrument's clock, in s; few instruments have it."""
    preamble: str
    """Selects an input and queries its preamble."""
    data: str
    """Query of the codes of the input that was selected."""
    parse_preamble: Callable[[str], Preamble | None]
    """Returns None if the query is to be sent again; ValueError says what is wrong."""

    def is_done(self, reply: str) -> bool:
        """Return whether the armed record is complete; ValueError if that is no number."""
        return not int(float(reply)) & self.running_bit
