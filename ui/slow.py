"""Slow channels in the window: which have a line, and what is said of each; pure, without Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.model import SlowChannel, SlowValue, SlowView
from monitor.slow_text import is_overdue, most_telling, names, over, quantity, since
from monitor.units import window
from ui.presenter import Tile
from ui.quantities import NOTHING

_MOST_TILES = 16  # four graphics cards have fifty channels


@dataclass(frozen=True, slots=True)
class SlowSeries:
    """A slow channel that is drawn in the power plot."""

    name: str
    channel: SlowChannel
    color: int
    """Position in the theme's colours for slow channels."""


def lines(channels: Sequence[SlowChannel]) -> tuple[SlowSeries, ...]:
    """Return the channels that are drawn: powers, since the plot has one axis."""
    drawn = [
        (name, channel)
        for name, channel in zip(names(channels), channels, strict=True)
        if channel.is_power
    ]
    return tuple(SlowSeries(name, channel, k) for k, (name, channel) in enumerate(drawn))


def slow_tiles(slow: Sequence[SlowValue]) -> tuple[Tile, ...]:
    """Return the readouts of slow channels: value, unit, window and age.

    Of more than there is room for, the last one says how many are left out.
    """
    colors = {line.channel: line.color for line in lines([now.channel for now in slow])}
    told = most_telling(slow, _MOST_TILES)
    if len(told) < len(slow):
        told = most_telling(slow, _MOST_TILES - 1)
    tiles = [_tile(name, now, colors.get(now.channel)) for name, now in told]
    if n_more := len(slow) - len(told):
        tip = "There is room for no more; they are recorded, and exported, like the others"
        tiles.append(Tile("further channels", f"+{n_more}", "", "recorded as well", tip=tip))
    return tuple(tiles)


def _tile(name: str, now: SlowValue, color: int | None) -> Tile:
    channel = now.channel
    number, _, unit = quantity(now.value, channel.unit).partition(" ")
    known = number != NOTHING
    line = "drawn in the power plot" if color is not None else "not drawn"
    note = f": {channel.note}" if channel.note else ""
    return Tile(
        name,
        number,
        unit if known else channel.unit,
        f"{since(now)}, {over(channel)}",
        is_overdue(now),
        f"{name}, measured by {channel.source}{note}; a reading every"
        f" {window(channel.interval_s)}; {line}",
        dim=is_overdue(now),
        line=color,
    )


def reading_at(view: SlowView, time_ns: int) -> str:
    """Return the value that holds at a time, or the lowest and the highest; a dash if none."""
    k = int(np.searchsorted(view.stops_ns, time_ns))
    if k == len(view.stops_ns) or view.starts_ns[k] > time_ns:
        return NOTHING
    low, high = float(view.low[k]), float(view.high[k])
    unit = view.channel.unit
    return (
        quantity(high, unit) if low == high else f"{quantity(low, unit)} … {quantity(high, unit)}"
    )
