"""The vocabulary: every value that travels between the rooms of Wattstage.

All values are frozen. What crosses a process or file boundary is a msgspec ``Struct``; what
carries sample arrays is a slotted dataclass. The glossary (docs/glossary.md) defines the terms.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

NS = 1_000_000_000
"""Nanoseconds in a second."""

_LONGEST_DESKEW_S = 1e-3  # a hundred times that of the slowest clamp

Scalar = str | int | float | bool | None
"""What a marker attribute may be."""


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


class Edge(enum.Enum):
    """Which side of a stage a marker stands for."""

    BEGIN = "begin"
    END = "end"
    INSTANT = "point"


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


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """One edge of a stage, or an instant, as its sender saw it."""

    time_ns: int
    """The sender's UTC; never overwritten."""
    stage: str
    """Name as sent, e.g. ``denoise_step``; of a mark by hand, ``note``."""
    edge: Edge
    received_ns: int = 0
    """The engine's UTC on arrival; 0 in a marker that has not travelled."""
    run_id: str = ""
    span_id: str = ""
    """Names the stage occurrence, so that begin and end find each other."""
    parent_id: str = ""
    """span_id of the enclosing stage; empty at the root."""
    seq: int = 0
    """Counts the markers of one sender from 1; (run_id, rank, sender, seq) is unique."""
    rank: int = 0
    sender: str = ""
    """Names the process, or its child, that sent it; empty if it does not say."""
    index: int | None = None
    """Which occurrence this is, e.g. the denoising step; None if the sender does not count."""
    total: int | None = None
    """How many occurrences are expected; None if unknown."""
    timing: str = "host"
    """How the time was taken: sync, event, host, log or hand."""
    attrs: dict[str, Scalar] = {}


class SlowChannel(msgspec.Struct, frozen=True, kw_only=True):
    """One scalar that somebody else measures a few times a second: a meter, a plug, a GPU."""

    name: str
    """Shown to people, e.g. ``wall power``."""
    source: str
    """Who measures it, e.g. ``Yokogawa WT310``; with the name it is unique in a session."""
    unit: str
    """Symbol: W, V, A, Hz, °C, %, MHz; empty for a pure number."""
    interval_s: float
    """Nominal time between two readings."""
    window_s: float = 0.0
    """Over which a reading is a mean, and which ends at its time; 0 means unknown."""
    note: str = ""
    """What it is, in a few words, e.g. ``mean of 1 s``."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a slow channel. What is not a number, or an error code, is no reading."""

    channel: SlowChannel
    time_ns: int
    """UTC at which it was taken, by the clock of whoever stamped it."""
    received_ns: int
    """The engine's UTC on arrival."""
    value: float
    """Finite, in the channel's unit."""


class SlowValue(msgspec.Struct, frozen=True, kw_only=True):
    """Where a slow channel stands now."""

    channel: SlowChannel
    value: float
    """Of its newest reading; NaN before the first."""
    age_s: float
    """Time since that reading; NaN before the first."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence of a named interval of the workload."""

    name: str
    path: str
    """Names from the root, joined by ``/``."""
    span_id: str
    run_id: str
    parent_id: str
    depth: int
    """0 at the root."""
    index: int
    """As sent; else how many stages of the same path of the same parent began before."""
    start_ns: int
    stop_ns: int | None
    """None while running."""
    leaf: bool
    """Whether no other stage lies in it."""
    total: int | None = None
    """How many occurrences were announced; None if unknown."""
    truncated: bool = False
    """Whether an edge is missing and was put at the parent's, or at the edge of the data."""
    uncertainty_ns: int = 0
    """Within so much its edges are right, as far as the sender's clock goes."""
    attrs: dict[str, Scalar] = {}


@dataclass(frozen=True, slots=True)
class Summary:
    """What is kept of a set of samples; the summary of a union is the sum of summaries."""

    n: int = 0
    sum: float = 0.0
    sum_sq: float = 0.0
    min: float = math.inf
    max: float = -math.inf

    @classmethod
    def of(cls, samples: NDArray[np.floating]) -> Self:
        """Summarise samples of any shape."""
        if samples.size == 0:
            return cls()
        wide = samples.astype(np.float64)
        return cls(
            int(wide.size),
            float(wide.sum()),
            float(np.square(wide).sum()),
            float(wide.min()),
            float(wide.max()),
        )

    def __add__(self, other: Summary) -> Summary:
        return Summary(
            self.n + other.n,
            self.sum + other.sum,
            self.sum_sq + other.sum_sq,
            min(self.min, other.min),
            max(self.max, other.max),
        )

    @property
    def mean(self) -> float:
        """Return the arithmetic mean; NaN of nothing."""
        return self.sum / self.n if self.n else math.nan

    @property
    def rms(self) -> float:
        """Return the root mean square; NaN of nothing."""
        return math.sqrt(self.sum_sq / self.n) if self.n else math.nan


@dataclass(frozen=True, slots=True)
class View:
    """What a plot of one span needs, reduced to its pixel columns.

    Column ``k`` covers the samples ``[edges[k], edges[k + 1])``. NaN means that no sample was
    captured there.
    """

    edges: NDArray[np.int64]
    """Shape (n + 1,): sample indices."""
    low: NDArray[np.float32]
    """Shape (n_signals, n): minimum of each channel in its unit, then of the total power in W."""
    high: NDArray[np.float32]
    """Shape (n_signals, n): maximum, likewise."""
    averages_w: NDArray[np.float32]
    """Shape (n_average_windows, n): rolling mean of the power at the end of each column."""
    ramps_w_per_s: NDArray[np.float32]
    """Shape (n_ramp_windows, n): ramp rate at the end of each column."""


@dataclass(frozen=True, slots=True)
class SlowView:
    """What a plot of one span needs of a slow channel: steps, in the order of time.

    Step ``k`` holds from ``starts_ns[k]`` to ``stops_ns[k]``. One that does not begin where the
    one before ends follows a gap.
    """

    channel: SlowChannel
    starts_ns: NDArray[np.int64]
    """Shape (n,): UTC."""
    stops_ns: NDArray[np.int64]
    """Shape (n,): UTC."""
    low: NDArray[np.float32]
    """Shape (n,): the lowest value of the step, in the channel's unit."""
    high: NDArray[np.float32]
    """Shape (n,): the highest; the same where a step is one reading."""


class Average(msgspec.Struct, frozen=True, kw_only=True):
    """Mean power over the window that ends now."""

    window_s: float
    """As asked for; on mains the whole line cycles nearest to it were taken."""
    mean_w: float
    coverage: float
    """Captured share of the window, 0 to 1."""


class Ramp(msgspec.Struct, frozen=True, kw_only=True):
    """``(P_w(t) - P_w(t - w)) / w`` now, and its extremes since the session began."""

    window_s: float
    now_w_per_s: float
    max_up_w_per_s: float
    max_down_w_per_s: float


class StageEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """A stage and what it used.

    ``energy_j`` is the captured energy plus, for the dead time inside the stage, its mean power
    (on mains over whole line cycles) times the time that is missing. Where siblings overlap, the
    later one owns the overlap, so leaf stages and the unattributed rest add up to the total.
    """

    stage: Stage
    duration_s: float
    """The part that lies inside the session."""
    energy_j: float
    mean_w: float
    peak_w: float
    """Highest one-line-cycle mean on mains, highest sample on DC; NaN if nothing was captured."""
    coverage: float
    """Captured share of the stage's duration, 0 to 1."""
    u_j: float | None = None
    """Standard uncertainty (k = 1) that the channels' calibration makes of ``energy_j``; None if
    none is stated. Those of several stages add up, for it is one error that all of them share."""


class RecordingState(msgspec.Struct, frozen=True, kw_only=True):
    """How the recorder is doing."""

    path: str
    n_samples: int
    n_bytes: int
    queued_s: float
    """Seconds of data that wait to be written."""
    left_s: float = math.inf
    """Until the disk is full, at the mean rate so far; infinite while that is not known."""
    error: str = ""
    """Empty while all is well."""


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """The live numbers at sample index ``at``."""

    at: int
    power_w: float
    """Mean over the last line cycle on mains, over 20 ms on DC."""
    averages: tuple[Average, ...]
    ramps: tuple[Ramp, ...]
    vrms_v: float
    """Of the first voltage channel, over the window of ``power_w``."""
    irms_a: float
    """Of the first current channel, likewise."""
    line_hz: float
    """NaN on DC."""
    energy_j: float
    """Since the session began; dead time is filled with the mean of the stage that it lies in."""
    captured_j: float
    """Only what was sampled."""
    duration_s: float
    coverage: float
    """Captured share of the time since the session began, 0 to 1."""
    n_clipped: int
    n_gaps: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that a viewer needs to know about the session, replaced whole at each change."""

    version: int
    state: str
    """connecting, running, reconnecting, paused, ended."""
    now_ns: int
    """UTC of the newest sample; during replay, of the playhead."""
    info: StreamInfo | None
    """None until the instrument has answered."""
    supply: Supply
    start: int
    """Index of the session's first sample."""
    stop: int
    """Index after its newest sample."""
    average_windows_s: tuple[float, ...]
    ramp_windows_s: tuple[float, ...]
    metrics: Metrics | None
    """None until the first block."""
    stages: tuple[StageEnergy, ...]
    """The stages that are running now, outermost first."""
    n_markers: int
    n_malformed_markers: int
    lag_s: float
    """Age of the newest sample when it was processed."""
    recording: RecordingState | None
    """None while not recording."""
    warnings: tuple[str, ...]
    """Newest last; what the user should know."""
    replay_speed: float | None = None
    """None when live."""
    slow: tuple[SlowValue, ...] = ()
    """One per slow channel, in the order in which they became known."""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What the markers say about a span of time."""

    stages: tuple[Stage, ...]
    """Sorted by start, parents before children."""
    marks: tuple[Marker, ...]
    """Instants, sorted by time."""


@dataclass(frozen=True, slots=True)
class Frame:
    """All that a window draws at once."""

    snapshot: Snapshot
    view: View | None
    """None while nothing was captured."""
    timeline: Timeline
    slow: tuple[SlowView, ...] = ()
    """Of the same span as the view; one per slow channel, as in the snapshot."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What the whole session used; the fields mean what they mean in ``StageEnergy``."""

    energy_j: float
    duration_s: float
    mean_w: float
    peak_w: float
    coverage: float
    u_j: float | None = None


class Unattributed(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of the total when every leaf stage is taken away."""

    energy_j: float
    duration_s: float
    u_j: float | None = None
    """As in ``StageEnergy``."""


class HeldEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """What a slow power channel says that was used in a span of time."""

    energy_j: float
    """Each reading holds back to the one before; what no reading holds for is filled like the
    dead time of a scope."""
    coverage: float
    """Share of the time that readings hold for, 0 to 1."""


class SlowEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """A slow power channel beside a stage table."""

    channel: SlowChannel
    total: HeldEnergy
    unattributed: HeldEnergy
    stages: tuple[HeldEnergy, ...]
    """One per stage of the table, in its order."""


class StageTable(msgspec.Struct, frozen=True, kw_only=True):
    """Where the energy of a session went; leaf stages + unattributed = total."""

    session: str
    """The recording's name, or ``live``."""
    total: Totals
    unattributed: Unattributed
    peak_window_s: float
    """Over which every ``peak_w`` is a mean: one line cycle on mains, one sample on DC."""
    stages: tuple[StageEnergy, ...]
    slow: tuple[SlowEnergy, ...] = ()
    """One per slow channel in W that has readings in the session."""
