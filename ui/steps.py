"""The line of a slow channel: steps, dashed, so that nobody takes it for samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

_EVERYWHERE = QRectF(-1e15, -1e15, 2e15, 2e15)  # the plot clips; no geometry to keep up to date
_WIDEST_PX = 20_000.0  # no screen is wider; beyond it there are no dashes

Seconds = NDArray[np.float64]
Values = NDArray[np.float32]


class Steps(QGraphicsItem):
    """Values that hold for a while: a dashed line each, joined where the next one follows.

    Coordinates are seconds since the session began, and the plot's unit.

    Parameters
    ----------
    pattern
        Pixels of a dash and of the space after it.
    """

    def __init__(self, pattern: tuple[float, float]) -> None:
        super().__init__()
        self._pattern = pattern
        self._flat, self._risers = PrimitiveArray(QLineF, 4), PrimitiveArray(QLineF, 4)
        self._color = QColor("#ffffff")
        self._starts: Seconds = np.zeros(0)
        self._stops: Seconds = np.zeros(0)
        self._low: Values = np.zeros(0, np.float32)
        self._high: Values = np.zeros(0, np.float32)

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return where it may paint."""
        return _EVERYWHERE

    def set_color(self, color: str) -> None:
        """Set the colour."""
        self._color = QColor(color)
        self.update()

    def show_steps(self, starts: Seconds, stops: Seconds, low: Values, high: Values) -> None:
        """Show other data: shape (n,) each; low and high differ where a step is many readings."""
        self._starts, self._stops, self._low, self._high = starts, stops, low, high
        self.update()

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Paint it."""
        if not len(self._starts):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        pen = QPen(self._color)
        pen.setCosmetic(True)
        painter.setPen(pen)
        self._paint_risers(painter)
        transform = painter.deviceTransform()
        left_s, right_s = ((px - transform.dx()) / transform.m11() for px in (0.0, _WIDEST_PX))
        which, starts, stops = dashes(
            np.maximum(self._starts, left_s),
            np.minimum(self._stops, right_s),
            *(px / transform.m11() for px in self._pattern),
        )
        self._flat.resize(len(starts))
        table = self._flat.ndarray()
        table[:, 0], table[:, 2] = starts, stops
        # Twice, a pixel apart: wide pens cost seconds at this magnification.
        for values in (self._high, self._low - 1.0 / abs(transform.m22())):
            table[:, 1] = table[:, 3] = values[which]
            painter.drawLines(*self._flat.drawargs())

    def _paint_risers(self, painter: QPainter) -> None:
        """Paint the way from one value to the next where it follows at once."""
        down, up = self._low.copy(), self._high.copy()
        follows = self._starts[1:] <= self._stops[:-1]
        down[1:][follows] = np.minimum(self._low[1:], self._high[:-1])[follows]
        up[1:][follows] = np.maximum(self._high[1:], self._low[:-1])[follows]
        self._risers.resize(len(down))
        table = self._risers.ndarray()
        table[:, 0] = table[:, 2] = self._starts
        table[:, 1], table[:, 3] = down, up
        painter.drawLines(*self._risers.drawargs())


def dashes(
    starts: Seconds, stops: Seconds, dash_s: float, space_s: float
) -> tuple[NDArray[np.intp], Seconds, Seconds]:
    """Return the pieces of steps that a dashed line shows.

    The dashes keep their places in time, so they move with the data and go on from step to step.

    Parameters
    ----------
    starts, stops : shape (n,)
        Seconds, in the order of time; a step that stops before it starts has no piece.
    dash_s, space_s
        Length of a dash, and of the space after it.

    Returns
    -------
    steps : shape (k,)
        Which step each piece is of.
    starts, stops : shape (k,)
        Seconds.
    """
    there = stops > starts
    if not there.any():
        return np.zeros(0, np.intp), np.zeros(0), np.zeros(0)
    period_s = dash_s + space_s
    first, last = starts[there].min() // period_s, stops[there].max() // period_s
    begins = np.arange(first, last + 1) * period_s
    cuts = np.sort(np.concatenate((starts[there], stops[there], begins, begins + dash_s)))
    middle = (cuts[:-1] + cuts[1:]) / 2
    step = np.searchsorted(starts[there], middle, "right") - 1
    inside = (step >= 0) & (middle < stops[there][step])
    shown = inside & (middle % period_s < dash_s) & (cuts[1:] > cuts[:-1])
    return np.flatnonzero(there)[step[shown]], cuts[:-1][shown], cuts[1:][shown]


def paint_dashes(
    painter: QPainter, rect: QRectF, color: QColor, pattern: tuple[float, float]
) -> None:
    """Paint a piece of such a line for a legend."""
    x = rect.left()
    while x < rect.right():
        width = min(pattern[0], rect.right() - x)
        painter.fillRect(QRectF(x, rect.top(), width, rect.height()), color)
        x += sum(pattern)
