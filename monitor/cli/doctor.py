"""The command that says what is wrong: ``wattstage doctor``."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status
from rich.text import Text

from monitor.config import recordings_folder
from monitor.doctor.examination import examine
from monitor.doctor.report import Level, Line, is_good, to_json_value

_DEFAULT = Path("wattstage.toml")  # where `wattstage setup` writes
_MARKS: dict[Level, tuple[str, str]] = {
    "ok": ("ok  ", "green"),
    "warn": ("warn", "yellow"),
    "fail": ("FAIL", "bold red"),
    "skip": ("–   ", "dim"),
}
_WIDTH = len("own-record-too-short")  # the longest name of a line


def doctor(
    config: Annotated[
        Path | None, typer.Option(help="Profile (TOML).", show_default="wattstage.toml, if there")
    ] = None,
    seconds: Annotated[float, typer.Option(help="That are measured.", min=0.5, max=60)] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say what is wrong: instrument, probes, broker, clocks, disk; exit code 1 if anything is."""
    logging.getLogger("monitor").setLevel(logging.ERROR)  # the page says it
    profile = config or (_DEFAULT if _DEFAULT.exists() else None)
    folder = recordings_folder()
    found = examine(profile, folder=folder, seconds=seconds)
    if as_json:
        lines = list(found)
        sys.stdout.write(json.dumps(to_json_value(lines), indent=2, allow_nan=False) + "\n")
    else:
        lines = list(_shown(found, Console()))
    if not is_good(lines):
        raise typer.Exit(1)


def _shown(lines: Iterable[Line], out: Console) -> Iterator[Line]:
    """Print each line as it comes, and pass it on."""
    n_wrong = {"warn": 0, "fail": 0}
    with Status("looking at instrument, broker, clocks and disk", console=out):
        for line in lines:
            mark, style = _MARKS[line.level]
            text = Text.assemble((mark, style), f"  {line.id:<{_WIDTH}} {line.what}")
            out.print(text, soft_wrap=True)
            if line.fix:
                out.print(Text(f"{'':<{_WIDTH + 7}}→ {line.fix}"), soft_wrap=True)
            if line.level in n_wrong:
                n_wrong[line.level] += 1
            yield line
    fails, warnings = n_wrong["fail"], n_wrong["warn"]
    if fails or warnings:
        out.print(f"\n{fails} wrong, {warnings} that may be better", highlight=False)
    else:
        out.print("\nnothing is wrong", highlight=False)
