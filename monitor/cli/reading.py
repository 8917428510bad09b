"""``wattstage info``, ``stages`` and ``lag``: what a recording holds, and what follows from it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from monitor.analysis.lags import lags
from monitor.analysis.lags import to_json_value as to_json_lags
from monitor.analysis.stage_table import stage_table, to_json_value
from monitor.recording.info import info as recording_info
from monitor.recording.reader import Recording
from monitor.recording.runs import runs
from monitor.terminal import live as terminal
from monitor.terminal.lags import LagText
from monitor.terminal.stages import StageText

_OUT = Console()
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
_File = Annotated[Path, typer.Argument(help="A recording (*.h5).", show_default=False)]


def info(file: _File, as_json: _JSON = False) -> None:
    """Tell what a recording holds."""
    with Recording(file) as recording:
        facts = recording_info(recording)
        if as_json:
            _print_json(facts)
        else:
            _OUT.print(terminal.facts(str(file), facts))


def stages(file: _File, as_json: _JSON = False) -> None:
    """Tell what each stage of a recording used."""
    with Recording(file) as recording:
        table = stage_table(recording, file.name)
        if as_json:
            _print_json(
                to_json_value(table)
                | {"runs": [msgspec.to_builtins(run) for run in runs(recording)]}
                | ({"damage": list(recording.damage)} if recording.damage else {})
            )
        else:
            _OUT.print(StageText(table))


def lag(file: _File, as_json: _JSON = False) -> None:
    """Tell how late GPUs and meters showed the power, and over which time they average."""
    with Recording(file) as recording:
        found = lags(recording)
        if as_json:
            _print_json({"slow": to_json_lags(found)})
        else:
            _OUT.print(LagText(found))


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")
