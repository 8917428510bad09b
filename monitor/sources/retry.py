"""How long to wait before an instrument is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

_FIRST_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_LONGEST_S = 10.0


def delays_s() -> Iterator[float]:
    """Yield the pauses between attempts, for ever: half a second at first, ten in the end."""
    return chain(_FIRST_S, repeat(_LONGEST_S))
