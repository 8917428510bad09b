"""``wattstage mark``, ``save`` and ``stop``: what is said to an engine that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from monitor.cli.options import Endpoint
from monitor.engine import endpoint as endpoints
from monitor.engine.client import EngineClient

_OUT = Console()


def mark(
    text: Annotated[str, typer.Argument(help='E.g. "door opened".', show_default=False)],
    endpoint: Endpoint = None,
) -> None:
    """Put a mark into the running session."""
    with EngineClient(endpoint or endpoints.running()) as client:
        client.mark(text)


def save(
    minutes: Annotated[float, typer.Option(help="How far back.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to make.", show_default="the recordings folder"),
    ] = None,
    endpoint: Endpoint = None,
) -> None:
    """Save the last minutes of the running session, whether it was recorded or not."""
    with EngineClient(endpoint or endpoints.running()) as client:
        path = client.save_recent(60.0 * minutes, str(output.resolve()) if output else None)
    _OUT.print(f"saving the last {minutes:g} min to {path}", soft_wrap=True, highlight=False)


def stop(endpoint: Endpoint = None) -> None:
    """End the running engine; its recording is closed first."""
    with EngineClient(endpoint or endpoints.running()) as client:
        client.shutdown()
