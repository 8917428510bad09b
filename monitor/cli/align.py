"""``wattstage align``: whether power steps when the markers say so."""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from monitor.analysis.alignment import Alignment
from monitor.analysis.alignment import align as aligned
from monitor.cli.brokers import OwnBroker
from monitor.engine import endpoint as endpoints
from monitor.engine.client import EngineClient
from monitor.errors import ConfigError, EngineError
from monitor.recording.reader import Recording
from monitor.run.burst import Bursts
from monitor.terminal.alignment import lines, verdict

_OUT = Console()
_ERR = Console(stderr=True)
_SETTLE_S = 2.0  # until the last burst is captured, its marker here and both on the disk


def align(
    file: Annotated[
        Path | None, typer.Argument(help="A recording that holds bursts, or steps of a stage.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option(help="Stage at whose edges power steps.", show_default="burst")
    ] = None,
    burst: Annotated[
        str | None, typer.Option(help="Make bursts on this computer first: cpu or gpu.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of bursts.", min=2.0, max=600.0)] = 15.0,
    broker: OwnBroker = None,
    prefix: Annotated[str, typer.Option(help="First level of the topics.")] = "wattstage",
    endpoint: Annotated[
        str | None, typer.Option(help="Where the engine listens.", show_default="one per user")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Check markers against the power: how late it steps when a stage begins and ends.

    ``wattstage align FILE`` looks at a recording. With ``--burst cpu`` this computer is loaded
    and released in turn, each time with markers; the engine's recording is looked at then, if it
    runs here, else on its own computer.
    """
    if burst is not None:
        bursts = Bursts(burst, seconds=seconds, url=broker, prefix=prefix)
        for _ in track(bursts.run(), f"bursts on the {burst}", len(bursts), console=_ERR):
            pass
        file = file or _recording(endpoint)
        if file is None:
            _OUT.print(
                f"{len(bursts)} bursts are marked; no engine that records runs on this computer, so"
                " look where it does: wattstage align FILE"
            )
            return
    if file is None:
        raise ConfigError(
            "expected a recording, or bursts to make: wattstage align FILE, or"
            " wattstage align --burst cpu while an engine records"
        )
    with Recording(file) as recording:
        found = aligned(recording, stage)
    if as_json:
        sys.stdout.write(json.dumps(_value(found), indent=2) + "\n")
        return
    for line in lines(found):
        _OUT.print(line, soft_wrap=True, highlight=False)


def _recording(endpoint: str | None) -> Path | None:
    """Return the file that the engine here writes, when all of the bursts is in it."""
    try:
        with EngineClient(endpoint or endpoints.running()) as client:
            recording = client.frame(n_columns=1).snapshot.recording
            if recording is None:
                return None
            time.sleep(_SETTLE_S)
            return Path(recording.path)
    except (ConfigError, EngineError):
        return None


def _value(found: Alignment) -> dict[str, object]:
    value: dict[str, object] = {
        "stage": found.stage,
        "n_stages": found.n_stages,
        "correlation": found.correlation,
        "clock_bound_s": found.clock_bound_s,
        "time_bound_s": found.time_bound_s,
        "verdict": verdict(found),
    }
    for name, each in (("begin", found.begin), ("end", found.end)):
        value[name] = {
            k: None if isinstance(v, float) and math.isnan(v) else v
            for k, v in asdict(each).items()
        }
    return value
