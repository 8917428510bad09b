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
from monitor.markers import echo, payload, telemetry
from monitor.markers.clock import Interview, compared, our_clock, same
from monitor.markers.presence import Presence
from monitor.markers.senders import Senders
from monitor.markers.telemetry import Telemetry, Told
from monitor.model import NS, Edge, Marker, Scalar
from monitor.mqtt.address import Address, reach
from monitor.mqtt.connection import connected, subscribe

logger = logging.getLogger(__name__)

_QUEUE = 10_000  # markers that wait for who iterates over the feed; the feed owns and bounds it
_KINDS = ("run", "status", "clock", "sensors", "telemetry")  # beside the markers
_CARE_S = 0.1  # between two looks at what is missing
_PAUSE_S = (0.5, 2.0)  # before the next attempt to connect: first and longest


class MarkerFeed:
    """The markers of every workload that publishes to a broker, in the order of arrival.

    Between them what the workloads' hosts tell of themselves: channels, and their readings.

    Entering starts to connect, and whatever goes wrong later is retried, so markers come until
    it is left. A task of its own is the only writer of its public attributes.

    Parameters
    ----------
    broker
        Where it is and how to be let in; a URL takes the rest from the environment.
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
        broker: str | Address,
        *,
        prefix: str = "wattstage",
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        if not prefix or any(c in prefix for c in "+#\0") or prefix.strip("/") != prefix:
            raise ConfigError(
                f"marker prefix {prefix!r}: expected topic levels without + and #, as in wattstage"
            )
        self.address = reach(broker) if isinstance(broker, str) else broker
        self.connected = False
        """Whether markers can arrive now."""
        self.n_malformed = 0
        """Markers and telemetry that came and could not be understood."""
        self.n_overflowed = 0
        """Markers that came while the queue was full."""
        self.last_problem = ""
        """Why the last marker or connection was lost; empty if none ever was."""
        self.is_deaf = False
        """Whether the broker lets us in and passes nothing on; ``last_problem`` says why."""
        self._senders = Senders()
        self._interviews: dict[str, Interview] = {}
        self._telemetry = Telemetry()
        self._headers: dict[str, dict[str, Scalar]] = {}
        self._presence = Presence()
        self._our_clock = our_clock()
        self._topics = (
            f"{prefix}/+/+/marker",
            *(f"{prefix}/+/+/+/{kind}" for kind in _KINDS),
        )
        self._prefix = prefix
        self._clock_ns = clock_ns
        # Fixed, because amqtt keeps a session for every identifier that it has ever seen.
        self._identifier = f"wattstage-feed-{uuid.uuid4().hex[:8]}"
        self._echo = echo.topic(prefix, self._identifier)
        self._heard = asyncio.Event()
        self._queue: asyncio.Queue[Told | Exception | None] = asyncio.Queue()
        self._subscribed = asyncio.Event()
        self._lost = False
        self._task: asyncio.Task[None] | None = None

    @property
    def n_lost(self) -> int:
        """Return how many markers were sent and never came to who iterates."""
        return self.n_overflowed + self._senders.n_lost

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

    def __aiter__(self) -> AsyncIterator[Told]:
        return self

    async def __anext__(self) -> Told:
        item = await self._queue.get()
        if item is None or isinstance(item, Exception):
            self._queue.put_nowait(item)
            raise item or StopAsyncIteration
        return item

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
            raise BrokerError(f"no markers from the broker at {self.address}: {why}") from error

    async def _run(self) -> None:
        pause_s = _PAUSE_S[0]
        try:
            while True:
                try:
                    await self._listen()
                except (aiomqtt.MqttError, BrokerError, ConfigError) as error:
                    self.last_problem = str(error) or type(error).__name__
                if self.connected:
                    self.connected = False
                    pause_s = _PAUSE_S[0]
                    self._lost = True
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
            for topic in (self._echo, *self._topics):
                await subscribe(client, topic)
            self.connected = True
            self._subscribed.set()
            if self._lost:
                logger.warning("the broker at %s is back", where)
                self._lost = False
                self._presence.call(self._now_s())
            logger.info("listening for markers at %s", where)
            tasks = [asyncio.create_task(work(client)) for work in (self._ask, self._try_echo)]
            try:
                async for message in client.messages:
                    self._take(message)
            finally:
                for task in tasks:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
                        await task

    async def _try_echo(self, client: aiomqtt.Client) -> None:
        """Learn whether the broker passes on what we say."""
        self._heard.clear()
        await client.publish(self._echo, b"")
        try:
            async with asyncio.timeout(echo.WAIT_S):
                await self._heard.wait()
        except TimeoutError:
            self.is_deaf = True
            self.last_problem = echo.not_heard(self.address, self._prefix)
            logger.warning("%s", self.last_problem)

    async def _ask(self, client: aiomqtt.Client) -> None:
        """Ask senders for what is missing, and what time it is; notice who has gone meanwhile."""
        while True:
            for base, status in self._presence.missed(self._now_s()):
                self._take_status(base, status)
            for sender in tuple(self._senders):
                wanted = sender.request(self._now_s())
                if wanted is not None:
                    first, last = wanted
                    logger.info("asking %s for markers %d to %d", sender.base, first, last)
                    await client.publish(f"{sender.base}/ask", payload.request(first, last))
            for interview in tuple(self._interviews.values()):
                if interview.is_due(self._now_s()):
                    text = payload.question(self._identifier, self._clock_ns())
                    await client.publish(f"{interview.base}/ask", text)
            await asyncio.sleep(_CARE_S)

    def _take(self, message: aiomqtt.Message) -> None:
        sent = message.payload if isinstance(message.payload, bytes) else b""
        if message.topic.value == self._echo:
            self._heard.set()
            self.is_deaf = False
            return
        if not any(message.topic.matches(topic) for topic in self._topics):
            return  # amqtt gives a new client what it keeps for others
        base, _, kind = message.topic.value.rpartition("/")
        try:
            if kind == "marker":
                self._take_marker(base, payload.decode(sent, self._clock_ns()))
            elif kind == "run" and sent:
                self._take_header(base, payload.decode_header(sent))
            elif kind == "status":
                self._take_status(base, payload.decode_status(sent))
            elif kind == "clock":
                self._take_answer(payload.decode_answer(sent), self._clock_ns())
            elif kind == "sensors" and sent:
                self._give(*self._telemetry.know(telemetry.decode_sensors(sent), self._clock_ns()))
            elif kind == "telemetry":
                self._give(*self._telemetry.take(telemetry.decode_values(sent), self._clock_ns()))
        except MarkerError as error:
            self.n_malformed += 1
            self.last_problem = f"{message.topic}: {error}"

    def _take_marker(self, base: str, marker: Marker) -> None:
        sender = self._senders.of(f"{base}/{marker.sender}") if marker.sender else None
        if sender is not None and not sender.take(marker.seq, self._now_s()):
            return
        self._give(marker)

    def _take_header(self, base: str, header: payload.Header) -> None:
        sender = self._senders.of(base)
        if sender is None:
            return
        sender.tell(header.seq, self._now_s())
        self._presence.hear(base, header)
        told = payload.told_of(header, self._clock_ns())
        if self._headers.get(base) != told.attrs:
            self._headers[base] = told.attrs
            self._give(told)
        if base in self._interviews:
            return
        self._interviews[base] = Interview(base, self._now_s())
        if header.clock and header.clock == self._our_clock:
            self._compare(same(header.run_id, header.sender, self._clock_ns()))
            self._interviews[base].close()

    def _take_answer(self, answer: payload.Answer, t3_ns: int) -> None:
        if answer.id == self._identifier:
            point = compared(answer, t3_ns)
            if point is not None:
                self._compare(point)

    def _compare(self, point: Marker) -> None:
        self._give(point, *self._telemetry.compare(point, self._clock_ns()))

    def _take_status(self, base: str, status: payload.Status) -> None:
        if status.status != "online":
            self._presence.leave(base)
        if status.status == "ended":
            self._senders.end(base, status.seq, self._now_s())
            self._interviews.pop(base, None)
            self._give(*self._telemetry.end(status.run_id, status.sender, self._clock_ns()))
            self._headers.pop(base, None)
        elif status.status == "lost" and not self._senders.has_ended(base):
            now_ns = self._clock_ns()
            if self._telemetry.tells(status.run_id, status.sender):
                text = "telemetry is gone without a word"  # which does not abort the workload
                self._give(self._telemetry.event(text, now_ns))
                return
            self._give(
                Marker(
                    time_ns=now_ns,
                    received_ns=now_ns,
                    stage="abort",
                    edge=Edge.INSTANT,
                    run_id=status.run_id,
                    rank=status.rank,
                    sender=status.sender,
                    timing="host",
                    attrs={"reason": "the workload is gone without a word"},
                )
            )

    def _give(self, *items: Told) -> None:
        for item in items:
            if self._queue.qsize() >= _QUEUE:
                self.n_overflowed += 1
                self.last_problem = f"nobody took the last {_QUEUE} markers"
                return
            self._queue.put_nowait(item)

    def _now_s(self) -> float:
        return self._clock_ns() / NS
