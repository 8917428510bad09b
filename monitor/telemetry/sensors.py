"""Named quantities of a host, how they are read, and which of the values are worth telling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Say = Callable[[str], None]
"""Takes a sentence for people about what cannot be read, once."""

_NS = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A quantity of a device."""

    name: str
    """Shown to people: whose it is, what it is, and who measures it."""
    device: str
    """Model and serial number, as it names itself."""
    unit: str
    """Symbol: W, MHz, °C, %."""
    interval_s: float
    """Nominal time between two values that are told."""
    window_s: float = 0.0
    """Over which a value is a mean that ends at its time; 0 means unknown."""
    note: str = ""
    """What it is, in a few words."""
    is_setting: bool = False
    """Whether somebody has set it, and nobody measured it."""


class Rule(Protocol):
    """Makes what is told of what is read; one for each sensor."""

    def take(self, time_ns: int, value: float) -> float | None:
        """Return what to tell at a UTC time, in the sensor's unit; None is nothing."""
        ...


class Changes:
    """Tells a value when it is another one, or when it has been the same for a while.

    Parameters
    ----------
    heartbeat_s
        After which the same value is told again.
    """

    def __init__(self, heartbeat_s: float) -> None:
        self._heartbeat_ns = heartbeat_s * _NS
        self._told: tuple[int, float] | None = None

    def take(self, time_ns: int, value: float) -> float | None:
        """Return the value if it is to be told."""
        if self._told is not None:
            since_ns = time_ns - self._told[0]
            if value == self._told[1] and 0 <= since_ns < self._heartbeat_ns:
                return None
        self._told = time_ns, value
        return value


class MeanOfCounter:
    """Makes the mean power between two updates of a counter of energy.

    Held back from each value's time to the one before, the means are the energy that was counted.
    Only when the counter was seen to change is it known when it was updated.

    Parameters
    ----------
    joules
        Of one count.
    least_s
        Shortest time that a mean is of: the time of an update is only known as well as the
        counter is looked at.
    range
        At which the counter begins anew at 0; None for one that does not. One that jumps back
        without that has been reset.
    """

    def __init__(self, joules: float, *, least_s: float, range: int | None = None) -> None:  # noqa: A002  # its word
        self._joules = joules
        self._least_ns = least_s * _NS
        self._range = range
        self._seen: float | None = None
        self._last: tuple[int, float] | None = None  # an update

    def take(self, time_ns: int, value: float) -> float | None:
        """Return the mean power in W since the last one; None if there is no update yet."""
        is_update = self._seen is not None and value != self._seen
        self._seen = value
        if not is_update:
            return None
        if self._last is None or time_ns <= self._last[0]:  # the host's clock was set back
            self._last = time_ns, value
            return None
        last_ns, last = self._last
        if time_ns - last_ns < self._least_ns:
            return None
        self._last = time_ns, value
        counts = value - last
        if counts < 0:
            if self._range is None:
                return None
            counts += self._range
        return counts * self._joules / (time_ns - last_ns) * _NS


@dataclass(frozen=True, slots=True)
class Group:
    """Sensors that are read together."""

    sensors: tuple[Sensor, ...]
    rules: tuple[Rule, ...]
    period_s: float
    read: Callable[[], Sequence[float | None]]
    """One value per sensor; None where there is none now. May raise whatever its library does."""
