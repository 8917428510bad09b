"""What differs between families of scopes: command strings, reply order, a linear formula.

A family is one row, a ``Dialect``; what a string cannot say is a hook of that row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from monitor.model import Scale
from monitor.sources.visa import PLAIN, Framing

WIDTHS = MappingProxyType({"BYTE": 1, "WORD": 2})
"""Bytes of a code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preamble:
    """What the codes of one input of one record mean."""

    dtype: str
    """numpy name of a code with its byte order, e.g. ``<u2``."""
    n_points: int
    x_increment_s: float
    scale: Scale
    low: int
    """Codes up to this stood at the lower rail, or below the screen."""
    high: int
    """Codes from this stood at the upper rail, or above the screen."""
    hole: int | None = None
    """Code of a sample that was not taken; None if the family has none."""
    input: int | None = None
    """Which input it is of; None if the instrument does not tell."""
    unit: str = ""
    """Of the scale, as the instrument writes it; empty if it does not tell."""
    tag_s: float | None = None
    """The first sample on the instrument's own clock; None if it does not tell."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Models of a family that differ in some fields of its row."""

    idn: re.Pattern[str]
    """Searched for in the reply to ``*IDN?``."""
    changes: Mapping[str, Any]
    """Fields of ``Dialect`` and their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One family of scopes.

    A message is a line, or some lines of which only the last is a query; ``{input}``, ``{value}``
    and the like are filled in by whoever sends. Empty means that the family has no such thing.
    Lines of one message go out together: two writes in a row wait for each other's
    acknowledgement (Nagle's algorithm), which costs 40 ms on Linux.
    """

    id: str
    """As in the settings."""
    name: str
    """For people."""
    idn: re.Pattern[str]
    """Of the reply to ``*IDN?``."""
    socket_port: int
    """TCP port of the raw SCPI server; 0 if there is none."""
    transports: tuple[str, ...]
    """VISA kinds that the family has, the one to prefer first: hislip, socket, vxi11, vicp,
    usbtmc."""
    formats: tuple[str, ...] = ("BYTE", "WORD")
    """Widths of a code that can be transferred."""
    framing: Framing = PLAIN
    """What stands around a block."""

    clear: str
    """Sent first: forgets old errors, and switches off headers in replies; ``{format}`` as in
    ``setup``, of a family whose preamble is of the format that is set."""
    error: str
    """Query of the oldest error."""
    no_error: re.Pattern[str] = re.compile(r"[+-]?0\b")
    setup: tuple[str, ...]
    """Sent once; ``{format}`` is BYTE or WORD, ``{width}`` its bytes and ``{bits}`` its bits."""

    displayed: str
    """Query whether an input is on; the reply is 1 or ON."""
    display: str
    """What switches an input on."""
    units: str
    """Query of an input's unit; empty if the preamble tells it."""
    units_if_shown: bool = False
    """Whether that is answered only for an input that is on."""
    unit_words: Mapping[str, str]
    """From the unit's symbol to how the word begins that the scope uses for it."""
    set_units: str
    factor: str
    """Query of an input's probe factor: units shown per volt at the input."""
    set_factor: str
    """Sets the factor, which is ``{value}``; ``{inverse}`` is 1 by it."""
    parse_factor: Callable[[str], float]
    coupling: str
    """Query of an input's coupling."""
    set_coupling: str
    """What couples an input DC."""
    range: str
    """Query of an input's height, in its unit."""
    range_divisions: float = 1.0
    """What the reply counts times this is the whole screen."""
    offset: str = ""
    """Query of what an input shows in the middle of the screen, in its unit."""
    parse_offset: Callable[[str], float] | None = None
    """Of its reply; None takes the number."""

    set_timebase: str
    timebase: str
    """Query of the timebase, in s."""
    divisions: float = 1.0
    """A record lasts so many times the timebase."""
    timebase_steps: tuple[float, ...] = ()
    """What the timebase may be, times a power of ten; empty if any number will do."""
    points: str
    """Asks for ``{value}`` samples a record, after the timebase; that is ``{rate}`` Hz."""
    write_points: Callable[[int], str] = str
    """How that number is written, e.g. 10k."""
    depths: tuple[int, ...] = ()
    """Samples that a record of one input may have; empty if any number will do."""
    is_shared: bool = False
    """Whether inputs share the memory: two get half of ``depths`` each, four a quarter."""
    rate: str
    """Query of the sample rate, in Hz."""

    arm: str
    """Arms for one record, and queries its state as ``running`` does."""
    running: str
    """Query of the state of the record that is being taken."""
    is_done: Callable[[str], bool]
    """Whether that state means that the record is complete; ValueError if it is no state."""
    state_lags: bool = False
    """Whether the state may still be that of the record before, just after the arming: done is
    then not believed before the record can be."""
    record_time: str = ""
    """Query of a record's start on the instrument's clock, in s; few instruments have it."""

    preamble: str
    """Selects an input and queries its preamble; or some queries, whose replies ``;`` joins."""
    parse_preamble: Callable[[str, int], Preamble | None] | None = None
    """Of a text and the bytes of a code. Returns None if the query is to be sent again;
    ValueError says what is wrong."""
    parse_descriptor: Callable[[bytes, int], Preamble] | None = None
    """Likewise, of a family whose preamble is a block."""
    record_points: str = ""
    """Query of a record's samples, if the preamble tells something else; AUTO means as many as
    the timebase holds."""
    is_of_panel: bool = False
    """Whether the preamble tells how the knobs stand now, instead of at the record."""
    data: str
    """Query of codes of the input that was selected; of a page from ``{first}`` (from 1) or
    ``{start}`` (from 0) to ``{last}`` (from 1), ``{count}`` of them."""
    page_bytes: int = 0
    """Most that ``data`` gives at once; 0 if there is no limit."""
    page: str = ""
    """Query of the samples that ``data`` gives at most."""
    stream: str = ""
    """Lets the scope push every record of ``{sources}``, from its first to its ``{count}``th
    sample."""
    stream_source: str = ""
    """How an input is called there."""
    stream_end: str = ""
    """Ends that, and forgets the error that comes of it."""
    variants: tuple[Variant, ...] = ()

    def of(self, identity: str) -> Dialect:
        """Return the row with what is different in the model of that identity."""
        row = self
        for variant in self.variants:
            if variant.idn.search(identity):
                row = replace(row, **variant.changes)
        return row

    def timebase_s(self, record_s: float) -> float:
        """Return the shortest timebase that there is for a record of at least so many seconds."""
        wanted_s = record_s / self.divisions
        if not self.timebase_steps:
            return wanted_s
        power = 10.0 ** math.floor(math.log10(wanted_s))
        steps = (step * scale for scale in (power, 10.0 * power) for step in self.timebase_steps)
        return min(step for step in steps if step >= wanted_s * (1 - 1e-9))

    def depth(self, n_points: int, n_inputs: int) -> int:
        """Return the smallest record that can be asked for and holds so many samples.

        The largest there is, if none does.
        """
        if not self.depths:
            return n_points
        share = 1
        while self.is_shared and share < n_inputs:
            share *= 2
        depths = sorted(depth // share for depth in self.depths)
        return next((depth for depth in depths if depth >= n_points), depths[-1])
