"""What is wrong with where markers come from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from monitor.markers.telemetry import Told


class Feed(Protocol):
    """Where markers come from."""

    connected: bool
    is_deaf: bool
    n_malformed: int
    last_problem: str

    @property
    def n_lost(self) -> int:
        """Return how many markers were sent and never came."""
        ...

    def __aiter__(self) -> AsyncIterator[Told]: ...


def trouble(feed: Feed) -> tuple[str, ...]:
    """Return a sentence about each thing that is wrong now."""
    return tuple(
        text
        for text, is_so in (
            (f"no markers come: {feed.last_problem}; trying again", not feed.connected),
            (f"no markers come: {feed.last_problem}", feed.connected and feed.is_deaf),
            (f"{feed.n_lost} markers lost on the way", feed.n_lost > 0),
            (
                f"{feed.n_malformed} markers not understood, the last: {feed.last_problem}",
                feed.connected and feed.n_malformed > 0,
            ),
        )
        if is_so
    )
