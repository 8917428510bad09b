"""What is said to people about slow channels, in the window and in the terminal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from monitor.dsp.held import REACH
from monitor.model import SlowChannel, SlowValue
from monitor.units import duration, si, window

_PREFIXED = ("W", "V", "A", "Hz", "J", "Wh", "VA", "var")  # no kilo of a °C, nor of a MHz


def names(channels: Sequence[SlowChannel]) -> tuple[str, ...]:
    """Return what to call each channel; with its source where the name alone is not enough.

    That is where two have the same, and where it is a single word such as ``power``.
    """
    count = Counter(channel.name for channel in channels)
    return tuple(
        channel.name
        if count[channel.name] == 1 and " " in channel.name
        else f"{channel.name}, {channel.source}"
        for channel in channels
    )


def most_telling(slow: Sequence[SlowValue], most: int) -> list[tuple[str, SlowValue]]:
    """Return where at most so many channels stand, with what to call them; powers go first."""
    called = list(zip(names([now.channel for now in slow]), slow, strict=True))
    chosen = sorted(called, key=lambda each: not each[1].channel.is_power)[:most]
    return [each for each in called if each in chosen]


def quantity(value: float, unit: str) -> str:
    """Return a value with its unit, three significant digits; a dash for NaN."""
    if unit in _PREFIXED or not math.isfinite(value):
        return si(value, unit)
    decimals = 2 - math.floor(math.log10(abs(value))) if value else 0
    number = f"{value:.{min(max(decimals, 0), 3)}f}".replace("-", "−")
    return f"{number} {unit}".rstrip()


def over(channel: SlowChannel) -> str:
    """Return over which window a reading is a mean; where that is unknown, how often one comes."""
    if channel.window_s > 0:
        return f"mean of {window(channel.window_s)}"
    return f"every {window(channel.interval_s)}"


def since(now: SlowValue) -> str:
    """Return how old a reading is; whole seconds, so that it does not flicker."""
    if math.isnan(now.age_s):
        return "no reading yet"
    return (
        "now" if now.age_s < 1 else f"{duration(math.floor(now.age_s)).replace('.0 s', ' s')} ago"
    )


def is_overdue(now: SlowValue) -> bool:
    """Return whether the next reading should have come long ago."""
    channel = now.channel
    return now.age_s > REACH * channel.interval_s + channel.window_s
