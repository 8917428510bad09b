"""``wattstage watch``: the window, which must not wait for what only an engine needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from monitor.cli import window
from monitor.cli.options import Broker, Config, Endpoint, Seconds, Visa
from monitor.errors import ConfigError

_OUT = Console()


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
    if file is not None:
        if terminal_view:
            raise ConfigError("a recording needs the window; `wattstage stages FILE` is the text")
        window.show(recording=file, theme=theme, seconds=seconds, picture=picture)
        return
    from monitor.cli.instrument import settings  # noqa: PLC0415  # a recording needs none of it
    from monitor.cli.viewer import Viewer  # noqa: PLC0415
    from monitor.engine import endpoint as endpoints  # noqa: PLC0415

    view = Viewer(window=not terminal_view, seconds=seconds, theme=theme, picture=picture, out=_OUT)
    if attach or (visa is None and config is None):
        view.attach(endpoint or endpoints.running())
    else:
        settings(config, visa=visa, broker=broker)  # a wrong one is told at once
        told = (("--visa", visa), ("--config", config), ("--broker", broker))
        view.start(
            endpoint or endpoints.default(),
            [f"{name}={value}" for name, value in told if value is not None],
        )
