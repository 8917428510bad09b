"""When an edge of a stage was, on a processor or on a GPU.

A host runs ahead of its GPU: a Python program only queues work. So an edge that a host sees is
not the one that the power shows, except where the program waits for the GPU by itself. Three ways
to tell: ``sync`` waits for the GPU at each edge, ``event`` queues a time stamp for the GPU to take
and asks for it later, ``host`` takes the host's time as it is.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    Told = Callable[[int, str], None]
    """Takes the UTC of an edge in ns, and how it was taken."""

    class Timing(Protocol):
        """Takes the times of edges."""

        def edge(self, told: Told) -> None:
            """Tell the time of an edge that is now."""

        def close(self) -> None:
            """Tell what has not been told yet."""


MODES = ("event", "sync", "host")
_POLL_S = 0.005
_LONGEST_WAIT_S = 10.0  # for the GPU, at the end of the program


def make_timing(mode: str) -> Host | Sync | Event:
    """Return what takes times in that mode, one of ``MODES``."""
    if mode == "event":
        return Event()
    return Sync() if mode == "sync" else Host()


class Host:
    """Takes the host's time."""

    def edge(self, told: Told) -> None:
        """Tell the time of an edge that is now."""
        told(time.time_ns(), "host")

    def close(self) -> None:
        """Tell what has not been told yet."""


class Sync:
    """Waits for the GPU, then takes the host's time."""

    def edge(self, told: Told) -> None:
        """Tell the time of an edge that is when all that was queued is done."""
        cuda = _cuda()
        if cuda is not None:
            cuda.synchronize()
        told(time.time_ns(), "host" if cuda is None else "sync")

    def close(self) -> None:
        """Tell what has not been told yet."""


class Event:
    """Lets the GPU take the time, and tells it when the GPU has passed there.

    Edges are told in the order in which they were taken, by a thread of its own. While there is
    no GPU in use, the host's time is taken.

    The time between two events is the GPU's own; where it lies in UTC is bounded by the host: not
    before the event was queued, and not after it was seen to have passed. Each event moves the
    GPU's clock into these bounds, so that it neither drifts away nor is ever waited for.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[Told, int, Any]] = deque()
        self._bell = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._last: tuple[Any, int] | None = None  # the newest event that has passed, and its UTC

    def edge(self, told: Told) -> None:
        """Tell the time of an edge that is when all that was queued before it is done."""
        cuda = _cuda()
        event = None
        if cuda is not None and not cuda.is_current_stream_capturing():
            event = cuda.Event(enable_timing=True)
            event.record()
        queued_ns = time.time_ns()
        if event is None and self._thread is None:
            told(queued_ns, "host")  # no GPU so far
            return
        with self._bell:
            self._waiting.append((told, queued_ns, event))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.name = "wattstage-events"
                self._thread.start()
            self._bell.notify()

    def close(self) -> None:
        """Tell what has not been told yet; waits for the GPU."""
        with self._bell:
            self._is_closing = True
            self._bell.notify()
            thread = self._thread
        if thread is not None:
            thread.join(_LONGEST_WAIT_S)

    def _run(self) -> None:
        while True:
            with self._bell:
                while not self._waiting:
                    if self._is_closing:
                        return
                    self._bell.wait()
                told, queued_ns, event = self._waiting[0]
            if event is None:
                told(queued_ns, "host")
            else:
                time_ns = self._resolved(event, queued_ns)
                told(time_ns, "event")
            self._waiting.popleft()

    def _resolved(self, event: Any, queued_ns: int) -> int:
        """Return the UTC of an event when it has passed."""
        earliest_ns = queued_ns
        asked_ns = time.time_ns()
        while not event.query():
            earliest_ns = max(earliest_ns, asked_ns)
            time.sleep(_POLL_S)
            asked_ns = time.time_ns()
        latest_ns = max(time.time_ns(), earliest_ns)
        time_ns = min(max(self._by_gpu(event, earliest_ns), earliest_ns), latest_ns)
        self._last = event, time_ns
        return time_ns

    def _by_gpu(self, event: Any, otherwise_ns: int) -> int:
        if self._last is None:
            return otherwise_ns
        last, last_ns = self._last
        try:
            elapsed_ms: float = last.elapsed_time(event)
        except RuntimeError:  # the two are of different GPUs
            return otherwise_ns
        return last_ns + round(elapsed_ms * 1e6)


def _cuda() -> Any:
    """Return ``torch.cuda`` if the program has begun to use it, else None."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    return cuda if cuda is not None and cuda.is_initialized() else None
