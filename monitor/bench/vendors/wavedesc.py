"""The binary descriptor and the codes that LeCroy's scopes send, and Siglent's likewise.

Positions: LeCroy's template ``LECROY_2_3``; where Siglent's guide tells of something else at a
position, its name stands there too.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from monitor.bench.scope.adc import Coding, step_of
from monitor.bench.scope.panel import DIVISIONS, ChannelState

SIZE = 346
CODES = 25
"""Codes of a byte in a division; in a word, 256 times as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wavedesc:
    """What a descriptor tells."""

    template: str = "LECROY_2_3"
    instrument: str
    comm_type: int
    comm_order: int
    n_points: int
    n_bytes: int
    """Of the data that would be sent now."""
    first_point: int = 0
    sparsing: int = 1
    vertical_gain: float
    """Siglent: units per division, without the probe."""
    vertical_offset: float
    max_value: float
    """Siglent: codes per division."""
    min_value: float = 0.0
    nominal_bits: int
    interval_s: float
    horizontal_offset_s: float
    """Siglent: the delay of the trigger."""
    unit: str = ""
    trigger_time: datetime | None = None
    trigger_second: float = 0.0
    """Seconds of the minute."""
    timebase: int = 0
    """Index into the list of timebases."""
    coupling: int = 2
    """2 is DC into 1 Mohm."""
    probe: float
    source: int


def pack(told: Wavedesc, order: Literal["<", ">"] = "<") -> bytes:
    """Return a descriptor, with the low or the high byte of its numbers first."""
    block = bytearray(SIZE)

    def put(at: int, code: str, *values: float | bytes) -> None:
        struct.pack_into(order + code, block, at, *values)

    put(0, "16s", b"WAVEDESC")
    put(16, "16s", told.template.encode())
    put(32, "hh", told.comm_type, told.comm_order)
    put(36, "i", SIZE)
    put(60, "i", told.n_bytes)
    put(76, "16s", told.instrument.encode())
    put(116, "i", told.n_points)
    put(120, "iii", told.n_points, 0, max(0, told.n_points - 1))
    put(132, "ii", told.first_point, told.sparsing)
    put(144, "ii", 1, 1)
    put(156, "ffff", told.vertical_gain, told.vertical_offset, told.max_value, told.min_value)
    put(172, "hh", told.nominal_bits, 1)
    put(176, "f", told.interval_s)
    put(180, "dd", told.horizontal_offset_s, told.horizontal_offset_s)
    put(196, "48s", told.unit.encode())
    put(244, "48s", b"S")
    if told.trigger_time is not None:
        when = told.trigger_time
        put(296, "d", told.trigger_second)
        put(304, "bbbbh", when.minute, when.hour, when.day, when.month, when.year)
    put(312, "f", told.n_points * told.interval_s)
    put(324, "hh", told.timebase, told.coupling)
    put(328, "f", told.probe)
    put(344, "h", told.source)
    return bytes(block)


def coding_of(channel: ChannelState, bits: int, width: int) -> Coding:
    """Return what signed codes of ``width`` bytes mean; the converter's bits are the upper ones."""
    half = 1 << (8 * width - 1)
    step = step_of(bits, 8 * width)
    return Coding(
        dtype=f"i{width}",
        increment=channel.range / DIVISIONS / (CODES << (8 * width - 8)),
        origin=channel.middle,
        reference=0,
        step=step,
        low=-half,
        high=half - 1,
        below=-half,
        above=half - step,
    )
