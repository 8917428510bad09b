"""The one thread that an instrument is used from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Worker:
    """Runs blocking work in order on one thread, which ends with ``close``.

    Two threads on one VISA resource get each other's replies; so whatever an instrument is asked
    goes through one of these.

    Parameters
    ----------
    name
        Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Return the future result of work that begins when what was given before is done."""
        return asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def close(self, last: Callable[[], None]) -> None:
        """Do a last piece of work and end the thread.

        Cancelled, it returns at once, and the thread ends by itself.
        """
        done = self.run(last)
        try:
            await asyncio.shield(done)
        finally:
            self._executor.shutdown(wait=done.done())


def forget(future: asyncio.Future[T]) -> None:
    """Take an error that nobody waits for any more, so that asyncio does not report it."""
    if not future.cancelled():
        future.exception()
