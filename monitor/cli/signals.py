"""What asks a command to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable

ENDS = tuple(s for s in signal.Signals if s.name in {"SIGTERM", "SIGHUP"})  # that there are
"""Signals by which a process is asked to end, beside an interrupt."""


@contextlib.asynccontextmanager
async def on_signal(act: Callable[[], object]) -> AsyncIterator[None]:
    """Call ``act`` when the process is asked to end, in the loop's own time."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, *ENDS)
    for number in numbers:
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
