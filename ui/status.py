"""The banner for what the user should know, and the status line."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton

from ui.facts import Item


class Banner(QFrame):
    """What the user should know, above everything; hidden while there is nothing to say.

    A standing text stays until it is taken back; a warning until it is dismissed or over.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        self._standing = ""
        self._warnings: tuple[str, ...] = ()  # the session's
        self._own: tuple[str, ...] = ()
        self._dismissed: tuple[str, ...] = ()
        self.text = Lines()
        self.dismiss = QToolButton()
        self.dismiss.setText("Dismiss")
        self.dismiss.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.dismiss.clicked.connect(self._dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 2, 8, 2)
        row.addWidget(self.text, 1)
        row.addWidget(self.dismiss)
        keep = self.dismiss.sizePolicy()
        keep.setRetainSizeWhenHidden(True)  # so that all banners are as high
        self.dismiss.setSizePolicy(keep)
        self._refresh()

    def stand(self, text: str) -> None:
        """Show a text until it is taken back with an empty one."""
        if text != self._standing:
            self._standing = text
            self._refresh()

    def warn(self, text: str) -> None:
        """Show a warning of the window's own."""
        self._own = (*self._own, text)
        self._refresh()

    def show_warnings(self, warnings: tuple[str, ...]) -> None:
        """Show the session's worst warning that was not dismissed."""
        if warnings != self._warnings:
            self._warnings = warnings
            self._dismissed = tuple(text for text in self._dismissed if text in warnings)
            self._refresh()

    def forget(self) -> None:
        """Take back everything: it was of another session."""
        self._standing, self._warnings, self._own, self._dismissed = "", (), (), ()
        self._refresh()

    def _dismiss(self) -> None:
        self._dismissed, self._own = self._warnings, ()
        self._refresh()

    def _refresh(self) -> None:
        left = [text for text in self._warnings if text not in self._dismissed]
        left += self._own
        more = f"   ({len(left) - 1} more)" if len(left) > 1 else ""
        text = self._standing or (left[-1] + more if left else "")
        self.text.show_text(
            self._standing or (left[-1] if left else ""), "" if self._standing else more
        )
        told = [self._standing, *reversed(left)]
        self.text.setToolTip("\n".join(filter(None, told)))
        self.dismiss.setVisible(not self._standing)
        self.setAccessibleName(text)
        self.setVisible(bool(text))


class Lines(QLabel):
    """A sentence on one line or on two; what has no room there is cut off at a sign."""

    def __init__(self) -> None:
        super().__init__()
        self._text = self._end = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(1)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def show_text(self, text: str, end: str = "") -> None:
        """Show a text; ``end`` is never cut off."""
        if (text, end) != (self._text, self._end):
            self._text, self._end = text, end
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Break the text anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics, room = self.fontMetrics(), self.width()
        first, rest = "", self._text
        if room > 1 and metrics.horizontalAdvance(rest + self._end) > room:
            for word in self._text.split(" "):
                if metrics.horizontalAdvance(f"{first} {word}") > room:
                    break
                first = f"{first} {word}".lstrip()
            rest = self._text[len(first) :].lstrip()
            room -= metrics.horizontalAdvance(self._end)
            rest = metrics.elidedText(rest, Qt.TextElideMode.ElideRight, max(room, 0))
        self.setText("\n".join(filter(None, (first, rest + self._end))))


class StatusLine(QFrame):
    """A row of short facts; the last stands at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("status")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(14, 4, 14, 4)
        self._row.setSpacing(20)
        self._row.addStretch(1)
        self.labels: list[QLabel] = []

    def show_items(self, items: tuple[Item, ...]) -> None:
        """Show other facts."""
        while len(self.labels) < len(items):
            label = QLabel()
            self.labels.append(label)
            self._row.insertWidget(len(self.labels) - 1, label)
        for position, label in enumerate(self.labels):
            item = items[position] if position < len(items) else Item("")
            label.setVisible(bool(item.text))
            if label.text() != item.text:
                label.setText(item.text)
            label.setToolTip(item.tip)
            if label.property("level") != item.level:
                label.setProperty("level", item.level)
                label.style().unpolish(label)
                label.style().polish(label)
