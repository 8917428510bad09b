"""Quantities that come a few times per second: of meters, of telemetry."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray


class SlowChannel(msgspec.Struct, frozen=True, kw_only=True):
    """One scalar that somebody else measures a few times a second: a meter, a plug, a GPU."""

    name: str
    """Shown to people, e.g. ``wall power``."""
    source: str
    """Who measures it, e.g. ``Yokogawa WT310``; with the name it is unique in a session."""
    unit: str
    """Symbol: W, V, A, Hz, °C, %, MHz; empty for a pure number."""
    interval_s: float
    """Nominal time between two readings."""
    window_s: float = 0.0
    """Over which a reading is a mean, and which ends at its time; 0 means unknown."""
    note: str = ""
    """What it is, in a few words, e.g. ``mean of 1 s``."""
    is_setting: bool = False
    """Whether somebody has set it, as a power limit is, so that nothing follows from it."""

    @property
    def is_power(self) -> bool:
        """Return whether it is a measured power, which has an energy."""
        return self.unit == "W" and not self.is_setting


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a slow channel. What is not a number, or an error code, is no reading."""

    channel: SlowChannel
    time_ns: int
    """UTC at which it was taken, by the clock of whoever stamped it."""
    received_ns: int
    """The engine's UTC on arrival."""
    value: float
    """Finite, in the channel's unit."""


class SlowValue(msgspec.Struct, frozen=True, kw_only=True):
    """Where a slow channel stands now."""

    channel: SlowChannel
    value: float
    """Of its newest reading; NaN before the first."""
    age_s: float
    """Time since that reading; NaN before the first."""


@dataclass(frozen=True, slots=True)
class SlowView:
    """What a plot of one span needs of a slow channel: steps, in the order of time.

    Step ``k`` holds from ``starts_ns[k]`` to ``stops_ns[k]``. One that does not begin where the
    one before ends follows a gap.
    """

    channel: SlowChannel
    starts_ns: NDArray[np.int64]
    """Shape (n,): UTC."""
    stops_ns: NDArray[np.int64]
    """Shape (n,): UTC."""
    low: NDArray[np.float32]
    """Shape (n,): the lowest value of the step, in the channel's unit."""
    high: NDArray[np.float32]
    """Shape (n,): the highest; the same where a step is one reading."""
