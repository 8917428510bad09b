"""``wattstage demo``, ``record`` and ``engine``: what measures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from monitor.cli import actions, options
from monitor.cli.instrument import made_recordings_folder, settings
from monitor.cli.options import Broker, Config, Endpoint, Output, Seconds, Visa
from monitor.cli.viewer import Viewer
from monitor.engine import endpoint as endpoints
from monitor.engine.server import new_recording

_OUT = Console()


def demo(
    seconds: Seconds = None,
    output: Output = None,
    terminal_view: Annotated[bool, typer.Option("--terminal", help="No window.")] = False,
    capture: Annotated[
        Path | None, typer.Option(help="Play a real capture (ElmorLabs PMD folder) instead.")
    ] = None,
    supply: Annotated[str, typer.Option(help="mains230, mains120 or dc.")] = "mains230",
    rate: Annotated[float, typer.Option(help="Samples per second and channel.")] = 100_000.0,
    gap_free: Annotated[bool, typer.Option(help="A scope without dead time.")] = False,
    theme: Annotated[str, typer.Option(help="dark or light.")] = "dark",
    picture: Annotated[
        Path | None, typer.Option(help="Save a PNG of the window at the end.")
    ] = None,
) -> None:
    """Run the whole chain on this machine: virtual lab, broker, engine and a live view."""
    path = output or new_recording(made_recordings_folder())
    bench = ["--capture", str(capture), "--loop"] if capture else ["--supply", supply]
    bench += ["--start-delay", "3"]
    scope = ["--rate", str(rate), "--record-length", "0.1"]
    actions.demo(
        path,
        bench=[*bench, "--gap-free"] if gap_free else bench,
        record=scope,
        viewer=Viewer(
            window=not terminal_view and options.has_display(),
            seconds=seconds,
            theme=theme,
            picture=picture,
            out=_OUT,
        ),
    )


def record(
    visa: Visa = None,
    config: Config = None,
    seconds: Seconds = None,
    output: Output = None,
    voltage: Annotated[int, typer.Option(help="Input of the voltage.")] = 1,
    current: Annotated[int, typer.Option(help="Input of the current.")] = 2,
    amps_per_volt: Annotated[
        float | None,
        typer.Option(help="Of the clamp, if the scope shows volts: 10 for 100 mV/A."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Samples per second; else the scope's.")
    ] = None,
    record_length: Annotated[
        float | None, typer.Option(help="Seconds of one record; else the scope's timebase.")
    ] = None,
    broker: Broker = None,
    endpoint: Endpoint = None,
    quiet: Annotated[bool, typer.Option(help="No live view.")] = False,
    until_stdin_closes: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Record an instrument to a file, with the markers of the workload."""
    chosen = settings(
        config,
        visa=visa,
        voltage=voltage,
        current=current,
        amps_per_volt=amps_per_volt,
        rate_hz=rate,
        record_s=record_length,
        broker=broker,
    )
    path = output or new_recording(made_recordings_folder())
    actions.record(
        chosen,
        path,
        seconds=seconds,
        endpoint=endpoint,
        quiet=quiet,
        until_stdin_closes=until_stdin_closes,
        out=_OUT,
    )


def engine(
    visa: Visa = None,
    config: Config = None,
    replay: Annotated[Path | None, typer.Option(help="Replay this recording instead.")] = None,
    start_s: Annotated[float, typer.Option(help="Where the replay begins, in s.")] = 0.0,
    speed: Annotated[float, typer.Option(help="0.1 to 100.")] = 1.0,
    broker: Broker = None,
    endpoint: Endpoint = None,
) -> None:
    """Serve an instrument, or a replayed recording, to windows; record when told to."""
    where = endpoint or endpoints.default()
    if replay is not None:
        actions.replay(replay, start_s=start_s, speed=speed, endpoint=where)
    else:
        actions.serve(settings(config, visa=visa, broker=broker), endpoint=where)
