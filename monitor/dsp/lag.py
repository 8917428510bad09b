"""How late a slow power channel is against the samples, and over which time it averages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.trailing import Shape, Trailing

REACH_S = 6.0
"""Of the past before a reading that must be known."""
_EARLIEST_S, _LATEST_S = (
    -0.5,
    3.5,
)  # delays that are looked at: before the samples if a clock is off
_COARSE_S = 0.05
_WIDTHS_S = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
_CONSTANTS_S = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
_MISSING = 0.02  # share of that past that may be missing
_MOST = 4000  # readings; more make it slower and little better
_FEWEST = 40
_VARIES = 0.03  # of its mean: standard deviation of the power
_LIKE = 0.9  # correlation below which the two are taken to show different things
_SIMPLER = 0.95  # of the boxcar's residual, that another shape must be below to be believed
_AGAIN = 0.05  # share of the variation by which another delay must be worse than the best
_ROUNDS = 30
_NO_WORSE = 4.0  # mean squares: two standard deviations, if errors were independent
_PLAIN_S = 1.0  # to both sides: how far delays that fit as well are looked for
_VAGUE_S = 0.3
_GROUPS = 16  # of neighbouring readings, whose errors go together


@dataclass(frozen=True, slots=True)
class Lag:
    """What a slow power channel does to the power; uncertainties are standard (k = 1)."""

    shape: Shape
    delay_s: float
    """How much later it shows things on average: the centre of its weights."""
    delay_uncertainty_s: float
    window_s: float
    """Of a boxcar; the time constant of a first-order one."""
    window_uncertainty_s: float
    gain: float
    """W that it shows per W of the samples."""
    offset_w: float
    """That it shows beside."""
    correlation: float
    """Of what it shows and what it should, by all this."""
    n_readings: int


def lag(trailing: Trailing, times_s: NDArray[np.float64], values_w: NDArray[np.float64]) -> Lag:
    """Return the delay and the window that explain a slow channel's readings best.

    Each reading is taken for a trailing mean of the power, times a gain, plus an offset: of all
    delays, windows and shapes the one with the smallest squares of what is left. The uncertainty
    is that of groups of neighbouring readings, so errors may go together within a group. One that
    repeats the value before is left out, since nobody knows when it was taken.

    Parameters
    ----------
    trailing
        The power by the samples.
    times_s, values_w : shape (n,)
        Readings by the same clock, sorted.

    Raises
    ------
    ValueError
        If the two do not tell: too few readings, a load that hardly varies or always repeats, or
        two that show different things.
    """
    times_s, values_w = _usable(trailing, times_s, values_w)
    fit = _Fit(trailing, times_s, values_w)
    best = _coarse(fit)
    candidates = [_refined(fit, *best[shape]) for shape in best]
    squares = [fit.squares(*candidate) for candidate in candidates]
    chosen = 1 if squares[1] < _SIMPLER**2 * squares[0] else 0
    shape, delay_s, width_s = candidates[chosen]
    gain, offset_w, rest = fit.residual(shape, delay_s, width_s)
    correlation = math.sqrt(max(1.0 - float(rest @ rest) / fit.total, 0.0))
    if gain <= 0 or correlation < _LIKE:
        raise ValueError(
            f"the two show different things: their correlation is"
            f" {math.copysign(correlation, gain):.2f}, expected {_LIKE} or more"
        )
    delay_s, delay_u_s, width_u_s = _uncertain(fit, shape, delay_s, width_s, rest)
    if delay_u_s > _VAGUE_S:
        raise ValueError(
            f"the readings fit every delay around {delay_s:.2g} s, give or take {delay_u_s:.2g} s;"
            " record for longer, with a load that varies irregularly"
        )
    return Lag(
        shape, delay_s, delay_u_s, width_s, width_u_s, gain, offset_w, correlation, times_s.size
    )


class _Fit:
    """Readings, and what is left of them after the best gain and offset."""

    def __init__(
        self, trailing: Trailing, times_s: NDArray[np.float64], values_w: NDArray[np.float64]
    ) -> None:
        self._trailing = trailing
        self._times_s = times_s
        self._mean = float(values_w.mean())
        self._values = values_w - self._mean
        self.total = float(self._values @ self._values)
        self.narrowest_s = trailing.step_s

    def residual(
        self, shape: Shape, delay_s: float, width_s: float
    ) -> tuple[float, float, NDArray[np.float64]]:
        """Return gain, offset, and what they leave: shape (n,)."""
        shown = self._trailing.at(self._times_s, shape, delay_s, width_s)
        mean = float(shown.mean())
        x = shown - mean
        weight = float(x @ x)
        gain = float(x @ self._values) / weight if weight > 0 else 0.0
        return gain, self._mean - gain * mean, self._values - gain * x

    def squares(self, shape: Shape, delay_s: float, width_s: float) -> float:
        """Return the sum of squares of what is left; of a negative gain all is left."""
        gain, _, rest = self.residual(shape, delay_s, width_s)
        return float(rest @ rest) if gain > 0 else self.total

    def slopes(self, shape: Shape, delay_s: float, width_s: float) -> NDArray[np.float64]:
        """Return how what is left changes with delay and width: shape (n, 2)."""
        h = self.narrowest_s
        columns = []
        for one, other in (((h, 0.0), (-h, 0.0)), ((0.0, h), (0.0, 0.0))):
            high = self.residual(shape, delay_s + one[0], width_s + one[1])[2]
            low = self.residual(shape, delay_s + other[0], width_s + other[1])[2]
            columns.append((high - low) / (one[0] - other[0] + one[1] - other[1]))
        return np.stack(columns, axis=1)


def _usable(
    trailing: Trailing, times_s: NDArray[np.float64], values_w: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    fresh = np.append(True, np.diff(values_w) != 0)
    known = trailing.share_missing(times_s - REACH_S, times_s - _EARLIEST_S) <= _MISSING
    some = np.flatnonzero(fresh & known)
    if some.size < _FEWEST:
        raise ValueError(
            f"{some.size} of its {times_s.size} readings are new and have samples for"
            f" {REACH_S:.0f} s before them, expected {_FEWEST} or more"
        )
    some = some[np.linspace(0, some.size - 1, min(some.size, _MOST)).astype(np.int64)]
    power_w = trailing.at(times_s[some], Shape.BOXCAR, 0.0, trailing.step_s)
    mean_w, deviation_w = float(power_w.mean()), float(power_w.std())
    if not deviation_w > _VARIES * abs(mean_w):
        raise ValueError(
            f"the load hardly varies: by {deviation_w:.3g} W around {mean_w:.4g} W, expected"
            f" {100 * _VARIES:.0f} % or more"
        )
    return times_s[some], values_w[some]


def _coarse(fit: _Fit) -> dict[Shape, tuple[Shape, float, float]]:
    """Return the best place of a grid, for each shape.

    Raises
    ------
    ValueError
        If another delay is about as good.
    """
    delays_s = np.arange(_EARLIEST_S, _LATEST_S + _COARSE_S / 2, _COARSE_S)
    best: dict[Shape, tuple[Shape, float, float]] = {}
    least = dict.fromkeys(Shape, math.inf)
    by_delay = np.full(delays_s.size, math.inf)
    for shape, width_s in _grid(fit.narrowest_s):
        for k, delay_s in enumerate(delays_s.tolist()):
            squares = fit.squares(shape, delay_s, width_s)
            by_delay[k] = min(by_delay[k], squares)
            if squares < least[shape]:
                least[shape], best[shape] = squares, (shape, delay_s, width_s)
    k = int(np.argmin(by_delay))
    again = _again(by_delay, k, _AGAIN * fit.total)
    if again is not None:
        raise ValueError(
            f"the load repeats itself: a delay of {delays_s[again]:.2g} s explains the readings"
            f" about as well as one of {delays_s[k]:.2g} s; record one that varies irregularly"
        )
    return best


def _grid(narrowest_s: float) -> Iterator[tuple[Shape, float]]:
    for width_s in _WIDTHS_S:
        yield Shape.BOXCAR, max(width_s, narrowest_s)
    for constant_s in _CONSTANTS_S:
        yield Shape.FIRST_ORDER, max(constant_s, narrowest_s)


def _again(values: NDArray[np.float64], lowest: int, little: float) -> int | None:
    """Return a place that is about as low as the lowest and lies behind a ridge; None if none."""
    for places in (np.arange(lowest, values.size), np.arange(lowest, -1, -1)):
        side = values[places]
        ridge = np.maximum.accumulate(side)
        found = np.flatnonzero((side < values[lowest] + little) & (ridge > side + little))
        if found.size:
            return int(places[found[np.argmin(side[found])]])
    return None


def _refined(fit: _Fit, shape: Shape, delay_s: float, width_s: float) -> tuple[Shape, float, float]:
    """Return the best place near one, by steps of least squares that are halved if too far."""
    here = fit.squares(shape, delay_s, width_s)
    for _ in range(_ROUNDS):
        slopes = fit.slopes(shape, delay_s, width_s)
        rest = fit.residual(shape, delay_s, width_s)[2]
        step = np.linalg.lstsq(slopes, -rest, rcond=1e-9)[0]
        size = float(np.abs(step).max())
        step *= min(1.0, _COARSE_S / size) if size > 0 else 1.0
        for _ in range(8):
            delay, width = delay_s + float(step[0]), max(width_s + float(step[1]), fit.narrowest_s)
            there = fit.squares(shape, delay, width)
            if there < here:
                break
            step *= 0.5
        else:
            break
        gained, here = here - there, there
        delay_s, width_s = delay, width
        if gained < 1e-9 * fit.total:
            break
    return shape, delay_s, width_s


def _uncertain(
    fit: _Fit, shape: Shape, delay_s: float, width_s: float, rest: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return the delay, in the middle of those that fit, and the uncertainties of both."""
    slopes = fit.slopes(shape, delay_s, width_s)
    # Where a slope is nothing but rounding, a second would be the uncertainty: see below.
    ridge = float(rest @ rest) / rest.size + 1e-12 * fit.total
    inverse = np.linalg.inv(slopes.T @ slopes + ridge * np.eye(2))
    # The sandwich of cluster-robust regression, with groups in the place of readings.
    groups = np.array_split(np.arange(rest.size), min(_GROUPS, rest.size))
    scores = np.stack([slopes[group].T @ rest[group] for group in groups])
    share = len(groups) / (len(groups) - 1)
    spread = share * inverse @ (scores.T @ scores) @ inverse
    # Where edges and readings go in step, all delays within a step fit: slopes say nothing.
    allowed = (1.0 + _NO_WORSE / rest.size) * float(rest @ rest) + 1e-12 * fit.total
    narrower = (width_s, 0.5 * width_s, fit.narrowest_s)
    delays = _plain(
        lambda s: min(fit.squares(shape, delay_s + s, width) for width in narrower), allowed
    )
    widths = _plain(
        lambda s: fit.squares(shape, delay_s, max(width_s + s, fit.narrowest_s)), allowed
    )
    widths = max(widths[0], fit.narrowest_s - width_s), widths[1]
    floor_s = fit.narrowest_s / math.sqrt(12.0)  # where in a cell an edge lies
    delay_u_s, width_u_s = (
        math.hypot(max(math.sqrt(max(variance, 0.0)), (high - low) / math.sqrt(12.0)), floor_s)
        for variance, (low, high) in zip(np.diag(spread).tolist(), (delays, widths), strict=True)
    )
    return delay_s + 0.5 * sum(delays), delay_u_s, width_u_s


def _plain(squares: Callable[[float], float], allowed: float) -> tuple[float, float]:
    """Return how far one may go to both sides without being worse."""
    ends = []
    for sign in (-1.0, 1.0):
        near, far = 0.0, _PLAIN_S
        while far - near > 1e-4:
            middle = 0.5 * (near + far)
            near, far = (middle, far) if squares(sign * middle) <= allowed else (near, middle)
        ends.append(sign * near)
    return ends[0], ends[1]
