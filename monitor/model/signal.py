"""What a source delivers: channels, their scales, and blocks of codes."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

NS = 1_000_000_000
"""Nanoseconds in a second."""

_LONGEST_DESKEW_S = 1e-3  # a hundred times that of the slowest clamp


class Quantity(enum.Enum):
    """What a channel measures."""

    VOLTAGE = "voltage"
    CURRENT = "current"
    POWER = "power"

    @property
    def unit(self) -> str:
        """Return the SI symbol: V, A or W."""
        return {"voltage": "V", "current": "A", "power": "W"}[self.value]


class Supply(enum.Enum):
    """What feeds the computer; on mains every average spans whole line cycles."""

    AUTO = "auto"
    MAINS = "mains"
    DC = "dc"


class Calibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found out about a channel by measuring something known.

    ``value = gain * nominal + offset``, shown ``deskew_s`` earlier; nominal is what the probe's
    nominal ratio makes of the reading.
    """

    gain: float = 1.0
    offset: float = 0.0
    """Channel units, added after the gain."""
    deskew_s: float = 0.0
    """How much later than the circuit the channel shows it; within 1 ms."""
    gain_uncertainty: float = 0.0
    """Relative, standard (k = 1); 0 means not stated."""
    offset_uncertainty: float = 0.0
    """Channel units, standard (k = 1); 0 means not stated."""
    deskew_uncertainty_s: float = 0.0
    """Standard (k = 1); 0 means not stated."""
    date: str = ""
    """ISO 8601, of the newest of the steps."""
    temperature: str = ""
    """Of the room or the probe, as somebody noted it, e.g. ``21 °C``."""
    note: str = ""
    """How, and against which reference."""

    def __post_init__(self) -> None:
        if not 0.0 < self.gain < math.inf or not math.isfinite(self.offset):
            raise ValueError(
                f"a calibration's gain must be above 0, got {self.gain:g}, and its offset finite,"
                f" got {self.offset:g}; a clamp that is the wrong way round has a negative ratio"
            )
        if not abs(self.deskew_s) <= _LONGEST_DESKEW_S:
            raise ValueError(
                f"deskew_s must be within {_LONGEST_DESKEW_S:g} s of 0, got {self.deskew_s:g}"
            )
        for name in ("gain_uncertainty", "offset_uncertainty", "deskew_uncertainty_s"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise ValueError(f"{name} must be 0 or more, got {value:g}")


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What sits between the circuit and the instrument's input.

    ``nominal = ratio * reading + offset`` in the channel's unit, where the reading is what the
    instrument reports. An instrument that already reports the channel's unit has ratio 1. The
    calibration then makes the value of it.
    """

    ratio: float = 1.0
    """Channel units per unit of reading: 10.0 for a 100 mV/A clamp read in volts."""
    offset: float = 0.0
    """Channel units, added."""
    note: str = ""
    """Which probe it is."""
    calibration: Calibration = Calibration()


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One measured quantity. Voltage and current of one rail are multiplied to its power."""

    name: str
    quantity: Quantity
    rail: str = "main"
    probe: Probe = Probe()


class Scale(msgspec.Struct, frozen=True):
    """From the instrument's codes to its reading: ``reading = gain * code + offset``."""

    gain: float
    offset: float


class StreamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every block of a stream: one clock, one rate."""

    channels: tuple[Channel, ...]
    sample_rate_hz: float
    t0_ns: int
    """UTC of sample 0."""
    t0_uncertainty_ns: int
    """Half-width of the interval that holds the true time of sample 0."""
    dtype: str
    """numpy name of the codes' integer type, e.g. ``uint16``."""
    continuous: bool
    """Whether the instrument claims that no sample is missing between its records."""
    supply: Supply = Supply.AUTO
    instrument: dict[str, str] = {}
    """Identity and settings as the instrument gave them."""

    def time_ns(self, index: float) -> int:
        """Return the UTC of a sample index."""
        return self.t0_ns + round(index * NS / self.sample_rate_hz)

    def index_at(self, time_ns: int) -> int:
        """Return the first sample index at or after a UTC time."""
        return math.ceil((time_ns - self.t0_ns) * self.sample_rate_hz / NS - 1e-6)


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive samples of every channel, in the instrument's own codes."""

    start: int
    """Index of the first sample on the instrument's clock."""
    codes: NDArray[np.integer]
    """Shape (n_channels, n_samples)."""
    scales: tuple[Scale, ...]
    """One per channel, as the instrument stated it; the channel's probe is not folded in."""
    clipped: tuple[int, ...]
    """Number of samples of each channel that stood at a rail of the converter."""
    host_ns: int
    """UTC at which the host believes that the first sample was taken."""
    host_uncertainty_ns: int
    """Half-width of the interval that holds the true time."""

    @property
    def n_samples(self) -> int:
        """Return the samples per channel."""
        return int(self.codes.shape[1])

    @property
    def stop(self) -> int:
        """Return the index after the last sample."""
        return self.start + self.n_samples
