"""The commands that set up: ``wattstage devices`` and ``wattstage setup``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console, Group
from rich.live import Live

from monitor.cli import window
from monitor.cli.viewer import Viewer
from monitor.engine import endpoint as endpoints
from monitor.errors import ConfigError, InstrumentError, WattstageError
from monitor.model import Supply
from monitor.setup import shown
from monitor.setup.candidate import Note
from monitor.setup.device import Device, Progress
from monitor.setup.devices import DEADLINE_S, find
from monitor.setup.events import tell
from monitor.setup.guide import Outcome, Teller, attempt, save
from monitor.setup.plan import Plan, meters
from monitor.setup.presets import AS_SHOWN
from monitor.setup.tellers import JsonTeller, Person, TextTeller
from monitor.setup.wizard import Asker, ask_direction, ask_plan, choose
from monitor.sources.inspect import inspect

_OUT = Console()
_FOR_WINDOW = ("window", "theme", "address", "out")
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


def setup(
    context: typer.Context,
    address: Annotated[
        str | None, typer.Option(help="VISA address; without it you are asked.")
    ] = None,
    dialect: Annotated[str, typer.Option(help="What the scope speaks.")] = "auto",
    voltage: Annotated[
        int | None, typer.Option(help="Input of the voltage; else the first in V.")
    ] = None,
    voltage_probe: Annotated[
        str, typer.Option(help="10X, 100X ...; scope: what is set there is right.")
    ] = AS_SHOWN,
    current: Annotated[
        int | None, typer.Option(help="Input of the current; else the first in A.")
    ] = None,
    clamp: Annotated[
        str, typer.Option(help="100mV/A, 10mV/A, 1mOhm*50 (shunt and amplifier) ...")
    ] = AS_SHOWN,
    reports: Annotated[
        str, typer.Option(help="What the scope shows of the current: unit (A), volts, auto.")
    ] = "auto",
    is_reversed: Annotated[
        bool, typer.Option("--reversed", help="The clamp is the wrong way round.")
    ] = False,
    supply: Annotated[Supply, typer.Option(help="What feeds the computer.")] = Supply.AUTO,
    expect: Annotated[
        float | None, typer.Option(help="Nominal voltage of the supply, e.g. 230 or 12.")
    ] = None,
    record_length: Annotated[
        float | None, typer.Option(help="Seconds of one record; else the scope's, if it will do.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Samples per second.")] = None,
    meter: Annotated[
        list[str] | None, typer.Option(help="KIND=ADDRESS of a meter beside it; repeat.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Profile to write.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the profile.")] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Write it though the numbers look wrong.")
    ] = False,
    window: Annotated[bool, typer.Option("--window", help="In a window.")] = False,
    theme: Annotated[str, typer.Option(help="Of the window: dark or light.")] = "dark",
    look: Annotated[bool, typer.Option("--look", help="Only tell how the scope is set.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Go on looking until standard input ends.")
    ] = False,
    as_json: _EVENTS = False,
) -> None:
    """Set an instrument up: which inputs, which probes; try it; write a profile."""
    if window:
        _refuse_others(context)
        in_window(theme, address=address, out=out)
        return
    if reports not in {"auto", "unit", "volts"}:
        raise ConfigError(f"--reports must be unit, volts or auto, got {reports!r}")
    plan = Plan(
        address=address or "",
        dialect=dialect,
        voltage=voltage,
        current=current,
        voltage_probe=voltage_probe,
        clamp=clamp,
        reports=reports,
        is_reversed=is_reversed,
        supply=supply,
        nominal_v=expect,
        record_s=record_length,
        sample_rate_hz=rate,
        meters=meters(meter or ()),
    )
    if address is None:
        if as_json or not sys.stdin.isatty():
            raise ConfigError(
                "name the instrument: --address, e.g. TCPIP::192.168.1.20::5025::SOCKET;"
                " `wattstage devices` lists what it finds"
            )
        by_questions(Person(_OUT), plan, out or Path("wattstage.toml"), _OUT)
        return
    stopped = stdin_ended() if live else None
    with told(as_json=as_json):
        teller: Teller = JsonTeller() if as_json else TextTeller(_OUT)
        panel = inspect(address, dialect=dialect)
        teller.panel(panel)
        if look:
            return
        outcome = attempt(plan, panel, teller, stopped=stopped)
        if out is not None:
            save(outcome, out, teller, overwrite=force, anyway=anyway)
        elif outcome.trial.is_wrong:
            raise typer.Exit(1)
        elif not as_json:
            _OUT.print("\nwrite a profile of it: the same command with --out profile.toml")


@contextlib.contextmanager
def told(*, as_json: bool) -> Iterator[None]:
    """Tell a program of an error as an event; to a person it is told as anywhere else."""
    try:
        yield
    except WattstageError as error:
        if not as_json:
            raise
        what, _, fix = str(error).partition("; ")
        tell("error", what=what, fix=fix)
        raise typer.Exit(1) from error


def _refuse_others(context: typer.Context) -> None:
    """Raise ConfigError if something was given that is chosen in the window."""
    options = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in _FOR_WINDOW and source is not None and source.name == "COMMANDLINE":
            raise ConfigError(
                f"{options[name]} is chosen in the window: leave it out, or leave out --window"
            )


def in_window(theme: str, *, address: str | None, out: Path | None) -> None:
    """Set up in a window; then measure, if that was asked for there.

    Parameters
    ----------
    address
        Of the instrument that is asked first; None searches only.
    out
        Profile to write; None proposes one.
    """
    profile = window.set_up(theme=theme, address=address, out=out)
    if profile is not None:
        viewer = Viewer(window=True, seconds=None, theme=theme, picture=None, out=_OUT)
        viewer.start(endpoints.default(), [f"--config={profile}"])


def by_questions(asker: Asker, plan: Plan, path: Path, out: Console) -> None:
    """Set up by asking, until there is a profile or somebody has enough."""
    found = [device.address for device in search([]) if device.kind == "scope"]
    for k, address in enumerate(found, start=1):
        out.print(f"{k}  {address}", highlight=False)
    address = choose(asker, found)
    teller = TextTeller(out)
    outcome: Outcome | None = None
    word = "change"
    while word != "quit":
        if word == "save" and outcome is not None:
            if _save(asker, outcome, path, teller):
                return
        else:
            try:
                panel = inspect(address, dialect=plan.dialect)
                if word == "change":
                    teller.panel(panel)
                    plan = msgspec.structs.replace(plan, address=address)
                    plan = ask_plan(asker, panel, plan)
                outcome = attempt(plan, panel, teller)
                turned = ask_direction(asker, plan, outcome.trial.findings)
                if turned != plan:
                    plan = turned
                    outcome = attempt(plan, panel, teller)
            except (ConfigError, InstrumentError) as error:
                outcome = None
                asker.complain(str(error))
        is_good = outcome is not None and not outcome.trial.is_wrong
        word = asker.ask("Now", "save" if is_good else "retry", ("save", "retry", "change", "quit"))


def _save(asker: Asker, outcome: Outcome, path: Path, teller: Teller) -> bool:
    """Ask where to, and whether a file may be replaced; return whether it was written."""
    path = Path(asker.ask("Profile", str(path)))
    overwrite = path.exists()
    if overwrite and asker.ask(f"{path} exists; overwrite it?", "no", ("yes", "no")) == "no":
        return False
    trial = outcome.trial
    anyway = trial.is_wrong and not trial.is_refused
    if anyway and asker.ask("The numbers look wrong; save anyway?", "no", ("yes", "no")) == "no":
        return False
    try:
        save(outcome, path, teller, overwrite=overwrite, anyway=anyway)
    except ConfigError as error:
        asker.complain(str(error))
        return False
    return True


def stdin_ended() -> threading.Event:
    """Return an event that is set when standard input ends, as it does when its writer dies."""
    ended = threading.Event()

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended
