"""What the mouse does on the plots."""

from __future__ import annotations

import enum
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from ui.canvas import Canvas

_CLICK_PX = 4  # a press that moves less is a click
_GRIP_PX = 7  # of the playhead


class _Drag(enum.Enum):
    """What a held button does."""

    NOTHING = "nothing"
    CLICK = "click"
    PAN = "pan"
    SCRUB = "scrub"
    SPAN = "span"


class Gestures(QObject):
    """Turns the mouse events of a widget into what they mean on its canvas.

    Times are seconds since the session began.
    """

    zoomed = Signal(float, float)
    """Factor of the width, and the time about which."""
    panned = Signal(float)
    """By how many seconds, later if positive."""
    fit_asked = Signal()
    clicked = Signal(float)
    scrubbed = Signal(float)
    """The playhead was dragged to a time."""
    spanned = Signal(float, float)
    """Two times were dragged apart, the earlier first."""
    moved = Signal()
    """The pointer is elsewhere."""

    def __init__(self, widget: QWidget, canvas: Callable[[], Canvas | None]) -> None:
        super().__init__(widget)
        self.pointer: QPointF | None = None
        """Where it stands; None if it is not over the widget."""
        self._canvas = canvas
        self._press = QPointF()
        self._drag = _Drag.NOTHING
        self._still_s = 0.0  # of the cursor that is not dragged
        widget.setMouseTracking(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Take the mouse events, and leave the others."""
        kind = event.type()
        if kind is QEvent.Type.Leave:
            self.pointer = None
            self.moved.emit()
            return False
        if isinstance(event, QWheelEvent):
            self._wheel(event)
        elif not isinstance(event, QMouseEvent):
            return super().eventFilter(watched, event)
        elif kind is QEvent.Type.MouseButtonDblClick:
            self.fit_asked.emit()
        elif kind is QEvent.Type.MouseButtonPress:
            self._pressed(event)
        elif kind is QEvent.Type.MouseMove:
            self._moved(event.position())
        elif kind is QEvent.Type.MouseButtonRelease:
            self._released(event.position())
        return True

    def _wheel(self, event: QWheelEvent) -> None:
        """Zoom; a notch is a factor of the square root of 2."""
        canvas, notches = self._canvas(), event.angleDelta().y() / 120
        if canvas is not None and notches:
            self.zoomed.emit(2.0 ** (-notches / 2), canvas.scale.time_s(event.position().x()))

    def _pressed(self, event: QMouseEvent) -> None:
        """Begin a click or a pan or, on the playhead or the lane, a scrub."""
        canvas = self._canvas()
        if event.button() != Qt.MouseButton.LeftButton or canvas is None:
            return
        self._press = event.position()
        self._drag = _Drag.CLICK
        still_s = self._other_cursor(canvas, self._press)
        if still_s is not None or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._drag = _Drag.SPAN
            self._still_s = canvas.scale.time_s(self._press.x()) if still_s is None else still_s
            return
        if canvas.playhead_s is not None:
            near = abs(canvas.scale.px(canvas.playhead_s) - self._press.x()) <= _GRIP_PX
            if near or self._press.y() <= canvas.lane_rect.bottom():
                self._drag = _Drag.SCRUB

    def _moved(self, to: QPointF) -> None:
        canvas = self._canvas()
        before, self.pointer = self.pointer or to, to
        if self._drag is _Drag.CLICK and abs(to.x() - self._press.x()) > _CLICK_PX:
            self._drag = _Drag.PAN
            before = self._press
        if canvas is not None and self._drag is _Drag.PAN:
            self.panned.emit((before.x() - to.x()) / canvas.scale.px_per_s)
        elif canvas is not None and self._drag is _Drag.SCRUB:
            self.scrubbed.emit(canvas.scale.time_s(to.x()))
        elif canvas is not None and self._drag is _Drag.SPAN:
            self._span_to(canvas, to)
        self.moved.emit()

    def _other_cursor(self, canvas: Canvas, at: QPointF) -> float | None:
        """Return where the other cursor stands if one is grasped; None if none is."""
        if canvas.cursors_s is None or at.y() <= canvas.lane_rect.bottom():
            return None
        for grasped, other in (canvas.cursors_s, canvas.cursors_s[::-1]):
            if abs(canvas.scale.px(grasped) - at.x()) <= _GRIP_PX:
                return other
        return None

    def _span_to(self, canvas: Canvas, to: QPointF) -> None:
        px = min(max(to.x(), canvas.scale.left), canvas.scale.right)
        time_s = canvas.scale.time_s(px)
        if time_s != self._still_s:
            self.spanned.emit(min(time_s, self._still_s), max(time_s, self._still_s))

    def _released(self, at: QPointF) -> None:
        canvas, drag = self._canvas(), self._drag
        self._drag = _Drag.NOTHING
        if canvas is not None and drag is _Drag.CLICK:
            self.clicked.emit(canvas.scale.time_s(at.x()))
        elif canvas is not None and drag is _Drag.SCRUB:
            self.scrubbed.emit(canvas.scale.time_s(at.x()))
