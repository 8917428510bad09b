"""The commands that calibrate: an instrument's channels, step by step, or a recording's."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from typer.core import TyperGroup

from monitor.calibration import profile_edit, steps
from monitor.calibration.shown import bar, microseconds, told
from monitor.calibration.taking import Taken, take
from monitor.cli import correct
from monitor.config import InputSettings, InstrumentSettings, load
from monitor.errors import ConfigError
from monitor.model import Calibration, Quantity
from monitor.sources.clock import SystemClock
from monitor.units import give_or_take, si, window

_OUT = Console()
_Config = Annotated[Path, typer.Option(help="Profile (TOML) that is changed.", show_default=False)]
_Input = Annotated[int | None, typer.Option(help="Number of the input; else the first current.")]
_Seconds = Annotated[float, typer.Option(help="Captured for each level.", min=0.1, max=600.0)]
_Temperature = Annotated[str, typer.Option(help='Of the room or the probe, e.g. "21 °C".')]
_Note = Annotated[str, typer.Option(help="How, and against what.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing; all is connected already.")]


class _FileOrStep(TyperGroup):
    """Takes what is no step for the file of ``wattstage calibrate FILE``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first word means."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            return "", self.commands["file"], args  # which has no name of its own
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_FileOrStep,
    no_args_is_help=True,
    help="Find a channel's zero, gain and delay; or correct a recording:"
    " wattstage calibrate FILE (--help tells more).",
)
app.command(name="file", hidden=True)(correct.correct_file)


@app.command()
def zero(
    config: _Config,
    input_: Annotated[int | None, typer.Option("--input", help="Else every current.")] = None,
    seconds: _Seconds = 2.0,
    temperature: _Temperature = "",
    note: _Note = "",
    yes: _Yes = False,
) -> None:
    """Find what a channel shows when nothing flows."""
    instrument = _instrument(config)
    rows = _rows(instrument, input_) if input_ else _currents(instrument)
    items = [instrument.inputs[row] for row in rows]
    _ready(
        f"Take the clamp off the conductor ({_names(items)}; of a voltage, join the probe's tips)"
        " so that nothing is measured",
        yes=yes,
    )
    taken = _capture(instrument, seconds)
    found = {}
    for row, item in zip(rows, items, strict=True):
        found[item.input], level = steps.zero(taken, row, item.calibration)
        unit = item.quantity.unit
        _OUT.print(
            f"{item.channel().name}: {give_or_take(level.value, level.uncertainty, unit)} where"
            f" nothing is (noise {si(level.noise, unit)} rms, {window(taken.seconds)})",
            highlight=False,
        )
    if not yes:
        typer.confirm("Is nothing connected, and shall this be the zero?", default=True, abort=True)
    _keep(config, found, temperature, note or "zeroed")


@app.command()
def gain(
    config: _Config,
    input_: Annotated[int | None, typer.Option("--input", help="Else the first current.")] = None,
    seconds: _Seconds = 2.0,
    reference_percent: Annotated[
        float, typer.Option(help="Error limit of the reference meter, in % of its reading.", min=0)
    ] = 0.5,
    reference_absolute: Annotated[
        float, typer.Option(help="And in the reading's unit, e.g. of its last digits.", min=0)
    ] = 0.0,
    temperature: _Temperature = "",
    note: _Note = "",
) -> None:
    """Find a channel's gain by two levels that a reference meter shows too."""
    instrument = _instrument(config)
    row = (_rows(instrument, input_) if input_ else _currents(instrument))[0]
    item = instrument.inputs[row]
    name, unit = item.channel().name, item.quantity.unit
    points = []
    for number, which in enumerate(("a low level; none at all is best", "a high level"), start=1):
        _ready(f"Point {number} of 2: set {which}, and wait until it is steady", yes=False)
        shown = steps.shown(_capture(instrument, seconds), row, item.calibration)
        kind = "rms" if shown.is_alternating else "mean"
        _OUT.print(
            f"{name}: {give_or_take(shown.level.value, shown.level.uncertainty, unit)} {kind},"
            " before calibration",
            highlight=False,
        )
        points.append((shown, typer.prompt(f"The reference shows, in {unit}", type=float)))
    reference = steps.Reference(reference_percent, reference_absolute)
    calibration = steps.gain(points, reference, item.calibration)
    _OUT.print(told(calibration, unit), highlight=False)
    limits = f"{reference_percent:g} % + {reference_absolute:g} {unit}"
    _keep(
        config,
        {item.input: calibration},
        temperature,
        note or f"two points against a reference of {limits}",
    )


@app.command()
def deskew(
    config: _Config,
    rail: Annotated[str | None, typer.Option(help="Else the first with both.")] = None,
    seconds: _Seconds = 2.0,
    rate: Annotated[float | None, typer.Option(help="Samples per second, for this.")] = None,
    record_length: Annotated[float | None, typer.Option(help="Seconds of one record.")] = None,
    temperature: _Temperature = "",
    note: _Note = "",
    yes: _Yes = False,
) -> None:
    """Find how late a rail's voltage and current are against each other, by an edge of both."""
    instrument = _instrument(config)
    voltage, current = steps.pair(instrument.inputs, rail)
    items = instrument.inputs[voltage], instrument.inputs[current]
    changes = {"sample_rate_hz": rate, "record_s": record_length}
    fast = msgspec.structs.replace(
        instrument, **{name: value for name, value in changes.items() if value is not None}
    )
    _ready(
        "Let both probes see one edge again and again, e.g. a resistor that is switched", yes=yes
    )
    taken = _capture(fast, seconds)
    late_s, delay = steps.deskew(taken, voltage, current)
    first, second = (item.channel().name for item in items)
    _OUT.print(
        f"{second} is {microseconds(delay.delay_s, delay.uncertainty_s)} later than {first}"
        f" ({delay.n_records} records of {si(taken.sample_rate_hz, 'S/s')}; likeness"
        f" {delay.likeness:.3f})",
        highlight=False,
    )
    found = {
        item.input: msgspec.structs.replace(
            item.calibration, deskew_s=late, deskew_uncertainty_s=delay.uncertainty_s
        )
        for item, late in zip(items, late_s, strict=True)
    }
    _keep(config, found, temperature, note)


def _instrument(config: Path) -> InstrumentSettings:
    instrument = load(config).instrument
    if instrument is None:
        raise ConfigError(f"{config} has no [instrument]; a meter calibrates itself")
    return instrument


def _rows(instrument: InstrumentSettings, number: int) -> list[int]:
    rows = [k for k, item in enumerate(instrument.inputs) if item.input == number]
    if not rows:
        known = ", ".join(str(item.input) for item in instrument.inputs)
        raise ConfigError(f"the profile has no input {number}; it has {known}")
    return rows


def _currents(instrument: InstrumentSettings) -> list[int]:
    inputs = enumerate(instrument.inputs)
    rows = [k for k, item in inputs if item.quantity is Quantity.CURRENT]
    if not rows:
        raise ConfigError("the profile has no current; name the channel with --input")
    return rows


def _names(items: Sequence[InputSettings]) -> str:
    return ", ".join(f"{item.channel().name} on input {item.input}" for item in items)


def _ready(what: str, *, yes: bool) -> None:
    if yes:
        return
    _OUT.print(what, soft_wrap=True, highlight=False)
    typer.prompt("Press Enter to go on, Ctrl-C to stop", default="", show_default=False)


def _capture(instrument: InstrumentSettings, seconds: float) -> Taken:
    with bar("measuring", _OUT) as tell:
        return asyncio.run(take(instrument, seconds, SystemClock(), tell))


def _keep(config: Path, found: dict[int, Calibration], temperature: str, note: str) -> None:
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes")
    dated = {}
    for number, calibration in found.items():
        changes = {"date": date, "temperature": temperature, "note": note}
        dated[number] = msgspec.structs.replace(
            calibration, **{name: value for name, value in changes.items() if value}
        )
    profile_edit.put(config, dated)
    _OUT.print(f"written to {config}; every recording from now on has it", soft_wrap=True)
