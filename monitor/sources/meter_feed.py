"""A meter beside the instrument: entered, read and tried again, without ever ending a session."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import Protocol, Self

import msgspec

from monitor.dsp.interruptions import METER
from monitor.errors import WattstageError
from monitor.model import Marker, Reading, SlowChannel
from monitor.sources.clock import Clock
from monitor.sources.retry import delays_s
from monitor.sources.source import event

logger = logging.getLogger(__name__)


class Meter(Protocol):
    """Gives a few numbers now and then; open inside ``async with``, closed outside.

    It may be entered again after it was left, and after entering it failed.
    """

    @property
    def channels(self) -> tuple[SlowChannel, ...]:
        """Return what it measures; valid once entered."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def readings(self) -> AsyncIterator[Reading | Marker]:
        """Yield readings, and events such as ``lost``, ``reconnected`` and ``invalid``."""
        ...


async def beside(
    meter: Meter, clock: Clock
) -> AsyncGenerator[Reading | Marker | tuple[SlowChannel, ...], None]:
    """Yield what a meter measures each time that it was entered, then its readings and events.

    Ends when the meter does. One that cannot be reached, or fails, is told of by one ``lost``
    event, and tried again for ever.

    Parameters
    ----------
    clock
        Times the events, and the pauses between attempts.
    """
    is_lost, is_known = False, False
    delays = delays_s()
    while True:
        try:
            async with meter:
                yield meter.channels
                is_known = True
                items = meter.readings()
                try:
                    async for item in items:
                        if isinstance(item, Marker):
                            yield _of(_name(meter), item)
                            continue
                        if is_lost:
                            is_lost, delays = False, delays_s()
                            text = f"{item.channel.source} answers again"
                            yield _of(_name(meter), event(text, "reconnected", clock.now_ns()))
                        yield item
                finally:
                    if isinstance(items, AsyncGenerator):
                        await items.aclose()
            return
        except Exception as error:  # whatever ails a meter, the instrument goes on
            if not isinstance(error, WattstageError | OSError):
                logger.exception("a meter failed")
            if not is_lost:
                is_lost = True
                what = "meter lost" if is_known else "meter not reached"
                text = f"{what}: {str(error) or type(error).__name__}; trying again"
                yield _of(_name(meter), event(text, "lost", clock.now_ns()))
        await clock.sleep(next(delays))


def _name(meter: Meter) -> str:
    """Return who measures; empty while that is not known."""
    with contextlib.suppress(Exception):  # not entered yet, so it may not answer
        return meter.channels[0].source
    return ""


def _of(name: str, marker: Marker) -> Marker:
    """Return an event that says that it is of a meter."""
    return msgspec.structs.replace(marker, attrs={**marker.attrs, METER: name})
