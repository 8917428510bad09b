"""A span: one occurrence of a stage, and what is sent of it once its times are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from .tracker import Tracker

_MAX_TEXT = 900  # characters of an exception; a marker takes 1000


def told(error: BaseException) -> str:
    """Return an exception in one line, as Python names it."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:_MAX_TEXT].rstrip(": ")


class Span:
    """One occurrence of a stage, from ``open`` to ``close``.

    Parameters
    ----------
    tracker
        Whose it is.
    stage
        Its name.
    parent
        The span around it; None at the root.
    index, total
        Which occurrence it is, of how many; None if not counted.
    attrs
        What else is said of it at its begin.
    """

    __slots__ = (
        "attrs",
        "id",
        "index",
        "is_open",
        "last_ns",
        "last_s",
        "late",
        "parent",
        "stage",
        "status",
        "total",
        "tracker",
    )

    def __init__(
        self,
        tracker: Tracker,
        stage: str,
        parent: Span | None,
        *,
        index: int | None,
        total: int | None,
        attrs: dict[str, Any],
    ) -> None:
        self.tracker = tracker
        self.stage = stage
        self.parent = parent
        self.index = index
        self.total = total
        self.attrs = attrs
        self.status = "ok"
        self.late: dict[str, Any] = {}
        """What is said of it at its end."""
        self.id = ""
        """As it was sent; empty until then."""
        self.is_open = True
        self.last_ns = 0
        """End of the newest stage in it, as far as is known."""
        self.last_s = 0.0
        """How far off that may be."""

    def begun(self, time_ns: int, timing: str, uncertainty_s: float) -> None:
        """Send its begin, now that its time is known."""
        attrs, parent = self.attrs, self.parent
        if uncertainty_s:
            attrs["uncertainty_s"] = uncertainty_s
        self.id = self.tracker.sender.begin(
            self.stage,
            self.tracker.parent_id if parent is None else parent.id,
            index=self.index,
            total=self.total,
            time_ns=time_ns,
            timing=timing,
            **attrs,
        )

    def ended(self, time_ns: int, _: str, uncertainty_s: float) -> None:
        """Send its end, now that its time is known."""
        attrs, parent = self.late, self.parent
        if uncertainty_s:
            attrs["uncertainty_s"] = uncertainty_s
        self.tracker.sender.end(self.id, time_ns, self.status, **attrs)
        if parent is not None and time_ns >= parent.last_ns:
            parent.last_ns, parent.last_s = time_ns, uncertainty_s

    def ended_with_its_last(self, time_ns: int, timing: str, uncertainty_s: float) -> None:
        """Send that it has ended with the newest stage in it, if there was one."""
        if self.last_ns:
            time_ns, uncertainty_s = self.last_ns, self.last_s
        self.ended(time_ns, timing, uncertainty_s)


class Block:
    """A stage around a block of code; ``Tracker.stage`` makes it."""

    __slots__ = ("_attrs", "_index", "_span", "_stage", "_total", "_tracker")

    def __init__(
        self,
        tracker: Tracker,
        stage: str,
        *,
        index: int | None,
        total: int | None,
        attrs: dict[str, Any],
    ) -> None:
        self._tracker = tracker
        self._stage = stage
        self._index = index
        self._total = total
        self._attrs = attrs

    def __enter__(self) -> Span:
        self._span = span = self._tracker.open(
            self._stage, index=self._index, total=self._total, **self._attrs
        )
        return span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tracker = self._tracker
        if error is None:
            tracker.close(self._span)
            tracker.error = ""
        else:
            tracker.close(self._span, "error")
            tracker.error = told(error)
