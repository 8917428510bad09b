"""The stage ``clip``: one video, or one batch, from its first stage to its last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .spans import Span
    from .tracker import Tracker


class Clips:
    """The clips of one process, one after the other.

    When a clip is over is only known when the next one begins, since what is done to its file
    comes after all else: a clip that is complete stays open until then, and ends where its last
    stage has.

    Parameters
    ----------
    tracker
        Of the spans.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._clip: Span | None = None
        self._attrs: dict[str, Any] = {}
        self._late: dict[str, Any] = {}  # what became known of it after its begin
        self._n = 0
        self._n_segments = 0
        self._is_complete = False
        self._is_saved = False

    def begin(self, attrs: dict[str, Any]) -> None:
        """Begin a clip, unless there is one that is not complete; of that, tell what is new."""
        if self._clip is not None and self._clip.is_open and not self._is_complete:
            self._late.update({k: v for k, v in attrs.items() if self._attrs.get(k) != v})
            return
        self._end("ok")
        self._attrs, self._late = attrs, {}
        self._n_segments = 0
        self._is_complete = self._is_saved = False
        self._clip = self._tracker.open("clip", index=self._n, **attrs)
        self._n += 1

    def segment(self, n: int) -> None:
        """Notice that one of the ``n`` segments of a clip is there."""
        self._n_segments += 1
        if self._n_segments >= n:
            self.complete()

    def complete(self) -> None:
        """Notice that what begins a clip begins another one now."""
        self._is_complete = True

    def saved(self) -> None:
        """Notice that the file is there."""
        self._is_saved = True
        self.complete()

    def failed(self) -> None:
        """End the clip, if an exception has passed out of all that is in it into the program."""
        if self._clip is not None and self._tracker.current is self._clip:
            self._end("error")

    def finish(self, status: str) -> None:
        """End the last clip, which has gone well if it was saved, else as the program has."""
        self._end("ok" if self._is_saved else status)

    def _end(self, status: str) -> None:
        if self._clip is not None:
            self._tracker.close_where_it_ended(self._clip, status, **self._late)
