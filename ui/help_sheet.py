"""The sheet of keys."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ui.keys import COMMANDS, MOUSE, groups

_OF_SCREEN = 0.94  # at most


class HelpSheet(QDialog):
    """Every key, every gesture of the mouse and what it does, in two columns."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        self.setAccessibleName("Keys and mouse")
        sheet = QWidget()
        sheet.setObjectName("sheet")
        sides = QHBoxLayout(sheet)
        sides.setContentsMargins(28, 22, 28, 24)
        sides.setSpacing(40)
        left, right = QVBoxLayout(), QVBoxLayout()
        for column in (left, right):
            column.setSpacing(14)
            sides.addLayout(column)
        for name in groups(COMMANDS):
            lines = [(each.key, each.tip) for each in COMMANDS if each.group == name]
            (left if name == "View" else right).addLayout(_section(name, lines))
        right.addLayout(_section("Mouse", list(MOUSE)))
        left.addStretch(1)
        right.addStretch(1)
        scroll = QScrollArea()
        scroll.setObjectName("sheet")
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(sheet)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
        bar = scroll.verticalScrollBar().sizeHint()
        wanted = sheet.sizeHint() + QSize(bar.width(), 2)
        self.resize(wanted.boundedTo(parent.screen().availableSize() * _OF_SCREEN))


def _section(name: str, lines: list[tuple[str, str]]) -> QGridLayout:
    """Return a heading with rows of key and effect."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    grid.setColumnMinimumWidth(0, 84)
    heading = QLabel(name.upper())
    heading.setObjectName("heading")
    grid.addWidget(heading, 0, 0, 1, 2)
    for row, (key, text) in enumerate(lines, start=1):
        cap = QLabel(key)
        cap.setObjectName("key")
        grid.addWidget(cap, row, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        words = QLabel(text)
        words.setWordWrap(True)
        words.setMinimumWidth(240)
        grid.addWidget(words, row, 1)
    return grid
