"""Where the engine's markers come from: a subscription that outlives its connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

import aiomqtt

from monitor.errors import BrokerError, ConfigError, MarkerError
from monitor.markers import payload
from monitor.model import Marker
from monitor.mqtt import address
from monitor.mqtt.connection import connected, subscribe

logger = logging.getLogger(__name__)

_QUEUE = 10_000  # markers that wait for who iterates over the feed; the feed owns and bounds it
_PAUSE_S = (0.5, 10.0)  # before the next attempt to connect: first and longest


class MarkerFeed:
    """The markers of every workload that publishes to a broker, in the order of arrival.

    Entering starts to connect, and whatever goes wrong later is retried, so markers come until
    it is left. A task of its own is the only writer of its public attributes.

    Parameters
    ----------
    url
        ``mqtt://[USER:PASSWORD@]HOST[:PORT]`` or ``mqtts://...``.
    prefix
        First level of the topics.
    clock_ns
        Tells the UTC that becomes ``received_ns``.

    Raises
    ------
    ConfigError
        If the URL or the prefix is wrong.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "wattstage",
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        if not prefix or any(c in prefix for c in "+#\0") or prefix.strip("/") != prefix:
            raise ConfigError(
                f"marker prefix {prefix!r}: expected topic levels without + and #, as in wattstage"
            )
        self.address = address.parse(url)
        self.connected = False
        """Whether markers can arrive now."""
        self.n_malformed = 0
        """Markers that came and could not be understood."""
        self.n_lost = 0
        """Markers that came while the queue was full."""
        self.last_problem = ""
        """Why the last marker or connection was lost; empty if none ever was."""
        self._topic = f"{prefix}/+/+/marker"
        self._clock_ns = clock_ns
        # Fixed, because amqtt keeps a session for every identifier that it has ever seen.
        self._identifier = f"wattstage-feed-{uuid.uuid4().hex[:8]}"
        self._queue: asyncio.Queue[Marker | Exception | None] = asyncio.Queue()
        self._subscribed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="marker feed")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def __aiter__(self) -> AsyncIterator[Marker]:
        return self

    async def __anext__(self) -> Marker:
        marker = await self._queue.get()
        if isinstance(marker, Marker):
            return marker
        self._queue.put_nowait(marker)
        raise marker or StopAsyncIteration

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait for the broker.

        Parameters
        ----------
        timeout_s
            How long it may take.

        Raises
        ------
        BrokerError
            If it takes longer.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._subscribed.wait()
        except TimeoutError as error:
            why = self.last_problem or f"no answer within {timeout_s:g} s"
            raise BrokerError(
                f"no MQTT broker at {self.address}: {why}; start one there, "
                f"or give another with --broker mqtt://HOST[:PORT]"
            ) from error

    async def _run(self) -> None:
        pause_s = _PAUSE_S[0]
        try:
            while True:
                try:
                    await self._listen()
                except (aiomqtt.MqttError, OSError, UnicodeError) as error:
                    self.last_problem = str(error) or type(error).__name__
                if self.connected:
                    self.connected = False
                    pause_s = _PAUSE_S[0]
                    logger.warning("lost the broker at %s: %s", self.address, self.last_problem)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _PAUSE_S[1])
        except Exception as error:  # a bug; who iterates must not wait for ever
            logger.exception("the marker feed has failed")
            self._queue.put_nowait(error)
        finally:
            self.connected = False
            self._queue.put_nowait(None)

    async def _listen(self) -> None:
        """Take markers until the connection is lost, which raises."""
        where = self.address
        async with connected(where, identifier=self._identifier, max_waiting=_QUEUE) as client:
            await subscribe(client, self._topic)
            self.connected = True
            self._subscribed.set()
            logger.info("listening for markers at %s", where)
            async for message in client.messages:
                self._take(message)

    def _take(self, message: aiomqtt.Message) -> None:
        sent = message.payload
        try:
            marker = payload.decode(sent if isinstance(sent, bytes) else b"", self._clock_ns())
        except MarkerError as error:
            self.n_malformed += 1
            self.last_problem = f"{message.topic}: {error}"
            return
        if self._queue.qsize() >= _QUEUE:
            self.n_lost += 1
            self.last_problem = f"{message.topic}: nobody took the last {_QUEUE} markers"
            return
        self._queue.put_nowait(marker)
