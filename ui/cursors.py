"""Two cursors over the plots, and what was measured between them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from ui.canvas import Canvas
from ui.span_text import length, rows

_LINE_PX = 16
_SECTION = Qt.AlignmentFlag.AlignVCenter


class Cursors(QGraphicsItem):
    """Paints them in the scene's pixels; nothing while there are none."""

    def __init__(self, canvas: Callable[[], Canvas | None]) -> None:
        super().__init__()
        self._canvas = canvas
        self.setZValue(110)

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
        if canvas is None or canvas.cursors_s is None:
            return
        scale = canvas.scale
        left, right = (round(scale.px(each)) for each in canvas.cursors_s)
        top, bottom = canvas.plots[0].rect.top(), canvas.plots[-1].rect.bottom()
        begin, end = max(left, scale.left), min(right, scale.right)
        if end < begin:
            return
        color = QColor(canvas.theme.accent)
        color.setAlpha(30)
        painter.fillRect(QRectF(begin, top, end - begin, bottom - top), color)
        color.setAlpha(230)
        for x in (left, right):
            if scale.left <= x <= scale.right:
                painter.fillRect(QRectF(x, top, 1, bottom - top), color)
        self._paint_numbers(painter, canvas, begin, end)

    def _paint_numbers(self, painter: QPainter, canvas: Canvas, begin: float, end: float) -> None:
        """Paint what was measured, beside the later cursor where there is room."""
        start_s, stop_s = canvas.cursors_s or (0.0, 0.0)
        told: tuple[tuple[str, str], ...] = (("Δt", length(stop_s - start_s)),)
        if canvas.numbers is not None:
            told = rows(canvas.numbers, canvas.info.sample_rate_hz)
        metrics = QFontMetricsF(canvas.small_font)
        names = max(metrics.horizontalAdvance(name) for name, _ in told)
        width = names + 14 + max(metrics.horizontalAdvance(value) for _, value in told) + 18
        left = end + 6 if end + 6 + width <= canvas.scale.right else begin - 6 - width
        left = max(left, canvas.scale.left + 4)
        rect = canvas.plots[0].rect
        box = QRectF(left, rect.top() + canvas.plots[0].header_px, width, len(told) * _LINE_PX + 8)
        painter.setPen(QColor(canvas.theme.accent))
        painter.setBrush(QColor(canvas.theme.raised))
        painter.drawRect(box)
        painter.setFont(canvas.small_font)
        for row, (name, value) in enumerate(told):
            line = QRectF(left + 9, box.top() + 4 + row * _LINE_PX, width - 18, _LINE_PX)
            painter.setPen(QColor(canvas.theme.muted))
            painter.drawText(line, _SECTION, name)
            painter.setPen(QColor(canvas.theme.text))
            painter.drawText(line, _SECTION | Qt.AlignmentFlag.AlignRight, value)
