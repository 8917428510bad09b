"""Tells of this host until its standard input ends: what ``wattstage run`` starts beside a program.

So it never outlives who started it. Nothing is written, and nothing but the standard library,
paho-mqtt and pynvml is imported.
"""

from __future__ import annotations

import os
import select

from monitor.markers.client import MarkerClient
from monitor.telemetry.report import ROLE, Telemetry


def _is_over(seconds: float) -> bool:
    ready, _, _ = select.select([0], [], [], seconds)
    return bool(ready) and not os.read(0, 4096)


def main() -> None:
    """Publish as the environment says: ``WATTSTAGE_BROKER``, ``_PREFIX`` and ``_RUN_ID``."""
    with MarkerClient(role=ROLE) as client:
        Telemetry().publish(client, _is_over)


if __name__ == "__main__":
    main()
