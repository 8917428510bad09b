"""The sheet of keys."""

from __future__ import annotations

from itertools import groupby

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QWidget

from ui.keys import COMMANDS, MOUSE


class HelpSheet(QDialog):
    """Every key and what it does, in two columns."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        self.setAccessibleName("Keys and mouse")
        grid = QGridLayout(self)
        grid.setContentsMargins(28, 22, 28, 24)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(6)
        groups = [(name, list(each)) for name, each in groupby(COMMANDS, lambda c: c.group)]
        left = [g for g in groups if g[0] == "View"]
        right = [g for g in groups if g[0] != "View"]
        for side, part in ((0, left), (3, right)):
            row = 0
            for name, commands in part:
                row = self._heading(grid, row, side, name)
                for command in commands:
                    row = self._line(grid, row, side, command.key, command.tip)
            if side == 0:
                row = self._heading(grid, row, side, "Mouse")
                for gesture, does in MOUSE:
                    row = self._line(grid, row, side, gesture, does)
        grid.setColumnMinimumWidth(2, 26)

    def _heading(self, grid: QGridLayout, row: int, column: int, text: str) -> int:
        label = QLabel(text.upper())
        label.setObjectName("heading")
        label.setContentsMargins(0, 10 if row else 0, 0, 2)
        grid.addWidget(label, row, column, 1, 2)
        return row + 1

    def _line(self, grid: QGridLayout, row: int, column: int, key: str, text: str) -> int:
        cap = QLabel(key)
        cap.setObjectName("key")
        cap.setAlignment(Qt.AlignmentFlag.AlignCenter)
        grid.addWidget(cap, row, column, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(QLabel(text), row, column + 1)
        return row + 1
