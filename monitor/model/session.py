"""A session as it is now."""

from __future__ import annotations

import math

import msgspec

from monitor.model.numbers import Average, Ramp, StageEnergy
from monitor.model.signal import StreamInfo, Supply
from monitor.model.slow import SlowValue


class RecordingState(msgspec.Struct, frozen=True, kw_only=True):
    """How the recorder is doing."""

    path: str
    n_samples: int
    n_bytes: int
    queued_s: float
    """Seconds of data that wait to be written."""
    left_s: float = math.inf
    """Until the disk is full, at the mean rate so far; infinite while that is not known."""
    stalled_s: float = 0.0
    """For how long the disk has not answered; 0 while that is not long."""
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
    """What the user should know: the worst last, among equals the newest."""
    replay_speed: float | None = None
    """None when live."""
    slow: tuple[SlowValue, ...] = ()
    """One per slow channel, in the order in which they became known."""
    age_s: float = 0.0
    """Age of the newest sample when this was made, by the host's clock; 0 of a replay."""
