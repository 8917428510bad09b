"""The ``wattstage`` command: parse, call, print."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from monitor import (
    calibrate_cli,
    commands,
    doctor_cli,
    export_cli,
    import_cli,
    keep_cli,
    setup_cli,
    terminal,
)
from monitor.analysis.stage_table import stage_table, to_json_value
from monitor.commands import Broker, Config, Endpoint, Output, Seconds, Visa
from monitor.engine import endpoint as endpoints
from monitor.engine.client import EngineClient
from monitor.engine.server import new_recording
from monitor.errors import WattstageError
from monitor.recording.info import info as recording_info
from monitor.recording.reader import Recording
from monitor.run.launch import Launch
from monitor.stage_text import StageText
from monitor.viewer import Viewer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Scope-grade power of generative AI, live on its pipeline stages.",
)
app.add_typer(import_cli.app, name="import")
app.add_typer(calibrate_cli.app, name="calibrate")
app.command()(doctor_cli.doctor)
app.command()(export_cli.export)
app.command()(keep_cli.verify)
app.command()(keep_cli.repair)
app.command()(keep_cli.cut)
app.command()(keep_cli.merge)
app.command()(keep_cli.annotate)
app.command()(setup_cli.devices)
app.command()(setup_cli.setup)

_OUT = Console()
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
_File = Annotated[Path, typer.Argument(help="A recording (*.h5).", show_default=False)]


@app.command()
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
    path = output or new_recording(commands.recordings_folder())
    bench = ["--capture", str(capture), "--loop"] if capture else ["--supply", supply]
    bench += ["--start-delay", "3"]
    scope = ["--rate", str(rate), "--record-length", "0.1"]
    commands.demo(
        path,
        bench=[*bench, "--gap-free"] if gap_free else bench,
        record=scope,
        viewer=Viewer(
            window=not terminal_view and commands.has_display(),
            seconds=seconds,
            theme=theme,
            picture=picture,
            out=_OUT,
        ),
    )


@app.command()
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
    settings = commands.settings(
        config,
        visa=visa,
        voltage=voltage,
        current=current,
        amps_per_volt=amps_per_volt,
        rate_hz=rate,
        record_s=record_length,
        broker=broker,
    )
    path = output or new_recording(commands.recordings_folder())
    commands.record(
        settings,
        path,
        seconds=seconds,
        endpoint=endpoint,
        quiet=quiet,
        until_stdin_closes=until_stdin_closes,
        out=_OUT,
    )


@app.command()
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
        commands.replay(replay, start_s=start_s, speed=speed, endpoint=where)
    else:
        settings = commands.settings(config, visa=visa, broker=broker)
        commands.serve(settings, endpoint=where)


@app.command()
def watch(
    file: Annotated[
        Path | None, typer.Argument(help="A recording to open.", show_default=False)
    ] = None,
    attach: Annotated[bool, typer.Option(help="Look at an engine that is running.")] = False,
    visa: Visa = None,
    config: Config = None,
    broker: Broker = None,
    endpoint: Endpoint = None,
    terminal_view: Annotated[bool, typer.Option("--terminal", help="No window.")] = False,
    seconds: Seconds = None,
    theme: Annotated[str, typer.Option(help="dark or light.")] = "dark",
    picture: Annotated[
        Path | None, typer.Option(help="Save a PNG of the window at the end.")
    ] = None,
) -> None:
    """Open the window: on a recording, on a running engine, or on an instrument."""
    where = endpoint or endpoints.default()
    view = Viewer(window=not terminal_view, seconds=seconds, theme=theme, picture=picture, out=_OUT)
    if file is not None:
        view.open(file)
    elif attach or (visa is None and config is None):
        view.attach(where)
    else:
        commands.settings(config, visa=visa, broker=broker)  # a wrong one is told at once
        options = (("--visa", visa), ("--config", config), ("--broker", broker))
        view.start(where, [f"{name}={value}" for name, value in options if value is not None])


@app.command()
def mark(
    text: Annotated[str, typer.Argument(help='E.g. "door opened".', show_default=False)],
    endpoint: Endpoint = None,
) -> None:
    """Put a mark into the running session."""
    with EngineClient(endpoint or endpoints.default()) as client:
        client.mark(text)


@app.command()
def save(
    minutes: Annotated[float, typer.Option(help="How far back.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to make.", show_default="the recordings folder"),
    ] = None,
    endpoint: Endpoint = None,
) -> None:
    """Save the last minutes of the running session, whether it was recorded or not."""
    with EngineClient(endpoint or endpoints.default()) as client:
        path = client.save_recent(60.0 * minutes, str(output.resolve()) if output else None)
    _OUT.print(f"saving the last {minutes:g} min to {path}", soft_wrap=True, highlight=False)


@app.command()
def stop(endpoint: Endpoint = None) -> None:
    """End the running engine; its recording is closed first."""
    with EngineClient(endpoint or endpoints.default()) as client:
        client.shutdown()


@app.command()
def info(file: _File, as_json: _JSON = False) -> None:
    """Tell what a recording holds."""
    with Recording(file) as recording:
        facts = recording_info(recording)
        if as_json:
            _print_json(facts)
        else:
            _OUT.print(terminal.facts(str(file), facts))


@app.command()
def stages(file: _File, as_json: _JSON = False) -> None:
    """Tell what each stage of a recording used."""
    with Recording(file) as recording:
        table = stage_table(recording, file.name)
        if as_json:
            _print_json(to_json_value(table))
        else:
            _OUT.print(StageText(table))


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    command: Annotated[
        list[str], typer.Argument(help="Program and its arguments, after --.", show_default=False)
    ],
    broker: Annotated[
        str | None,
        typer.Option(help="mqtt://HOST:PORT.", show_default="WATTSTAGE_BROKER, else this machine"),
    ] = None,
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
) -> None:
    """Run a program as one run; of Open-Sora, with its stages. Nothing of it is changed."""
    launch = Launch(
        command=tuple(command), url=broker, prefix=prefix, timing=timing, all_ranks=all_ranks,
        log=log, patterns=patterns, stages=stages,
    )  # fmt: skip
    raise typer.Exit(commands.run(launch))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def bench(context: typer.Context) -> None:
    """Run the virtual lab: a scope on loopback (see ``wattstage bench --help``)."""
    raise typer.Exit(commands.bench(context.args))


_PANELS = {
    "Set up": ("demo", "devices", "setup", "doctor", "calibrate"),
    "Measure": ("record", "run", "watch", "mark", "save", "stop", "engine"),
    "Recordings": ("info", "stages", "export", "import"),
    "Virtual lab": ("bench",),
}


def _arrange() -> None:
    """Show commands in the order in which they are needed, in panels; others under More."""
    order = [name for names in _PANELS.values() for name in names]
    panels = {name: panel for panel, names in _PANELS.items() for name in names}
    every: list[Any] = [*app.registered_commands, *app.registered_groups]
    for one in every:
        one.rich_help_panel = panels.get(_name(one), "More")
    app.registered_commands.sort(
        key=lambda one: order.index(_name(one)) if _name(one) in order else len(order)
    )


def _name(one: Any) -> str:
    return str(one.name or one.callback.__name__)


_arrange()


def main() -> None:
    """Run the command; an error that we raise on purpose is one sentence and exit code 1."""
    _log_to_stderr()
    try:
        app()
    except WattstageError as error:
        sys.exit(f"wattstage: {error}")
    except BrokenPipeError:
        sys.exit(1)


def _log_to_stderr() -> None:
    """Print our own warnings; what a library has to say reaches people in our errors."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("wattstage: %(message)s"))
    logging.getLogger("monitor").addHandler(handler)
    logging.getLogger().addHandler(logging.NullHandler())


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
