"""A scope as a source: its records, one after the other, as blocks."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import AsyncGenerator, Iterator
from types import TracebackType
from typing import Self

from monitor.config import InstrumentSettings
from monitor.errors import ConnectionLostError, InstrumentError, ProtocolError
from monitor.model import NS, Block, Marker, StreamInfo
from monitor.sources.acquisition import DroppedRecord, Record, StoppedError
from monitor.sources.clock import Clock, SystemClock
from monitor.sources.driver import Driver, Setup
from monitor.sources.record_time import Place, Placer
from monitor.sources.retry import delays_s
from monitor.sources.source import Item, event
from monitor.sources.worker import Worker, forget

logger = logging.getLogger(__name__)

_RATE_TOLERANCE = 1e-3


class ScopeSource:
    """Blocks from a scope over VISA, for as long as it is open.

    Everything that the scope is asked runs on one thread. A scope that goes away is connected
    to again, with a gap in the data and an event before and after.

    Parameters
    ----------
    settings
        Which scope, and what to ask it for.
    clock
        Of the host; None takes the computer's.
    """

    def __init__(self, settings: InstrumentSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._leaving = threading.Event()
        rhythm = random.Random(0)  # noqa: S311  # breaks a rhythm, hides nothing
        self._driver = Driver(
            settings,
            now_ns=self._clock.now_ns,
            wait=self._leaving.wait,
            delay=rhythm.random,
        )
        self._worker: Worker | None = None
        self._is_dropping = False
        self._opened: tuple[Setup, StreamInfo] | None = None

    @property
    def info(self) -> StreamInfo:
        """Return what holds for every block; valid once entered."""
        return self._entered[1]

    @property
    def _entered(self) -> tuple[Setup, StreamInfo]:
        if self._opened is None:
            raise RuntimeError("ScopeSource is used outside its `async with`")
        return self._opened

    async def __aenter__(self) -> Self:
        self._leaving.clear()
        self._worker = Worker("wattstage-scope")
        try:
            setup = await self._worker.run(self._driver.connect)
        except BaseException:
            await self._leave()
            raise
        self._opened = setup, self._describe(setup)
        logger.info("connected: %s at %s", setup.identity, self._settings.address)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._opened = None
        await self._leave()

    async def items(self) -> AsyncGenerator[Item, None]:
        """Yield a block per record, and events; the next record is taken meanwhile.

        Raises
        ------
        InstrumentError
            If the scope that came back is another one, or cannot do any more what it did.
        """
        setup, info = self._entered
        placer = Placer(info.sample_rate_hz, info.t0_ns)
        upcoming = self._used.run(self._driver.acquire)
        try:
            if setup.warning:
                logger.warning("%s", setup.warning)
                yield event(setup.warning, "warning", self._clock.now_ns())
            while True:
                taken: list[Item] = []
                try:
                    taken = self._items_of(await upcoming, placer)
                except StoppedError:
                    return
                except (ConnectionLostError, ProtocolError) as error:
                    if self._leaving.is_set():
                        return
                    lost_ns = self._clock.now_ns()
                    logger.warning("instrument lost: %s", error)
                    yield event(f"instrument lost: {error}; trying again", "lost", lost_ns)
                    await self._reconnect(setup)
                    placer.restart()
                    yield self._reconnected(lost_ns)
                upcoming = self._used.run(self._driver.acquire)
                for item in taken:
                    yield item
        finally:
            upcoming.cancel()  # the thread ends what it has begun, but nobody takes it
            upcoming.add_done_callback(forget)

    def _items_of(self, record: Record | DroppedRecord, placer: Placer) -> list[Item]:
        if isinstance(record, Record):
            place = placer.place(record.time, record.n_samples, record.tag_s)
            self._is_dropping = False
            return list(blocks(record, place, self.info.sample_rate_hz))
        if self._is_dropping:
            return []
        self._is_dropping = True
        logger.warning("%s", record.reason)
        return [event(record.reason, "dropped", self._clock.now_ns())]

    async def _reconnect(self, before: Setup) -> None:
        for delay_s in delays_s():
            await self._clock.sleep(delay_s)
            try:
                after = await self._used.run(self._driver.connect)
            except (ConnectionLostError, ProtocolError) as error:
                logger.info("still no instrument: %s", error)
                continue
            if _kind(after) != _kind(before):
                raise InstrumentError(
                    f"{self._settings.address} came back as {', '.join(_kind(after))}; this"
                    f" session is of {', '.join(_kind(before))}: begin a new one"
                )
            return

    def _reconnected(self, lost_ns: int) -> Marker:
        now_ns = self._clock.now_ns()
        text = f"instrument answers again after {(now_ns - lost_ns) / NS:.1f} s"
        logger.warning("%s", text)
        return event(text, "reconnected", now_ns)

    def _describe(self, setup: Setup) -> StreamInfo:
        asked_hz = self._settings.sample_rate_hz
        if asked_hz is not None and abs(setup.sample_rate_hz / asked_hz - 1) > _RATE_TOLERANCE:
            logger.warning(
                "%s samples at %g Hz, not at the %g Hz that the settings ask for",
                self._settings.address,
                setup.sample_rate_hz,
                asked_hz,
            )
        return StreamInfo(
            channels=tuple(item.channel() for item in self._settings.inputs),
            sample_rate_hz=setup.sample_rate_hz,
            t0_ns=setup.time.ns,
            t0_uncertainty_ns=setup.time.uncertainty_ns,
            dtype=setup.dtype,
            continuous=setup.is_continuous,
            supply=self._settings.supply,
            instrument=setup.notes,
        )

    @property
    def _used(self) -> Worker:
        if self._worker is None:
            raise RuntimeError("ScopeSource is used outside its `async with`")
        return self._worker

    async def _leave(self) -> None:
        """End the thread; it needs no longer than the instrument may be silent."""
        self._leaving.set()
        worker, self._worker = self._used, None
        await worker.close(self._driver.close)


def blocks(record: Record, place: Place, sample_rate_hz: float) -> Iterator[Block]:
    """Yield a record as blocks: one, or the pieces between its holes."""
    for (first, last), clipped in zip(record.pieces, record.clipped, strict=True):
        yield Block(
            start=place.start + first,
            codes=record.codes[:, first:last],
            scales=record.scales,
            clipped=clipped,
            host_ns=place.time.ns + round(first / sample_rate_hz * NS),
            host_uncertainty_ns=place.time.uncertainty_ns,
        )


def _kind(setup: Setup) -> tuple[str, str, str]:
    return setup.identity, f"{setup.sample_rate_hz:g} samples a second", f"codes of {setup.dtype}"
