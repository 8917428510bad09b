"""Reads the sensors of a host, each when it is due."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from monitor.telemetry.sensors import Group, Say

Value = tuple[int, int, float]
"""Number of the sensor, UTC in ns, value in its unit."""

_PAUSE_S = 10.0  # before what has failed is read again


class Poller:
    """Reads groups of sensors at their own pace; one thread uses it. Nothing that fails raises.

    Parameters
    ----------
    groups
        What is read; the sensors are numbered through.
    say
        Is told once of a group that fails, until it answers again.
    clock_ns
        Tells UTC.
    """

    def __init__(
        self, groups: Sequence[Group], say: Say, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._groups = [group for group in groups if group.sensors]
        self._say = say
        self._clock_ns = clock_ns
        self._due_s = [-math.inf] * len(self._groups)
        self._failed: set[int] = set()
        self.sensors = tuple(sensor for group in self._groups for sensor in group.sensors)
        """By number."""

    @property
    def due_s(self) -> float:
        """Return when the next group is due, by the clock that ``poll`` is given."""
        return min(self._due_s, default=math.inf)

    def poll(self, now_s: float) -> list[Value]:
        """Return what is to be told of all groups that are due.

        Parameters
        ----------
        now_s
            By a monotonic clock.
        """
        told: list[Value] = []
        first = 0
        for k, group in enumerate(self._groups):
            if now_s >= self._due_s[k]:
                # The next multiple of the period, so that what is late makes nothing else later.
                self._due_s[k] = now_s - now_s % group.period_s + group.period_s
                told += self._take(k, group, first, now_s)
            first += len(group.sensors)
        return told

    def _take(self, k: int, group: Group, first: int, now_s: float) -> list[Value]:
        before_ns = self._clock_ns()
        try:
            values = group.read()
        except Exception as error:  # whatever ails a sensor, the others go on
            self._due_s[k] = now_s + _PAUSE_S
            if k not in self._failed:
                self._failed.add(k)
                self._say(f"{group.sensors[0].name} does not answer any more: {error}")
            return []
        self._failed.discard(k)
        time_ns = (before_ns + self._clock_ns()) // 2
        told: list[Value] = []
        for place, (rule, value) in enumerate(zip(group.rules, values, strict=True)):
            if value is None or not math.isfinite(value):
                continue
            out = rule.take(time_ns, value)
            if out is not None:
                told.append((first + place, time_ns, out))
        return told
