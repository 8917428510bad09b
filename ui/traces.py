"""What is painted inside a plot: one graphics item per trace, not one per thing.

Coordinates are seconds since the session began, and the plot's unit. Measured at 1500 columns:
lines by ``drawLines`` 2 to 4 times cheaper than painter paths, and no pen wider than 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

_EVERYWHERE = QRectF(-1e15, -1e15, 2e15, 2e15)  # the plot clips; no geometry to keep up to date
_BAND_PX = 12  # median height from which columns are a band rather than a line
_DOT_APART = 9  # pixels between samples from which each is marked by a dot

Seconds = NDArray[np.float64]
Values = NDArray[np.float32] | NDArray[np.float64]


class Envelope(QGraphicsItem):
    """Minimum and maximum of each pixel column, as one vertical line each.

    Where there are fewer samples than pixels it is the waveform itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines = PrimitiveArray(QLineF, 4)
        self._pen = self._band = _pen("#ffffff")
        self._edges: Seconds = np.zeros(1)
        self._low: Values = np.zeros(0)
        self._high: Values = np.zeros(0)
        self._samples = False

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return where it may paint."""
        return _EVERYWHERE

    def set_colors(self, waveform: str, band: str) -> None:
        """Set the colour of the waveform, and the quieter one of a band that fills an area."""
        self._pen, self._band = _pen(waveform), _pen(band)
        self.update()

    def show_columns(self, edges: Seconds, low: Values, high: Values, *, samples: bool) -> None:
        """Show other data.

        Parameters
        ----------
        edges : shape (n + 1,)
            Seconds.
        low, high : shape (n,)
            NaN where nothing was captured.
        samples
            Whether every column is a single sample, taken at its left edge.
        """
        self._edges, self._samples = edges, samples
        if samples:
            self._low = self._high = low
        else:
            self._low, self._high = joined(low, high)
        self.update()

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Paint it."""
        if not len(self._low):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, self._samples)
        if self._samples:
            painter.setPen(self._pen)
            self._paint_samples(painter)
            return
        there = ~np.isnan(self._low)
        tall_px = (self._high - self._low)[there] * abs(painter.deviceTransform().m22())
        fills = len(tall_px) > 0 and float(np.median(tall_px)) > _BAND_PX
        painter.setPen(self._band if fills else self._pen)
        self._paint_columns(painter, there)

    def _paint_columns(self, painter: QPainter, there: NDArray[np.bool_]) -> None:
        """Paint one line on every pixel that a column touches, so that none is left out."""
        transform = painter.deviceTransform()
        left = np.floor(self._edges[:-1][there] * transform.m11() + transform.dx())
        right = np.floor(self._edges[1:][there] * transform.m11() + transform.dx())
        n_lines = np.maximum(right - left, 1).astype(np.intp)
        column = np.repeat(np.arange(len(left)), n_lines)
        nth = np.arange(len(column)) - np.repeat(np.cumsum(n_lines) - n_lines, n_lines)
        half_px = 0.5 / abs(transform.m22())  # a flat column still shows
        self._lines.resize(len(column))
        lines = self._lines.ndarray()
        lines[:, 0] = (left[column] + nth + 0.5 - transform.dx()) / transform.m11()
        lines[:, 2] = lines[:, 0]
        lines[:, 1] = self._low[there][column] - half_px
        lines[:, 3] = self._high[there][column] + half_px
        painter.drawLines(*self._lines.drawargs())

    def _paint_samples(self, painter: QPainter) -> None:
        at = self._edges[:-1]
        _draw_curve(painter, self._lines, at, self._low)
        transform = painter.deviceTransform()
        if len(at) > 1 and (at[1] - at[0]) * transform.m11() > _DOT_APART:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            self._paint_dots(painter, 1 / transform.m11(), 1 / abs(transform.m22()))

    def _paint_dots(self, painter: QPainter, px_s: float, px_unit: float) -> None:
        """Paint squares of three lines each: wide pens cost seconds at this magnification."""
        there = ~np.isnan(self._low)
        at, value = np.repeat(self._edges[:-1][there], 3), np.repeat(self._low[there], 3)
        self._lines.resize(len(at))
        lines = self._lines.ndarray()
        lines[:, 0], lines[:, 2] = at - 1.5 * px_s, at + 1.5 * px_s
        lines[:, 1] = value + np.tile([-px_unit, 0.0, px_unit], len(at) // 3)
        lines[:, 3] = lines[:, 1]
        painter.drawLines(*self._lines.drawargs())


class Curve(QGraphicsItem):
    """A line through the middle of each column, and over all that is in it; NaN is a break."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = PrimitiveArray(QLineF, 4)
        self._pen = _pen("#ffffff")
        self._at: Seconds = np.zeros(0)
        self._low: Values = np.zeros(0)
        self._high: Values = np.zeros(0)

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return where it may paint."""
        return _EVERYWHERE

    def set_color(self, color: str) -> None:
        """Set the colour."""
        self._pen = _pen(color)
        self.update()

    def show_values(self, at: Seconds, low: Values, high: Values) -> None:
        """Show other data: shape (n,) each."""
        self._at, self._low, self._high = at, low, high
        self.update()

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Paint it."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._pen)
        _draw_curve(painter, self._lines, self._at, (self._low + self._high) / 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        upright, lonely = upright_columns(self._low, self._high)
        half_px = np.where(lonely, 1.5, 0.5) / abs(painter.deviceTransform().m22())
        self._lines.resize(len(upright))
        lines = self._lines.ndarray()
        lines[:, 0] = lines[:, 2] = self._at[upright]
        lines[:, 1] = self._low[upright] - half_px
        lines[:, 3] = self._high[upright] + half_px
        painter.drawLines(*self._lines.drawargs())


def upright_columns(low: Values, high: Values) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return which columns a line through their middles does not show, and which are lonely."""
    there = ~np.isnan(low)
    beside = np.zeros(len(there), np.bool_)
    beside[1:] |= there[:-1]
    beside[:-1] |= there[1:]
    upright = np.flatnonzero(there & ((high > low) | ~beside))
    return upright, ~beside[upright]


def joined(low: Values, high: Values) -> tuple[Values, Values]:
    """Return columns which reach their left neighbour, so that a steep trace has no holes.

    A column without samples stays NaN and joins nothing.
    """
    if len(low) < 2:
        return low, high
    down, up = low.copy(), high.copy()
    down[1:] = np.fmin(low[1:], high[:-1])
    up[1:] = np.fmax(high[1:], low[:-1])
    empty = np.isnan(low)
    down[empty] = np.nan
    up[empty] = np.nan
    return down, up


def _draw_curve(painter: QPainter, lines: PrimitiveArray, at: Seconds, values: Values) -> None:
    if len(at) < 2:
        return
    there = ~np.isnan(values)
    whole = there[:-1] & there[1:]
    lines.resize(int(whole.sum()))
    table = lines.ndarray()
    table[:, 0], table[:, 1] = at[:-1][whole], values[:-1][whole]
    table[:, 2], table[:, 3] = at[1:][whole], values[1:][whole]
    painter.drawLines(*lines.drawargs())


def _pen(color: str) -> QPen:
    pen = QPen(QColor(color))
    pen.setCosmetic(True)
    pen.setWidth(1)
    return pen
