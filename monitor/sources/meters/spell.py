"""Numbers pass, error values do not; people are told once per spell of them."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import UTC, datetime

from monitor.model import NS, Marker, Reading, SlowChannel
from monitor.sources.source import event

_ERROR_FROM = 9.89e37
"""SCPI-99, volume 1, 7.2.1.4 and 7.2.1.5: 9.9E37 stands for infinity, 9.91E37 for not a number; as
single precision they are a little less."""
_NAN_FROM = 9.905e37


class Spell:
    """A run of things that cannot be used, told at its beginning and at its end.

    Parameters
    ----------
    kind
        One word for programs, of the event at the beginning; ``kind-over`` at the end.
    """

    def __init__(self, kind: str) -> None:
        self.n = 0
        """How many since it began; 0 if there is none."""
        self._kind = kind
        self._since_ns = 0

    def bad(self, text: str, time_ns: int) -> list[Marker]:
        """Count one; return the event if it is the first."""
        self.n += 1
        if self.n > 1:
            return []
        self._since_ns = time_ns
        return [event(text, self._kind, time_ns)]

    def good(self, text: str, time_ns: int) -> list[Marker]:
        """Return the event that a spell is over; nothing if there was none.

        Parameters
        ----------
        text
            What is well again; how many were left out is added.
        """
        if not self.n:
            return []
        began = datetime.fromtimestamp(self._since_ns // NS, UTC).strftime("%H:%M:%S")
        n, self.n = self.n, 0
        return [event(f"{text}; {n} left out since {began} UTC", f"{self._kind}-over", time_ns)]


class Sieve:
    """Makes readings of numbers and keeps error values out, channel by channel."""

    def __init__(self) -> None:
        self._spells: dict[str, Spell] = {}

    def take(
        self,
        channel: SlowChannel,
        value: float,
        time_ns: int,
        received_ns: int,
        *,
        factor: float = 1.0,
        invalid: Collection[float] = (),
    ) -> list[Reading | Marker]:
        """Return the reading of a value, or nothing, and what people should know.

        Parameters
        ----------
        value
            As the meter gave it.
        time_ns, received_ns
            UTC at which it was taken, and at which it came.
        factor
            Makes the channel's unit of it.
        invalid
            Values that are error codes; NaN, infinity and what SCPI uses for them always are.
        """
        spell = self._spells.setdefault(channel.name, Spell("invalid"))
        who = f"{channel.source}: {channel.name}"
        if is_error(value, invalid):
            text = f"{who}: error value {_shown(value)}; left out until there is a number again"
            return list(spell.bad(text, received_ns))
        told = spell.good(f"{who}: numbers again", received_ns)
        reading = Reading(
            channel=channel, time_ns=time_ns, received_ns=received_ns, value=float(value * factor)
        )
        return [*told, reading]


def is_error(value: float, invalid: Collection[float] = ()) -> bool:
    """Return whether a value stands for an error."""
    return not math.isfinite(value) or abs(value) >= _ERROR_FROM or value in invalid


def _shown(value: float) -> str:
    if math.isnan(value) or _NAN_FROM <= abs(value) < math.inf:
        return "NaN"
    return "overrange" if abs(value) >= _ERROR_FROM else f"{value:g}"
