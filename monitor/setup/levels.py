"""What one record says of each input: level, frequency, power, and how it fills the screen."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.config import InputSettings
from monitor.model import Quantity

_SLOWEST_HZ, _FASTEST_HZ = 40.0, 70.0  # what is outside is not a line frequency
_SMOOTH_S = 0.001  # far below a line cycle, far above the noise of a converter
_HYSTERESIS = 0.3  # of the rms
_EVEN = 0.1  # relative: how different the cycles of a line may be
_SMALLEST_MEAN = 0.3  # of the rms; what has more of a mean is not mains


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """One input in one record, in its channel's unit."""

    input: int
    quantity: Quantity
    rail: str
    mean: float
    rms: float
    """About zero, not about the mean; over whole line cycles where there are any."""
    low: float
    high: float
    n_clipped: int

    @property
    def unit(self) -> str:
        """Return the symbol of the unit."""
        return self.quantity.unit


class RailLevel(msgspec.Struct, frozen=True, kw_only=True):
    """The power of one rail in one record."""

    rail: str
    mean_w: float
    """Over whole line cycles where there are any."""
    apparent_va: float
    """RMS voltage times RMS current; 0 where power itself is measured."""
    line_hz: float | None
    """None if the record shows no line cycle."""


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """One record."""

    duration_s: float
    sample_rate_hz: float
    channels: tuple[Level, ...]
    """In the order of the settings."""
    rails: tuple[RailLevel, ...]

    def of(self, rail: str, quantity: Quantity) -> Level | None:
        """Return a channel of a rail; None if it has none of that quantity."""
        found = (c for c in self.channels if c.rail == rail and c.quantity is quantity)
        return next(found, None)


def measure(
    values: NDArray[np.floating],
    clipped: Sequence[int],
    sample_rate_hz: float,
    inputs: Sequence[InputSettings],
) -> Levels:
    """Measure one record.

    Parameters
    ----------
    values : shape (n_channels, n_samples)
        In each channel's unit; at least one sample.
    clipped
        Samples of each channel that stood outside of the screen.
    inputs
        What each channel is.
    """
    wide = np.asarray(values, np.float64)
    channels: list[Level] = []
    rails: list[RailLevel] = []
    for rail in dict.fromkeys(item.rail for item in inputs):
        rows = {item.quantity: k for k, item in enumerate(inputs) if item.rail == rail}
        volts = rows.get(Quantity.VOLTAGE)
        found = None if volts is None else line_cycles(wide[volts], sample_rate_hz)
        first, last = (0, wide.shape[1]) if found is None else found[:2]
        whole = wide[:, first:last]
        for k in rows.values():
            channels.append(_level(inputs[k], wide[k], whole[k], clipped[k]))
        if volts is not None and Quantity.CURRENT in rows:
            pair = whole[volts], whole[rows[Quantity.CURRENT]]
            mean_w, apparent_va = float(np.mean(pair[0] * pair[1])), _rms(pair[0]) * _rms(pair[1])
        else:
            mean_w, apparent_va = float(np.mean(whole[rows[Quantity.POWER]])), 0.0
        rails.append(
            RailLevel(
                rail=rail,
                mean_w=mean_w,
                apparent_va=apparent_va,
                line_hz=None if found is None else found[2],
            )
        )
    order = [item.input for item in inputs]
    channels.sort(key=lambda level: order.index(level.input))
    return Levels(
        duration_s=wide.shape[1] / sample_rate_hz,
        sample_rate_hz=sample_rate_hz,
        channels=tuple(channels),
        rails=tuple(rails),
    )


def line_cycles(
    volts: NDArray[np.floating], sample_rate_hz: float
) -> tuple[int, int, float] | None:
    """Return the whole line cycles of a voltage.

    Parameters
    ----------
    volts : shape (n_samples,)

    Returns
    -------
    The first sample of the first cycle, the sample after the last, and the frequency in Hz; None
    if there is no whole cycle of 40 to 70 Hz, or the signal is not one of mains.
    """
    width = max(1, round(_SMOOTH_S * sample_rate_hz))
    if volts.size < 2 * width:
        return None
    mean, rms = float(np.mean(volts)), _rms(volts)
    if rms == 0.0 or abs(mean) > _SMALLEST_MEAN * rms:
        return None
    sums = np.concatenate(([0.0], np.cumsum(volts, dtype=np.float64)))
    smooth = (sums[width:] - sums[:-width]) / width
    places = _rising(smooth, _HYSTERESIS * _rms(smooth))
    if places.size < 2:
        return None
    lengths = np.diff(places)
    period = float(np.mean(lengths))
    is_even = float(np.max(np.abs(lengths / period - 1.0))) <= _EVEN
    hz = sample_rate_hz / period
    if not (is_even and _SLOWEST_HZ <= hz <= _FASTEST_HZ):
        return None
    middle = (width - 1) / 2  # a sum is that much later than its first sample
    first, last = (round(place + middle) for place in (places[0], places[-1]))
    return first, last, float(f"{hz:.5g}")


def _rising(values: NDArray[np.float64], height: float) -> NDArray[np.float64]:
    """Return where a signal rises through zero, from below ``-height`` to above it."""
    sides = np.where(values > height, 1, np.where(values < -height, -1, 0))
    at = np.flatnonzero(sides)
    turns = np.flatnonzero((sides[at][:-1] < 0) & (sides[at][1:] > 0))
    places = []
    for below, above in zip(at[turns], at[turns + 1], strict=True):
        piece = values[below : above + 1]
        k = int(np.flatnonzero(piece < 0)[-1])
        places.append(below + k + piece[k] / (piece[k] - piece[k + 1]))
    return np.array(places)


def _level(
    item: InputSettings,
    values: NDArray[np.float64],
    whole: NDArray[np.float64],
    n_clipped: int,
) -> Level:
    return Level(
        input=item.input,
        quantity=item.quantity,
        rail=item.rail,
        mean=float(np.mean(whole)),
        rms=_rms(whole),
        low=float(np.min(values)),
        high=float(np.max(values)),
        n_clipped=n_clipped,
    )


def _rms(values: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
