"""What runs beside a workload or an instrument: ``run``, ``telemetry`` and ``bench``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.brokers import OwnBroker
from monitor.errors import BrokerError, ConfigError
from monitor.markers.client import MarkerClient
from monitor.run import launch as launching
from monitor.telemetry.rapl import POWERCAP
from monitor.telemetry.report import INTERVAL_S, ROLE, Telemetry

_PATIENCE_S = 2.0  # with a broker, until it is told that there is none


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
    launch = launching.Launch(
        command=tuple(command), url=broker, prefix=prefix, timing=timing, all_ranks=all_ranks,
        log=log, patterns=patterns, stages=stages, telemetry=telemetry,
    )  # fmt: skip
    raise typer.Exit(_run(launch))


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
    host = Telemetry(interval, powercap)
    for text in host.notes:
        sys.stderr.write(f"wattstage: {text}\n")
    if not host.sensors:
        raise ConfigError("this host has nothing to tell: neither a GPU nor a processor's power")
    for sensor in host.sensors:
        note = f" ({sensor.note})" if sensor.note else ""
        sys.stdout.write(f"{sensor.name} in {sensor.unit}, {sensor.device}{note}\n")
    sys.stdout.flush()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with MarkerClient(broker, prefix=prefix, role=ROLE) as client:

        def tell() -> None:
            if not client.connected:
                why = _why_not(broker) or client.problem
                sys.stderr.write(f"wattstage: nobody hears it yet: {why}; trying again\n")

        patience = threading.Timer(_PATIENCE_S, tell)
        patience.start()
        host.publish(client, over.wait)
        patience.cancel()


def bench(context: typer.Context) -> None:
    """Run the virtual lab: a scope on loopback (see ``wattstage bench --help``)."""
    from monitor.bench.__main__ import main  # noqa: PLC0415  # only who runs it loads it

    raise typer.Exit(main(context.args))


def _run(launch: launching.Launch) -> int:
    """Run a program and return its exit code; what became of its markers is said at the end."""
    if launch.timing not in launching.TIMINGS:
        raise ConfigError(
            f"--timing must be one of {', '.join(launching.TIMINGS)}, got {launch.timing!r}"
        )
    if (reading := launching.how_to_read(launch)) is not None:
        sys.stderr.write(f"wattstage: {reading}\n")
    outcome = launching.run(launch, reading)
    _tell_lost(outcome.lost, launch.url)
    return outcome.exit_code


def _tell_lost(lost: dict[str, int], url: str | None) -> None:
    """Say how many markers were lost, and why; in one line where nobody could be reached."""
    unreachable = _why_not(url) if lost else ""
    if unreachable:
        lost = {unreachable: sum(lost.values())}
    for why, n in lost.items():
        sys.stderr.write(
            f"wattstage: {f'{n} ' if n else ''}markers of the run were lost:"
            f" {why or 'the broker did not take them'}\n"
        )


def _why_not(url: str | None) -> str:
    """Return why markers cannot be told to a broker now; empty if they can."""
    url = url or os.environ.get("WATTSTAGE_BROKER") or "mqtt://127.0.0.1:1883"
    if url == "none":
        return "nobody is to hear of it (none)"
    from monitor.mqtt.address import reach  # noqa: PLC0415  # only where something went wrong
    from monitor.mqtt.diagnosis import check as look_at_broker  # noqa: PLC0415

    try:
        where = reach(url)
        look_at_broker(where, f"wattstage-run-{os.getpid()}")
    except (BrokerError, ConfigError) as error:
        return str(error)
    return ""
