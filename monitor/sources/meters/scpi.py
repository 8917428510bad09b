"""A meter over VISA that is polled on a steady schedule."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

from monitor.config import MeterSettings
from monitor.errors import ConnectionLostError, ProtocolError
from monitor.model import NS, Marker, Reading, SlowChannel
from monitor.sources.clock import Clock
from monitor.sources.meters.poll import Answer, Plan, Poller
from monitor.sources.meters.recovery import recovered
from monitor.sources.meters.spell import Sieve, Value
from monitor.sources.source import event
from monitor.sources.worker import Worker

logger = logging.getLogger(__name__)


class ScpiMeter:
    """Readings of whatever the plan asks for, one sweep every ``interval_s``.

    Sweeps stand on a fixed schedule from the first on, so they do not drift; one that comes too
    late is left out. A meter that goes away is connected to again, with an event before and after.

    Parameters
    ----------
    settings, plan
        Which meter, and what it is told and asked.
    clock
        Of the host.
    """

    def __init__(self, settings: MeterSettings, plan: Plan, clock: Clock) -> None:
        self._settings = settings
        self._plan = plan
        self._clock = clock
        self._poller = Poller(settings, plan, clock.now_ns)
        self._worker: Worker | None = None
        self._identity = ""
        self._channels: dict[str, SlowChannel] = {}

    @property
    def channels(self) -> tuple[SlowChannel, ...]:
        """Return what is asked for; valid once entered."""
        self._used()
        return tuple(self._channels.values())

    async def __aenter__(self) -> Self:
        self._worker = Worker("wattstage-meter")
        try:
            self._identity = await self._connect()
        except BaseException:
            await self._leave()
            raise
        source = self._settings.name or _short(self._identity)
        self._channels = {
            query.name: SlowChannel(
                name=query.name,
                source=source,
                unit=query.unit,
                interval_s=self._settings.interval_s,
                window_s=self._plan.window_s,
                note=f"{self._identity}, {query.query}",
            )
            for query in self._plan.queries
        }
        logger.info("connected: %s at %s", self._identity, self._settings.address)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._channels = {}
        await self._leave()

    async def readings(self) -> AsyncGenerator[Reading | Marker, None]:
        """Yield readings, and events as markers.

        Their kinds are ``lost`` and ``reconnected``, ``invalid`` and ``invalid-over`` around error
        values, and ``slow``.

        Raises
        ------
        InstrumentError
            If another meter answers after a connection was lost.
        """
        worker, sieve = self._used(), Sieve()
        interval_ns = round(self._settings.interval_s * NS)
        due_ns = await self._settled()
        is_slow = False
        while True:
            try:
                answers = await worker.run(self._poller.sweep)
            except (ConnectionLostError, ProtocolError) as error:
                again = recovered(error, self._connect, self._clock, identity=self._identity)
                async with contextlib.aclosing(again) as told:
                    async for mark in told:
                        yield mark
                due_ns = await self._settled()
                continue
            for item in self._items(answers, sieve):
                yield item
            n_due = 1 + max(0, self._clock.now_ns() - due_ns) // interval_ns
            if n_due > 1 and not is_slow:
                is_slow = True
                yield self._slow(self._clock.now_ns() - due_ns)
            due_ns += n_due * interval_ns
            await self._clock.sleep(max(0, due_ns - self._clock.now_ns()) / NS)

    def _items(self, answers: tuple[Answer, ...], sieve: Sieve) -> list[Reading | Marker]:
        values = (
            Value(
                channel=self._channels[answer.query.name],
                value=answer.value,
                time_ns=answer.time_ns,
                factor=answer.query.factor,
                invalid=answer.query.invalid,
            )
            for answer in answers
        )
        return sieve.sift(values, self._clock.now_ns())

    async def _settled(self) -> int:
        """Wait for the first values after a connection; return when the first sweep is due."""
        await self._clock.sleep(self._plan.settle_s)
        return self._clock.now_ns()

    async def _connect(self) -> str:
        return await self._used().run(self._poller.connect)

    def _slow(self, took_ns: int) -> Marker:
        text = (
            f"{_short(self._identity)} took {took_ns / NS:.2g} s to answer, more than interval_s ="
            f" {self._settings.interval_s:g}: readings are missing; make interval_s longer"
        )
        return event(text, "slow", self._clock.now_ns())

    def _used(self) -> Worker:
        if self._worker is None:
            raise RuntimeError("ScpiMeter is used outside its `async with`")
        return self._worker

    async def _leave(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close(self._poller.close)


def _short(identity: str) -> str:
    """Return maker and model of the reply to ``*IDN?``."""
    return " ".join(part.strip() for part in identity.split(",")[:2]) or identity
