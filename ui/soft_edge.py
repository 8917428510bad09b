"""A band whose edges are as wide as their place is uncertain: it fades in, and out."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QLinearGradient, QPainter

LEAST_PX = 1.5
"""Half of the width from which an edge is shown as such; a sharper one looks like a line."""


def fill_soft(painter: QPainter, rect: QRectF, color: QColor, edge_px: float, left: float) -> None:
    """Fill a band that begins and ends within ``edge_px`` to both sides of its edges.

    Its colour says how sure it is that the band is there, if every place within is as likely.

    Parameters
    ----------
    rect
        Between the edges as they are most likely.
    left
        Pixel to the left of which nothing is painted.
    """
    wide = QRectF(rect.left() - edge_px, rect.top(), rect.width() + 2 * edge_px, rect.height())
    clear = QColor(color)
    clear.setAlpha(0)
    full = QColor(color)
    full.setAlphaF(color.alphaF() * min(1.0, rect.width() / (2 * edge_px)))
    share = min(rect.width(), 2 * edge_px) / wide.width()
    gradient = QLinearGradient(wide.topLeft(), wide.topRight())
    gradient.setColorAt(0.0, clear)
    gradient.setColorAt(share, full)
    gradient.setColorAt(1.0 - share, full)
    gradient.setColorAt(1.0, clear)
    painter.fillRect(wide.intersected(QRectF(left, wide.top(), 1e6, wide.height())), gradient)
