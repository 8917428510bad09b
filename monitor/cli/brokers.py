"""The option that names a workload's broker; it loads little, so that a workload starts soon."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.mqtt.address import by_environment

OwnBroker = Annotated[
    str | None,
    typer.Option(
        help="mqtt://HOST:PORT.",
        show_default="WATTSTAGE_BROKER, else this machine",
        parser=by_environment,
        metavar="URL",
    ),
]
