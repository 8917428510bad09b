"""The stage table in rows and columns, with all that a paper must say about its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitor import slow_text
from monitor.model import NS, HeldEnergy, Scalar, Stage, StageTable
from monitor.recording.reader import Recording
from monitor.units import share, si, window

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds."""

    name: str
    unit: str
    meaning: str

    @property
    def title(self) -> str:
        """Return the name with its unit."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name


@dataclass(frozen=True, slots=True)
class Rows:
    """A table."""

    about: tuple[str, ...]
    """Sentences that stand above it."""
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    """One cell per column; None is not known."""


_STAGE_COLUMNS = (
    Column("kind", "", "stage, unattributed or total; leaf stages and unattributed make the total"),
    Column("run_id", "", "which run of the workload"),
    Column("path", "", "names from the root"),
    Column("index", "", "which occurrence, from 0"),
    Column("leaf", "", "whether no stage lies inside"),
    Column("truncated", "", "whether an edge was never marked"),
    Column("status", "", "as its sender says: ok, or error; empty if it says nothing"),
    Column("timing", "", "how its edges were taken: sync, event, host, log or hand"),
    Column("warmup", "", "whether its sender says that it did what is only done the first time"),
    Column("start", "", "UTC"),
    Column("stop", "", "UTC; empty while it ran on"),
    Column("edge_uncertainty", "s", "within which its edges are right, as far as clocks go"),
    Column("duration", "s", "the part inside the recording"),
    Column("energy", "J", "captured, and for dead time the mean power of the stage"),
    Column("energy_uncertainty", "J", "standard (k = 1), of the calibration; empty if not stated"),
    Column("mean_power", "W", "energy over duration"),
    Column("peak_power", "W", "highest mean over the window of peaks"),
    Column("coverage", "1", "captured share of the duration"),
    Column("outside", "s", "how much of it was not recorded, and is in no other number"),
)

_N_PLACE = [column.name for column in _STAGE_COLUMNS].index("duration") - 1


def stage_rows(recording: Recording, table: StageTable) -> Rows:
    """Return a row per stage, the unattributed rest, and the total."""
    slow = [_held(each.stages) for each in table.slow]
    rows: list[tuple[Cell, ...]] = []
    for k, used in enumerate(table.stages):
        stage = used.stage
        numbers = (used.duration_s, used.energy_j, used.u_j, used.mean_w, used.peak_w)
        beside = (cell for each in slow for cell in each[k])
        rows.append(
            _known("stage", *_place(stage), *numbers, used.coverage, used.outside_s, *beside)
        )
    nowhere = (None,) * _N_PLACE
    rest, total = table.unattributed, table.total
    beside = (cell for each in table.slow for cell in _held([each.unattributed])[0])
    mean_w = rest.energy_j / rest.duration_s if rest.duration_s else None
    numbers_of_rest = (rest.duration_s, rest.energy_j, rest.u_j, mean_w, None, None, None)
    rows.append(_known("unattributed", *nowhere, *numbers_of_rest, *beside))
    beside = (cell for each in table.slow for cell in _held([each.total])[0])
    of_total = (total.duration_s, total.energy_j, total.u_j, total.mean_w, total.peak_w)
    rows.append(_known("total", *nowhere, *of_total, total.coverage, None, *beside))
    return Rows(_about(recording, table), (*_STAGE_COLUMNS, *_slow_columns(table)), tuple(rows))


def clip_rows(recording: Recording, table: StageTable) -> Rows:
    """Return a row per clip: its energy, what its stages used, and what was asked for.

    Attributes are those of the clip, and of the stages around it. Of frames and frames per second
    the length of the video follows, and the energy per second of it.
    """
    by_span = {(u.stage.run_id, u.stage.span_id): u.stage for u in table.stages if u.stage.span_id}
    clips = [used for used in table.stages if used.stage.name == "clip"]
    attrs = [_attrs(used.stage, by_span) for used in clips]
    names = sorted({name for each in attrs for name in each})
    inside = [_inside(table, used.stage) for used in clips]
    parts = list(dict.fromkeys(name for each in inside for name in each))
    columns = (
        *_STAGE_COLUMNS[1:4],
        *_STAGE_COLUMNS[5:],
        Column("video", "s", "length of the video: frames over frames per second"),
        Column(
            "energy_per_video",
            "J/s",
            "energy for each second of video; empty of a clip of which not all was recorded",
        ),
        *(Column(f"energy {name}", "J", f"of the stages {name} right inside") for name in parts),
        *(
            Column(f"attr {name}", "", "attribute of the clip, or of a stage around it")
            for name in names
        ),
    )
    rows = []
    for used, told, within in zip(clips, attrs, inside, strict=True):
        video_s = _video_s(told)
        per_s = used.energy_j / video_s if video_s and not used.is_cut else None
        place = _place(used.stage)
        numbers = (used.duration_s, used.energy_j, used.u_j, used.mean_w, used.peak_w)
        rows.append(
            _known(
                *place[:3],
                *place[4:],
                *numbers,
                used.coverage,
                used.outside_s,
                video_s,
                per_s,
                *(within.get(name) for name in parts),
                *(told.get(name) for name in names),
            )
        )
    return Rows(_about(recording, table), columns, tuple(rows))


def _place(stage: Stage) -> tuple[Cell, ...]:
    return (
        stage.run_id,
        stage.path,
        stage.index,
        stage.leaf,
        stage.truncated,
        None if (status := stage.attrs.get("status")) is None else str(status),
        stage.timing,
        stage.warmup,
        _utc(stage.start_ns),
        None if stage.stop_ns is None else _utc(stage.stop_ns),
        stage.uncertainty_ns / NS,
    )


def _utc(time_ns: int) -> str:
    return f"{np.datetime64(time_ns, 'ns')}Z"


def _held(used: Sequence[HeldEnergy]) -> list[tuple[float, float]]:
    return [(each.energy_j, each.coverage) for each in used]


def _slow_columns(table: StageTable) -> Iterator[Column]:
    channels = [each.channel for each in table.slow]
    for channel, name in zip(channels, slow_text.names(channels), strict=True):
        over = slow_text.over(channel)
        yield Column(f"{name}: energy", "J", f"by its readings, {over}, of {channel.source}")
        yield Column(f"{name}: coverage", "1", "share of the duration that its readings hold for")


def _known(*cells: Cell) -> tuple[Cell, ...]:
    return tuple(None if isinstance(c, float) and not math.isfinite(c) else c for c in cells)


def _attrs(stage: Stage, by_span: dict[tuple[str, str], Stage]) -> dict[str, Scalar]:
    """Return attributes of a stage, and of those around it that it does not have itself."""
    found: dict[str, Scalar] = {}
    around: Stage | None = stage
    while around is not None:
        found = {**around.attrs, **found}
        around = by_span.get((around.run_id, around.parent_id)) if around.parent_id else None
    return found


def _inside(table: StageTable, clip: Stage) -> dict[str, float]:
    """Return the energy in J of the stages right inside a clip, by name."""
    found: dict[str, float] = {}
    for used in table.stages:
        stage = used.stage
        if clip.span_id and (stage.run_id, stage.parent_id) == (clip.run_id, clip.span_id):
            found[stage.name] = found.get(stage.name, 0.0) + used.energy_j
    return found


def _video_s(attrs: dict[str, Scalar]) -> float | None:
    frames = attrs.get("num_frames", attrs.get("frames"))
    per_s = attrs.get("fps")
    if isinstance(frames, int | float) and isinstance(per_s, int | float) and per_s > 0:
        return frames / per_s
    return None


def _about(recording: Recording, table: StageTable) -> tuple[str, ...]:
    info = recording.info
    total = table.total
    return (
        f"stages of {table.session}, from {_utc(recording.start_ns)}, {total.duration_s:.6f} s at"
        f" {info.sample_rate_hz:g} Hz; {recording.info.instrument.get('identity', '')}".rstrip(
            "; "
        ),
        f"coverage {share(total.coverage)} in {recording.n_gaps} gaps: dead time counts with the"
        " mean power of the stage that it lies in",
        f"peak: highest mean over {window(table.peak_window_s)}"
        f" ({'a line cycle' if table.peak_window_s > 0.005 else 'a sample'})",
        f"total {si(total.energy_j, 'J', 6)}, standard uncertainty (k = 1) of the calibration"
        f" {'not stated' if total.u_j is None else si(total.u_j, 'J', 2)}; it is one error that"
        " all stages share, so uncertainties add up",
        f"t = 0 is known within {info.t0_uncertainty_ns / NS:.3g} s",
        *recording.damage,
    )
