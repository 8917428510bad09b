"""The signs on the buttons, painted, so that no icon theme is needed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF

_SIZE = 16


def icon(name: str, color: str, *, ratio: float = 1.0) -> QIcon:
    """Return the sign of a command; an unknown name has none.

    Parameters
    ----------
    ratio
        Pixels of the screen per pixel of the window.
    """
    paint = _PAINTERS.get(name)
    if paint is None:
        return QIcon()
    pixmap = QPixmap(round(_SIZE * ratio), round(_SIZE * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(QColor(color), 1.6)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    paint(painter, QColor(color))
    painter.end()
    return QIcon(pixmap)


def _record(painter: QPainter, color: QColor) -> None:
    painter.setBrush(color)
    painter.drawEllipse(QRectF(4, 4, 8, 8))


def _stop(painter: QPainter, color: QColor) -> None:
    painter.setBrush(color)
    painter.drawRect(QRectF(4, 4, 8, 8))


def _mark(painter: QPainter, color: QColor) -> None:
    painter.drawLine(QPointF(4.5, 2.5), QPointF(4.5, 13.5))
    painter.setBrush(color)
    painter.drawPolygon(QPolygonF([QPointF(4.5, 3), QPointF(12.5, 5.5), QPointF(4.5, 8.5)]))


def _pause(painter: QPainter, color: QColor) -> None:
    painter.fillRect(QRectF(4, 3, 3, 10), color)
    painter.fillRect(QRectF(9, 3, 3, 10), color)


def _play(painter: QPainter, color: QColor) -> None:
    painter.setBrush(color)
    painter.drawPolygon(QPolygonF([QPointF(5, 3.5), QPointF(12, 8), QPointF(5, 12.5)]))


def _follow(painter: QPainter, _: QColor) -> None:
    painter.drawLine(QPointF(13, 3), QPointF(13, 13))
    painter.drawLine(QPointF(2.5, 8), QPointF(10, 8))
    painter.drawPolyline([QPointF(7, 5), QPointF(10, 8), QPointF(7, 11)])


def _fit(painter: QPainter, _: QColor) -> None:
    painter.drawLine(QPointF(2.5, 3), QPointF(2.5, 13))
    painter.drawLine(QPointF(13.5, 3), QPointF(13.5, 13))
    painter.drawLine(QPointF(5, 8), QPointF(11, 8))
    painter.drawPolyline([QPointF(7, 6), QPointF(5, 8), QPointF(7, 10)])
    painter.drawPolyline([QPointF(9, 6), QPointF(11, 8), QPointF(9, 10)])


def _zoom_in(painter: QPainter, _: QColor) -> None:
    painter.drawLine(QPointF(3.5, 8), QPointF(12.5, 8))
    painter.drawLine(QPointF(8, 3.5), QPointF(8, 12.5))


def _zoom_out(painter: QPainter, _: QColor) -> None:
    painter.drawLine(QPointF(3.5, 8), QPointF(12.5, 8))


def _open(painter: QPainter, _: QColor) -> None:
    points = [(2.5, 12.5), (2.5, 4), (6.5, 4), (8, 5.8), (13.5, 5.8), (13.5, 12.5)]
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in points]))


def _stages(painter: QPainter, color: QColor) -> None:
    for y, left, width in ((3.0, 2.0, 12.0), (7.0, 4.0, 7.0), (11.0, 6.0, 8.0)):
        painter.fillRect(QRectF(left, y, width, 2.4), color)


def _notes(painter: QPainter, _: QColor) -> None:
    painter.drawRect(QRectF(3, 2.5, 10, 11))
    for y, right in ((6.0, 10.5), (8.5, 10.5), (11.0, 8.5)):
        painter.drawLine(QPointF(5.5, y), QPointF(right, y))


def _theme(painter: QPainter, color: QColor) -> None:
    painter.drawEllipse(QRectF(3, 3, 10, 10))
    painter.setBrush(color)
    painter.drawPie(QRectF(3, 3, 10, 10), 90 * 16, 180 * 16)


def _home(painter: QPainter, color: QColor) -> None:
    painter.drawLine(QPointF(4, 3.5), QPointF(4, 12.5))
    painter.setBrush(color)
    painter.drawPolygon(QPolygonF([QPointF(12, 3.5), QPointF(6, 8), QPointF(12, 12.5)]))


def _live(painter: QPainter, color: QColor) -> None:
    painter.setBrush(color)
    painter.drawEllipse(QRectF(6.2, 6.2, 3.6, 3.6))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for start in (-50, 130):
        painter.drawArc(QRectF(2.5, 2.5, 11, 11), start * 16, 100 * 16)


def _setup(painter: QPainter, color: QColor) -> None:
    painter.setBrush(color)
    for y, x in ((4.0, 10.5), (8.0, 5.0), (12.0, 9.0)):
        painter.drawLine(QPointF(2, y), QPointF(14, y))
        painter.drawEllipse(QPointF(x, y), 1.4, 1.4)


def _help(painter: QPainter, color: QColor) -> None:
    painter.drawRoundedRect(QRectF(1.5, 4, 13, 8.5), 1.5, 1.5)
    for x in (4.5, 8.0, 11.5):
        painter.drawPoint(QPointF(x, 6.8))
    painter.drawLine(QPointF(5.5, 9.8), QPointF(10.5, 9.8))


_PAINTERS: dict[str, Callable[[QPainter, QColor], None]] = {
    "record": _record,
    "setup": _setup,
    "stop": _stop,
    "mark": _mark,
    "pause": _pause,
    "play": _play,
    "follow": _follow,
    "fit": _fit,
    "zoom_in": _zoom_in,
    "zoom_out": _zoom_out,
    "open": _open,
    "stages": _stages,
    "notes": _notes,
    "theme": _theme,
    "help": _help,
    "home": _home,
    "live": _live,
}
