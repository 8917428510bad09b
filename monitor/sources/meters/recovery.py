"""A meter that went away: told, tried again with growing pauses, told when it is back."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

from monitor.errors import ConnectionLostError, InstrumentError, ProtocolError
from monitor.model import NS, Marker
from monitor.sources.clock import Clock
from monitor.sources.retry import delays_s
from monitor.sources.source import event

logger = logging.getLogger(__name__)


async def recovered(
    error: InstrumentError,
    connect: Callable[[], Awaitable[str]],
    clock: Clock,
    *,
    identity: str,
) -> AsyncGenerator[Marker, None]:
    """Yield that a meter is lost, connect to it again, however long it takes, and yield that too.

    Parameters
    ----------
    error
        How it was lost.
    connect
        Connects and returns who answers.
    clock
        Times the events, and the pauses between attempts.
    identity
        Who must answer.

    Raises
    ------
    InstrumentError
        If somebody else answers.
    """
    lost_ns = clock.now_ns()
    logger.warning("meter lost: %s", error)
    yield event(f"meter lost: {error}; trying again", "lost", lost_ns)
    for delay_s in delays_s():
        await clock.sleep(delay_s)
        try:
            who = await connect()
        except (ConnectionLostError, ProtocolError) as still:
            logger.info("still no meter: %s", still)
            continue
        if who != identity:
            raise InstrumentError(
                f"{identity} was lost and came back as {who}; begin a new session to measure with"
                " that"
            )
        break
    now_ns = clock.now_ns()
    text = f"{identity} answers again after {(now_ns - lost_ns) / NS:.1f} s"
    logger.warning("%s", text)
    yield event(text, "reconnected", now_ns)
