"""The lane and the plots over one time axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QGraphicsScene, QGraphicsWidget

from monitor.model import Frame, SpanNumbers, Stage, StageEnergy, StageTable, StreamInfo
from ui.backdrop import Backdrop
from ui.canvas import FLAGS_PX, ROW_PX, Canvas
from ui.coverage import CoverageStrip
from ui.cursors import Cursors
from ui.fonts import font
from ui.gestures import Gestures
from ui.lane import MAX_ROWS, Lane
from ui.overlay import Overlay
from ui.plot import Plot
from ui.scaling import TimeScale
from ui.series import gaps, plots
from ui.stages import Bands, bands
from ui.theme import SMALL_PX, Theme

_GUTTER_PX = 78  # labels of the vertical axes
_RIGHT_PX = 14
_TIME_PX = 24


class PlotStack(pg.GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Shows frames. Times are seconds since the session began."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName("Plots of power, voltage, current and ramp rate over time")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(self.Shape.NoFrame)
        self.setViewportUpdateMode(self.ViewportUpdateMode.FullViewportUpdate)
        self.scene().setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.n_painted = 0
        """Times that it was painted."""
        self._font = font(SMALL_PX)
        self._theme = theme
        self._plots: tuple[Plot, ...] = ()
        self._hidden_plots: frozenset[str] = frozenset()
        self._shows_slow = True
        self._key: object = None
        self._frame: Frame | None = None
        self._bands = Bands()
        self._n_rows = 1
        self._time = (0.0, 1.0)
        self._playhead_s: float | None = None
        self.cursors_s: tuple[float, float] | None = None
        """Where two cursors stand, the earlier first; None if there are none."""
        self._numbers: SpanNumbers | None = None
        self._chosen: Stage | None = None
        self._used: dict[tuple[str, str], StageEnergy] = {}
        self.gestures = Gestures(self.viewport(), self._canvas)
        self.gestures.moved.connect(self._changed)
        layout = self.ci.layout
        layout.setContentsMargins(_GUTTER_PX, 0, _RIGHT_PX, 0)
        layout.setVerticalSpacing(6)
        self._lane_space, self._time_space = QGraphicsWidget(), QGraphicsWidget()
        self._cached: Canvas | None = None
        for kind in (Backdrop, Lane, CoverageStrip, Overlay, Cursors):
            self.scene().addItem(kind(self._canvas))
        self.set_theme(theme)

    @property
    def plots(self) -> tuple[Plot, ...]:
        """The plots that are visible, from top to bottom."""
        return tuple(p for p in self._plots if p.spec.key not in self._hidden_plots)

    @property
    def n_columns(self) -> int:
        """Width of a plot in the screen's pixels."""
        width = int(self.viewport().width()) - _GUTTER_PX - _RIGHT_PX
        return max(round(width * float(self.devicePixelRatioF())), 16)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.setBackground(theme.window)
        for plot in self._plots:
            plot.set_theme(theme)
        self._changed()

    def show_frame(self, frame: Frame, start_s: float, stop_s: float) -> None:
        """Show a frame on the time axis ``[start_s, stop_s)``."""
        snapshot, view = frame.snapshot, frame.view
        info = snapshot.info
        if info is None:
            return
        self._arrange(info, frame)
        self._frame = frame
        self._bands = bands(frame.timeline, info, snapshot.start, snapshot.stop)
        self._set_rows(self._bands.n_rows)
        if view is not None:
            edges_s, origin_ns = self._edges_s(frame), info.time_ns(snapshot.start)
            for plot in self.plots:
                plot.show_view(view, edges_s, frame.slow, origin_ns)
        self.show_time(start_s, stop_s)

    def show_time(self, start_s: float, stop_s: float) -> None:
        """Show another span of time of the same frame."""
        self._time = (start_s, stop_s)
        for plot in self._plots:
            plot.set_time(start_s, stop_s)
        self._changed()

    def show_playhead(self, time_s: float | None) -> None:
        """Put the playhead at a time; None takes it away."""
        self._playhead_s = time_s
        self._changed()

    def show_cursors(self, cursors_s: tuple[float, float] | None) -> None:
        """Put two cursors, of which nothing is known yet; None takes them away."""
        self.cursors_s, self._numbers = cursors_s, None
        self._changed()

    def show_numbers(self, numbers: SpanNumbers) -> None:
        """Show what was measured between the cursors."""
        if self.cursors_s is not None:
            self._numbers = numbers
            self._changed()

    def choose(self, stage: Stage | None) -> None:
        """Shade a stage; None shades nothing."""
        self._chosen = stage
        self._changed()

    def show_table(self, table: StageTable | None) -> None:
        """Know what each stage used, for the pointer; None forgets it."""
        stages = table.stages if table is not None else ()
        self._used = {(used.stage.run_id, used.stage.span_id): used for used in stages}
        self._changed()

    @property
    def stage_under_pointer(self) -> Stage | None:
        """The stage of the lane that the pointer is on."""
        canvas = self._canvas()
        return canvas.stage_at_pointer if canvas is not None else None

    @property
    def knows_stages(self) -> bool:
        """Whether it is known what stages used."""
        return bool(self._used)

    def refit(self) -> None:
        """Fit the vertical ranges anew with the next frame."""
        for plot in self._plots:
            plot.refit()

    def toggle_plot(self, key: str) -> None:
        """Hide a plot, or show it again; the last one stays."""
        hidden = self._hidden_plots ^ {key}
        if not any(p.spec.key not in hidden for p in self._plots):
            return
        self._hidden_plots = hidden
        self._place()

    def toggle_slow(self) -> None:
        """Hide the lines of slow channels, or show them again."""
        self._shows_slow = not self._shows_slow
        for plot in self._plots:
            plot.shows_slow = self._shows_slow
            if plot.spec.slow:
                plot.refit()

    def next_ramp(self) -> None:
        """Show the next window of the ramp rate alone, and after the last all of them."""
        for plot in self._plots:
            if plot.spec.key != "ramp":
                continue
            names = [series.name for series in plot.spec.series]
            shown = [series.name for series in plot.shown]
            place = names.index(shown[0]) + 1 if len(shown) == 1 else 0
            alone = names[place : place + 1] or names
            plot.hidden = frozenset(names) - frozenset(alone)
            plot.refit()

    def _edges_s(self, frame: Frame) -> np.ndarray:
        if frame.view is None or frame.snapshot.info is None:
            return np.zeros(0)
        offset = frame.view.edges - frame.snapshot.start
        return offset.astype(np.float64) / frame.snapshot.info.sample_rate_hz

    def _arrange(self, info: StreamInfo, frame: Frame) -> None:
        """Make other plots if the stream is another one."""
        specs = plots(info, frame.snapshot)
        key = (info.t0_ns, specs)
        if key == self._key:
            return
        self._key = key
        self._clear()
        self._plots = tuple(Plot(spec, self._theme) for spec in specs)
        for plot in self._plots:
            plot.shows_slow = self._shows_slow
            plot.box.sigResized.connect(self._resized)
        self._place()

    def _clear(self) -> None:
        for plot in self._plots:
            if plot.box in self.ci.items:
                self.ci.removeItem(plot.box)
            plot.box.close()
        self._plots = ()

    def _place(self) -> None:
        layout = self.ci.layout
        for item in list(self.ci.items):
            self.ci.removeItem(item)
        for row in range(layout.rowCount()):
            layout.setRowStretchFactor(row, 0)
            layout.setRowFixedHeight(row, 0)
        self.ci.addItem(self._lane_space, 0, 0)
        for row, plot in enumerate(self.plots, start=1):
            layout.setRowMinimumHeight(row, 0)
            layout.setRowMaximumHeight(row, 1e6)
            layout.setRowStretchFactor(row, plot.spec.stretch)
            plot.box.setVisible(True)
            self.ci.addItem(plot.box, row, 0)
            plot.set_time(*self._time)
        last = len(self.plots) + 1
        self.ci.addItem(self._time_space, last, 0)
        layout.setRowFixedHeight(last, _TIME_PX)
        layout.setRowFixedHeight(0, self._lane_px())
        layout.activate()
        self._changed()

    def _set_rows(self, n_rows: int) -> None:
        n_rows = min(max(n_rows, self._n_rows), MAX_ROWS)  # it only grows: the plots stay put
        if n_rows != self._n_rows:
            self._n_rows = n_rows
            self.ci.layout.setRowFixedHeight(0, self._lane_px())
            self.ci.layout.activate()

    def _lane_px(self) -> float:
        return float(FLAGS_PX + self._n_rows * ROW_PX)

    def _resized(self) -> None:
        """Arrange everything anew: no frame may come that would."""
        for plot in self._plots:
            plot.keep_room()
        self._changed()

    def _changed(self) -> None:
        self._cached = None
        self.viewport().update()

    def _canvas(self) -> Canvas | None:
        """Return what the items paint; None before the first frame."""
        if self._cached is None:
            self._cached = self._make_canvas()
        return self._cached

    def _make_canvas(self) -> Canvas | None:
        frame = self._frame
        if frame is None or frame.snapshot.info is None or not self.plots:
            return None
        info, snapshot = frame.snapshot.info, frame.snapshot
        rect, bottom = self.plots[0].rect, self.plots[-1].rect.bottom()
        starts, stops = gaps(frame.view) if frame.view is not None else (np.zeros(0), np.zeros(0))
        rate = info.sample_rate_hz
        scale = TimeScale(rect.left(), rect.right(), *self._time)
        pointer = self.gestures.pointer
        inside = pointer is not None and scale.left <= pointer.x() <= scale.right
        canvas = Canvas(
            theme=self._theme,
            small_font=self._font,
            plots=self.plots,
            scale=scale,
            width=float(self.viewport().width()),
            lane_rect=QRectF(rect.left(), 0, rect.width(), self._lane_px()),
            time_rect=QRectF(0, bottom, self.viewport().width(), _TIME_PX + 6),
            bands=self._bands,
            gaps_s=((starts - snapshot.start) / rate, (stops - snapshot.start) / rate),
            view=frame.view,
            edges_s=self._edges_s(frame),
            slow=frame.slow,
            info=info,
            origin_ns=info.time_ns(snapshot.start),
            now_ns=snapshot.now_ns,
            pointer_px=pointer.x() if inside and pointer is not None else None,
            pointer_y=pointer.y() if pointer is not None else -1.0,
            playhead_s=self._playhead_s,
            cursors_s=self.cursors_s,
            numbers=self._numbers,
            chosen=self._chosen,
            used=None,
        )
        stage = canvas.stage_at_pointer
        if stage is None:
            return canvas
        return replace(canvas, used=self._used.get((stage.run_id, stage.span_id)))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint, and count."""
        super().paintEvent(event)
        self.n_painted += 1
