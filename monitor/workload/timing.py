"""When an edge of a stage was, on a processor or on a GPU.

A host runs ahead of its GPU: a Python program only queues work. So an edge that a host sees is
not the one that the power shows, except where the program waits for the GPU by itself. Three ways
to tell: ``sync`` waits for the GPU at each edge, ``event`` queues a time stamp for the GPU to take
and asks for it later, ``host`` takes the host's time as it is.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    Told = Callable[[int, str, float], None]
    """Takes the UTC of an edge in ns, how it was taken, and within how many s it is right; 0 where
    nothing is known of that."""

    class Timing(Protocol):
        """Takes the times of edges."""

        def edge(self, told: Told) -> None:
            """Tell the time of an edge that is now."""

        def close(self) -> None:
            """Tell what has not been told yet."""


MODES = ("event", "sync", "host")
_POLL_S = 0.005
_LONGEST_WAIT_S = 10.0  # for the GPU, at the end of the program
_DRIFT = (
    100e-6  # by which the clocks of a GPU and its host may differ, and a float of ms be rounded
)


def make_timing(mode: str) -> Host | Sync | Event:
    """Return what takes times in that mode, one of ``MODES``."""
    if mode == "event":
        return Event()
    return Sync() if mode == "sync" else Host()


class Host:
    """Takes the host's time."""

    def edge(self, told: Told) -> None:
        """Tell the time of an edge that is now."""
        told(time.time_ns(), "host", 0.0)

    def close(self) -> None:
        """Tell what has not been told yet."""


class Sync:
    """Waits for the GPU, then takes the host's time."""

    def edge(self, told: Told) -> None:
        """Tell the time of an edge that is when all that was queued is done."""
        cuda = _cuda()
        if cuda is not None:
            cuda.synchronize()
        told(time.time_ns(), "host" if cuda is None else "sync", 0.0)

    def close(self) -> None:
        """Tell what has not been told yet."""


class Event:
    """Lets the GPU take the time, and tells it when the GPU has passed there.

    Edges are told in the order in which they were taken, by a thread of its own. While there is
    no GPU in use, the host's time is taken.

    The time between two events is the GPU's own; where it lies in UTC is bounded by the host: not
    before the event was queued or was seen to be ahead, and not after it was seen to have passed.
    An event has the bounds of the one before it too, moved by the time between them, so that many
    looks at the GPU narrow down what a single one leaves open.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[Told, int, Any]] = deque()
        self._bell = threading.Condition()
        self._sleeps = False
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._last: _Passed | None = None

    def edge(self, told: Told) -> None:
        """Tell the time of an edge that is when all that was queued before it is done."""
        cuda = _cuda()
        queued_ns = time.time_ns()  # before it is, so that it cannot be passed earlier
        event = None
        if cuda is not None and not cuda.is_current_stream_capturing():
            event = cuda.Event(enable_timing=True)
            event.record()
        if self._thread is None:
            if event is None:
                told(queued_ns, "host", 0.0)  # no GPU so far
                return
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.name = "wattstage-events"
            self._thread.start()
        self._waiting.append((told, queued_ns, event))
        if self._sleeps:
            with self._bell:
                self._bell.notify()

    def close(self) -> None:
        """Tell what has not been told yet; waits for the GPU."""
        with self._bell:
            self._is_closing = True
            self._bell.notify()
        if self._thread is not None:
            self._thread.join(_LONGEST_WAIT_S)

    def _run(self) -> None:
        while self._is_there_more():
            told, queued_ns, event = self._waiting[0]
            if event is None:
                told(queued_ns, "host", 0.0)
            else:
                self._last = passed = self._passed(event, queued_ns)
                told(passed.time_ns, "event", passed.uncertainty_s)
            self._waiting.popleft()

    def _is_there_more(self) -> bool:
        """Wait for an edge; return False if there will be none."""
        if self._waiting:
            return True
        with self._bell:
            self._sleeps = True  # said before the queue is looked at, so that nobody is overheard
            while not self._waiting and not self._is_closing:
                self._bell.wait()
            self._sleeps = False
        return bool(self._waiting)

    def _passed(self, event: Any, queued_ns: int) -> _Passed:
        """Return when an event has passed, once it has."""
        earliest_ns = queued_ns
        asked_ns = time.time_ns()
        while not event.query():
            earliest_ns = max(earliest_ns, asked_ns)
            time.sleep(_POLL_S)
            asked_ns = time.time_ns()
        latest_ns = max(time.time_ns(), earliest_ns)
        seen = _Passed(event, earliest_ns, latest_ns, (earliest_ns + latest_ns) // 2)
        return seen if self._last is None else seen.after(self._last)


class _Passed:
    """An event that the GPU has passed: when, and within which bounds.

    Parameters
    ----------
    event
        It.
    earliest_ns, latest_ns
        UTC of the bounds.
    time_ns
        UTC that it is taken for, within them.
    """

    __slots__ = ("earliest_ns", "event", "latest_ns", "time_ns")

    def __init__(self, event: Any, earliest_ns: int, latest_ns: int, time_ns: int) -> None:
        self.event = event
        self.earliest_ns = earliest_ns
        self.latest_ns = latest_ns
        self.time_ns = time_ns

    @property
    def uncertainty_s(self) -> float:
        """Return how far off its time may be, in whole us, so that it is short to write."""
        off_ns = max(self.time_ns - self.earliest_ns, self.latest_ns - self.time_ns)
        return math.ceil(off_ns / 1e3) / 1e6

    def after(self, before: _Passed) -> _Passed:
        """Return it with what the time since another event says of it, by the GPU's own clock."""
        try:
            elapsed_ns = round(before.event.elapsed_time(self.event) * 1e6)
        except RuntimeError:  # the two are of different GPUs
            return self
        slack_ns = math.ceil(elapsed_ns * _DRIFT) + 1000
        earliest_ns = max(self.earliest_ns, before.earliest_ns + elapsed_ns - slack_ns)
        latest_ns = min(self.latest_ns, before.latest_ns + elapsed_ns + slack_ns)
        if earliest_ns > latest_ns:  # a clock was set meanwhile
            return self
        by_gpu_ns = before.time_ns + elapsed_ns
        time_ns = min(max(by_gpu_ns, earliest_ns), latest_ns)
        return _Passed(self.event, earliest_ns, latest_ns, time_ns)


def _cuda() -> Any:
    """Return ``torch.cuda`` if the program has begun to use it, else None."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    return cuda if cuda is not None and cuda.is_initialized() else None
