"""How far another host's clock is from ours, from questions and answers: offset, drift and bound.

A question leaves at t0 and its answer comes at t3, by our clock; it was read at t1 and answered
at t2, by the other. Nothing travels backward in time, so the other clock was ahead of ours by at
least t2 - t3 and at most t1 - t0, whatever the way there and back took. Among the straight lines
that keep within these limits for some minutes, the one in their middle is taken; the limits
themselves are the bound. The network may be asymmetric: that is inside the bound, and cannot be
seen.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from monitor.model import NS

KNOT_S = 30.0
"""Between two places where the line may bend; clocks wander with temperature."""
_REACH_S = 150.0  # to both sides of a knot; further away a clock may have changed its rate
_FASTEST = 500e-6  # that one clock runs away from another; crystals are within 100 ppm
_RATES = (-_FASTEST, _FASTEST)
_WANDER = 20e-6  # by which a drift may change after the last answer
_SHORTEST_S = 1.0  # in which a drift can be seen
_LONGEST_S = 1e7  # of a session; what is further away is nonsense
_ROUNDS = 48  # of the search for the drift; more would be finer than a nanosecond
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class ClockFit:
    """The offset of one other clock over time.

    Times of the other clock are in ns since 1970; offsets in ns, positive if it is ahead.
    """

    def __init__(self) -> None:
        self._samples: list[tuple[float, float, float]] = []
        """Seconds after zero, least and most offset beyond zero's, sorted."""
        self._zero = (0, 0)  # other clock's time and its offset, so that floats are exact
        self._knots: list[tuple[float, float]] = []
        """Offset beyond zero's and bound in ns, every ``KNOT_S``."""
        self._reached: list[tuple[int, int]] = []
        """The samples that each knot was made from."""
        self._is_stale = False

    def __len__(self) -> int:
        return len(self._samples)

    def add(self, t0_ns: int, t1_ns: int, t2_ns: int, t3_ns: int) -> bool:
        """Take a question and its answer; return False if they are impossible, and ignore them."""
        least, most = t2_ns - t3_ns, t1_ns - t0_ns
        if not (t0_ns <= t3_ns and t1_ns <= t2_ns and least <= most):
            return False
        if not self._samples:
            self._zero = (t1_ns, most)
        at_ns, zero_ns = self._zero
        if abs(t1_ns - at_ns) > _LONGEST_S * NS:
            return False
        sample = ((t1_ns - at_ns) / NS, float(least - zero_ns), float(most - zero_ns))
        insort(self._samples, sample)
        self._is_stale = True
        return True

    def at(self, other_ns: int) -> tuple[int, int]:
        """Return offset and bound at a time of the other clock; the truth is within the bound.

        Raises
        ------
        ValueError
            If nothing is known.
        """
        if not self._samples:
            raise ValueError("no answer has come from that clock")
        if self._is_stale:
            self._fit()
        first_s, last_s = self._samples[0][0], self._samples[-1][0]
        t = (other_ns - self._zero[0]) / NS
        place = (t - first_s) / KNOT_S
        k = min(max(int(place), 0), max(len(self._knots) - 2, 0))
        offset, bound = self._knots[k]
        beyond_s = max(first_s - t, t - last_s, 0.0)
        if len(self._knots) > 1:
            following, its_bound = self._knots[k + 1]
            share = place - k
            offset += share * (following - offset)
            unsure = (bound + its_bound) / KNOT_S + _WANDER * NS  # of the drift, in ns/s
            bound += min(max(share, 0.0), 1.0) * (its_bound - bound)
            bound += beyond_s * min(unsure, 2 * _FASTEST * NS)
        else:
            bound += beyond_s * _FASTEST * NS
        return self._zero[1] + round(offset), math.ceil(bound)

    def _fit(self) -> None:
        """Bring the knots up to date; only those near new samples change."""
        samples = np.array(self._samples)
        t = samples[:, 0]
        n_knots = math.ceil((t[-1] - t[0]) / KNOT_S) + 1 if t[-1] - t[0] >= _SHORTEST_S else 1
        at = t[0] + KNOT_S * np.arange(n_knots)
        first = np.searchsorted(t, at - _REACH_S).tolist()
        last = np.searchsorted(t, at + _REACH_S, "right").tolist()
        for k, reached in enumerate(zip(first, last, strict=True)):
            if k < len(self._reached) and self._reached[k] == reached:
                continue
            near = samples[slice(*reached)]
            knot = _at_knot(near[:, 0] - at[k], near[:, 1], near[:, 2])
            self._knots[k : k + 1], self._reached[k : k + 1] = [knot], [reached]
        self._is_stale = False


def _at_knot(
    dt: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[float, float]:
    """Return offset and bound in ns at a time, from limits ``dt`` seconds after it."""

    def limits(rate: float) -> tuple[float, float]:
        """Return the limits of the offset at the knot, if the clock drifts at that rate."""
        moved = rate * NS * dt
        return float(np.max(low - moved)), float(np.min(high - moved))

    def room(rate: float) -> float:
        bottom, top = limits(rate)
        return top - bottom

    if dt[-1] - dt[0] < _SHORTEST_S:
        bottom, top = limits(0.0)
        reach = max(float(np.abs(dt).max()), 0.0)
        return 0.5 * (bottom + top), 0.5 * abs(top - bottom) + reach * _FASTEST * NS
    best = _highest(room, *_RATES)
    bottom, top = limits(best)
    offset = 0.5 * (bottom + top)
    if top <= bottom:  # no straight line keeps within all limits: the clock has wandered
        return offset, 0.5 * (bottom - top) + 0.5 * float(np.min(high - low))
    # Other lines that keep within the limits, and are highest or lowest here.
    slowest, fastest = (_last(lambda rate: room(rate) >= 0, best, end) for end in _RATES)
    top = limits(_highest(lambda rate: limits(rate)[1], slowest, fastest))[1]
    bottom = limits(_highest(lambda rate: -limits(rate)[0], slowest, fastest))[0]
    return offset, max(top - offset, offset - bottom)


def _last(is_so: Callable[[float], bool], start: float, end: float) -> float:
    """Return the last place on the way from a start, where something is so, that it still is."""
    if is_so(end):
        return end
    for _ in range(_ROUNDS):
        middle = 0.5 * (start + end)
        start, end = (middle, end) if is_so(middle) else (start, middle)
    return start


def _highest(value: Callable[[float], float], low: float, high: float) -> float:
    """Return where a concave function is highest, by golden section."""
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_a, at_b = value(a), value(b)
    for _ in range(_ROUNDS):
        if at_a < at_b:
            low, a, at_a = a, b, at_b
            b = low + _GOLDEN * (high - low)
            at_b = value(b)
        else:
            high, b, at_b = b, a, at_a
            a = high - _GOLDEN * (high - low)
            at_a = value(a)
    return 0.5 * (low + high)
