"""A power plug that reports over MQTT."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import uuid
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import aiomqtt

from monitor.config import MeterSettings
from monitor.errors import BrokerError, ConfigError, ConnectionLostError
from monitor.model import Marker, Reading, SlowChannel
from monitor.mqtt.address import Address, reach
from monitor.mqtt.connection import connected, subscribe
from monitor.sources.clock import Clock
from monitor.sources.meters.recovery import recovered
from monitor.sources.meters.report import Report, understand
from monitor.sources.meters.spell import Sieve, Spell, Value
from monitor.sources.source import event

logger = logging.getLogger(__name__)

_UNITS = {"power": "W", "voltage": "V", "current": "A"}
_QUEUE = 1000  # messages that wait for who iterates; more are dropped
_SILENT_S = 90.0  # plugs report once a minute at least, unless interval_s says otherwise
_SILENT_INTERVALS = 3
_COMPONENT = re.compile(r"(?P<topic>.+)/(?:relay/|emeter/|switch:|pm1:|em1:)(?P<number>\d+)")
_BESIDE = ("", "tele/", "stat/")  # before a topic: Shelly has nothing there, Tasmota these


class PlugMeter:
    """Power, voltage and current as a plug reports them, when it does.

    It is only listened to. Each report carries the time at which it came.

    Parameters
    ----------
    settings
        ``address`` is ``mqtt://[USER:PASSWORD@]HOST[:PORT]/TOPIC``; the topic is the plug's own,
        and may end in ``/relay/1`` or ``/switch:1`` for another than its first relay.
    clock
        Of the host.
    silent_s
        Seconds without a word after which it counts as lost; None goes by ``interval_s``.
    """

    def __init__(
        self, settings: MeterSettings, clock: Clock, *, silent_s: float | None = None
    ) -> None:
        if settings.setup or settings.queries:
            raise ConfigError(
                "a plug is not asked anything: remove setup and queries of the meter of kind plug"
            )
        self._broker, self._topic, self._component = _parsed(settings)
        self._clock = clock
        self._silent_s = silent_s or max(_SILENT_S, _SILENT_INTERVALS * settings.interval_s)
        self._identifier = f"wattstage-plug-{uuid.uuid4().hex[:8]}"
        self._client: aiomqtt.Client | None = None
        self._connection = contextlib.AsyncExitStack()
        self._name = settings.name or self._topic
        self._channels = {
            name: SlowChannel(
                name=name,
                source=self._name,
                unit=unit,
                interval_s=settings.interval_s,
                window_s=settings.window_s,
                note="as the plug reports it",
            )
            for name, unit in _UNITS.items()
        }
        self._sieve, self._malformed = Sieve(), Spell()
        self._is_away = False

    @property
    def channels(self) -> tuple[SlowChannel, ...]:
        """Return what plugs report; not every one of them does all of it."""
        return tuple(self._channels.values())

    async def __aenter__(self) -> Self:
        await self._connect()
        logger.info("listening to the plug %s at %s", self._topic, self._broker)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._disconnect()

    async def readings(self) -> AsyncGenerator[Reading | Marker, None]:
        """Yield readings, and events as markers.

        Their kinds are ``lost`` and ``reconnected`` of the broker or the plug, ``invalid`` and
        ``invalid-over`` around error values, ``malformed`` and ``malformed-over`` around messages
        that are not understood.
        """
        self._sieve, self._malformed, self._is_away = Sieve(), Spell(), False
        while True:
            try:
                async with contextlib.aclosing(self._heard()) as items:
                    async for item in items:
                        yield item
            except (aiomqtt.MqttError, OSError) as error:
                lost = ConnectionLostError(f"the broker at {self._broker} is gone: {error}")
                again = recovered(lost, self._connect, self._clock, identity=self._name)
                async with contextlib.aclosing(again) as told:
                    async for mark in told:
                        yield mark

    async def _heard(self) -> AsyncGenerator[Reading | Marker, None]:
        """Yield what messages say until the connection is lost, which raises."""
        if self._client is None:
            raise RuntimeError("PlugMeter is used outside its `async with`")
        messages = aiter(self._client.messages)
        while True:
            try:
                async with asyncio.timeout(self._silent_s):
                    message = await anext(messages)
            except TimeoutError:
                text = f"no report of {self._name} for {self._silent_s:g} s; check the plug and"
                for mark in self._away(f"{text} the topic {self._topic!r}"):
                    yield mark
                continue
            for item in self._items(message):
                yield item

    def _items(self, message: aiomqtt.Message) -> list[Reading | Marker]:
        payload = message.payload if isinstance(message.payload, bytes) else b""
        now_ns = self._clock.now_ns()
        try:
            said = understand(self._below(str(message.topic)), payload, self._component)
        except ValueError as error:
            if not self._malformed.bad(now_ns):
                return []
            text = f"{self._name}: a message on {message.topic} is not understood: {error}"
            return [event(text, "malformed", now_ns)]
        if said is None:
            return []
        if isinstance(said, bool):
            return list(self._back() if said else self._away(f"{self._name} is offline"))
        if message.retain:
            return []  # of whenever it was
        left_out = self._malformed.good()
        told = list(self._back())
        if left_out is not None:
            text = f"{self._name}: messages are understood again; {left_out}"
            told.append(event(text, "malformed-over", now_ns))
        return [*told, *self._sieve.sift(self._values(said, now_ns), now_ns)]

    def _values(self, report: Report, time_ns: int) -> list[Value]:
        return [
            Value(channel=self._channels[name], value=value, time_ns=time_ns)
            for name, value in report.items()
        ]

    def _below(self, topic: str) -> str:
        for beside in _BESIDE:
            prefix = f"{beside}{self._topic}/"
            if topic.startswith(prefix):
                return topic.removeprefix(prefix)
        return ""

    def _away(self, text: str) -> list[Marker]:
        if self._is_away:
            return []
        self._is_away = True
        logger.warning("%s", text)
        return [event(text, "lost", self._clock.now_ns())]

    def _back(self) -> list[Marker]:
        if not self._is_away:
            return []
        self._is_away = False
        return [event(f"{self._name} reports again", "reconnected", self._clock.now_ns())]

    async def _connect(self) -> str:
        await self._disconnect()
        made = connected(self._broker, identifier=self._identifier, max_waiting=_QUEUE)
        try:
            async with contextlib.AsyncExitStack() as stack:
                client = await stack.enter_async_context(made)
                for beside in _BESIDE:
                    await subscribe(client, f"{beside}{self._topic}/#")
                self._client, self._connection = client, stack.pop_all()
        except (aiomqtt.MqttError, BrokerError, ConfigError) as error:
            raise ConnectionLostError(
                f"no MQTT broker for the plug {self._name} at {self._broker}: {error}"
            ) from error
        return self._name

    async def _disconnect(self) -> None:
        self._client = None
        with contextlib.suppress(aiomqtt.MqttError, OSError):  # it is gone already
            await self._connection.aclose()


def _parsed(settings: MeterSettings) -> tuple[Address, str, int]:
    """Return broker, topic and number of the component.

    Raises
    ------
    ConfigError
        If the URL has no topic, or one that is none.
    """
    url = settings.address
    try:
        parts = urlsplit(url)
    except ValueError as error:  # half an IPv6 address
        raise ConfigError(
            f"address of a plug: {error}; expected mqtt://HOST[:PORT]/TOPIC"
        ) from error
    broker = reach(f"{parts.scheme}://{parts.netloc}", settings)
    topic = unquote(parts.path).strip("/")
    if not topic or any(c in topic for c in "+#\0") or "#" in url or "?" in url:
        raise ConfigError(
            f"address of a plug at {broker}: expected its own topic after the port, without + and"
            f" #, as in {broker}/shellies/shellyplug-s-1A2B3C, got {topic!r}"
        )
    match = _COMPONENT.fullmatch(topic)
    return (broker, match["topic"], int(match["number"])) if match else (broker, topic, 0)
