"""The row of buttons, the field for a mark's text, and the transport of a replay."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from ui.keys import BY_NAME

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0)

_GROUPS = (
    ("record", "mark"),
    ("pause", "follow"),
    ("zoom_out", "zoom_in", "fit"),
    ("open", "setup", "live", "stages", "notes"),
)
_RIGHT = ("theme", "help")
_PRESS = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
_PADDING_PX = 22  # of the style sheet, on both sides of a button
_SPARE_PX = 90  # margins and spaces
_TITLE_PX = 60  # a shorter piece of it tells nothing
_BARE = ("zoom_in", "zoom_out")  # the sign says it


class Button(QToolButton):
    """A button of an action; Tab reaches it, Space and Enter press it, a click leaves the focus."""

    def __init__(self, action: QAction, name: str) -> None:
        super().__init__()
        self.setDefaultAction(action)
        self.setObjectName(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setIconSize(QSize(16, 16))
        self._bare = name in _BARE
        self.show_words(True)
        self.setAccessibleName(BY_NAME[name].text)
        self.setAccessibleDescription(BY_NAME[name].tip)

    @property
    def wanted_px(self) -> int:
        """Return its width with its words."""
        words = 0 if self._bare else self.fontMetrics().horizontalAdvance(self.text()) + 4
        sign = 0 if self.icon().isNull() else self.iconSize().width()
        return words + sign + _PADDING_PX

    def show_words(self, shown: bool) -> None:
        """Show its words beside its sign, or its sign alone if it has one."""
        style = Qt.ToolButtonStyle.ToolButtonIconOnly
        if shown and not self._bare:
            style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        if style is not self.toolButtonStyle():
            self.setToolButtonStyle(style)

    def event(self, event: QEvent) -> bool:
        """Keep Space and Enter for itself while it has the focus."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            event.setAccepted(event.key() in _PRESS)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Let Enter press it too."""
        if event.key() in _PRESS:
            self.click()
            return
        super().keyPressEvent(event)


class Choice(QComboBox):
    """A list to choose from, with an arrow that fits both themes."""

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the arrow over the frame."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().color(self.foregroundRole()), 1.4))
        x, y = self.width() - 14.0, self.height() / 2
        painter.drawPolyline([QPointF(x - 4, y - 2), QPointF(x, y + 2), QPointF(x + 4, y - 2)])
        painter.end()


class MarkField(QLineEdit):
    """Where the text of a mark is typed; the mark's time is when it was opened."""

    entered = Signal(str, object)
    """Text and UTC in ns."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        super().__init__()
        self._now_ns = now_ns
        self._time_ns = 0
        self.setObjectName("mark_field")
        self.setPlaceholderText("What happened? Enter keeps the mark, Esc drops it")
        self.setAccessibleName("Text of the mark")
        self.setMinimumWidth(120)
        self.setMaximumWidth(360)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()
        self.returnPressed.connect(self._enter)

    def begin(self) -> None:
        """Take the time, and ask for the text."""
        if self.isVisible():
            return
        self._time_ns = self._now_ns()
        self.clear()
        self.show()
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Drop the mark on Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self._end()
            return
        super().keyPressEvent(event)

    def _end(self) -> None:
        self.window().setFocus()  # not the next button, which would take Space for itself
        self.hide()

    def _enter(self) -> None:
        text = self.text().strip() or "mark"
        self._end()
        self.entered.emit(text, self._time_ns)


class Toolbar(QFrame):
    """The row at the top."""

    def __init__(self, actions: dict[str, QAction], now_ns: Callable[[], int]) -> None:
        super().__init__()
        self.setObjectName("toolbar")
        self._actions = actions
        self.mark_field = MarkField(now_ns)
        self.title = QLabel()
        self.title.setObjectName("tile_title")
        self.title.setMinimumWidth(1)
        self.buttons: dict[str, Button] = {}
        self._rules: list[tuple[QWidget, tuple[str, ...]]] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 6)
        row.setSpacing(2)
        for group in _GROUPS:
            for name in group:
                row.addWidget(self._button(name))
            if "mark" in group:
                row.addWidget(self.mark_field, 10)
            if group is not _GROUPS[-1]:
                self._rules.append((_rule(), group))
                row.addWidget(self._rules[-1][0])
        row.addStretch(1)
        row.addWidget(self.title)
        row.addSpacing(12)
        for name in _RIGHT:
            row.addWidget(self._button(name))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Leave the words out where there is no room for them."""
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Look for room again when a word has changed."""
        done = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:
            self._fit()
        return done

    def _fit(self) -> None:
        margins = self.contentsMargins()
        wanted = sum(
            button.wanted_px if button.isVisibleTo(self) else 0 for button in self.buttons.values()
        )
        others = sum(rule.width() for rule, _ in self._rules if rule.isVisibleTo(self))
        field = self.mark_field.minimumWidth() if self.mark_field.isVisibleTo(self) else 0
        room = self.width() - margins.left() - margins.right() - _SPARE_PX - others - field
        for button in self.buttons.values():
            button.show_words(wanted <= room)
        self.title.setVisible(not wanted <= room < wanted + _TITLE_PX)

    def _show_visible(self) -> None:
        """Hide the buttons of hidden actions, and the rule after a group without buttons."""
        for name, button in self.buttons.items():
            button.setVisible(self._actions[name].isVisible())
        for rule, group in self._rules:
            rule.setVisible(any(self._actions[name].isVisible() for name in group))

    def _button(self, name: str) -> Button:
        button = Button(self._actions[name], name)
        action = self._actions[name]
        action.visibleChanged.connect(self._show_visible)
        self.buttons[name] = button
        return button


class Transport(QFrame):
    """The controls of a replay: to the start, play or hold, speed, where the playhead is."""

    speed_chosen = Signal(float)

    def __init__(self, actions: dict[str, QAction]) -> None:
        super().__init__()
        self.setObjectName("transport")
        self._play = actions["pause"]
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 5, 14, 5)
        row.setSpacing(6)
        row.addWidget(Button(actions["home"], "home"))
        self.play = Button(actions["pause"], "pause")
        row.addWidget(self.play)
        row.addSpacing(6)
        self.speed = Choice()
        self.speed.setAccessibleName("Speed of the replay")
        self.speed.setToolTip("Speed of the replay   [ and ]")
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g} ×", speed)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.activated.connect(self._choose)
        self._asked: float | None = None  # until the feed says so too; older frames do not
        row.addWidget(self.speed)
        row.addSpacing(10)
        self.position = QLabel()
        row.addWidget(self.position)
        row.addStretch(1)
        self.absolute = QLabel()
        self.absolute.setObjectName("tile_title")
        row.addWidget(self.absolute)

    @property
    def chosen(self) -> float:
        """The speed that is chosen."""
        return SPEEDS[self.speed.currentIndex()]

    def step(self, by: int) -> None:
        """Choose a faster or a slower speed."""
        place = min(max(self.speed.currentIndex() + by, 0), len(SPEEDS) - 1)
        self.speed.setCurrentIndex(place)
        self._choose()

    def show_speed(self, speed: float) -> None:
        """Show the speed of the replay, unless another was just asked for."""
        if self._asked is not None and speed != self._asked:
            return
        self._asked = None
        if speed in SPEEDS:
            self.speed.setCurrentIndex(SPEEDS.index(speed))

    def _choose(self) -> None:
        self._asked = self.chosen
        self.speed_chosen.emit(self.chosen)


def _rule() -> QWidget:
    rule = QFrame()
    rule.setObjectName("rule")
    rule.setFixedSize(15, 20)
    rule.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return rule
