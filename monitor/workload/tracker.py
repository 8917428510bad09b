"""The spans of one process: which are open, and what is said of them."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from ..markers.client import MarkerClient
    from .timing import Timing

_MAX_TEXT = 900  # characters of an exception; a marker takes 1000
_MAX_PROBLEMS = 5  # that are told; a hook that fails once fails each time


def told(error: BaseException) -> str:
    """Return an exception in one line, as Python names it."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:_MAX_TEXT].rstrip(": ")


class Span:
    """One occurrence of a stage, from ``open`` to ``close``.

    Parameters
    ----------
    stage
        Its name.
    parent
        The span around it; None at the root.
    """

    __slots__ = ("id", "is_open", "last_ns", "parent", "stage")

    def __init__(self, stage: str, parent: Span | None) -> None:
        self.stage = stage
        self.parent = parent
        self.id = ""
        """As it was sent; empty until then."""
        self.is_open = True
        self.last_ns = 0
        """End of the newest stage in it, as far as is known."""


class Tracker:
    """Opens and closes spans, nested as they are opened; for one thread.

    Parameters
    ----------
    client
        Makes what sends the markers; called at the first of them.
    timing
        What takes the times.
    parent_id
        Span id of what the whole process is part of; empty for nothing.
    attrs
        Of every marker.
    """

    def __init__(
        self,
        client: Callable[[], MarkerClient],
        timing: Timing,
        parent_id: str = "",
        attrs: Mapping[str, Any] | None = None,
    ) -> None:
        self._make_client = client
        self._client: MarkerClient | None = None
        self._timing = timing
        self._parent_id = parent_id
        self._attrs = attrs or {}
        self._pid = os.getpid()
        self._open: list[Span] = []
        self._thread = 0
        self._n_problems = 0
        self.error = ""
        """What a stage ended by, if none has ended well since. A text, because the exception would
        keep alive what its frames hold, such as the memory of a GPU."""

    @property
    def current(self) -> Span | None:
        """Return the innermost span that is open."""
        return self._open[-1] if self._open else None

    def is_mine(self) -> bool:
        """Return whether this thread may mark: it has open spans, or nobody has."""
        if not self._open:
            self._thread = threading.get_ident()
        return self._thread == threading.get_ident()

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
        span = Span(stage, self.current)
        self._open.append(span)

        def tell(time_ns: int, timing: str) -> None:
            parent_id = span.parent.id if span.parent is not None else self._parent_id
            span.id = self._sender.begin(
                stage,
                parent_id,
                index=index,
                total=total,
                time_ns=time_ns,
                timing=timing,
                **{**self._attrs, **attrs},
            )

        self._edge(tell)
        return span

    def close(self, span: Span, status: str = "ok", **attrs: Any) -> None:
        """End a stage, and those that are still open in it; one that has ended stays as it is."""
        if not span.is_open:
            return
        while self._open:
            inner = self._open.pop()
            inner.is_open = False
            self._edge(self._teller(inner, status, attrs if inner is span else {}))
            if inner is span:
                return

    def close_all(self, status: str = "ok") -> None:
        """End all that is open."""
        while self._open:
            self.close(self._open[0], status)

    def close_where_it_ended(self, span: Span, status: str = "ok", **attrs: Any) -> None:
        """End a stage with the newest stage in it, which may be long ago."""
        if not span.is_open:
            return
        if self.current is span:
            self._open.pop()
            span.is_open = False
            self._edge(
                lambda time_ns, _: self._sender.end(
                    span.id, span.last_ns or time_ns, status, **{**self._attrs, **attrs}
                )
            )
        else:
            self.close(span, status, **attrs)

    @contextlib.contextmanager
    def stage(
        self, stage: str, *, index: int | None = None, total: int | None = None, **attrs: Any
    ) -> Generator[Span, None, None]:
        """Begin a stage, and end it with the block."""
        span = self.open(stage, index=index, total=total, **attrs)
        try:
            yield span
        except BaseException as error:
            self.close(span, "error")
            self.error = told(error)
            raise
        self.close(span)
        self.error = ""

    def point(self, stage: str, **attrs: Any) -> None:
        """Mark an instant."""
        if os.getpid() == self._pid:
            self._sender.point(stage, **{**self._attrs, **attrs})

    def failed(self, error: BaseException) -> None:
        """Say that a hook of ours has failed; the program goes on."""
        self._n_problems += 1
        if self._n_problems <= _MAX_PROBLEMS:
            text = f"a stage could not be marked: {told(error)}"
            with contextlib.suppress(Exception):
                self.point("note", text=text)

    def finish(self, status: str = "ok") -> None:
        """End what is open, and send what waits."""
        if os.getpid() != self._pid:
            return
        self.close_all(status)
        self._timing.close()
        if self._client is not None:
            self._client.close()

    def _teller(self, span: Span, status: str, attrs: dict[str, Any]) -> Callable[[int, str], None]:
        def tell(time_ns: int, _: str) -> None:
            self._sender.end(span.id, time_ns, status, **{**self._attrs, **attrs})
            if span.parent is not None:
                span.parent.last_ns = max(span.parent.last_ns, time_ns)

        return tell

    def _edge(self, tell: Callable[[int, str], None]) -> None:
        if os.getpid() != self._pid:
            return
        try:
            self._timing.edge(tell)
        except Exception as error:  # the program matters more than its stages
            self.failed(error)

    @property
    def _sender(self) -> MarkerClient:
        if self._client is None:
            self._client = self._make_client()
        return self._client
