"""Which samples the plots show: pure arithmetic, on sample indices."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, replace

from ui.feed import FrameRequest

MIN_SPAN = 8.0
"""Samples."""

_MARGIN = 1.06  # of the session's length: more of nothing helps nobody


class Mode(enum.Enum):
    """What holds the view in place."""

    FOLLOW = "follow"
    """The newest sample, at the right edge."""
    FIXED = "fixed"
    """Two sample indices."""
    ALL = "all"
    """The whole session, as it grows."""


@dataclass(frozen=True, slots=True)
class Viewport:
    """A view of a session whose bounds are given with each question.

    ``bounds`` are the session's first sample index and the one after its last.
    """

    mode: Mode
    span: float
    """Samples shown while following."""
    start: float = 0.0
    stop: float = 0.0
    """What is shown while fixed: ``[start, stop)`` in samples."""

    def extent(self, bounds: tuple[int, int]) -> tuple[float, float]:
        """Return the first and last sample position on the time axis."""
        first, last = bounds
        if self.mode is Mode.FIXED:
            return self.start, self.stop
        if self.mode is Mode.ALL:
            return float(first), float(max(last, first + MIN_SPAN))
        left = max(float(first), last - self.span)
        return left, left + self.span

    def request(self, bounds: tuple[int, int] | None, width: int) -> FrameRequest:
        """Return what to ask for, so that there is a column for each of ``width`` pixels."""
        if bounds is None:  # nothing is known yet
            return FrameRequest(None, None, max(round(self.span), 1), width)
        left, right = self.extent(bounds)
        start, stop = max(math.floor(left), bounds[0]), min(math.ceil(right), bounds[1])
        start = min(start, bounds[1] - 1) if bounds[1] > bounds[0] else bounds[0]
        stop = max(stop, start + 1)
        # One more than the pixels: columns a hair narrower than pixels leave none unpainted.
        columns = math.ceil(width * min((stop - start) / (right - left), 1.0)) + 1
        if self.mode is Mode.FOLLOW:
            # A twentieth more: the session has grown since its bounds were seen.
            span = min(math.ceil(self.span), math.ceil(1.05 * (bounds[1] - bounds[0])))
            share = min(span / self.span, 1.0)
            return FrameRequest(None, None, max(span, 1), math.ceil(width * share) + 1)
        return FrameRequest(start, stop, stop - start, columns)

    def fixed(self, bounds: tuple[int, int]) -> Viewport:
        """Return the same view, held where it is."""
        left, right = self.extent(bounds)
        return replace(self, mode=Mode.FIXED, start=left, stop=right)

    def followed(self, bounds: tuple[int, int]) -> Viewport:
        """Return the newest part of the session, as wide as this view."""
        left, right = self.extent(bounds)
        return replace(self, mode=Mode.FOLLOW, span=right - left)

    def fitted(self) -> Viewport:
        """Return the whole session."""
        return replace(self, mode=Mode.ALL)

    def shown(self, start: float, stop: float, bounds: tuple[int, int]) -> Viewport:
        """Return a view of ``[start, stop)``, kept within reach of the session."""
        left, right = self.extent(bounds)
        span = min(max(stop - start, MIN_SPAN), max(self._widest(bounds), right - left))
        middle = (start + stop) / 2
        middle = min(max(middle, bounds[0] - 0.25 * span), bounds[1] + 0.25 * span)
        return replace(self, mode=Mode.FIXED, start=middle - span / 2, stop=middle + span / 2)

    def zoomed(
        self, factor: float, bounds: tuple[int, int], about: float | None = None
    ) -> Viewport:
        """Return a view ``factor`` times as wide.

        Parameters
        ----------
        about
            Sample position that stays where it is; None is the middle. While following it is
            the newest sample, and the view goes on following.
        """
        left, right = self.extent(bounds)
        if factor >= 1 and self.mode is Mode.ALL:
            return self
        widest = max(self._widest(bounds), right - left)
        span = min(max((right - left) * factor, MIN_SPAN), widest)
        if self.mode is Mode.FOLLOW:
            return replace(self, span=span)
        still = (left + right) / 2 if about is None else about
        share = (still - left) / (right - left)
        return self.shown(still - share * span, still + (1 - share) * span, bounds)

    def panned(self, share: float, bounds: tuple[int, int]) -> Viewport:
        """Return a view moved by a share of its width, later if positive."""
        left, right = self.extent(bounds)
        step = share * (right - left)
        return self.shown(left + step, right + step, bounds)

    def _widest(self, bounds: tuple[int, int]) -> float:
        return max(_MARGIN * (bounds[1] - bounds[0]), MIN_SPAN)
