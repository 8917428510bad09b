"""From a snapshot to what the readouts say; pure, and without Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import msgspec

from monitor.model import (
    Average,
    Metrics,
    Ramp,
    Snapshot,
    Stage,
    StageEnergy,
    Supply,
)
from monitor.units import duration, share, si, window
from ui import quantities as q

FULL = 0.999
"""Coverage below this is stated beside the number."""

_OLD_S = 3.0  # numbers of so long ago are not of now
_CYCLE_S = 0.03  # a window this short is one line cycle on mains


@dataclass(frozen=True, slots=True)
class Tile:
    """One readout."""

    title: str
    value: str
    unit: str
    note: str = ""
    warn: bool = False
    """Whether the note is something to worry about."""
    tip: str = ""
    wide: bool = False
    """Whether its note needs more room than the others'."""
    dim: bool = False
    """Whether its number is not of now."""
    line: int | None = None
    """Position in the theme's colours for slow channels, of its line; None has none."""

    @property
    def spoken(self) -> str:
        """Return it as one sentence, for a screen reader."""
        note = f", {self.note}" if self.note else ""
        return f"{self.title}: {self.value} {self.unit}{note}"


def window_name(window_s: float, supply: Supply) -> str:
    """Return an averaging window as it is called: ``1 cycle``, ``20 ms``, ``10 s``."""
    if supply is Supply.MAINS and window_s < _CYCLE_S:
        return "1 cycle"
    return window(window_s)


def tiles(snapshot: Snapshot) -> tuple[Tile, ...]:
    """Return the readouts, in the order in which they stand."""
    metrics = snapshot.metrics
    if metrics is None:
        return _empty(snapshot)
    shown = _tiles(metrics, snapshot)
    if not is_old(snapshot):
        return shown
    note = f"{age(snapshot)} old"
    return tuple(
        replace(
            tile,
            title=tile.title.removesuffix(" now"),
            note=note,
            warn=True,
            dim=True,
            tip="\n".join(filter(None, (tile.note, tile.tip))),
        )
        for tile in shown
    )


def _tiles(metrics: Metrics, snapshot: Snapshot) -> tuple[Tile, ...]:
    averages = [a for a in metrics.averages if a.window_s >= _CYCLE_S][:2]
    return (
        _power(metrics, snapshot.supply),
        *(_average(a) for a in averages),
        *(_ramp(r) for r in metrics.ramps[:1]),
        _energy(metrics),
        _stage(snapshot.stages),
        _mains(metrics, snapshot.supply),
        _coverage(metrics),
    )


def is_old(snapshot: Snapshot) -> bool:
    """Return whether a live session should have brought something newer long ago."""
    return snapshot.state != "ended" and snapshot.age_s >= _OLD_S


def age(snapshot: Snapshot) -> str:
    """Return how old the newest sample is; whole seconds, so that it does not flicker."""
    return duration(math.floor(snapshot.age_s)).replace(".0 s", " s")


def unheard(snapshot: Snapshot, silence_s: float) -> Snapshot:
    """Return the last snapshot of an engine that has not answered since."""
    slow = tuple(msgspec.structs.replace(now, age_s=now.age_s + silence_s) for now in snapshot.slow)
    age_s = max(snapshot.age_s + silence_s, _OLD_S)
    return msgspec.structs.replace(snapshot, age_s=age_s, slow=slow)


def _empty(snapshot: Snapshot) -> tuple[Tile, ...]:
    averages = [w for w in snapshot.average_windows_s if w >= _CYCLE_S][:2]
    ramps = snapshot.ramp_windows_s[:1]
    nothing = q.NOTHING
    return (
        Tile("Power now", nothing, "W"),
        *(Tile(f"Mean {window_name(w, snapshot.supply)}", nothing, "W") for w in averages),
        *(
            Tile(f"Ramp {window_name(w, snapshot.supply)}", nothing, "W/s", wide=True)
            for w in ramps
        ),
        Tile("Energy since start", nothing, "J", wide=True),
        Tile("Energy of the stage", nothing, "J", wide=True),
        Tile("Voltage rms", nothing, "V"),
        Tile("Coverage", nothing, "%"),
    )


def _power(metrics: Metrics, supply: Supply) -> Tile:
    number, unit = q.split(metrics.power_w, "W")
    shortest = min((a for a in metrics.averages), key=lambda a: a.window_s, default=None)
    note = f"mean of {'1 cycle' if supply is Supply.MAINS else '20 ms'}"
    if shortest is not None and shortest.window_s < _CYCLE_S and shortest.coverage < FULL:
        return Tile("Power now", number, unit, f"{note}, {share(shortest.coverage)}", True)
    return Tile("Power now", number, unit, note, tip="Total power of all rails")


def _average(average: Average) -> Tile:
    number, unit = q.split(average.mean_w, "W")
    partial = not average.coverage >= FULL
    return Tile(
        f"Mean {window_name(average.window_s, Supply.DC)}",
        number,
        unit,
        f"{share(average.coverage)} captured" if partial else "fully captured",
        partial and number != q.NOTHING,
        "Mean power over the window that ends now, and how much of the window was captured",
    )


def _ramp(ramp: Ramp) -> Tile:
    number, unit = q.split(ramp.now_w_per_s, "W/s")
    sign = "+" if ramp.now_w_per_s > 0 else ""
    known = not math.isnan(ramp.max_up_w_per_s)
    up = q.signed(ramp.steepest_rise_w_per_s, "W/s")
    down = q.signed(ramp.steepest_fall_w_per_s, "W/s")
    return Tile(
        f"Ramp {window_name(ramp.window_s, Supply.DC)}",
        sign + number,
        unit,
        f"▲ {up}   ▼ {down}" if known else "",
        wide=True,
        tip="Change of the mean power from one window to the next, per second;"
        " ▲ steepest rise and ▼ steepest fall since the session began, over the same window,"
        " where at least half of both windows was captured: an edge in dead time looks less steep",
    )


def _energy(metrics: Metrics) -> Tile:
    number, unit = q.split(metrics.energy_j, "J")
    return Tile(
        "Energy since start",
        number,
        unit,
        f"{si(metrics.energy_j / 3600, 'Wh')}, {share(metrics.coverage)} captured",
        wide=True,
        tip=f"Over {duration(metrics.duration_s)}. {si(metrics.captured_j, 'J')} was captured; the"
        " rest of the time is filled with the mean power of the stage that it lies in",
    )


def _stage(stages: tuple[StageEnergy, ...]) -> Tile:
    if not stages:
        return Tile("Energy of the stage", q.NOTHING, "J", "no stage is running", wide=True)
    running = stages[-1]
    stage = running.stage
    number, unit = q.split(running.energy_j, "J")
    partial = not running.coverage >= FULL
    filled = f", {share(running.coverage)} captured" if partial else ""
    return Tile(
        f"Energy of {stage_name(stage)}",
        number,
        unit,
        f"for {duration(running.duration_s)}{filled}",
        wide=True,
        tip=stage.path.replace("/", " / "),
    )


def _mains(metrics: Metrics, supply: Supply) -> Tile:
    number, unit = q.split(metrics.vrms_v, "V")
    line = f", {metrics.line_hz:.2f} Hz" if math.isfinite(metrics.line_hz) else ""
    length = "1 cycle" if supply is Supply.MAINS else "20 ms"
    return Tile(
        "Voltage rms",
        number,
        unit,
        f"{si(metrics.irms_a, 'A')} rms{line}",
        tip=f"Of the first voltage and the first current channel, over {length}",
    )


def _coverage(metrics: Metrics) -> Tile:
    number, _, unit = share(metrics.coverage).partition(" ")
    gaps = f"{metrics.n_gaps} gap{'s' if metrics.n_gaps != 1 else ''}"
    clipped = f"{metrics.n_clipped} clipped" if metrics.n_clipped else "no clipping"
    return Tile(
        "Coverage",
        number,
        unit or "%",
        f"{gaps}, {clipped}",
        metrics.n_clipped > 0,
        "Captured share of the time since the session began, and samples at a rail of the"
        " converter",
    )


def stage_name(stage: Stage) -> str:
    """Return a stage with its count from one, if its total is known: ``denoise_step 12/50``."""
    return stage.name if stage.total is None else f"{stage.name} {stage.index + 1}/{stage.total}"
