"""Options that commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from monitor.mqtt.address import by_environment

Visa = Annotated[
    str | None, typer.Option(help="VISA address, e.g. TCPIP::192.168.1.20::5025::SOCKET.")
]
Config = Annotated[Path | None, typer.Option(help="Settings file (TOML).")]
Seconds = Annotated[
    float | None, typer.Option(help="End by itself after so many seconds.", min=0.1)
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="File to make.")]
Broker = Annotated[
    str | None,
    typer.Option(
        help="embedded, none, or mqtt://HOST:PORT.",
        show_default="embedded",
        parser=by_environment,
        metavar="URL",
    ),
]
Endpoint = Annotated[
    str | None, typer.Option(help="Where the engine listens.", show_default="one per user")
]


def has_display() -> bool:
    """Return whether a window can be shown."""
    return any(os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
