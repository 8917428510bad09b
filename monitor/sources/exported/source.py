"""A file whose samples are there already, as a source."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from monitor.model import Block, Marker, Reading, StreamInfo
from monitor.sources.source import Item


class FileSource:
    """Blocks of a file, with what happened meanwhile between them.

    Parameters
    ----------
    blocks
        Opens the file; yields its blocks in order.
    events
        Markers and readings in the order in which they came.
    """

    def __init__(
        self,
        info: StreamInfo,
        blocks: Callable[[], Iterator[Block]],
        events: Sequence[Marker | Reading] = (),
    ) -> None:
        self._info, self._blocks, self._events = info, blocks, events

    @property
    def info(self) -> StreamInfo:
        """Return what holds for every block."""
        return self._info

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    async def items(self) -> AsyncGenerator[Item, None]:
        """Yield blocks, and before each what came before it began."""
        events = list(reversed(self._events))
        for block in self._blocks():
            begin_ns = self._info.time_ns(block.start)
            while events and (events[-1].received_ns or events[-1].time_ns) < begin_ns:
                yield events.pop()
            yield block
        while events:
            yield events.pop()
