"""What a power meter makes of the load: means over one update interval after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.bench.load.signal import Waveform
from monitor.model import NS

_RATE_HZ = 20_000.0


@dataclass(frozen=True, slots=True)
class Means:
    """What was measured in one update interval."""

    watts: float
    """Active power."""
    volts: float
    """RMS."""
    amps: float
    """RMS."""
    hertz: float
    """Of the voltage; NaN if it does not swing."""

    @property
    def volt_amperes(self) -> float:
        """Return the apparent power."""
        return self.volts * self.amps

    @property
    def vars(self) -> float:
        """Return the reactive power, without its sign."""
        return math.sqrt(max(0.0, self.volt_amperes**2 - self.watts**2))

    @property
    def power_factor(self) -> float:
        """Return active over apparent power; NaN without any."""
        return self.watts / self.volt_amperes if self.volt_amperes else math.nan


class Averager:
    """Measures a load all the time, without gaps.

    Parameters
    ----------
    waveform
        What is connected.
    now_ns
        Returns the nanoseconds since the bench's zero.
    update_s
        Length of an update interval.
    """

    def __init__(
        self, waveform: Waveform, now_ns: Callable[[], int], *, update_s: float = 0.25
    ) -> None:
        self._waveform = waveform
        self._now_ns = now_ns
        self.restart(update_s)

    @property
    def update_s(self) -> float:
        """Return the length of an update interval."""
        return self._update_s

    def restart(self, update_s: float) -> None:
        """Begin an update interval now, of another length."""
        self._update_s = update_s
        self._start_ns = self._now_ns()
        self._newest: tuple[int, Means] | None = None

    def latest(self) -> tuple[int, Means] | None:
        """Return number and means of the newest whole interval; None before there is one."""
        number = math.floor((self._now_ns() - self._start_ns) / NS / self._update_s) - 1
        if number < 0:
            return None
        if self._newest is None or self._newest[0] != number:
            self._newest = number, self._measure(number)
        return self._newest

    def _measure(self, number: int) -> Means:
        first, stop = (
            round((self._start_ns / NS + k * self._update_s) * _RATE_HZ)
            for k in (number, number + 1)
        )
        volts, amps = self._waveform.sample(first, stop - first, _RATE_HZ)
        return Means(
            watts=float(np.mean(volts * amps)),
            volts=math.sqrt(float(np.mean(np.square(volts)))),
            amps=math.sqrt(float(np.mean(np.square(amps)))),
            hertz=_frequency(volts),
        )


def _frequency(volts: NDArray[np.float64]) -> float:
    """Return how often per second samples rise through zero."""
    before = np.flatnonzero((volts[:-1] < 0.0) & (volts[1:] >= 0.0))
    if len(before) < 2:
        return math.nan
    at = before + volts[before] / (volts[before] - volts[before + 1])
    return float((len(at) - 1) / (at[-1] - at[0]) * _RATE_HZ)
