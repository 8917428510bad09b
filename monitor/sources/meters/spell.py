"""Numbers pass, error values do not; people are told once per spell of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from monitor.dsp.interruptions import CHANNELS, INVALID, SEPARATOR
from monitor.model import NS, Marker, Reading, SlowChannel
from monitor.sources.source import event

_ERROR_FROM = 9.89e37
"""SCPI-99, volume 1, 7.2.1.4 and 7.2.1.5: 9.9E37 stands for infinity, 9.91E37 for not a number; as
single precision they are a little less."""
_NAN_FROM = 9.905e37


class Spell:
    """A run of things that cannot be used."""

    def __init__(self) -> None:
        self._n = 0
        self._since_ns = 0

    def bad(self, time_ns: int) -> bool:
        """Count one; return whether it is the first."""
        self._n += 1
        if self._n == 1:
            self._since_ns = time_ns
        return self._n == 1

    def good(self) -> str | None:
        """End the run and return what was left out in it; None if there was none."""
        if not self._n:
            return None
        began = datetime.fromtimestamp(self._since_ns // NS, UTC).strftime("%H:%M:%S")
        n, self._n = self._n, 0
        return f"{n} left out since {began} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What a meter gave."""

    channel: SlowChannel
    value: float
    """As the meter gave it, perhaps an error code."""
    time_ns: int
    """UTC at which it was taken."""
    factor: float = 1.0
    """Makes the channel's unit of it."""
    invalid: Collection[float] = ()
    """Values that are error codes; NaN, infinity and what SCPI uses for them always are."""


class Sieve:
    """Makes readings of numbers and keeps error values out, channel by channel."""

    def __init__(self) -> None:
        self._spells: dict[str, Spell] = {}

    def sift(self, values: Iterable[Value], received_ns: int) -> list[Reading | Marker]:
        """Return the readings among values of one sweep, and what people should know.

        That is at most one event for all values that became errors, and one for all that are
        numbers again, each before the readings.

        Parameters
        ----------
        received_ns
            UTC at which they came.
        """
        readings: list[Reading] = []
        bad: list[Value] = []
        good: list[tuple[Value, str]] = []
        for value in values:
            spell = self._spells.setdefault(value.channel.name, Spell())
            if is_error(value.value, value.invalid):
                if spell.bad(received_ns):
                    bad.append(value)
                continue
            left_out = spell.good()
            if left_out is not None:
                good.append((value, left_out))
            readings.append(
                Reading(
                    channel=value.channel,
                    time_ns=value.time_ns,
                    received_ns=received_ns,
                    value=float(value.value * value.factor),
                )
            )
        return [*_told(bad, good, received_ns), *readings]


def is_error(value: float, invalid: Collection[float] = ()) -> bool:
    """Return whether a value stands for an error."""
    return not math.isfinite(value) or abs(value) >= _ERROR_FROM or value in invalid


def _told(bad: list[Value], good: list[tuple[Value, str]], time_ns: int) -> list[Marker]:
    events = []
    if bad:
        which = ", ".join(f"{value.channel.name} ({_shown(value.value)})" for value in bad)
        text = f"{bad[0].channel.source}: error values for {which}; left out until they are numbers"
        events.append(_of(bad, event(text, INVALID, time_ns)))
    if good:
        which = ", ".join(f"{value.channel.name} ({left_out})" for value, left_out in good)
        text = f"{good[0][0].channel.source}: numbers again for {which}"
        events.append(_of([value for value, _ in good], event(text, "invalid-over", time_ns)))
    return events


def _of(values: list[Value], marker: Marker) -> Marker:
    """Return an event that says which channels it is of."""
    names = SEPARATOR.join(value.channel.name for value in values)
    return msgspec.structs.replace(marker, attrs={**marker.attrs, CHANNELS: names})


def _shown(value: float) -> str:
    if math.isnan(value) or _NAN_FROM <= abs(value) < math.inf:
        return "NaN"
    return "overrange" if abs(value) >= _ERROR_FROM else f"{value:g}"
