"""Waits for a disk without anybody else waiting, not even the end of the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def aside(call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Return what a call returns, or raise what it raises, from a thread of its own.

    Unlike ``asyncio.to_thread``, a call that a drive keeps for ever keeps nothing else.
    """
    outcome: Future[_T] = Future()
    outcome.set_running_or_notify_cancel()

    def run() -> None:
        try:
            outcome.set_result(call(*args, **kwargs))
        except Exception as error:  # raised again where it is awaited
            outcome.set_exception(error)

    threading.Thread(target=run, name="wattstage-aside", daemon=True).start()
    return await asyncio.wrap_future(outcome)
