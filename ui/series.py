"""Which plots a stream needs, and what is drawn in each; pure, and without Qt."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.model import Quantity, SlowView, Snapshot, StreamInfo, View
from ui.presenter import window_name
from ui.slow import SlowSeries, lines

Values = NDArray[np.float32]


class Source(enum.Enum):
    """Which part of a view a series is drawn from."""

    ENVELOPE = "envelope"
    AVERAGE = "average"
    RAMP = "ramp"


@dataclass(frozen=True, slots=True)
class Series:
    """One trace."""

    name: str
    source: Source
    row: int
    """Of the view's array."""
    color: int
    """Position in the theme's colours for this plot."""

    def values(self, view: View) -> tuple[Values, Values]:
        """Return the lowest and the highest value of each column: shape (n,) each."""
        if self.source is Source.ENVELOPE:
            return view.low[self.row], view.high[self.row]
        rows, lines = view.averages_w, view.average_lines_w
        if self.source is Source.RAMP:
            rows, lines = view.ramps_w_per_s, view.ramp_lines_w_per_s
        if lines is None:
            return rows[self.row], rows[self.row]
        return lines[0, self.row], lines[1, self.row]

    def exists(self, view: View) -> bool:
        """Return whether the view holds it."""
        if self.source is Source.ENVELOPE:
            return self.row < len(view.low)
        rows = view.averages_w if self.source is Source.AVERAGE else view.ramps_w_per_s
        return self.row < len(rows)


@dataclass(frozen=True, slots=True)
class PlotSpec:
    """One plot."""

    key: str
    """power, voltage, current or ramp: also the theme's name for its colours."""
    title: str
    unit: str
    with_zero: bool
    """Whether zero is always in range."""
    stretch: int
    """Share of the height."""
    series: tuple[Series, ...]
    """From back to front."""
    slow: tuple[SlowSeries, ...] = ()
    """In front of them."""


def plots(info: StreamInfo, snapshot: Snapshot) -> tuple[PlotSpec, ...]:
    """Return the plots of a stream, from top to bottom; none without series."""
    total = Series("p(t)", Source.ENVELOPE, len(info.channels), 0)
    averages = tuple(
        Series(window_name(w, snapshot.supply), Source.AVERAGE, k, k + 1)
        for k, w in enumerate(snapshot.average_windows_s)
    )
    ramps = tuple(
        Series(window_name(w, snapshot.supply), Source.RAMP, k, k)
        for k, w in enumerate(snapshot.ramp_windows_s)
    )
    slow = lines([now.channel for now in snapshot.slow])
    wanted = (
        PlotSpec("power", "Power", "W", True, 40, (total, *averages), slow),
        PlotSpec("voltage", "Voltage", "V", False, 17, _channels(info, Quantity.VOLTAGE)),
        PlotSpec("current", "Current", "A", False, 17, _channels(info, Quantity.CURRENT)),
        PlotSpec("ramp", "Ramp rate", "W/s", True, 26, ramps),
    )
    return tuple(plot for plot in wanted if plot.series)


def extremes(
    view: View, series: tuple[Series, ...], slow: Sequence[SlowView] = ()
) -> tuple[float, float]:
    """Return the lowest and highest value of several series; NaN if there is none."""
    low = high = np.float32(np.nan)
    for one in series:
        lows, highs = one.values(view)
        low = np.fmin(low, np.fmin.reduce(lows))
        high = np.fmax(high, np.fmax.reduce(highs))
    for steps in slow:
        low = np.fmin(low, np.fmin.reduce(steps.low, initial=np.float32(np.nan)))
        high = np.fmax(high, np.fmax.reduce(steps.high, initial=np.float32(np.nan)))
    return float(low), float(high)


def gaps(view: View) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sample indices between which nothing was captured: starts, stops."""
    empty = np.isnan(view.low[-1]).astype(np.int8)
    change = np.diff(empty, prepend=np.int8(0), append=np.int8(0))
    return view.edges[np.flatnonzero(change == 1)], view.edges[np.flatnonzero(change == -1)]


def _channels(info: StreamInfo, quantity: Quantity) -> tuple[Series, ...]:
    rows = [row for row, channel in enumerate(info.channels) if channel.quantity is quantity]
    return tuple(
        Series(info.channels[row].name, Source.ENVELOPE, row, k) for k, row in enumerate(rows)
    )
