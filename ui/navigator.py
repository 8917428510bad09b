"""Keeps the view: what is asked for, what the plots show, what pans and zooms do."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from monitor.model import NS, Frame, Stage, StreamInfo
from ui.feed import FrameRequest
from ui.plot_stack import PlotStack
from ui.viewport import Mode, Viewport

_FIRST_SPAN = 1_000_000  # samples, until the sample rate is known
_FIRST_SPAN_S = 30.0
_MARGIN = 0.06  # of a stage's length, left free on both sides of it


class Navigator(QObject):
    """Holds the viewport, and shows frames in it."""

    changed = Signal()
    """Following or holding began or ended."""

    def __init__(self, plots: PlotStack) -> None:
        super().__init__(plots)
        self.viewport = Viewport(Mode.FOLLOW, _FIRST_SPAN)
        self._plots = plots
        self._before: Viewport | None = None
        self._info: StreamInfo | None = None
        self._bounds: tuple[int, int] | None = None
        plots.gestures.zoomed.connect(self._zoom_about)
        plots.gestures.panned.connect(self._drag)
        plots.gestures.fit_asked.connect(self.fit)

    @property
    def following(self) -> bool:
        """Whether the newest sample stays in view."""
        return self.viewport.mode is Mode.FOLLOW

    @property
    def held(self) -> bool:
        """Whether the plots stand still until they are let go."""
        return self._before is not None

    @property
    def data_s(self) -> tuple[float, float]:
        """The part of the time axis that the session reaches."""
        left_s, right_s = self._times()
        if self._info is None or self._bounds is None:
            return left_s, right_s
        length_s = (self._bounds[1] - self._bounds[0]) / self._info.sample_rate_hz
        return max(left_s, 0.0), max(min(right_s, length_s), left_s, 0.0)

    def forget(self) -> None:
        """Begin anew with the next frame, which is another feed's."""
        self.viewport = Viewport(Mode.FOLLOW, _FIRST_SPAN)
        self._before = self._info = self._bounds = None

    def index(self, time_s: float) -> int:
        """Return the sample index of a time since the session began."""
        if self._info is None or self._bounds is None:
            return 0
        return self._bounds[0] + round(time_s * self._info.sample_rate_hz)

    def request(self) -> FrameRequest:
        """Return what to ask the feed for."""
        return self.viewport.request(self._bounds, self._plots.n_columns)

    def show_frame(self, frame: Frame) -> None:
        """Show a frame."""
        snapshot = frame.snapshot
        if snapshot.info is None:
            return
        if self._info is None:
            self._begin(snapshot.info, replay=snapshot.replay_speed is not None)
        self._info = snapshot.info
        newest = snapshot.stop
        if frame.view is not None:  # may be younger than the snapshot
            newest = max(newest, int(frame.view.edges[-1]))
        self._bounds = (snapshot.start, newest)
        if newest > snapshot.start:
            self._plots.show_frame(frame, *self._times())

    def toggle_follow(self) -> None:
        """Follow the newest sample, or stay here."""
        if self._bounds is None:
            return
        self._before = None
        if self.following:
            self._go(self.viewport.fixed(self._bounds))
        else:
            self._go(self.viewport.followed(self._bounds))

    def toggle_hold(self) -> None:
        """Hold the plots, or let them go on as before."""
        if self._bounds is None:
            return
        if self._before is not None:
            before, self._before = self._before, None
            self._go(before)
            return
        self._before = self.viewport
        self._go(self.viewport.fixed(self._bounds))

    def fit(self) -> None:
        """Show the whole session."""
        self._before = None
        self._go(self.viewport.fitted())
        self._plots.refit()

    def zoom(self, factor: float) -> None:
        """Show ``factor`` times as much time, about the middle."""
        if self._bounds is not None:
            self._go(self.viewport.zoomed(factor, self._bounds))

    def pan(self, share: float) -> None:
        """Move the view by a share of its width."""
        if self._bounds is not None:
            self._go(self.viewport.panned(share, self._bounds))

    def show_stage(self, stage: Stage) -> None:
        """Show a stage and a little around it."""
        if self._bounds is None or self._info is None:
            return
        rate = self._info.sample_rate_hz
        start = (stage.start_ns - self._info.t0_ns) * rate / NS
        stop = float(self._bounds[1])
        if stage.stop_ns is not None:
            stop = (stage.stop_ns - self._info.t0_ns) * rate / NS
        margin = _MARGIN * (stop - start)
        self._go(self.viewport.shown(start - margin, stop + margin, self._bounds))

    def show_instant(self, time_ns: int) -> None:
        """Bring a moment to the middle, if it is not shown."""
        if self._bounds is None or self._info is None:
            return
        at = (time_ns - self._info.t0_ns) * self._info.sample_rate_hz / NS
        left, right = self.viewport.extent(self._bounds)
        if not left <= at <= right:
            half = (right - left) / 2
            self._go(self.viewport.shown(at - half, at + half, self._bounds))

    def _begin(self, info: StreamInfo, *, replay: bool) -> None:
        mode = Mode.ALL if replay else Mode.FOLLOW
        self.viewport = Viewport(mode, _FIRST_SPAN_S * info.sample_rate_hz)
        self.changed.emit()

    def _zoom_about(self, factor: float, time_s: float) -> None:
        if self._bounds is not None:
            self._go(self.viewport.zoomed(factor, self._bounds, float(self.index(time_s))))

    def _drag(self, seconds: float) -> None:
        start_s, stop_s = self._times()
        self.pan(seconds / (stop_s - start_s))

    def _go(self, viewport: Viewport) -> None:
        self.viewport = viewport
        if self._bounds is not None:
            self._plots.show_time(*self._times())
        self.changed.emit()

    def _times(self) -> tuple[float, float]:
        if self._info is None or self._bounds is None:
            return 0.0, 1.0
        left, right = self.viewport.extent(self._bounds)
        rate = self._info.sample_rate_hz
        return (left - self._bounds[0]) / rate, (right - self._bounds[0]) / rate
