"""What runs beside a workload or an instrument: ``run``, ``telemetry`` and ``bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli import actions
from monitor.cli.options import OwnBroker
from monitor.run.launch import Launch
from monitor.telemetry.rapl import POWERCAP
from monitor.telemetry.report import INTERVAL_S


def run(
    command: Annotated[
        list[str], typer.Argument(help="Program and its arguments, after --.", show_default=False)
    ],
    broker: OwnBroker = None,
    prefix: Annotated[str, typer.Option(help="First level of the topics.")] = "wattstage",
    timing: Annotated[str, typer.Option(help="Of edges on a GPU: event, sync or host.")] = "event",
    all_ranks: Annotated[
        bool, typer.Option("--all-ranks", help="Stages of every process, not only of rank 0.")
    ] = False,
    log: Annotated[
        bool | None,
        typer.Option(
            "--log/--no-log",
            help="Read Open-Sora's stages from its log, to about a second.",
            show_default="where hooks cannot be set",
        ),
    ] = None,
    patterns: Annotated[
        str | None,
        typer.Option(help="Read stages from the log by these: comfyui, or a TOML file."),
    ] = None,
    stages: Annotated[
        Path | None, typer.Option(help="TOML file that chooses functions as stages.")
    ] = None,
    telemetry: Annotated[
        bool,
        typer.Option(
            "--telemetry/--no-telemetry", help="Tell of this host's GPUs and processors meanwhile."
        ),
    ] = True,
) -> None:
    """Run a program as one run; of Open-Sora, with its stages. Nothing of it is changed."""
    launch = Launch(
        command=tuple(command), url=broker, prefix=prefix, timing=timing, all_ranks=all_ranks,
        log=log, patterns=patterns, stages=stages, telemetry=telemetry,
    )  # fmt: skip
    raise typer.Exit(actions.run(launch))


def telemetry(
    broker: OwnBroker = None,
    prefix: Annotated[str, typer.Option(help="First level of the topics.")] = "wattstage",
    interval: Annotated[
        float, typer.Option(help="Seconds between two looks at the power.", min=0.005, max=10.0)
    ] = INTERVAL_S,
    powercap: Annotated[
        Path, typer.Option(help="Folder of the RAPL zones, as the kernel makes it.")
    ] = POWERCAP,
) -> None:
    """Tell of this host's GPUs (NVML) and processors (RAPL) until Ctrl-C; `run` does so itself."""
    actions.telemetry(broker, prefix, interval, powercap)


def bench(context: typer.Context) -> None:
    """Run the virtual lab: a scope on loopback (see ``wattstage bench --help``)."""
    raise typer.Exit(actions.bench(context.args))
