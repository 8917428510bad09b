"""The commands that set up: ``wattstage devices`` and ``wattstage setup``."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live

from monitor.setup import shown
from monitor.setup.candidate import Note
from monitor.setup.devices import DEADLINE_S, Device, Progress, find
from monitor.setup.events import tell

_OUT = Console()
_EVENTS = Annotated[bool, typer.Option("--json", help="Tell programs: one JSON object a line.")]


def devices(
    address: Annotated[
        list[str] | None, typer.Argument(help="VISA addresses to ask as well.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long at most.", min=0.5)] = DEADLINE_S,
    as_json: _EVENTS = False,
) -> None:
    """Find the instruments on the network, on USB and on serial ports."""
    if as_json:
        asyncio.run(_tell_devices(address or [], seconds))
        return
    found = search(address or [], seconds)
    scopes = [device.address for device in found if device.kind == "scope"]
    if scopes:
        _OUT.print(f"\nset one up: wattstage setup --address {scopes[0]}", soft_wrap=True)
    else:
        _OUT.print("\nno scope was found; name its address: wattstage devices TCPIP::HOST::INSTR")


def search(addresses: list[str], seconds: float = DEADLINE_S) -> list[Device]:
    """Find instruments, showing them; Ctrl-C ends the search with what was found so far."""
    found: dict[str, Device] = {}
    notes: list[Note] = []

    async def work() -> None:
        progress: Progress | None = None
        with Live(console=_OUT, transient=True, auto_refresh=False) as live:
            async with contextlib.aclosing(find(addresses, deadline_s=seconds)) as events:
                async for event in events:
                    if isinstance(event, Device):
                        found[event.address] = event
                    elif isinstance(event, Note):
                        notes.append(event)
                    else:
                        progress = event
                    table = shown.devices(found.values())
                    live.update(Group(table, shown.searching(progress)), refresh=True)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(work())
    _OUT.print(shown.devices(found.values(), notes))
    return list(found.values())


async def _tell_devices(addresses: list[str], seconds: float) -> None:
    n_found = 0
    async with contextlib.aclosing(find(addresses, deadline_s=seconds)) as events:
        async for event in events:
            if isinstance(event, Device):
                tell("device", event)
            elif isinstance(event, Note):
                tell("note", event)
            else:
                n_found = event.n_found
                tell("progress", event)
    tell("end", n_found=n_found)
