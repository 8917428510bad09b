"""The stage lane: nested stages as bands, and the flags of the marks, in one graphics item."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from monitor.model import Stage
from ui.canvas import FLAGS_PX, ROW_PX, Canvas
from ui.soft_edge import LEAST_PX, fill_soft
from ui.stages import labels, mark_text
from ui.theme import mix, stage_color

MAX_ROWS = 8
"""Deeper stages share the last row."""

_NARROW = 2.0  # pixels below which bands are painted together, one line per pixel
_TEXT_FROM = 20.0  # pixels from which a band may carry its name


class Lane(QGraphicsItem):
    """Paints every stage and mark of a canvas, in the scene's pixels.

    One item however many there are: an item each would cost 100 ms a frame at 500.
    """

    def __init__(self, canvas: Callable[[], Canvas | None]) -> None:
        super().__init__()
        self._canvas = canvas
        self._lines = PrimitiveArray(QLineF, 4)
        self.setZValue(50)

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
        if canvas is None:
            return
        painter.setFont(canvas.small_font)
        rect = canvas.lane_rect
        painter.save()
        painter.setClipRect(QRectF(canvas.scale.left, 0, canvas.width, rect.bottom()))
        self._paint_bands(painter, canvas)
        self._paint_flags(painter, canvas)
        painter.restore()
        painter.setPen(QColor(canvas.theme.muted))
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        words = QRectF(0, rect.top() + FLAGS_PX, canvas.scale.left - 8, ROW_PX)
        painter.drawText(words, flags, "Stages")

    def _paint_bands(self, painter: QPainter, canvas: Canvas) -> None:
        bands, scale, theme = canvas.bands, canvas.scale, canvas.theme
        left, right = scale.pxs(bands.start_s), scale.pxs(bands.stop_s)
        edge = scale.pxs(bands.start_s + bands.edge_s) - left
        row = np.minimum(bands.depth, MAX_ROWS - 1)
        seen = (right >= scale.left) & (left <= scale.right)
        wide = seen & (right - left >= _NARROW)
        top = canvas.lane_rect.top() + FLAGS_PX
        self._paint_narrow(painter, canvas, left, row, np.flatnonzero(seen & ~wide))
        metrics = QFontMetricsF(canvas.small_font)
        for k in np.flatnonzero(wide):
            stage = bands.stages[k]
            start, stop = max(float(left[k]), scale.left - 4), min(float(right[k]), scale.right + 4)
            y = top + float(row[k]) * ROW_PX
            rect = QRectF(round(start), y, max(round(stop) - round(start) - 1, 1), ROW_PX - 2)
            own = stage_color(stage.name)
            fill = QColor(mix(own, theme.plot, theme.stage_fill))
            if edge[k] >= LEAST_PX:
                fill_soft(painter, rect, fill, float(edge[k]), scale.left)
            else:
                painter.fillRect(rect, fill)
            if stage.truncated:
                hatch = QColor(theme.text)
                hatch.setAlpha(70)
                painter.fillRect(rect, QBrush(hatch, Qt.BrushStyle.BDiagPattern))
            if rect.width() > 6:
                painter.fillRect(QRectF(rect.left(), y, 2, rect.height()), QColor(own))
            if stage.stop_ns is None:
                self._paint_open_edge(painter, rect, own)
            if _is_same(stage, canvas.chosen):
                painter.setPen(QColor(theme.text))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(rect.adjusted(0, 0, -1, -1))
            if rect.width() >= _TEXT_FROM:
                begin = max(rect.left(), scale.left) + 7
                room = min(rect.right(), scale.right) - begin - 3
                text = _fitting(labels(stage), metrics, room)
                if text:
                    painter.setPen(QColor(theme.text))
                    words = QRectF(begin, y, room, rect.height())
                    painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_narrow(
        self,
        painter: QPainter,
        canvas: Canvas,
        left: np.ndarray,
        row: np.ndarray,
        which: np.ndarray,
    ) -> None:
        """Paint bands of less than two pixels: one line per pixel, row and colour."""
        top = canvas.lane_rect.top() + FLAGS_PX
        columns: dict[str, set[tuple[int, int]]] = {}
        for k in which:
            name = canvas.bands.stages[k].name
            columns.setdefault(name, set()).add((int(left[k]), int(row[k])))
        for name, places in columns.items():
            at = np.array(sorted(places), np.float64)
            self._lines.resize(len(at))
            lines = self._lines.ndarray()
            lines[:, 0] = lines[:, 2] = at[:, 0] + 0.5
            lines[:, 1] = top + at[:, 1] * ROW_PX
            lines[:, 3] = lines[:, 1] + ROW_PX - 3
            painter.setPen(QColor(mix(stage_color(name), canvas.theme.plot, 0.75)))
            painter.drawLines(*self._lines.drawargs())

    def _paint_open_edge(self, painter: QPainter, rect: QRectF, color: str) -> None:
        """Paint an arrow head at the right of a stage that still runs."""
        tip = rect.right() + 6
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color))
        middle = rect.center().y()
        points = [
            QPointF(rect.right() + 1, rect.top()),
            QPointF(tip, middle),
            QPointF(rect.right() + 1, rect.bottom()),
        ]
        painter.drawPolygon(QPolygonF(points))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_flags(self, painter: QPainter, canvas: Canvas) -> None:
        """Paint a flag for each mark, and its text where the one before leaves room."""
        bands, scale, theme = canvas.bands, canvas.scale, canvas.theme
        metrics = QFontMetricsF(canvas.small_font)
        at = scale.pxs(bands.mark_s)
        taken = -math.inf
        for k in np.flatnonzero((at >= scale.left - 200) & (at <= scale.right)):
            x, mark = round(float(at[k])), bands.marks[k]
            if x < taken:
                continue
            text = metrics.elidedText(mark_text(mark), Qt.TextElideMode.ElideRight, 180)
            width = metrics.horizontalAdvance(text) + 12
            color = QColor(theme.warn if mark.stage in ("event", "error") else theme.accent)
            rect = QRectF(x, canvas.lane_rect.top() + 1, width, FLAGS_PX - 4)
            following = float(at[k + 1]) if k + 1 < len(at) else np.inf
            if following < x + width:  # no room for its text
                rect.setWidth(6)
                painter.fillRect(rect, color)
                taken = x + 7
                continue
            taken = x + width + 2
            painter.fillRect(rect, color)
            painter.setPen(QColor(theme.plot))
            words = rect.adjusted(6, 0, 0, 0)
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, text)


def _is_same(stage: Stage, chosen: Stage | None) -> bool:
    """Return whether it is the stage that was chosen, though more is known of it by now."""
    if chosen is None or not stage.span_id:
        return False
    return (stage.run_id, stage.span_id) == (chosen.run_id, chosen.span_id)


def _fitting(texts: tuple[str, ...], metrics: QFontMetricsF, room: float) -> str:
    """Return the longest of some texts that fits; the first is cut off where that reads better."""
    for text in texts:
        if metrics.horizontalAdvance(text) <= room:
            return text
    elided = metrics.elidedText(texts[0], Qt.TextElideMode.ElideRight, room)
    return elided if len(elided) > 4 else ""
