"""What lies over the traces: titles and legends, marks, playhead, crosshair with its values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from monitor.model import NS, Stage, View
from monitor.units import share, si
from ui.backdrop import gap_brush
from ui.canvas import Canvas
from ui.legend import ROW_PX, places
from ui.plot import Plot
from ui.presenter import stage_name
from ui.quantities import NOTHING, clock, utc
from ui.readouts import NAMES
from ui.series import Series
from ui.slow import reading_at
from ui.stages import describe
from ui.steps import paint_dashes
from ui.theme import dashes_of, stage_color

_LINE_PX = 16  # of text in a readout
_NAME_PX = 160  # of a slow channel in the legend: its name is the user's
_SECTION = Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a legend."""

    name: str
    key: QColor | QBrush
    """A brush of what is not captured."""
    key_px: float
    line: int | None = None
    """Position of a slow channel's line."""


def _entries(canvas: Canvas, plot: Plot, metrics: QFontMetricsF) -> list[Entry]:
    """Return the legend of a plot; what is hidden is faint."""
    found = []
    for series in plot.spec.series:
        color = QColor(plot.color(series, canvas.theme))
        color.setAlpha(70 if series.name in plot.hidden else 255)
        found.append(Entry(series.name, color, 9))
    for line in plot.spec.slow:
        color = QColor(plot.color(line, canvas.theme))
        color.setAlpha(255 if plot.shows_slow else 70)
        name = metrics.elidedText(line.name, NAMES, _NAME_PX)
        found.append(Entry(name, color, 18, line.color))
    if plot is canvas.plots[0] and len(canvas.gaps_s[0]):
        found.append(Entry("not captured", gap_brush(canvas.theme), 13))
    return found


class Overlay(QGraphicsItem):
    """One item for all plots and the lane, in the scene's pixels."""

    def __init__(self, canvas: Callable[[], Canvas | None]) -> None:
        super().__init__()
        self._canvas = canvas
        self.setZValue(100)

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return where it may paint."""
        return QRectF(0, 0, 1e5, 1e5)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Paint it."""
        canvas = self._canvas()
        if canvas is None or not canvas.plots:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._paint_chosen(painter, canvas)
        self._paint_marks(painter, canvas)
        for plot in canvas.plots:
            self._paint_header(painter, canvas, plot)
        self._paint_playhead(painter, canvas)
        if canvas.pointer_px is not None:
            self._paint_crosshair(painter, canvas, canvas.pointer_px)

    def _paint_chosen(self, painter: QPainter, canvas: Canvas) -> None:
        """Shade the stage that is chosen, with an edge on either side."""
        if canvas.chosen is None:
            return
        scale = canvas.scale
        left, right = (scale.px(each) for each in canvas.span_s(canvas.chosen))
        if right < scale.left or left > scale.right:
            return
        color = QColor(canvas.theme.text)
        top, bottom = canvas.plots[0].rect.top(), canvas.plots[-1].rect.bottom()
        begin, end = max(round(left), scale.left), min(round(right), scale.right)
        color.setAlpha(16)
        painter.fillRect(QRectF(begin, top, max(end - begin, 1), bottom - top), color)
        color.setAlpha(110)
        for x in (left, right):
            if scale.left <= x <= scale.right:
                painter.fillRect(QRectF(round(x), top, 1, bottom - top), color)

    def _paint_marks(self, painter: QPainter, canvas: Canvas) -> None:
        scale, theme = canvas.scale, canvas.theme
        at = np.round(scale.pxs(canvas.bands.mark_s))
        top, bottom = canvas.lane_rect.top() + 1, canvas.plots[-1].rect.bottom()
        last = -1.0
        for k in np.flatnonzero((at >= scale.left) & (at <= scale.right)):
            x = float(at[k])
            if x == last:
                continue
            last = x
            loud = canvas.bands.marks[k].stage in ("event", "error")
            color = QColor(theme.warn if loud else theme.accent)
            color.setAlpha(150)
            painter.fillRect(QRectF(x, top, 1, bottom - top), color)

    def _paint_header(self, painter: QPainter, canvas: Canvas, plot: Plot) -> None:
        """Paint the title and the legend, in as many rows as it takes."""
        theme, rect = canvas.theme, plot.rect
        bold = QFont(canvas.small_font)
        bold.setBold(True)
        x, y = rect.left() + 10, rect.top() + 3
        title = QFontMetricsF(bold).horizontalAdvance(plot.spec.title)
        painter.setFont(bold)
        painter.setPen(QColor(theme.text))
        painter.drawText(QRectF(x, y, title + 4, _LINE_PX), _SECTION, plot.spec.title)
        painter.setFont(canvas.small_font)
        metrics = QFontMetricsF(canvas.small_font)
        entries = _entries(canvas, plot, metrics)
        widths = [
            entry.key_px + 5 + metrics.horizontalAdvance(entry.name) + 18 for entry in entries
        ]
        found = places(widths, rect.width() - 20, title + 18)
        plot.set_rows(1 + max((place.row for place in found), default=0))
        for entry, place, width in zip(entries, found, widths, strict=True):
            left, top = x + place.x, y + place.row * ROW_PX
            self._paint_key(painter, entry, left, top)
            painter.setPen(QColor(theme.muted))
            words = QRectF(left + entry.key_px + 5, top, width, _LINE_PX)
            painter.drawText(words, _SECTION, entry.name)

    def _paint_key(self, painter: QPainter, entry: Entry, x: float, y: float) -> None:
        """Paint the sign before a name."""
        if isinstance(entry.key, QBrush):
            painter.fillRect(QRectF(x, y + 2, entry.key_px, 13), entry.key)
        elif entry.line is not None:
            rect = QRectF(x, y + 7, entry.key_px, 2)
            paint_dashes(painter, rect, entry.key, dashes_of(entry.line))
        else:
            painter.fillRect(QRectF(x, y + 4, entry.key_px, 9), entry.key)

    def _paint_playhead(self, painter: QPainter, canvas: Canvas) -> None:
        if canvas.playhead_s is None:
            return
        x = round(canvas.scale.px(canvas.playhead_s))
        if not canvas.scale.left - 1 <= x <= canvas.scale.right + 1:
            return
        color = QColor(canvas.theme.playhead)
        painter.setPen(color)
        top, bottom = canvas.lane_rect.top(), canvas.plots[-1].rect.bottom()
        painter.fillRect(QRectF(x, top, 1, bottom - top), color)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(color)
        handle = [QPointF(x - 6, top), QPointF(x + 7, top), QPointF(x + 0.5, top + 9)]
        painter.drawPolygon(QPolygonF(handle))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_crosshair(self, painter: QPainter, canvas: Canvas, px: float) -> None:
        theme = canvas.theme
        x = round(px)
        line = QColor(theme.text)
        line.setAlpha(130)
        faint = QColor(theme.text)
        faint.setAlpha(60)
        top, bottom = canvas.lane_rect.top(), canvas.plots[-1].rect.bottom()
        painter.fillRect(QRectF(x, top, 1, bottom - top), line)
        time_s = canvas.scale.time_s(px)
        self._paint_time(painter, canvas, x, time_s)
        if canvas.pointer_y <= canvas.lane_rect.bottom():
            self._paint_stage(painter, canvas, x)
            return
        for plot in canvas.plots:
            if plot.rect.top() <= canvas.pointer_y <= plot.rect.bottom():
                y = round(canvas.pointer_y)
                painter.fillRect(QRectF(plot.rect.left(), y, plot.rect.width(), 1), faint)
            path = canvas.bands.path_at(time_s) if plot is canvas.plots[0] else ()
            self._paint_values(painter, canvas, plot, x, canvas.column_at(time_s), path=path)

    def _paint_values(
        self,
        painter: QPainter,
        canvas: Canvas,
        plot: Plot,
        x: int,
        column: int | None,
        *,
        path: tuple[Stage, ...],
    ) -> None:
        """Paint what the plot shows under the pointer, below the stage there if one is given."""
        view = canvas.view
        if view is None or column is None:
            return
        lines = [(stage_color(each.name), "stage", stage_name(each)) for each in path[-1:]]
        lines += [
            (plot.color(series, canvas.theme), series.name, reading(series, view, column, plot))
            for series in plot.shown
            if series.exists(view)
        ]
        if plot is canvas.plots[0] and view.coverage is not None:
            captured = share(float(view.coverage[column]))
            lines.append((canvas.theme.warn, "captured", captured))
        if plot.shows_slow:
            time_ns = canvas.origin_ns + round(canvas.scale.time_s(x) * NS)
            held = {view.channel: view for view in canvas.slow}
            lines += [
                (plot.color(line, canvas.theme), line.name, reading_at(held[line.channel], time_ns))
                for line in plot.spec.slow
                if line.channel in held
            ]
        top = plot.rect.top() + plot.header_px
        fits = int((plot.rect.height() - plot.header_px - 4) // _LINE_PX)
        self._paint_box(painter, canvas, x, top, lines[: max(fits, 1)])

    def _paint_box(
        self,
        painter: QPainter,
        canvas: Canvas,
        x: int,
        top: float,
        lines: list[tuple[str, str, str]],
    ) -> None:
        """Paint rows of swatch, name and value beside the crosshair."""
        theme = canvas.theme
        metrics = QFontMetricsF(canvas.small_font)
        names = max((metrics.horizontalAdvance(name) for _, name, _ in lines), default=0.0)
        values = max((metrics.horizontalAdvance(value) for *_, value in lines), default=0.0)
        width = 20 + names + 12 + values + 8
        left = x + 8 if x + 8 + width < canvas.scale.right else x - 8 - width
        box = QRectF(left, top, width, len(lines) * _LINE_PX + 6)
        ground = QColor(theme.raised)
        ground.setAlpha(235)
        painter.fillRect(box, ground)
        painter.setFont(canvas.small_font)
        for row, (color, name, value) in enumerate(lines):
            y = top + 3 + row * _LINE_PX
            painter.fillRect(QRectF(left + 7, y + 4, 8, 8), QColor(color))
            painter.setPen(QColor(theme.muted))
            painter.drawText(QRectF(left + 20, y, names + 4, _LINE_PX), _SECTION, name)
            painter.setPen(QColor(theme.text))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(left, y, width - 8, _LINE_PX), right, value)

    def _paint_time(self, painter: QPainter, canvas: Canvas, x: int, time_s: float) -> None:
        """Paint the time since the session began and the absolute time, on the time axis."""
        decimals = min(max(math.ceil(math.log10(canvas.scale.px_per_s)), 1), 7)
        absolute = utc(canvas.origin_ns + round(time_s * NS), decimals)
        text = f"{clock(time_s, decimals)}   {absolute}"
        metrics = QFontMetricsF(canvas.small_font)
        width = metrics.horizontalAdvance(text) + 16
        left = min(max(x - width / 2, 2), canvas.width - width - 2)
        rect = QRectF(left, canvas.time_rect.top() + 2, width, canvas.time_rect.height() - 4)
        painter.fillRect(rect, QColor(canvas.theme.raised))
        painter.setPen(QColor(canvas.theme.text))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_stage(self, painter: QPainter, canvas: Canvas, x: int) -> None:
        """Paint what the stage under the pointer is and used, below the lane."""
        lane, stage = canvas.lane_rect, canvas.stage_at_pointer
        if stage is None:
            return
        text = describe(stage, canvas.now_ns, canvas.used)
        bounds = QFontMetricsF(canvas.small_font).boundingRect(
            QRectF(0, 0, 900, 200), Qt.AlignmentFlag.AlignLeft, text
        )
        left = min(x + 8.0, canvas.scale.right - bounds.width() - 20)
        rect = QRectF(left, lane.bottom() + 4, bounds.width() + 18, bounds.height() + 12)
        painter.setPen(QColor(canvas.theme.line))
        painter.setBrush(QColor(canvas.theme.raised))
        painter.drawRect(rect)
        painter.setPen(QColor(canvas.theme.text))
        painter.drawText(rect.adjusted(9, 6, -9, -6), Qt.AlignmentFlag.AlignLeft, text)


def reading(series: Series, view: View, column: int, plot: Plot) -> str:
    """Return a series' value in a column: one, or its lowest and highest."""
    low, high = (float(values[column]) for values in series.values(view))
    unit = plot.spec.unit
    if math.isnan(low):
        return NOTHING
    return si(high, unit) if low == high else f"{si(low, unit)} … {si(high, unit)}"
