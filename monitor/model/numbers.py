"""What is reported: averages, ramps and energies."""

from __future__ import annotations

import math

import msgspec

from monitor.model.slow import SlowChannel
from monitor.model.stages import Stage


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
    """The highest; below 0 if power only ever fell."""
    max_down_w_per_s: float
    """The lowest; above 0 if power only ever rose."""

    @property
    def steepest_rise_w_per_s(self) -> float:
        """Return the steepest rise; NaN if there was none."""
        return self.max_up_w_per_s if self.max_up_w_per_s > 0 else math.nan

    @property
    def steepest_fall_w_per_s(self) -> float:
        """Return the steepest fall, below 0; NaN if there was none."""
        return self.max_down_w_per_s if self.max_down_w_per_s < 0 else math.nan


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
    outside_s: float = 0.0
    """How much of the stage lies outside the session, and so in no other number."""
    u_j: float | None = None
    """Standard uncertainty (k = 1) that the channels' calibration makes of ``energy_j``; None if
    none is stated. Those of several stages add up, for it is one error that all of them share."""

    @property
    def is_estimate(self) -> bool:
        """Return whether nothing of it was captured: its energy is made of what is around it."""
        return not self.coverage > 0

    @property
    def is_cut(self) -> bool:
        """Return whether its energy is not that of a whole stage that has ended."""
        stage = self.stage
        return stage.stop_ns is None or stage.truncated or self.outside_s > 0


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What the whole session used; the fields mean what they mean in ``StageEnergy``."""

    energy_j: float
    duration_s: float
    mean_w: float
    peak_w: float
    coverage: float
    u_j: float | None = None


class SignalNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What was captured of one signal in a span; NaN and infinite if that is nothing."""

    name: str
    unit: str
    mean: float
    rms: float
    low: float
    high: float


class SpanNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured in ``[start, stop)``, sample indices."""

    start: int
    stop: int
    total: Totals
    signals: tuple[SignalNumbers, ...]
    """Of each channel, then of the total power."""


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
