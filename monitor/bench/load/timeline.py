"""A stretch of a workload: its power as a broken line, and the edges of its stages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from monitor.model import Edge, Scalar

_EDGE_S = 0.0003  # the power of a card steps within one sample of a 5 kHz meter
_OVERSHOOT = ((0.0, 1.0), (0.010, 0.55), (0.025, 0.22), (0.060, 0.0))  # s after the step, share


@dataclass(frozen=True, slots=True)
class Event:
    """One edge of a stage."""

    t_s: float
    """Seconds after the start of the workload."""
    edge: Edge
    stage: str
    key: str
    """Names the stage occurrence; begin and end carry the same."""
    parent: str
    """Key of the enclosing stage; empty at the root."""
    index: int | None = None
    """Which occurrence this is; None if it is not counted."""
    total: int | None = None
    """How many occurrences there will be; None if unknown."""
    attrs: dict[str, Scalar] = field(default_factory=dict)


class Timeline:
    """Grows in time: each hold appends power, each span appends the edges of a stage.

    Parameters
    ----------
    time_scale
        Every duration is multiplied by it; the edges of the power stay as fast as they are.
    watts
        The power before the first hold.
    inside
        Key of the stage that encloses all; empty if there is none.
    """

    def __init__(self, time_scale: float, watts: float, inside: str = "") -> None:
        self.duration_s = 0.0
        self.events: list[Event] = []
        self._time_scale = time_scale
        self._open = [inside]
        self._time_s = [0.0]
        self._power_w = [watts]

    def begin(
        self,
        stage: str,
        attrs: dict[str, Scalar] | None = None,
        *,
        index: int | None = None,
        total: int | None = None,
    ) -> Event:
        """Begin a stage that encloses what follows, and return its first edge."""
        parent = self._open[-1]
        name = stage if index is None else f"{stage}{index}"
        key = f"{parent}/{name}" if parent else name
        event = Event(self.duration_s, Edge.BEGIN, stage, key, parent, index, total, attrs or {})
        self.events.append(event)
        self._open.append(key)
        return event

    @contextlib.contextmanager
    def span(
        self,
        stage: str,
        attrs: dict[str, Scalar] | None = None,
        *,
        index: int | None = None,
        total: int | None = None,
    ) -> Iterator[None]:
        """Make a stage of what is appended inside."""
        event = self.begin(stage, attrs, index=index, total=total)
        yield
        self._open.pop()
        self.events.append(replace(event, t_s=self.duration_s, edge=Edge.END, attrs={}))

    def hold(self, duration_s: float, watts: float, *, overshoot_w: float = 0.0) -> None:
        """Step to a power and keep it; ``overshoot_w`` above it at first, decaying in 60 ms."""
        start, stop = self.duration_s, self.duration_s + duration_s * self._time_scale
        rise = start + min(_EDGE_S, 0.5 * (stop - start))
        self._point(start, self._power_w[-1])
        for after_s, share in _OVERSHOOT if overshoot_w else _OVERSHOOT[-1:]:
            at = rise + after_s if overshoot_w else rise
            if at >= stop:
                break
            self._point(at, watts + overshoot_w * share)
        self._point(stop, self._power_w[-1])
        self.duration_s = stop

    def power(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the power in W at times from 0 to ``duration_s``, same shape."""
        return np.interp(t_s, self._time_s, self._power_w)

    @property
    def peak_w(self) -> float:
        """Return the highest power."""
        return max(self._power_w)

    def _point(self, t_s: float, watts: float) -> None:
        if t_s > self._time_s[-1] or watts != self._power_w[-1]:
            self._time_s.append(t_s)
            self._power_w.append(watts)
