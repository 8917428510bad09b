"""From the power of the workload to the voltage and current of its supply."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.bench.load.signal import Grid, Noise

Power = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Power in W at times in seconds after the bench's zero, element by element."""

_PHASE_BITS = 16  # a table of 65,536 points a cycle is finer than a 14-bit converter sees
_V_HARMONICS = ((1, 1.0, 0.0), (3, 0.005, 0.4), (5, 0.015, 2.9), (7, 0.007, 1.1))
_I_HARMONICS = ((3, 1.0, 2.8), (5, 0.55, 0.3), (7, 0.35, 3.4), (9, 0.2, 0.9), (11, 0.15, 4.0))
_REACTIVE_VA, _REACTIVE = 52.0, 0.08  # of the EMI filter; growing with load
_DISTORTION_VA, _DISTORTION = 30.0, 0.025


@dataclass(frozen=True, slots=True)
class Line:
    """A mains supply."""

    vrms_v: float
    frequency_hz: float
    voltage_noise_v: float = 0.1
    current_noise_a: float = 0.005


# The frequency is a little off its nominal value, as it always is.
MAINS_230 = Line(230.0, 50.012)
MAINS_120 = Line(120.0, 59.985)


class Mains:
    """What a power supply with power-factor correction draws from a mains line.

    The current has three parts: the active one, proportional to the load; a reactive and a
    distorted one, which carry no active power against this voltage and grow more slowly than the
    load. So the active power is the load's, the power factor rises with it (0.95 at 240 W, 0.99
    at 1 kW) and the distortion falls (15 % to 5 %).
    """

    def __init__(self, line: Line, power: Power, peak_w: float, *, seed: int = 1) -> None:
        self._line = line
        self._power = power
        self._voltage, self._per_watt, self._constant = _tables(line)
        self._v_noise, self._i_noise = Noise(seed), Noise(seed + 1)
        volts = 1.05 * float(np.abs(self._voltage).max())
        amps = 1.1 * float(np.abs(self._per_watt * peak_w + self._constant).max())
        self._limits = ((-volts, volts), (-amps, amps))

    @property
    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the lowest and highest voltage in V, then current in A, that can occur."""
        return self._limits

    def sample(
        self, start: int, n: int, rate_hz: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return voltage in V and current in A; see ``Waveform``."""
        step = round(self._line.frequency_hz / rate_hz * 2**64)
        # Integer phase wraps by itself and is exact at any index.
        phase = np.arange(n, dtype=np.uint64)
        phase *= np.uint64(step)
        phase += np.uint64(start * step % 2**64)
        phase >>= np.uint64(64 - _PHASE_BITS)
        at = phase.view(np.int64)
        grid = Grid(start, n, rate_hz)
        volts = self._voltage.take(at)
        amps = self._per_watt.take(at)
        amps *= grid.expand(self._power(grid.time_s))
        amps += self._constant.take(at)
        self._v_noise.add(volts, start, self._line.voltage_noise_v)
        self._i_noise.add(amps, start, self._line.current_noise_a)
        return volts, amps


class Feed:
    """A 12 V feed: its voltage droops with the current that the load takes."""

    def __init__(
        self,
        power: Power,
        peak_w: float,
        *,
        open_v: float = 12.1,
        droop_ohm: float = 0.003,
        voltage_noise_v: float = 0.01,
        current_noise_a: float = 0.05,
        seed: int = 1,
    ) -> None:
        self._power = power
        self._open_v, self._droop_ohm = open_v, droop_ohm
        self._noise_v, self._noise_a = voltage_noise_v, current_noise_a
        self._v_noise, self._i_noise = Noise(seed), Noise(seed + 1)
        amps = float(self._amps(np.array([peak_w]))[0])
        margin_v = 0.1 + 6 * voltage_noise_v
        self._limits = (
            (open_v - droop_ohm * amps - margin_v, open_v + margin_v),
            (-6 * current_noise_a, 1.1 * amps),
        )

    @property
    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the lowest and highest voltage in V, then current in A, that can occur."""
        return self._limits

    def sample(
        self, start: int, n: int, rate_hz: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return voltage in V and current in A; see ``Waveform``."""
        grid = Grid(start, n, rate_hz)
        amps = grid.expand(self._amps(self._power(grid.time_s)))
        volts = self._open_v - self._droop_ohm * amps
        self._v_noise.add(volts, start, self._noise_v)
        self._i_noise.add(amps, start, self._noise_a)
        return volts, amps

    def _amps(self, power_w: NDArray[np.float64]) -> NDArray[np.float64]:
        # P = (V0 - R i) i, its smaller root; beyond V0^2 / 4R no current could carry it.
        open_v, ohm = self._open_v, self._droop_ohm
        root = np.sqrt(np.maximum(open_v * open_v - 4 * ohm * power_w, 0.0))
        result: NDArray[np.float64] = (open_v - root) / (2 * ohm)
        return result


def _tables(
    line: Line,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return one cycle of the voltage, of the current per watt, and of the constant current."""
    angle = np.arange(1 << _PHASE_BITS, dtype=np.float64) * (2 * math.pi / (1 << _PHASE_BITS))
    voltage = _shape(angle, _V_HARMONICS)
    voltage *= line.vrms_v
    active = np.sin(angle)
    active /= np.mean(voltage * active)
    reactive = _without(np.cos(angle), voltage, active) / line.vrms_v
    distorted = _without(_shape(angle, _I_HARMONICS), voltage, active) / line.vrms_v
    per_watt = active + _REACTIVE * reactive + _DISTORTION * distorted
    constant = _REACTIVE_VA * reactive + _DISTORTION_VA * distorted
    return voltage, per_watt, constant


def _shape(
    angle: NDArray[np.float64], harmonics: tuple[tuple[int, float, float], ...]
) -> NDArray[np.float64]:
    """Return a sum of harmonics (order, amplitude, phase) with an RMS value of 1."""
    total = np.zeros_like(angle)
    for order, amplitude, phase in harmonics:
        total += amplitude * np.sin(order * angle + phase)
    return total / math.sqrt(np.mean(np.square(total)))


def _without(
    current: NDArray[np.float64], voltage: NDArray[np.float64], active: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a current freed from the part that carries active power, with an RMS value of 1."""
    rest = current - np.mean(voltage * current) * active
    return rest / math.sqrt(np.mean(np.square(rest)))
