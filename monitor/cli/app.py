"""The ``wattstage`` command: its parts in the order in which they are needed."""

from __future__ import annotations

import logging
import sys

import typer

from monitor.cli import (
    align,
    calibrate,
    doctor,
    export,
    importing,
    keep,
    programs,
    reading,
    sessions,
    setup,
)
from monitor.errors import WattstageError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Scope-grade power of generative AI, live on its pipeline stages.",
)
_PANELS = {
    "Set up": (sessions.demo, setup.devices, setup.setup, doctor.doctor),
    "Measure": (
        sessions.record, sessions.watch, sessions.mark, sessions.save, sessions.stop,
        align.align, sessions.engine, programs.telemetry,
    ),
    "Recordings": (
        reading.info, reading.stages, reading.lag, export.export,
        keep.verify, keep.repair, keep.cut, keep.merge, keep.annotate,
    ),
}  # fmt: skip
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
app.add_typer(calibrate.app, name="calibrate", rich_help_panel="Set up")
app.add_typer(importing.app, name="import", rich_help_panel="Recordings")
# What follows these is another program's own.
app.command(context_settings={"allow_interspersed_args": False}, rich_help_panel="Measure")(
    programs.run
)
app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
    rich_help_panel="Virtual lab",
)(programs.bench)


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
