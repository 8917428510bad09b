"""What can be set on the scope, and what a record keeps of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.errors import ConfigError

N_CHANNELS = 4
MIN_RATE_HZ = 10.0
DIVISIONS = 10
"""Of the height that the converters see, whatever part of it a screen shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeSettings:
    """What kind of scope it is."""

    bits: int = 12
    """Effective bits of the converters, 8 to 16."""
    dead_time_s: float = 0.02
    """Processing after a record, during which nothing is seen."""
    trigger_latency_s: float = 0.001
    """From arming to the first sample."""
    max_rate_hz: float = 5e6
    memory: int = 4_000_000
    """Samples per channel of one record."""
    gap_free: bool = False
    """Whether each record continues the previous one sample for sample."""
    memory_s: float = 20.0
    """How long a gap-free scope keeps samples that were not fetched."""
    seed: int = 1

    def __post_init__(self) -> None:
        if not 8 <= self.bits <= 16:
            raise ConfigError(f"bits must be 8 to 16, got {self.bits}")
        if not MIN_RATE_HZ <= self.max_rate_hz <= 100e6:
            raise ConfigError(f"the highest rate must be 10 to 1e8 Sa/s, got {self.max_rate_hz:g}")
        if not 0.0 <= self.dead_time_s <= 60.0:
            raise ConfigError(f"the dead time must be 0 to 60 s, got {self.dead_time_s:g}")
        if not 0.1 <= self.memory_s <= 86_400.0:
            raise ConfigError(f"the memory must last 0.1 to 86400 s, got {self.memory_s:g}")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What is connected to an input."""

    quantity: int | None
    """0 the voltage, 1 the current of the waveform; None leaves the input open."""
    ratio: float
    """V or A of the circuit per volt at the input: 10.0 for a 100 mV/A clamp."""


@dataclass(slots=True)
class ChannelState:
    """The settings of one input, as the front panel has them."""

    display: bool = False
    range: float = 40.0
    """Units over the 10 divisions."""
    offset: float = 0.0
    """Units in the middle of the screen, if the position is 0."""
    position_div: float = 0.0
    """Divisions by which the offset stands above the middle of the screen."""
    probe: float = 1.0
    """Units shown per volt at the input."""
    units: str = "VOLT"
    coupling: str = "DC"

    @property
    def middle(self) -> float:
        """Return the units in the middle of the screen."""
        return self.offset - self.position_div * self.range / DIVISIONS

    def attach(self, probe: float) -> None:
        """Set the probe factor; what is on the screen stays where it is, its numbers change."""
        self.range *= probe / self.probe
        self.offset *= probe / self.probe
        self.probe = probe


@dataclass(frozen=True, slots=True)
class Record:
    """Samples ``[start, start + n)`` of the scope's clock, and how the inputs were set."""

    start: int
    n: int
    period_ns: int
    channels: tuple[ChannelState, ...]
    ahead_ns: int = 0
    """By how much the scope's own clock had been set ahead when it was armed."""

    @property
    def start_ns(self) -> int:
        """Return the time of the first sample after the bench's zero."""
        return self.start * self.period_ns

    @property
    def clock_ns(self) -> int:
        """Return that time by the scope's own clock."""
        return self.start_ns + self.ahead_ns

    @property
    def stop_ns(self) -> int:
        """Return the time after the last sample."""
        return (self.start + self.n) * self.period_ns


@dataclass(slots=True)
class Panel:
    """The settings of the scope besides those of its inputs."""

    range_s: float = 0.1
    position_s: float = 0.0
    mode: str = "MAIN"
    points: int = 10_000
    acquire_type: str = "NORM"
    sweep: str = "AUTO"
    channels: list[ChannelState] = field(
        default_factory=lambda: [ChannelState(display=k == 0) for k in range(N_CHANNELS)]
    )
