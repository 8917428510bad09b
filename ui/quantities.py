"""Numbers as the window shows them: what ``monitor.units`` writes, taken apart or with a sign."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from monitor.model import NS
from monitor.units import si

NOTHING = "–"
"""Shown where there is no value."""

MINUS = "−"


def split(value: float, unit: str) -> tuple[str, str]:
    """Return the number and its prefixed unit: ``("1.24", "kW")``; NaN has no number."""
    number, _, prefixed = si(value, unit).partition(" ")
    return number, prefixed or unit


def signed(value: float, unit: str) -> str:
    """Return a quantity which also shows a plus: ``+2.06 kW/s``."""
    return ("+" if value > 0 else "") + si(value, unit)


def clock(seconds: float, decimals: int = 0) -> str:
    """Return a position in time: ``3:25``, ``1:02:03``, with decimals ``3:25.12``."""
    scale = 10**decimals
    ticks = round(abs(seconds) * scale)
    whole, part = divmod(ticks, scale)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
    sign = MINUS if seconds < 0 and ticks else ""
    return sign + head + (f".{part:0{decimals}d}" if decimals else "")


def seconds_of(text: str) -> float | None:
    """Return the position in time that ``clock`` writes so, or a number of seconds; None if none.

    >>> seconds_of("1:02.5")
    62.5
    """
    if not re.fullmatch(r"([0-9]+:)?([0-9]+:)?[0-9]+(\.[0-9]*)?", text.strip()):
        return None
    seconds = 0.0
    for part in text.strip().split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def utc(time_ns: int, decimals: int = 3) -> str:
    """Return a UTC time with its date: ``2026-03-01 12:34:56.789 UTC``."""
    unit_ns = NS // 10**decimals
    seconds, rest = divmod((time_ns + unit_ns // 2) // unit_ns * unit_ns, NS)
    moment = datetime.fromtimestamp(seconds, UTC)
    part = f".{rest:09d}"[: decimals + 1] if decimals else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{part} UTC"
