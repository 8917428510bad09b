"""What the terminal shows: the live view, the stage table and a recording's facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from monitor.model import NS, Metrics, Snapshot, StageEnergy, StageTable, Supply
from monitor.units import duration, energy, share, si, window


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
    peak = "sample" if table.peak_window_s == 0 else window(table.peak_window_s)
    out = Table(title=f"Stages of {table.session}", title_justify="left", pad_edge=False)
    out.add_column("stage")
    for name in ("#", "duration", "energy", "mean", f"peak ({peak})", "coverage"):
        out.add_column(name, justify="right")
    for used in table.stages:
        stage = used.stage
        name = "  " * stage.depth + stage.name + (" (cut)" if stage.truncated else "")
        out.add_row(
            Text(name),
            str(stage.index),
            duration(used.duration_s),
            energy(used.energy_j),
            si(used.mean_w, "W"),
            si(used.peak_w, "W"),
            share(used.coverage),
        )
    rest, total = table.unattributed, table.total
    out.add_section()
    out.add_row("unattributed", "", duration(rest.duration_s), energy(rest.energy_j), "", "", "")
    out.add_row(
        "total",
        "",
        duration(total.duration_s),
        energy(total.energy_j),
        si(total.mean_w, "W"),
        si(total.peak_w, "W"),
        share(total.coverage),
        style="bold",
    )
    return out


def facts(name: str, values: dict[str, Any]) -> Table:
    """Return a recording's facts for reading."""
    out = Table(title=name, title_justify="left", show_header=False, pad_edge=False)
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
