"""The load's markers, published as a real workload publishes its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from monitor.bench.load.timeline import Event
from monitor.markers.client import MarkerClient
from monitor.model import NS, Edge

_FAREWELL_S = 2.0  # for the last markers to leave


@contextlib.asynccontextmanager
async def publishing(
    client: MarkerClient, events: Iterator[Event], time_ns: Callable[[float], int]
) -> AsyncIterator[None]:
    """Publish each event when its time has come; on leaving, end what is open and close.

    Parameters
    ----------
    client
        What sends them.
    events
        In order of time; may be endless.
    time_ns
        From the time of an event to UTC.
    """
    spans: dict[str, str] = {}
    task = asyncio.create_task(_play(client, spans, events, time_ns))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        for span in reversed(spans.values()):
            client.end(span)
        await asyncio.to_thread(client.close, _FAREWELL_S)


async def _play(
    client: MarkerClient,
    spans: dict[str, str],
    events: Iterator[Event],
    time_ns: Callable[[float], int],
) -> None:
    """Publish events; ``spans`` holds the span id of each stage that is open."""
    for event in events:
        at_ns = time_ns(event.t_s)
        await asyncio.sleep(max(0, at_ns - time.time_ns()) / NS)
        attrs: dict[str, Any] = event.attrs
        match event.edge:
            case Edge.BEGIN:
                spans[event.key] = client.begin(
                    event.stage,
                    parent_id=spans.get(event.parent, ""),
                    index=event.index,
                    total=event.total,
                    time_ns=at_ns,
                    **attrs,
                )
            case Edge.END:
                client.end(spans.pop(event.key), time_ns=at_ns)
            case Edge.INSTANT:
                client.point(event.stage, time_ns=at_ns, **attrs)
