"""What setting up shows in a terminal: devices as they are found, levels, findings."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitor.setup.candidate import Note
from monitor.setup.device import Device, Progress
from monitor.setup.findings import Finding
from monitor.setup.levels import Levels
from monitor.setup.preview import Trial
from monitor.sources.inspect import Panel
from monitor.units import duration, si

_ORDER = ("scope", "meter", "plug", "serial", "unknown", "silent")
_SIGNS = MappingProxyType({"error": ("✗", "red"), "warning": ("!", "yellow"), "note": ("·", "dim")})
_KINDS = MappingProxyType({"scope": "bold green", "meter": "green", "silent": "yellow"})
_BARS = "▁▂▃▄▅▆▇█"
_FLAT = 0.02  # relative: less is noise, which bars would blow up


def devices(found: Iterable[Device], notes: Iterable[Note] = ()) -> RenderableType:
    """Return what was found, scopes first, and what to do about the rest."""
    grid = Table.grid(padding=(0, 2))
    for device in sorted(found, key=lambda d: (_ORDER.index(d.kind), d.address)):
        # Text, because an address or a name may hold what rich takes for markup.
        grid.add_row(Text(device.kind, style=_KINDS.get(device.kind, "")), _device(device))
    return Group(grid, *(_problem(f"{note.search}: {note.problem}", note.fix) for note in notes))


def _device(device: Device) -> Text:
    name = device.name or device.address
    text = Text(f"{name} ({device.dialect})" if device.dialect else name)
    text.append(f"\n{device.address}", style="bold")
    for other in device.also:
        text.append(f"\nor {other}")
    text.append(f"\nfound by {device.found_by}", style="dim")
    if device.problem:
        text.append(f"\n{device.problem}", style="yellow")
    if device.fix:
        text.append(f"\n→ {device.fix}", style="cyan")
    return text


def searching(progress: Progress | None) -> Text:
    """Return one line about a search that is under way."""
    if progress is None or not (progress.searching or progress.n_asking):
        return Text("asking …", style="dim")
    parts = []
    if progress.searching:
        parts.append(f"searching {', '.join(progress.searching)}")
    if progress.n_asking:
        parts.append(f"waiting for {progress.n_asking} to answer")
    return Text(f"{' · '.join(parts)} … (Ctrl-C ends it)", style="dim")


def panel(asked: Panel) -> RenderableType:
    """Return how a scope is set."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("input", "shows", "probe factor", "coupling", "screen"):
        table.add_column(name)
    for state in asked.inputs:
        factor = "–" if state.probe_factor is None else f"{state.probe_factor:g}"
        screen = "–" if state.range is None else si(state.range, state.unit)
        shows = (state.unit or "?") if state.shown else "off"
        row = (str(state.input), shows, factor, state.coupling or "?", screen)
        table.add_row(*row, style="" if state.shown else "dim")
    return Group(Text(asked.identity, style="italic"), table)  # a title would be broken


def trial(look: Trial) -> RenderableType:
    """Return one look at an instrument: levels, a picture of the record, findings."""
    parts: list[RenderableType] = []
    if look.levels is not None and look.values is not None:
        parts.append(_levels(look.levels, look.values))
    parts += map(finding, look.findings)
    if not look.findings:
        parts.append(Text("nothing is wrong that one record can show", style="green"))
    return Group(*parts)


def finding(found: Finding) -> Text:
    """Return what is wrong, and what to do."""
    sign, style = _SIGNS[found.level]
    text = Text.assemble((f"{sign} {found.level}: ", style), found.what)
    if found.fix:
        text.append("\n  → " + found.fix, style="cyan")
    return text


def sparkline(values: NDArray[np.floating], width: int = 30) -> str:
    """Return a record of one channel, shape (n_samples,), as a line of little bars."""
    edges = np.linspace(0, values.size, min(width, values.size) + 1).astype(int)
    means = [float(np.mean(values[a:b])) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    if high - low <= _FLAT * max(abs(low), abs(high)):
        return _BARS[len(_BARS) // 2] * len(means)
    step = (high - low) / (len(_BARS) - 1)
    return "".join(_BARS[round((mean - low) / step)] for mean in means)


def _levels(levels: Levels, values: NDArray[np.floating]) -> RenderableType:
    table = Table(
        title=f"one record: {duration(levels.duration_s)} at {si(levels.sample_rate_hz, 'S/s')}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in ("", "RMS", "mean"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    table.add_column("", no_wrap=True)
    for level, row in zip(levels.channels, values, strict=True):
        label = f"{level.quantity.value}, input {level.input}"
        numbers = (si(level.rms, level.unit, 4), si(level.mean, level.unit, 4))
        table.add_row(label, *numbers, sparkline(row))
    for rail in levels.rails:
        hz = "no line frequency" if rail.line_hz is None else f"{rail.line_hz:.2f} Hz"
        table.add_row(f"power, {rail.rail}", "", f"[bold]{si(rail.mean_w, 'W', 4)}[/]", hz)
    return table


def _problem(what: str, fix: str) -> Text:
    text = Text("• " + what, style="")
    if fix:
        text.append("\n  → " + fix, style="cyan")
    return text
