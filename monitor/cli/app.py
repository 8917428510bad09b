"""The ``wattstage`` command: its parts in the order in which they are needed.

A command loads what it needs itself, and not what the others need.
"""

from __future__ import annotations

import ast
import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.errors import WattstageError

_PANELS = {
    "Set up": {
        "demo": "sessions", "devices": "setup", "setup": "setup", "doctor": "doctor",
        "calibrate": "calibrate",
    },
    "Measure": {
        "record": "sessions", "run": "programs", "watch": "watch", "mark": "running",
        "save": "running", "stop": "running", "align": "align", "telemetry": "programs",
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
_VERSION = "--version"
_GROUPS = ("calibrate", "import")
_OPTIONS: dict[str, dict[str, Any]] = {  # what follows these is another program's own
    "run": {"context_settings": {"allow_interspersed_args": False}},
    "bench": {
        "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
        "add_help_option": False,
    },
}


def application(wanted: str | None = None) -> typer.Typer:
    """Return the commands, as far as they are wanted.

    Parameters
    ----------
    wanted
        The first word of a command line: of the command of that name there is all, and no other;
        if there is none, there is of each command what its help says. None wants all of all.
    """
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Scope-grade power of generative AI, live on its pipeline stages.",
    )
    app.callback()(_common)
    every = list(_commands())
    for panel, name, module in [each for each in every if each[1] == wanted] or every:
        if wanted not in {None, name}:
            app.command(name, help=_help(module, name), rich_help_panel=panel)(_not_loaded)
            continue
        part = importlib.import_module(f"monitor.cli.{module}")
        if name in _GROUPS:
            app.add_typer(part.app, name=name, rich_help_panel=panel)
        else:
            options = _OPTIONS.get(name, {})
            app.command(rich_help_panel=panel, **options)(getattr(part, name))
    return app


def _not_loaded() -> None:
    """Stand for a command in the list of all."""


def _help(module: str, name: str) -> str:
    """Return the help of a command from its source, because to import all takes seconds."""
    for part in ast.parse(Path(__file__).with_name(f"{module}.py").read_bytes()).body:
        if isinstance(part, ast.FunctionDef) and part.name == name and name not in _GROUPS:
            return ast.get_docstring(part) or ""
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Call) and name in _GROUPS:
            given = {each.arg: each.value for each in part.value.keywords}
            if "help" in given:
                return str(ast.literal_eval(given["help"]))
    return ""


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415  # slow, and seldom asked for

        typer.echo(f"wattstage {version('wattstage')}")
        raise typer.Exit


def _commands() -> Iterator[tuple[str, str, str]]:
    """Yield the panel, the name and the module of each command."""
    for panel, commands in _PANELS.items():
        for name, module in commands.items():
            yield panel, name, module


def _common(
    version: Annotated[
        bool,
        typer.Option(
            _VERSION, is_eager=True, callback=_tell_version, help="Tell the version, and end."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command; an error that we raise on purpose is one sentence and an exit code."""
    _log_to_stderr()
    try:
        application(next(iter(sys.argv[1:]), ""))()
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
