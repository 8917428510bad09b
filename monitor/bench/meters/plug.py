"""Power plugs on the load that the bench's scope sees, which report over MQTT.

They say what their makers' documents show: Tasmota (tasmota.github.io/docs/MQTT), Shelly of the
first and of the second generation (shelly-api-docs), but more often, so that nobody has to wait.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Self

import aiomqtt

from monitor.bench.load.signal import Waveform
from monitor.bench.meters.means import Averager, Means
from monitor.mqtt.address import reach
from monitor.mqtt.connection import connected

_UPDATE_S = 0.2
_QUEUE = 10
_NOTHING = Means(math.nan, math.nan, math.nan, math.nan)

Message = tuple[str, str]
"""A topic and what is published there."""


def _tasmota(topic: str, means: Means) -> Iterator[Message]:
    said: dict[str, Any] = {"Time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")}
    said["ENERGY"] = {
        "TotalStartTime": "2026-01-01T00:00:00",
        "Total": 12.345,
        "Power": _rounded(means.watts, 0),
        "ApparentPower": _rounded(means.volt_amperes, 0),
        "ReactivePower": _rounded(means.vars, 0),
        "Factor": _rounded(means.power_factor, 2),
        "Voltage": _rounded(means.volts, 0),
        "Current": _rounded(means.amps, 3),
    }
    yield f"tele/{topic}/SENSOR", json.dumps(said)


def _shelly1(topic: str, means: Means) -> Iterator[Message]:
    yield f"{topic}/relay/0", "on"
    yield f"{topic}/relay/0/power", f"{means.watts:.2f}"


def _shelly2(topic: str, means: Means) -> Iterator[Message]:
    said = {
        "id": 0,
        "source": "init",
        "output": True,
        "apower": _rounded(means.watts, 1),
        "voltage": _rounded(means.volts, 1),
        "current": _rounded(means.amps, 3),
        "aenergy": {"total": 12345.6},
    }
    yield f"{topic}/status/switch:0", json.dumps(said)


PLUGS: Mapping[str, tuple[str, str, Callable[[str, Means], Iterator[Message]]]] = MappingProxyType(
    {
        "tasmota": ("tasmota_BE7C40", "tele/{}/LWT", _tasmota),
        "shelly1": ("shellies/shellyplug-s-BE7C41", "{}/online", _shelly1),
        "shelly2": ("shellyplusplugs-be7c42", "{}/online", _shelly2),
    }
)
"""By name: its topic, the topic of its presence, and what it reports."""

_PRESENCE = {"tasmota": ("Offline", "Online")}


class BenchPlug:
    """A plug that reports while it is entered.

    Parameters
    ----------
    name
        A name in ``PLUGS``.
    waveform
        What flows through it.
    now_ns
        Returns the nanoseconds since the bench's zero.
    broker
        URL of the broker.
    is_wrong
        Whether it reports no values.
    """

    def __init__(
        self,
        name: str,
        waveform: Waveform,
        now_ns: Callable[[], int],
        *,
        broker: str,
        is_wrong: bool = False,
    ) -> None:
        self.topic, self._presence, self._reports = PLUGS[name]
        self.is_wrong = is_wrong
        """Whether it reports no values."""
        self._name = name
        self._averager = Averager(waveform, now_ns, update_s=_UPDATE_S)
        self._broker = reach(broker)
        self._client: aiomqtt.Client | None = None
        self._reporter: asyncio.Task[None] | None = None
        self._connection = AsyncExitStack()

    @property
    def address(self) -> str:
        """Return broker and topic."""
        return f"{self._broker}/{self.topic}"

    async def __aenter__(self) -> Self:
        self._averager.restart(_UPDATE_S)
        made = connected(self._broker, identifier=f"bench-{self._name}", max_waiting=_QUEUE)
        self._client = await self._connection.enter_async_context(made)
        await self.tell(is_there=True)
        self._reporter = asyncio.create_task(self._report(self._client))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._reporter is not None:
            self._reporter.cancel()
            await asyncio.gather(self._reporter, return_exceptions=True)
            await self.tell(is_there=False)
        await self._connection.aclose()

    async def tell(self, *, is_there: bool) -> None:
        """Publish whether the plug is there, which the broker keeps."""
        said = _PRESENCE.get(self._name, ("false", "true"))[is_there]
        if self._client is not None:
            await self._client.publish(self._presence.format(self.topic), said, retain=True)

    async def say(self, below: str, payload: str, *, retain: bool = False) -> None:
        """Publish anything below the plug's topic, which the broker keeps if told so."""
        if self._client is not None:
            await self._client.publish(f"{self.topic}/{below}", payload, qos=1, retain=retain)

    async def _report(self, client: aiomqtt.Client) -> None:
        while True:
            await asyncio.sleep(_UPDATE_S)
            newest = self._averager.latest()
            if newest is None:
                continue
            for topic, payload in self._reports(
                self.topic, _NOTHING if self.is_wrong else newest[1]
            ):
                await client.publish(topic, payload)


def _rounded(value: float, digits: int) -> float | None:
    return None if math.isnan(value) else round(value, digits)
