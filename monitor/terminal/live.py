"""What the terminal shows: the live view and a recording's facts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from monitor import slow_text
from monitor.model import (
    NS,
    Metrics,
    SlowValue,
    Snapshot,
    StageEnergy,
    Supply,
)
from monitor.units import count, duration, energy, share, si, window

_MOST_ROWS = 10  # slow channels of a view, and of a line
_MOST_IN_A_LINE = 3


def live(snapshot: Snapshot) -> RenderableType:
    """Return the live view of a session, some twenty lines high."""
    parts: list[RenderableType] = [_numbers(snapshot)]
    if snapshot.slow:
        parts.append(_slow(snapshot.slow))
    parts.append(_stages(snapshot.stages))
    parts += [Text(f"! {text}", style="yellow") for text in snapshot.warnings[-3:]]
    return Panel(Group(*parts), title=_title(snapshot), subtitle=_footer(snapshot))


def line(snapshot: Snapshot) -> str:
    """Return one line for a log: what the live view shows, without the picture."""
    metrics = snapshot.metrics
    if metrics is None:
        return f"{snapshot.state}: no data yet"
    stage = snapshot.stages[-1].stage.path if snapshot.stages else "no stage"
    slow = "".join(
        f"  {name} {slow_text.quantity(now.value, now.channel.unit)}"
        for name, now in slow_text.most_telling(snapshot.slow, _MOST_IN_A_LINE)
    )
    return (
        f"{duration(metrics.duration_s)}  P {si(metrics.power_w, 'W')}"
        f"  E {energy(metrics.energy_j)}  coverage {share(metrics.coverage)}{slow}  {stage}"
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
        *(("beside them" if k == 0 else "", text) for k, text in enumerate(_beside(values))),
        ("samples", f"{values['n_samples']} per channel in {count(values['n_blocks'], 'block')}"),
        ("coverage", f"{share(values['coverage'])}, {count(values['n_gaps'], 'gap')}"),
        ("markers", str(values["n_markers"])),
        *(("runs" if k == 0 else "", text) for k, text in enumerate(_runs(values))),
        *((("files", files),) if (files := _files(values)) else ()),
        ("closed", _closed(values)),
        *(("lost" if k == 0 else "", text) for k, text in enumerate(values["lost"])),
        *(("damage" if k == 0 else "", text) for k, text in enumerate(values["damage"])),
        ("schema", str(values["schema_version"])),
    ):
        out.add_row(label, text)
    return out


def _files(values: dict[str, Any]) -> str:
    """Return in which files a recording lies; empty if in one."""
    if values["part"] > 1:
        return f"part {values['part']} of a split recording; its first part opens them all"
    return str(values["n_files"]) if values["n_files"] > 1 else ""


def _closed(values: dict[str, Any]) -> str:
    if values["closed"]:
        return "yes"
    if values["ended"]:
        return "no: its recorder ended it, but not all of it is here"
    return "no: still recording, or ended by a crash"


def _runs(values: dict[str, Any]) -> Iterator[str]:
    """Yield a line about each run of a recording: how long, where, and what was told of it."""
    for run in values["runs"]:
        lasted = ""
        if run["stop_ns"] is not None:
            lasted = f" for {duration((run['stop_ns'] - run['start_ns']) / NS)}"
        where = f" on {', '.join(run['hosts'])}" if run["hosts"] else ""
        told = ", ".join(f"{name} {value}" for name, value in run["attrs"].items())
        begin = f"{run['run_id'][:8]}{lasted}{where}{_failure(run)}"
        yield f"{begin}{': ' if told else ''}{told}"


def _failure(run: dict[str, Any]) -> str:
    """Return that a run failed, and by what; empty if it did not."""
    if not run["failed"]:
        return ""
    code = "" if run["exit_code"] is None else f"exit code {run['exit_code']}"
    why = ", ".join(dict.fromkeys(filter(None, (run["reason"], code))))
    return f", failed ({why})" if why else ", failed"


def _beside(values: dict[str, Any]) -> Iterator[str]:
    """Yield a line about each slow channel of a recording."""
    for slow in values["slow_channels"]:
        unit = f" ({slow['unit']})" if slow["unit"] else ""
        over = f", each a mean of {window(slow['window_s'])}" if slow["window_s"] > 0 else ""
        n = slow["n_readings"]
        yield (
            f"{slow['name']}{unit} by {slow['source']}: {n} reading{'s' if n != 1 else ''}, one in"
            f" {window(slow['interval_s'])}{over}"
        )


def _slow(slow: tuple[SlowValue, ...]) -> RenderableType:
    """Return where the slow channels stand."""
    rows = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "left"):
        rows.add_column(justify=justify)
    told = slow_text.most_telling(slow, _MOST_ROWS)
    for name, now in told:
        note = f"{slow_text.since(now)}, {slow_text.over(now.channel)}"
        late = slow_text.is_overdue(now)
        rows.add_row(
            Text(name),
            Text(slow_text.quantity(now.value, now.channel.unit), style="dim" if late else "bold"),
            Text(note, style="yellow" if late else ""),
        )
    if n_more := len(slow) - len(told):
        rows.add_row(Text(f"and {n_more} more", style="dim"))
    return rows


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
        if snapshot.recording.stalled_s:
            waited = duration(snapshot.recording.stalled_s)
            parts.append(f"the disk has not answered for {waited}")
        if math.isfinite(snapshot.recording.left_s):
            parts.append(f"disk full in {duration(snapshot.recording.left_s)}")
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
            f"{window(r.window_s)}, steepest ▲ {si(r.steepest_rise_w_per_s, 'W/s')}"
            f" ▼ {si(r.steepest_fall_w_per_s, 'W/s')}",
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
