"""What the terminal shows: the live view, the stage table and a recording's facts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from monitor.model import NS, Metrics, Snapshot, StageEnergy, StageTable, Supply
from monitor.units import duration, energy, share, si, window

_MOST_ROWS = 8  # stages of one kind in a row that are told one by one
_LONGEST_SAMPLE_S = 0.005  # a peak over less is one of a sample, not of a line cycle


def live(snapshot: Snapshot) -> RenderableType:
    """Return the live view of a session, some twenty lines high."""
    parts: list[RenderableType] = [_numbers(snapshot), _stages(snapshot.stages)]
    parts += [Text(f"! {text}", style="yellow") for text in snapshot.warnings[-3:]]
    return Panel(Group(*parts), title=_title(snapshot), subtitle=_footer(snapshot))


def line(snapshot: Snapshot) -> str:
    """Return one line for a log: what the live view shows, without the picture."""
    metrics = snapshot.metrics
    if metrics is None:
        return f"{snapshot.state}: no data yet"
    stage = snapshot.stages[-1].stage.path if snapshot.stages else "no stage"
    return (
        f"{duration(metrics.duration_s)}  P {si(metrics.power_w, 'W')}"
        f"  E {energy(metrics.energy_j)}  coverage {share(metrics.coverage)}  {stage}"
    )


def stages(table: StageTable) -> Table:
    """Return a stage table for reading."""
    cycle = f"mean over a line cycle, {window(table.peak_window_s)}"
    peak = cycle if table.peak_window_s > _LONGEST_SAMPLE_S else "sample"
    out = Table(
        title=f"Stages of {table.session}",
        caption=f"peak: the highest {peak}; energy in dead time: the mean of its stage",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
    )
    out.add_column("stage", no_wrap=True)
    for name in ("#", "duration", "energy", "mean", "peak", "coverage"):
        out.add_column(name, justify="right", no_wrap=True)
    for group in _grouped(table.stages):
        out.add_row(*_stage_row(group))
    rest, total = table.unattributed, table.total
    out.add_section()
    out.add_row("unattributed", "", duration(rest.duration_s), si(rest.energy_j, "J"), "", "", "")
    out.add_row(
        "total",
        "",
        duration(total.duration_s),
        si(total.energy_j, "J"),
        si(total.mean_w, "W"),
        si(total.peak_w, "W"),
        share(total.coverage),
        style="bold",
    )
    return out


def _grouped(stages: tuple[StageEnergy, ...]) -> Iterator[list[StageEnergy]]:
    """Yield the stages, many in a row of the same kind together."""

    def kind(used: StageEnergy) -> tuple[str, str, str, bool]:
        stage = used.stage
        return stage.run_id, stage.parent_id, stage.path, stage.leaf

    for _, same in groupby(stages, kind):
        group = list(same)
        if len(group) > _MOST_ROWS:
            yield group
        else:
            yield from ([used] for used in group)


def _stage_row(group: list[StageEnergy]) -> tuple[RenderableType, ...]:
    stage, last = group[0].stage, group[-1].stage
    seconds = sum(used.duration_s for used in group)
    joules = sum(used.energy_j for used in group)
    captured_s = sum(used.coverage * used.duration_s for used in group)
    cut = " (cut)" if any(used.stage.truncated for used in group) else ""
    count = f" × {len(group)}" if len(group) > 1 else ""
    return (
        Text("  " * stage.depth + stage.name + count + cut),
        f"{stage.index}–{last.index}" if len(group) > 1 else str(stage.index),
        duration(seconds),
        si(joules, "J"),
        si(joules / seconds if seconds else math.nan, "W"),
        si(max(used.peak_w for used in group), "W"),
        share(captured_s / seconds if seconds else math.nan),
    )


def facts(name: str, values: dict[str, Any]) -> Table:
    """Return a recording's facts for reading."""
    out = Table(
        title=name, title_justify="left", show_header=False, box=box.SIMPLE_HEAD, pad_edge=False
    )
    start = datetime.fromtimestamp(values["start_ns"] / NS, UTC)
    channels = ", ".join(f"{c['name']} ({c['unit']})" for c in values["channels"])
    for label, text in (
        ("start", f"{start:%Y-%m-%d %H:%M:%S.%f} UTC"),
        ("duration", duration(values["duration_s"])),
        ("sample rate", si(values["sample_rate_hz"], "S/s", 4)),
        ("channels", channels),
        ("samples", f"{values['n_samples']} per channel in {values['n_blocks']} blocks"),
        ("coverage", f"{share(values['coverage'])}, {values['n_gaps']} gaps"),
        ("markers", str(values["n_markers"])),
        ("closed", "yes" if values["closed"] else "no: still recording, or ended by a crash"),
        ("schema", str(values["schema_version"])),
    ):
        out.add_row(label, text)
    return out


def _title(snapshot: Snapshot) -> str:
    kind = "replay" if snapshot.replay_speed is not None else "wattstage"
    if snapshot.metrics is None:
        return f"{kind} · {snapshot.state}"
    return f"{kind} · {snapshot.state} · {duration(snapshot.metrics.duration_s)}"


def _footer(snapshot: Snapshot) -> str:
    parts = [f"{snapshot.n_markers} markers"]
    if snapshot.n_malformed_markers:
        parts.append(f"{snapshot.n_malformed_markers} malformed")
    if snapshot.recording is not None:
        parts.append(f"recording {snapshot.recording.path}")
        parts.append(si(snapshot.recording.n_bytes, "B"))
    return " · ".join(parts)


def _numbers(snapshot: Snapshot) -> Table:
    grid = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "left", "left", "right", "left"):
        grid.add_column(justify=justify)
    metrics = snapshot.metrics
    if metrics is None:
        grid.add_row("waiting for the first record", "", "")
        return grid
    left, right = _powers(snapshot, metrics), _totals(metrics)
    for k in range(max(len(left), len(right))):
        first = left[k] if k < len(left) else ("", "", "")
        second = right[k] if k < len(right) else ("", "", "")
        grid.add_row(*first, *second)
    return grid


def _powers(snapshot: Snapshot, metrics: Metrics) -> list[tuple[str, str, str]]:
    now = "1 line cycle" if snapshot.supply is Supply.MAINS else "20 ms"
    rows = [("power", f"[bold]{si(metrics.power_w, 'W', 4)}[/]", now)]
    rows += [
        ("mean", si(a.mean_w, "W", 4), f"{window(a.window_s)}, {share(a.coverage)} covered")
        for a in metrics.averages
        if a.window_s > 0.02
    ]
    rows += [
        (
            "ramp",
            si(r.now_w_per_s, "W/s"),
            f"{window(r.window_s)}, max {si(r.max_up_w_per_s, 'W/s')}"
            f" / {si(r.max_down_w_per_s, 'W/s')}",
        )
        for r in metrics.ramps
    ]
    return rows


def _totals(metrics: Metrics) -> list[tuple[str, str, str]]:
    rows = [
        ("energy", f"[bold]{energy(metrics.energy_j)}[/]", f"in {duration(metrics.duration_s)}"),
        ("captured", energy(metrics.captured_j), f"coverage {share(metrics.coverage)}"),
        ("voltage", si(metrics.vrms_v, "V", 4), "rms"),
        ("current", si(metrics.irms_a, "A", 4), "rms"),
        ("line", si(metrics.line_hz, "Hz", 4), ""),
    ]
    if metrics.n_clipped:
        rows.append(("clipped", f"[red]{metrics.n_clipped}[/]", "samples at the rails"))
    return rows


def _stages(running: tuple[StageEnergy, ...]) -> RenderableType:
    if not running:
        return Text("no stage is running", style="dim")
    rows = Table.grid(padding=(0, 2))
    for used in running:
        stage = used.stage
        count = f" {stage.index + 1}/{stage.total}" if stage.total else ""
        rows.add_row(
            Text("  " * stage.depth + stage.name + count, style="cyan"),
            energy(used.energy_j),
            duration(used.duration_s),
            f"{share(used.coverage)} covered",
        )
    return rows
