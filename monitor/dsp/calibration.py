"""What a known quantity says of a channel: its zero, its gain, and how sure both are.

All uncertainties are standard ones (k = 1). Formulas are the law of propagation of uncertainty
(JCGM 100, 5.1.2) for the two that a channel's calibration knows, taken as independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BATCH_S = 0.1  # holds whole cycles of 50 and of 60 Hz, and is longer than what noise remembers
_APART = 0.1  # relative: half the range of gains that are still of one channel
_FEWEST_BATCHES = 2  # that have a scatter


@dataclass(frozen=True, slots=True)
class Level:
    """What a channel showed for a while, in its nominal unit."""

    value: float
    """Mean of a steady quantity, or rms of an alternating one."""
    uncertainty: float
    """Of the value; NaN of less than two batches."""
    noise: float
    """Standard deviation of the samples about the mean."""
    n_samples: int


@dataclass(frozen=True, slots=True)
class Point:
    """A level beside what a reference meter said that it was, in the same unit."""

    shown: Level
    reference: float
    reference_uncertainty: float


@dataclass(frozen=True, slots=True)
class Line:
    """``value = gain * nominal + offset``."""

    gain: float
    offset: float
    gain_uncertainty: float
    """Relative."""
    offset_uncertainty: float


def steady(records: Sequence[NDArray[np.floating]], sample_rate_hz: float, step: float) -> Level:
    """Return the mean of a steady quantity.

    Noise that remembers itself makes a mean worse than its samples say, so the uncertainty is that
    of the means of 0.1 s (of shorter records, of each). What does not even reach from one code to
    the next hides up to half a step, which is added.

    Parameters
    ----------
    records
        Each of shape (n_samples,): samples without a gap, in the channel's nominal unit.
    step
        Of one code, in that unit.

    Raises
    ------
    ValueError
        If there are no samples.
    """
    return _level(records, sample_rate_hz, step, np.mean)


def alternating(
    records: Sequence[NDArray[np.floating]], sample_rate_hz: float, step: float, zero: float
) -> Level:
    """Return the rms of an alternating quantity about a zero; otherwise as ``steady``.

    Each record should hold whole line cycles.
    """

    def rms(samples: NDArray[np.float64]) -> np.floating:
        return np.float64(np.sqrt(np.mean(np.square(samples - zero))))

    return _level(records, sample_rate_hz, step, rms)


def zero_line(level: Level, gain: float, gain_uncertainty: float) -> Line:
    """Return the line that makes a level 0 and keeps a gain.

    Parameters
    ----------
    gain, gain_uncertainty
        Known before; 1 and 0 if nothing is.
    """
    return Line(gain, -gain * level.value, gain_uncertainty, gain * level.uncertainty)


def two_point(low: Point, high: Point) -> Line:
    """Return the line through two points.

    The reference's errors are taken as independent, which is the worse case of the two if they
    are its gain. The offset's uncertainty is that of the line where the value is 0.

    Raises
    ------
    ValueError
        If the points are too near to each other to make a line, or make one that falls.
    """
    apart, asked = high.shown.value - low.shown.value, high.reference - low.reference
    uncertain = math.hypot(low.shown.uncertainty, high.shown.uncertainty)
    if not abs(apart) > 3 * uncertain or asked == 0:
        raise ValueError(
            f"the two points show {low.shown.value:.6g} and {high.shown.value:.6g}, with an"
            f" uncertainty of {uncertain:.2g}; they must be further apart to make a gain"
        )
    gain = asked / apart
    if gain <= 0:
        raise ValueError(
            f"the reference goes from {low.reference:.6g} to {high.reference:.6g} where the channel"
            f" goes from {low.shown.value:.6g} to {high.shown.value:.6g}: one of them is reversed"
        )
    at_low = math.hypot(low.reference_uncertainty, gain * low.shown.uncertainty)
    at_high = math.hypot(high.reference_uncertainty, gain * high.shown.uncertainty)
    return Line(
        gain=gain,
        offset=low.reference - gain * low.shown.value,
        gain_uncertainty=math.hypot(at_low, at_high) / abs(asked),
        offset_uncertainty=math.hypot(high.reference * at_low, low.reference * at_high)
        / abs(asked),
    )


def through_zero(points: Sequence[Point], zero: float, zero_uncertainty: float) -> Line:
    """Return the line of a known zero through points that are rms values about it.

    Their gains are weighted by their certainty; where they differ by more than that, half of their
    range is the uncertainty.

    Parameters
    ----------
    zero, zero_uncertainty
        What the channel shows of nothing, in its nominal unit.

    Raises
    ------
    ValueError
        If there is no point, one of nothing, or they contradict each other.
    """
    if not points or any(p.shown.value <= 0 or p.reference <= 0 for p in points):
        raise ValueError("an rms value must be above 0, both as shown and at the reference")
    gains = np.asarray([p.reference / p.shown.value for p in points])
    relative = np.asarray(
        [
            math.hypot(p.reference_uncertainty / p.reference, p.shown.uncertainty / p.shown.value)
            for p in points
        ]
    )
    weights = 1.0 / np.maximum(relative, 1e-12) ** 2
    gain = float(np.average(gains, weights=weights))
    together = float(1.0 / math.sqrt(weights.sum()))
    apart = float(np.ptp(gains)) / 2 / gain
    if apart > _APART:
        raise ValueError(
            f"the points contradict each other: their gains are {gains.min():.4g} to"
            f" {gains.max():.4g}"
        )
    return Line(
        gain=gain,
        offset=-gain * zero,
        gain_uncertainty=max(together, apart),
        offset_uncertainty=gain * zero_uncertainty,
    )


def _level(
    records: Sequence[NDArray[np.floating]],
    sample_rate_hz: float,
    step: float,
    measure: Callable[[NDArray[np.float64]], np.floating],
) -> Level:
    length = max(1, round(_BATCH_S * sample_rate_hz))
    wide = [np.asarray(record, np.float64) for record in records if len(record)]
    if not wide:
        raise ValueError("there are no samples")
    batches = [
        piece for record in wide for piece in np.array_split(record, max(1, record.size // length))
    ]
    values = np.asarray([measure(batch) for batch in batches], np.float64)
    weights = np.asarray([batch.size for batch in batches], np.float64)
    everything = np.concatenate(wide)
    noise = float(everything.std())
    scatter = math.nan
    if values.size >= _FEWEST_BATCHES:
        scatter = float(values.std(ddof=1)) / math.sqrt(values.size)
    hidden = abs(step) / math.sqrt(12) if noise < abs(step) / 2 else 0.0
    return Level(
        value=float(np.average(values, weights=weights)),
        uncertainty=math.hypot(scatter, hidden),
        noise=noise,
        n_samples=everything.size,
    )
