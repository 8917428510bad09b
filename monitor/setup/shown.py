"""What setting up shows in a terminal: devices as they are found, levels, findings."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitor.setup.candidate import Note
from monitor.setup.devices import Device, Progress

_ORDER = ("scope", "meter", "plug", "serial", "unknown", "silent")


def devices(found: Iterable[Device], notes: Iterable[Note] = ()) -> RenderableType:
    """Return what was found, scopes first, and what to do about the rest."""
    sorted_ones = sorted(found, key=lambda d: (_ORDER.index(d.kind), d.address))
    parts: list[RenderableType] = []
    if sorted_ones:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("what", "name", "address", "found by"):
            table.add_column(name, no_wrap=name == "address", overflow="fold")
        for device in sorted_ones:
            what = f"{device.kind}, {device.dialect}" if device.dialect else device.kind
            address = "\n".join((device.address, *device.also))
            # Text, because an address or a name may hold what rich takes for markup.
            row = (what, device.name or "–", address, device.found_by)
            table.add_row(*map(Text, row), style="dim" if device.kind == "silent" else "")
        parts.append(table)
    for device in sorted_ones:
        if device.problem:
            is_named = device.address in device.problem
            what = device.problem if is_named else f"{device.address}: {device.problem}"
            parts.append(_problem(what, device.fix))
        elif device.fix:
            parts.append(_problem(device.address, device.fix))
    parts += [_problem(f"{note.search}: {note.problem}", note.fix) for note in notes]
    return Group(*parts)


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


def _problem(what: str, fix: str) -> Text:
    text = Text("• " + what, style="")
    if fix:
        text.append("\n  → " + fix, style="cyan")
    return text
