"""What lies behind the traces: ground, gaps, stages as a tint, grid and labels of the axes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from ui.canvas import Canvas
from ui.scaling import time_ticks
from ui.soft_edge import LEAST_PX, fill_soft
from ui.theme import Theme, mix, stage_color

_HATCH_PX = 8  # a narrower gap would show a few dots of the hatch only
_LABEL_PX = 96  # room for a label of the time axis


def gap_brush(theme: Theme) -> QBrush:
    """Return how a time is painted in which nothing was captured."""
    color = QColor(theme.text)
    color.setAlpha(38)
    return QBrush(color, Qt.BrushStyle.BDiagPattern)


class Backdrop(QGraphicsItem):
    """One item for all plots, in the scene's pixels."""

    def __init__(self, canvas: Callable[[], Canvas | None]) -> None:
        super().__init__()
        self._canvas = canvas
        self.setZValue(-100)

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
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        top, bottom = canvas.plots[0].rect.top(), canvas.plots[-1].rect.bottom()
        rects = [plot.rect for plot in canvas.plots]
        for rect in rects:
            painter.fillRect(rect, QColor(canvas.theme.plot))
        self._paint_tint(painter, canvas, top, bottom)
        self._paint_gaps(painter, canvas, top, bottom)
        for above, below in itertools.pairwise(rects):  # cheaper than to spare it out each time
            space = QRectF(
                above.left(), above.bottom(), above.width(), below.top() - above.bottom()
            )
            painter.fillRect(space, QColor(canvas.theme.window))
        self._paint_time(painter, canvas)
        self._paint_values(painter, canvas)

    def _paint_gaps(self, painter: QPainter, canvas: Canvas, top: float, bottom: float) -> None:
        """Shade what was not captured, where it is wider than a pixel."""
        plain = QColor(canvas.theme.text)
        plain.setAlpha(12)
        hatch = gap_brush(canvas.theme)
        scale = canvas.scale
        edges = [np.clip(scale.pxs(each), scale.left, scale.right) for each in canvas.gaps_s]
        for left, right in zip(*edges, strict=True):
            rect = QRectF(left, top, right - left, bottom - top)
            if right - left >= _HATCH_PX:
                painter.fillRect(rect, hatch)
            elif right - left >= 1:
                painter.fillRect(rect, plain)

    def _paint_tint(self, painter: QPainter, canvas: Canvas, top: float, bottom: float) -> None:
        """Tint each leaf stage; where they are narrower than a pixel, one of them."""
        bands, scale, theme = canvas.bands, canvas.scale, canvas.theme
        left = np.clip(np.round(scale.pxs(bands.start_s)), scale.left, scale.right)
        right = np.clip(np.round(scale.pxs(bands.stop_s)), scale.left, scale.right)
        edge = scale.pxs(bands.start_s + bands.edge_s) - scale.pxs(bands.start_s)
        done = -1.0
        for k in np.flatnonzero(bands.leaf & (right > left)):
            start, stop = max(float(left[k]), done), float(right[k])
            if stop <= start:
                continue
            done = stop
            color = QColor(mix(stage_color(bands.stages[k].name), theme.plot, 0.09))
            rect = QRectF(start, top, stop - start, bottom - top)
            if edge[k] >= LEAST_PX:
                fill_soft(painter, rect, color, float(edge[k]), scale.left)
            else:
                painter.fillRect(rect, color)

    def _paint_time(self, painter: QPainter, canvas: Canvas) -> None:
        scale, theme = canvas.scale, canvas.theme
        grid = QColor(theme.text)
        grid.setAlpha(22)
        text = QPen(QColor(theme.muted))
        n = int((scale.right - scale.left) / _LABEL_PX)
        painter.setFont(canvas.small_font)
        row, metrics = canvas.time_rect, QFontMetricsF(canvas.small_font)
        for tick in time_ticks(scale.start_s, scale.stop_s, n):
            x = round(scale.px(tick.value))
            for plot in canvas.plots:
                # A rectangle: 30 times cheaper than a line of the same pixels.
                painter.fillRect(QRectF(x, plot.rect.top(), 1, plot.rect.height()), grid)
            label = QRectF(x - _LABEL_PX / 2, row.top(), _LABEL_PX, row.height())
            width = metrics.horizontalAdvance(tick.label) / 2 + 2
            label.moveLeft(min(label.left(), canvas.width - _LABEL_PX / 2 - width))
            painter.setPen(text)
            painter.drawText(label, Qt.AlignmentFlag.AlignCenter, tick.label)

    def _paint_values(self, painter: QPainter, canvas: Canvas) -> None:
        theme = canvas.theme
        grid, zero = QColor(theme.text), QColor(theme.text)
        grid.setAlpha(22)
        zero.setAlpha(60)
        painter.setFont(QFont(canvas.small_font))
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for plot in canvas.plots:
            rect, last = plot.rect, math.inf
            for tick in plot.ticks:
                y = plot.tick_px(tick)
                if y is None:
                    continue
                line = QRectF(rect.left(), y, rect.width(), 1)
                painter.fillRect(line, zero if tick.value == 0 else grid)
                at = min(max(y - 8, rect.top()), rect.bottom() - 15)
                if last - at < 15:  # no room below the label before
                    continue
                last = at
                painter.setPen(QColor(theme.muted))
                label = QRectF(0, at, rect.left() - 8, 16)
                painter.drawText(label, flags, tick.label)
