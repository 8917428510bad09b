"""From a snapshot to what the readouts say; pure, and without Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

from monitor.model import Average, Metrics, Ramp, Snapshot, Stage, StageEnergy, Supply
from monitor.units import duration, share, si, window
from ui import quantities as q

FULL = 0.999
"""Coverage below this is stated beside the number."""

_SHORT_S = 3600.0  # until the disk is full: that is soon
_LONG_S = 90 * 86_400.0
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
    line: int | None = None
    """Position in the theme's colours for slow channels, of its line; None has none."""

    @property
    def spoken(self) -> str:
        """Return it as one sentence, for a screen reader."""
        note = f", {self.note}" if self.note else ""
        return f"{self.title}: {self.value} {self.unit}{note}"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the status line."""

    text: str
    level: str = ""
    """good, warn, bad, plain, or empty for muted."""
    tip: str = ""


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
    up, down = q.signed(ramp.max_up_w_per_s, "W/s"), q.signed(ramp.max_down_w_per_s, "W/s")
    return Tile(
        f"Ramp {window_name(ramp.window_s, Supply.DC)}",
        sign + number,
        unit,
        f"▲ {up}   ▼ {down}" if known else "",
        wide=True,
        tip="Change of the mean power from one window to the next, per second;"
        " ▲ steepest rise and ▼ steepest fall since the session began",
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


def status(
    snapshot: Snapshot, frames_per_second: float, *, answers: bool = True
) -> tuple[Item, ...]:
    """Return the entries of the status line; ``answers``: whether the snapshot is still news."""
    items = [_state(snapshot) if answers else Item("● no answer", "bad")]
    if (info := snapshot.info) is not None:
        identity = info.instrument.get("idn") or info.instrument.get("identity") or ""
        items.append(Item(_identity(identity) or "instrument", "plain", identity))
        rate = si(info.sample_rate_hz, "S/s")
        items.append(Item(f"{rate} × {len(info.channels)}", tip="Sample rate and channels"))
    if snapshot.replay_speed is None and snapshot.metrics is not None:
        late = snapshot.lag_s > 1
        items.append(
            Item(f"lag {duration(snapshot.lag_s)}", "warn" if late else "",
                 "Age of the newest sample when it was processed")
        )  # fmt: skip
    items.append(_recording(snapshot))
    markers = f"{snapshot.n_markers} marker{'s' if snapshot.n_markers != 1 else ''}"
    items.append(Item(markers, tip="Markers received"))
    if snapshot.n_malformed_markers:
        items.append(Item(f"{snapshot.n_malformed_markers} malformed", "warn"))
    items.append(Item(f"{frames_per_second:.0f} frames/s", tip="Drawn by this window"))
    return tuple(items)


def _state(snapshot: Snapshot) -> Item:
    level = {"running": "good", "reconnecting": "warn", "connecting": "warn"}
    state = snapshot.state
    if snapshot.replay_speed is not None:
        speed = f"{snapshot.replay_speed:g} ×"
        words = {"running": f"replaying {speed}", "paused": "replay held", "ended": "from a file"}
        return Item(f"● {words.get(state, state)}", "good" if state == "running" else "plain")
    return Item(f"● {state}", level.get(state, "plain"))


def _recording(snapshot: Snapshot) -> Item:
    recording = snapshot.recording
    if recording is None:
        return Item("" if snapshot.replay_speed is not None else "not recording")
    name = recording.path.rpartition("/")[2]
    if recording.error:
        return Item(f"{name}: {recording.error}", "bad", recording.path)
    late = f", {duration(recording.queued_s)} queued" if recording.queued_s > 1 else ""
    if recording.stalled_s:
        late += f", the disk has not answered for {duration(recording.stalled_s)}"
    return Item(
        f"● {name}, {si(recording.n_bytes, 'B')}{late}{_left(recording.left_s)}",
        "warn" if late or recording.left_s < _SHORT_S else "bad",
        recording.path,
    )


def _left(seconds: float) -> str:
    """Return for how long the disk will do; nothing while that is not known, or for months."""
    return f", disk full in {duration(seconds)}" if seconds < _LONG_S else ""


def _identity(idn: str) -> str:
    """Return maker and model of an ``*IDN?`` reply."""
    parts = [part.strip() for part in idn.split(",")]
    return " ".join(parts[:2])
