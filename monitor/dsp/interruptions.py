"""Where a meter gave error values or went away, as its events tell: nothing is held across that."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.model import Marker, SlowChannel

METER = "meter"
"""Attribute of an event that tells of a meter, not of the instrument; holds which."""
CHANNELS, SEPARATOR = "channels", ", "
"""Attribute of an event that names the channels concerned, and what stands between names."""
INVALID = "invalid"
"""Kind of an event that says that values have become errors, and tells of the first."""
_LOST = "lost"


def may_interrupt(event: Marker) -> bool:
    """Return whether an event may say that something interrupts readings."""
    return event.stage == "event" and event.attrs.get("kind") in {INVALID, _LOST}


def interrupted(event: Marker, channels: Iterable[SlowChannel]) -> tuple[SlowChannel, ...]:
    """Return those of the channels whose readings are interrupted, as an event says.

    These are the ones that it names whose values have become errors, and all of a meter that was
    lost; a loss that names no meter is of the instrument.
    """
    if not may_interrupt(event):
        return ()
    source = event.attrs.get(METER)
    if event.attrs.get("kind") == _LOST:
        return tuple(channel for channel in channels if channel.source == source)
    names = str(event.attrs.get(CHANNELS, "")).split(SEPARATOR)
    return tuple(
        channel
        for channel in channels
        if channel.name in names and source in {None, "", channel.source}
    )
