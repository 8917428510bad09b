"""When power steps from one level to another: the middle and the onset of one transition.

Terms of IEEE Std 181: the levels before and after, the crossing of their middle (50 %), and the
onset (10 %).
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_QUIET = 6.0  # times the noise that a step must have, so that its middle is crossed once
_MIN_SMOOTHING_S = 1e-4
_MAX_SMOOTHING = 0.5  # of the time searched: more would smear the step beyond it
_CAPTURED = 0.3  # share of the samples before and after from which a level is taken
_NORMAL = 1.4826  # standard deviation of normal noise, by its median absolute deviation


class Miss(enum.Enum):
    """Why a marker has no transition."""

    NOT_CAPTURED = "not captured"
    NO_STEP = "no step"


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of the power."""

    at: float
    """Sample at which the middle between the levels is crossed."""
    onset: float
    """Sample at which a tenth of the step is passed; NaN on mains, where a cycle hides it."""
    before_w: float
    after_w: float
    smoothing: float
    """Samples over which was averaged to see it."""


def transition(
    power_w: NDArray[np.floating], around: float, reach: float, rate_hz: float, *, cycle: float
) -> Transition | Miss:
    """Return the step that lies near a sample.

    Power is averaged over a line cycle on mains, where it pulsates, and over as little as shows
    the step above the noise on DC. An average that is centred on its sample does not move the
    middle of a step; on mains neither, at whatever phase it came, since half a cycle holds half of
    a cycle's energy.

    Parameters
    ----------
    power_w : shape (n_samples,)
        NaN where nothing was captured.
    around
        Sample near which it is sought, by 0.4 of the reach.
    reach
        Samples before and after that belong to its levels.
    rate_hz
        Of the samples.
    cycle
        Samples of a line cycle; 0 on DC.
    """
    power = np.asarray(power_w, np.float64)
    smoothing = cycle if cycle > 0 else max(1.0, _MIN_SMOOTHING_S * rate_hz)
    while smoothing <= max(_MAX_SMOOTHING * reach, 1.0):
        smooth = _running_mean(power, smoothing)
        levels = _levels(smooth, around, reach)
        if levels is None:
            return Miss.NOT_CAPTURED
        before_w, after_w, noise_w = levels
        if abs(after_w - before_w) >= _QUIET * noise_w and after_w != before_w:
            found = _crossing(smooth, around, reach, (before_w, after_w))
            if isinstance(found, Miss):
                return found
            at, onset = found
            hidden = math.nan if cycle > 0 else onset
            return Transition(at, hidden, before_w, after_w, smoothing)
        if cycle > 0:
            break
        smoothing *= 2
    return Miss.NO_STEP


def _crossing(
    smooth: NDArray[np.float64], around: float, reach: float, levels: tuple[float, float]
) -> tuple[float, float] | Miss:
    """Return where the middle is crossed so that most samples lie on their side, and the onset."""
    before_w, after_w = levels
    first = max(math.ceil(around - 0.4 * reach), 0)
    last = min(math.floor(around + 0.4 * reach), smooth.size - 1)
    share = (smooth[first : last + 1] - before_w) / (after_w - before_w)
    seen = ~np.isnan(share)
    risen = seen & (share > 0.5)
    wrong = np.cumsum(risen.astype(np.int64) - (seen & ~risen))  # up to each sample
    crossed = np.flatnonzero(seen[:-1] & seen[1:] & ~risen[:-1] & risen[1:])
    crossed = crossed[wrong[crossed] <= wrong.min(initial=0) + 1]
    if not crossed.size:
        return Miss.NOT_CAPTURED
    k = int(crossed[0])
    at = first + k + _between(share[k], share[k + 1], 0.5)
    onset = math.nan
    low = np.flatnonzero(share[: k + 1] <= 0.1)
    if low.size and seen[low[-1] : k + 1].all():
        j = int(low[-1])
        onset = first + j + _between(share[j], share[j + 1], 0.1)
    return at, onset


def _between(low: float, high: float, level: float) -> float:
    """Return where a straight line from ``low`` to ``high`` passes a level, 0 to 1."""
    return float((level - low) / (high - low))


def _levels(
    smooth: NDArray[np.float64], around: float, reach: float
) -> tuple[float, float, float] | None:
    """Return the level before, the level after, and the noise about them; None if not seen."""
    found = []
    for a, b in ((-1.0, -0.4), (0.4, 1.0)):
        start = max(math.ceil(around + a * reach), 0)
        stop = max(math.floor(around + b * reach) + 1, start)
        values = smooth[start:stop]
        values = values[~np.isnan(values)]
        if values.size < max(1.0, _CAPTURED * 0.6 * reach):
            return None
        level = float(np.median(values))
        found.append((level, _NORMAL * float(np.median(np.abs(values - level)))))
    (before_w, one_w), (after_w, other_w) = found
    return before_w, after_w, max(one_w, other_w)


def _running_mean(values: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return the mean over ``width`` samples, centred on each; NaN where one of them is missing."""
    n = values.size
    missing = np.isnan(values)
    total = np.concatenate(([0.0], np.cumsum(np.where(missing, 0.0, values))))
    lost = np.concatenate(([0], np.cumsum(missing)))
    centres = np.arange(n) + 0.5
    low, high = centres - width / 2, centres + width / 2
    edges = np.arange(n + 1)
    mean = (np.interp(high, edges, total) - np.interp(low, edges, total)) / width
    first = np.clip(np.floor(low + 1e-9).astype(np.int64), 0, n)
    last = np.clip(np.ceil(high - 1e-9).astype(np.int64), 0, n)
    whole = (low >= -1e-9) & (high <= n + 1e-9) & (lost[last] == lost[first])
    return np.where(whole, mean, np.nan)
