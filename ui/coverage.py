"""The strip below the lane that shows at any zoom how much was not captured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from ui.canvas import Canvas
from ui.theme import Theme

STRIP_PX = 4
_LEAST = 0.2  # opacity of whatever is missing


class CoverageStrip(QGraphicsItem):
    """Paints what is missing in each column, in the scene's pixels; nothing where all is there."""

    def __init__(self, canvas: Callable[[], Canvas | None]) -> None:
        super().__init__()
        self._canvas = canvas
        self.setZValue(40)

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
        if canvas is None or canvas.view is None or canvas.view.coverage is None:
            return
        n = len(canvas.view.coverage)
        if not n:
            return
        left, right = canvas.scale.px(canvas.edges_s[0]), canvas.scale.px(canvas.edges_s[-1])
        pixels = colors(canvas.view.coverage, canvas.theme)
        image = QImage(pixels.tobytes(), n, 1, 4 * n, QImage.Format.Format_RGBA8888)
        painter.save()
        top = canvas.lane_rect.bottom() + 1
        painter.setClipRect(QRectF(canvas.scale.left, top, canvas.lane_rect.width(), STRIP_PX))
        painter.drawImage(QRectF(left, top, right - left, STRIP_PX), image)
        painter.restore()


def colors(coverage: NDArray[np.float32], theme: Theme) -> NDArray[np.uint8]:
    """Return the colour of each column, shape (n, 4): the more is missing, the less transparent."""
    color = QColor(theme.warn)
    missing = np.clip(1.0 - coverage, 0.0, 1.0)
    found = np.empty((len(coverage), 4), np.uint8)
    found[:, :3] = color.red(), color.green(), color.blue()
    found[:, 3] = np.where(missing > 0.001, 255 * (_LEAST + (1 - _LEAST) * missing), 0)
    return found
