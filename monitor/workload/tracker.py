"""The spans of one process: which are open, and what is said of them."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

from .spans import Block, Span, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..markers.client import MarkerClient
    from .timing import Timing

_MAX_PROBLEMS = 5  # that are told; a hook that fails once fails each time


class Tracker:
    """Opens and closes spans, nested as they are opened; for one thread.

    A forked child of the process marks nothing.

    Parameters
    ----------
    client
        Makes what sends the markers; called at the first of them.
    timing
        What takes the times.
    parent_id
        Span id of what the whole process is part of; empty for nothing.
    """

    def __init__(
        self, client: Callable[[], MarkerClient], timing: Timing, parent_id: str = ""
    ) -> None:
        self._make_client = client
        self._client: MarkerClient | None = None
        self._timing = timing
        self.parent_id = parent_id
        self._is_forked = False
        self._open: list[Span] = []
        self._thread = 0
        self._n_problems = 0
        self.error = ""
        """What a stage ended by, if none has ended well since. A text, because the exception would
        keep alive what its frames hold, such as the memory of a GPU."""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_silencing(self))

    @property
    def sender(self) -> MarkerClient:
        """Return what sends the markers."""
        client = self._client
        if client is None:
            client = self._client = self._make_client()
        return client

    @property
    def current(self) -> Span | None:
        """Return the innermost span that is open."""
        return self._open[-1] if self._open else None

    def is_mine(self) -> bool:
        """Return whether this thread may mark: it has open spans, or nobody has."""
        thread = threading.get_ident()
        if not self._open:
            self._thread = thread
        return self._thread == thread

    def inside(self, stage: str) -> bool:
        """Return whether a span of that name is open."""
        return self.innermost(stage) is not None

    def innermost(self, stage: str) -> Span | None:
        """Return the innermost open span of that name; None if there is none."""
        return next((span for span in reversed(self._open) if span.stage == stage), None)

    def open(
        self, stage: str, *, index: int | None = None, total: int | None = None, **attrs: Any
    ) -> Span:
        """Begin a stage in the innermost one."""
        span = self._opened(stage, index, total, attrs)
        self._edge(span.begun)
        return span

    def follow(
        self,
        before: Span,
        stage: str,
        *,
        index: int | None = None,
        total: int | None = None,
        **attrs: Any,
    ) -> Span:
        """Begin a stage at the very edge at which another one ends, beside it."""
        over = self._closed(before, "ok", {})
        span = self._opened(stage, index, total, attrs)

        def turned(time_ns: int, timing: str, uncertainty_s: float) -> None:
            for each in over:
                each.ended(time_ns, timing, uncertainty_s)
            span.begun(time_ns, timing, uncertainty_s)

        self._edge(turned)
        return span

    def close(self, span: Span, status: str = "ok", **attrs: Any) -> None:
        """End a stage, and those that are still open in it; one that has ended stays as it is."""
        for each in self._closed(span, status, attrs):
            self._edge(each.ended)

    def close_all(self, status: str = "ok") -> None:
        """End all that is open."""
        while self._open:
            self.close(self._open[0], status)

    def close_where_it_ended(self, span: Span, status: str = "ok", **attrs: Any) -> None:
        """End a stage with the newest stage in it, which may be long ago."""
        if self.current is span:
            self._closed(span, status, attrs)
            self._edge(span.ended_with_its_last)
        else:
            self.close(span, status, **attrs)

    def stage(
        self, stage: str, *, index: int | None = None, total: int | None = None, **attrs: Any
    ) -> Block:
        """Begin a stage with a ``with``, and end it with its block."""
        return Block(self, stage, index=index, total=total, attrs=attrs)

    def point(self, stage: str, **attrs: Any) -> None:
        """Mark an instant."""
        if not self._is_forked:
            self.sender.point(stage, **attrs)

    def failed(self, error: BaseException) -> None:
        """Say that a hook of ours has failed; the program goes on."""
        self._n_problems += 1
        if self._n_problems <= _MAX_PROBLEMS:
            text = f"a stage could not be marked: {told(error)}"
            with contextlib.suppress(Exception):
                self.point("note", text=text)

    def finish(self, status: str = "ok") -> None:
        """End what is open, and send what waits."""
        if self._is_forked:
            return
        self.close_all(status)
        self._timing.close()
        if self._client is not None:
            self._client.close()

    def silence(self) -> None:
        """Mark nothing from now on."""
        self._is_forked = True

    def _opened(
        self, stage: str, index: int | None, total: int | None, attrs: dict[str, Any]
    ) -> Span:
        opened = self._open
        parent = opened[-1] if opened else None
        span = Span(self, stage, parent, index=index, total=total, attrs=attrs)
        opened.append(span)
        return span

    def _closed(self, span: Span, status: str, attrs: dict[str, Any]) -> list[Span]:
        """Take a span and those in it from the open ones; return them, the innermost first."""
        over: list[Span] = []
        while span.is_open and self._open:
            inner = self._open.pop()
            inner.is_open = False
            inner.status = status
            inner.late = attrs if inner is span else {}
            over.append(inner)
        return over

    def _edge(self, tell: Callable[[int, str, float], None]) -> None:
        if self._is_forked:
            return
        try:
            self._timing.edge(tell)
        except Exception as error:  # the program matters more than its stages
            self.failed(error)


def _silencing(tracker: Tracker) -> Callable[[], None]:
    """Return what silences a tracker, if there is one any more."""
    reference = weakref.ref(tracker)

    def silence() -> None:
        alive = reference()
        if alive is not None:
            alive.silence()

    return silence
