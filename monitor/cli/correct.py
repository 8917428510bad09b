"""The command that corrects a recording: ``wattstage calibrate FILE``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from monitor.calibration.recordings import correct
from monitor.calibration.shown import bar, told
from monitor.config import load
from monitor.errors import ConfigError
from monitor.model import Probe
from monitor.recording.reader import Recording

_OUT = Console()
_Note = Annotated[str, typer.Option(help="Why; kept with what was there before.")]


def correct_file(
    file: Annotated[Path, typer.Argument(help="A closed recording (*.h5).")],
    config: Annotated[
        Path | None, typer.Option(help="Profile whose calibration is taken over.")
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Name of the channel to correct.")] = None,
    gain: Annotated[float | None, typer.Option(help="Of the calibration.")] = None,
    offset: Annotated[float | None, typer.Option(help="In the channel's unit.")] = None,
    deskew_s: Annotated[float | None, typer.Option("--deskew", help="In s.")] = None,
    gain_uncertainty: Annotated[float | None, typer.Option(help="Relative, k = 1.")] = None,
    offset_uncertainty: Annotated[float | None, typer.Option(help="k = 1.")] = None,
    ratio: Annotated[float | None, typer.Option(help="Of the probe, if that was wrong.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Go back by one correction.")] = False,
    note: _Note = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show a recording's calibration, or correct it; every number follows, no sample is touched."""
    with Recording(file) as recording:
        probes = {each.name: each.probe for each in recording.info.channels}
        units = {each.name: each.quantity.unit for each in recording.info.channels}
        corrections = recording.corrections
    stated = {
        "gain": gain, "offset": offset, "deskew_s": deskew_s,
        "gain_uncertainty": gain_uncertainty, "offset_uncertainty": offset_uncertainty,
    }  # fmt: skip
    values = {name: value for name, value in stated.items() if value is not None}
    wanted = [undo, config is not None, bool(values) or ratio is not None or channel is not None]
    if sum(wanted) > 1:
        raise ConfigError("either --undo, or --config FILE, or --channel NAME with what is right")
    if undo:
        if not corrections:
            raise ConfigError(f"{file} was never corrected, so there is nothing to undo")
        new, reason = corrections[-1].before, note or "undone"
    elif config is not None:
        new, reason = _from_profile(config, probes), note or f"calibration of {config.name}"
    elif any(wanted):
        new = {_known(channel, probes): _changed(probes[_known(channel, probes)], values, ratio)}
        reason = note or "corrected by hand"
    else:
        new, reason = {}, ""
    is_changed = any(probes.get(name) != probe for name, probe in new.items())
    if is_changed:
        with bar("copying", _OUT) as tell:
            correct(file, new, reason, tell)
        probes |= new
    if as_json:
        _print_json(file)
        return
    if new:
        _OUT.print(_done(file, is_changed=is_changed, undo=undo), soft_wrap=True, highlight=False)
    for name, probe in probes.items():
        _OUT.print(f"{name}: ratio {probe.ratio:g}, {told(probe.calibration, units[name])}")
    if not new:
        for each in corrections:
            _OUT.print(f"corrected {each.corrected}: {each.reason}", highlight=False)


def _done(file: Path, *, is_changed: bool, undo: bool) -> str:
    if not is_changed:
        return f"{file} has this calibration already"
    return f"undone: the last correction of {file}" if undo else f"corrected {file}"


def _print_json(file: Path) -> None:
    with Recording(file) as recording:
        value = {
            "channels": {each.name: each.probe for each in recording.info.channels},
            "corrections": recording.corrections,
        }
    sys.stdout.write(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False) + "\n")


def _known(channel: str | None, probes: dict[str, Probe]) -> str:
    if channel not in probes:
        raise ConfigError(
            f"name the channel to correct: --channel {' or '.join(map(repr, probes))}"
        )
    return channel


def _changed(probe: Probe, values: dict[str, float], ratio: float | None) -> Probe:
    if ratio == 0:
        raise ConfigError("--ratio must not be 0")
    try:
        calibration = msgspec.structs.replace(probe.calibration, **values)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return msgspec.structs.replace(
        probe, calibration=calibration, ratio=probe.ratio if ratio is None else ratio
    )


def _from_profile(config: Path, probes: dict[str, Probe]) -> dict[str, Probe]:
    """Return the probes with the calibration of a profile; channels are found by their names."""
    instrument = load(config).instrument
    if instrument is None:
        raise ConfigError(f"{config} has no [instrument], and so no channel")
    profile = {item.channel().name: item.calibration for item in instrument.inputs}
    shared = probes.keys() & profile.keys()
    if not shared:
        raise ConfigError(
            f"no channel of {config} has the name of one of the recording:"
            f" {', '.join(map(repr, probes))}; it has {', '.join(map(repr, profile))}"
        )
    return {
        name: msgspec.structs.replace(probes[name], calibration=profile[name])
        for name in probes
        if name in shared
    }
