"""The ``wattstage`` command: its parts in the order in which they are needed.

A command loads what it needs itself, and not what the others need.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from typing import Any

import typer

from monitor.errors import WattstageError

_PANELS = {
    "Set up": {
        "demo": "sessions", "devices": "setup", "setup": "setup", "doctor": "doctor",
        "calibrate": "calibrate",
    },
    "Measure": {
        "record": "sessions", "run": "programs", "watch": "watch", "mark": "sessions",
        "save": "sessions", "stop": "sessions", "align": "align", "telemetry": "programs",
        "engine": "sessions",
    },
    "Recordings": {
        "info": "reading", "stages": "reading", "lag": "reading", "export": "export",
        "import": "importing", "verify": "keep", "repair": "keep", "cut": "keep", "merge": "keep",
        "annotate": "keep",
    },
    "Virtual lab": {"bench": "programs"},
}  # fmt: skip
"""Each command with the module of this room in which it is, as a function of its name; one that
has commands of its own is the module's ``app``."""
_GROUPS = ("calibrate", "import")
_OPTIONS: dict[str, dict[str, Any]] = {  # what follows these is another program's own
    "run": {"context_settings": {"allow_interspersed_args": False}},
    "bench": {
        "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
        "add_help_option": False,
    },
}


def application(wanted: str | None = None) -> typer.Typer:
    """Return the commands; only the one that is wanted, if there is one of that name."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Scope-grade power of generative AI, live on its pipeline stages.",
    )
    app.callback()(_nothing)  # one command alone would have no name otherwise
    every = list(_commands())
    one = [each for each in every if each[1] == wanted]
    for panel, name, module in one or every:
        part = importlib.import_module(f"monitor.cli.{module}")
        if name in _GROUPS:
            app.add_typer(part.app, name=name, rich_help_panel=panel)
        else:
            options = _OPTIONS.get(name, {})
            app.command(rich_help_panel=panel, **options)(getattr(part, name))
    return app


def _commands() -> Iterator[tuple[str, str, str]]:
    """Yield the panel, the name and the module of each command."""
    for panel, commands in _PANELS.items():
        for name, module in commands.items():
            yield panel, name, module


def _nothing() -> None:
    pass


def main() -> None:
    """Run the command; an error that we raise on purpose is one sentence and an exit code."""
    _log_to_stderr()
    try:
        application(next(iter(sys.argv[1:]), None))()
    except WattstageError as error:
        sys.stderr.write(f"wattstage: {error}\n")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)


def _log_to_stderr() -> None:
    """Print our own warnings; what a library has to say reaches people in our errors."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("wattstage: %(message)s"))
    logging.getLogger("monitor").addHandler(handler)
    logging.getLogger().addHandler(logging.NullHandler())
