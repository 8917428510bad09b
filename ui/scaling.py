"""The ranges and ticks of the axes: calm, round, legible."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ui.quantities import MINUS, clock, split

_TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_MOST_TICKS = 8
_SHRINK_AFTER = 45  # frames: about 1.5 s in which the data need much less than what is shown
_ROOM = 0.45  # a range shrinks when the data need less than this share of it


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid and its label."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Where a time stands on the screen."""

    left: float
    right: float
    """Pixels."""
    start_s: float
    stop_s: float
    """Seconds since the session began, at the left and at the right."""

    @property
    def px_per_s(self) -> float:
        """Return the pixels of a second."""
        return (self.right - self.left) / (self.stop_s - self.start_s)

    def px(self, time_s: float) -> float:
        """Return the pixel of a time."""
        return self.left + (time_s - self.start_s) * self.px_per_s

    def pxs(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pixels of many times: shape (n,)."""
        return self.left + (times_s - self.start_s) * self.px_per_s

    def time_s(self, px: float) -> float:
        """Return the time of a pixel."""
        return self.start_s + (px - self.left) / self.px_per_s


def round_step(span: float, n: int) -> float:
    """Return the 1-2-5 step which divides a span into at most ``n`` parts."""
    raw = span / max(n, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1.0, 2.0, 5.0):
        if raw <= factor * power * (1 + 1e-9):
            return factor * power
    return 10.0 * power


def value_ticks(low: float, high: float, n: int, unit: str) -> tuple[Tick, ...]:
    """Return at most about ``n`` ticks, but two at least; all labels share one SI prefix."""
    if not high > low:
        return ()
    step = round_step(high - low, n)
    while _multiples(low, high, step)[1] <= _multiples(low, high, step)[0]:
        step = round_step(step / 2.5, 1)  # the next finer: one tick tells no scale
    largest = max(abs(low), abs(high))
    number, prefixed = split(largest, unit)
    factor = largest / float(number) if float(number) else 1.0
    factor = 10.0 ** round(math.log10(factor))
    decimals = max(0, -math.floor(math.log10(step / factor) + 1e-9))
    first, last = _multiples(low, high, step)
    return tuple(
        Tick(k * step, f"{_number(k * step / factor, decimals)} {prefixed}")
        for k in range(first, last + 1)
    )


def time_ticks(low_s: float, high_s: float, n: int) -> tuple[Tick, ...]:
    """Return at most about ``n`` ticks of time since the session began, but two at least."""
    if not high_s > low_s:
        return ()
    raw = (high_s - low_s) / max(n, 1)
    if raw <= 0.5:
        step = round_step(high_s - low_s, n)
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    else:
        step = float(next((s for s in _TIME_STEPS_S if s >= raw), _TIME_STEPS_S[-1]))
        decimals = 0
    first, last = _multiples(low_s, high_s, step)
    if last <= first and n < _MOST_TICKS:  # one tick tells no scale
        return time_ticks(low_s, high_s, n + 1)
    return tuple(Tick(k * step, clock(k * step, decimals)) for k in range(first, last + 1))


def _multiples(low: float, high: float, step: float) -> tuple[int, int]:
    """Return the first and the last multiple of a step that lies inside."""
    return math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)


class CalmRange:
    """The vertical range of a plot: it grows at once, and shrinks only after a while.

    Its ends are round numbers, so noise does not move it.
    """

    def __init__(self, *, with_zero: bool) -> None:
        self._with_zero = with_zero
        self._low = math.nan
        self._high = math.nan
        self._too_wide = 0

    def reset(self) -> None:
        """Forget, so that the next data are fitted at once."""
        self._low = self._high = math.nan

    def fit(self, low: float, high: float) -> tuple[float, float]:
        """Return the range to show for data between two values; NaN changes nothing."""
        if not (math.isfinite(low) and math.isfinite(high)):
            return (0.0, 1.0) if math.isnan(self._low) else (self._low, self._high)
        if self._with_zero:
            low, high = min(low, 0.0), max(high, 0.0)
        wanted = _rounded(low, high)
        if math.isnan(self._low):
            self._low, self._high = wanted
        elif low < self._low or high > self._high:
            self._low = min(self._low, wanted[0]) if low < self._low else self._low
            self._high = max(self._high, wanted[1]) if high > self._high else self._high
            self._too_wide = 0
        elif wanted[1] - wanted[0] < _ROOM * (self._high - self._low):
            self._too_wide += 1
            if self._too_wide > _SHRINK_AFTER:
                self._low, self._high = wanted
                self._too_wide = 0
        else:
            self._too_wide = 0
        return self._low, self._high


def _rounded(low: float, high: float) -> tuple[float, float]:
    span = high - low
    floor = max(abs(low), abs(high)) * 1e-3 or 1e-3  # a constant still gets a band around it
    if span < floor:
        low, high = low - floor, high + floor
        span = high - low
    step = round_step(span, 24)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def _number(value: float, decimals: int) -> str:
    text = f"{abs(value):.{decimals}f}"
    return MINUS + text if value < 0 and float(text) != 0 else text
