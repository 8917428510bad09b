"""Publishes what the sensors of this host say, beside the markers of a run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from monitor.markers.client import MarkerClient
from monitor.telemetry.nvml import gpus
from monitor.telemetry.poll import Poller, Value
from monitor.telemetry.rapl import POWERCAP, processors

INTERVAL_S = 0.02
"""Between two looks at the power of a GPU: a fifth of what most cards need for an update."""
ROLE = "telemetry"
"""What its sender says in its header that it is."""
_BATCH_S = 0.25  # of values in one message
_MOST_NOTES = 32  # half of what a message may hold
_MOST = 1000  # values in one message: half of what it may hold


class Telemetry:
    """The sensors of this host, and why there are not more of them.

    Parameters
    ----------
    interval_s
        Between two looks at the power.
    powercap
        Folder of the RAPL zones.
    """

    def __init__(self, interval_s: float = INTERVAL_S, powercap: Path = POWERCAP) -> None:
        self.notes: list[str] = []
        """Sentences for people; grows where a sensor fails later."""
        groups = [*gpus(interval_s, self._say), *processors(self._say, powercap)]
        self._poller = Poller(groups, self._say)
        self.sensors = self._poller.sensors

    def publish(self, client: MarkerClient, is_over: Callable[[float], bool]) -> None:
        """Publish what is worth telling, until it is over; if there are no sensors, why.

        Parameters
        ----------
        client
            Through which; who listens learns this host's time from it.
        is_over
            Waits for so many seconds, or less if it is over; returns whether it is.
        """
        n_notes = -1
        values: list[Value] = []
        batch_due_s = 0.0
        while True:
            if len(self.notes) != n_notes:
                n_notes = len(self.notes)
                client.say("sensors", self._described(client.host), keep=True)
            now_s = time.monotonic()
            values += self._poller.poll(now_s)
            if now_s >= batch_due_s or len(values) >= _MOST:
                batch_due_s = now_s + _BATCH_S
                _tell(client, values)
                values = []
            wait_s = max(self._poller.due_s - time.monotonic(), 0.0)
            if not self.sensors or is_over(wait_s):
                break
        _tell(client, values)

    def _described(self, host: str) -> dict[str, object]:
        """Return what who listens must know to understand the values."""
        return {
            "host": host,
            "sensors": [dataclasses.asdict(sensor) for sensor in self.sensors],
            "notes": list(self.notes),
        }

    def _say(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < _MOST_NOTES:
            self.notes.append(text)


def _tell(client: MarkerClient, values: list[Value]) -> None:
    if values:
        client.say("telemetry", {"values": values})
