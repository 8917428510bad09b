"""Which senders are there, and which were not heard of again after the broker was away.

A sender that ends meanwhile says so to nobody, and its last will is told to nobody either.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.markers.payload import Header, Status

SILENT_S = 20.0
"""Within this after the broker a sender is back: it tries every ten seconds at least."""


class Presence:
    """All senders that have told of themselves and not ended, by the base of their topics."""

    def __init__(self) -> None:
        self._there: dict[str, Status] = {}
        self._awaited: dict[str, Status] = {}
        self._until_s = 0.0

    def __len__(self) -> int:
        return len(self._there)

    def hear(self, base: str, header: Header) -> None:
        """Note that a sender has told of itself."""
        self._awaited.pop(base, None)
        self._there[base] = Status(
            schema=1,
            run_id=header.run_id,
            sender=header.sender,
            rank=header.rank,
            status="lost",
        )

    def leave(self, base: str) -> None:
        """Note that a sender has ended, or is lost."""
        self._there.pop(base, None)
        self._awaited.pop(base, None)

    def call(self, now_s: float) -> None:
        """Wait for all of them, since the broker is back."""
        self._awaited = dict(self._there)
        self._until_s = now_s + SILENT_S

    def missed(self, now_s: float) -> Iterator[tuple[str, Status]]:
        """Yield who was not heard of in time, with what the broker would tell of it."""
        if now_s >= self._until_s:
            yield from tuple(self._awaited.items())
