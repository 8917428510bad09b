"""What every source is: an ordered stream of blocks, markers and readings with one clock."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Protocol, Self

from monitor.model import Block, Edge, Marker, Reading, StreamInfo

Item = Block | Marker | Reading

_RUN_ID = f"events-{uuid.uuid4().hex}"
_seq = itertools.count(1)


class Source(Protocol):
    """Where items come from; open inside ``async with``, closed outside.

    Entering it may take as long as the instrument needs to answer, and raises ``ConfigError`` or
    ``InstrumentError`` if it cannot be used. Leaving it frees the instrument, whatever happened.
    """

    @property
    def info(self) -> StreamInfo:
        """Return what holds for every block; valid once entered."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def items(self) -> AsyncIterator[Item]:
        """Yield blocks, markers and readings in order; an async generator that its user closes.

        A block begins at or after the end of the one before; where it begins later, samples are
        missing. A source that lost its instrument for a while yields an ``event`` before and
        after, and goes on at the index that the time says. It ends when there is no more to come,
        and raises ``InstrumentError`` when there cannot be.
        """
        ...


def event(text: str, kind: str, time_ns: int) -> Marker:
    """Return the mark of something that happened to the source itself.

    Parameters
    ----------
    text
        One sentence for people.
    kind
        One word for programs: ``lost``, ``reconnected``, ``dropped``.
    time_ns
        UTC.
    """
    return Marker(
        time_ns=time_ns,
        received_ns=time_ns,
        stage="event",
        edge=Edge.INSTANT,
        run_id=_RUN_ID,
        seq=next(_seq),
        attrs={"text": text, "kind": kind},
    )
