"""The strip of big numbers, and below it a smaller one of slow channels."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ui.presenter import Tile
from ui.quantities import NOTHING
from ui.steps import paint_dashes
from ui.theme import DARK, Theme, dashes_of, pick

NAMES = Qt.TextElideMode.ElideMiddle
"""How names are cut: their ends tell apart the powers of a GPU, their beginnings the GPUs."""


class TileWidget(QFrame):
    """One readout: title, number with unit, note; a small one of a slow channel has its line."""

    def __init__(self, *, small: bool = False) -> None:
        super().__init__()
        self.setObjectName("tile")
        self.setProperty("small", "true" if small else "false")
        self._tile: Tile | None = None
        self.title, self.value = self._label("tile_title"), self._label("tile_value")
        self.unit, self.note = self._label("tile_unit"), self._label("tile_note")
        digits = QFont(self.value.font())
        digits.setFeature(QFont.Tag("tnum"), 1)  # digits of one width, so nothing moves
        self.value.setFont(digits)
        number = QHBoxLayout()
        number.setSpacing(5)
        number.addWidget(self.value, 0, Qt.AlignmentFlag.AlignBaseline)
        number.addWidget(self.unit, 0, Qt.AlignmentFlag.AlignBaseline)
        number.addStretch(1)
        self._line = LineKey()
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self._line)
        head.addWidget(self.title, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, *((5, 8, 6) if small else (9, 8, 9)))
        column.setSpacing(0 if small else 1)
        column.addLayout(head)
        column.addLayout(number)
        column.addWidget(self.note)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_tile(self, tile: Tile, theme: Theme) -> None:
        """Show other values."""
        self._line.show_line(tile.line, theme)
        if tile == self._tile:
            return
        self._tile = tile
        self.value.setText(tile.value)
        self.unit.setText(tile.unit)
        self._elide()
        _mark(self.value, "dim", "true" if tile.dim or tile.value == NOTHING else "false")
        _mark(self.note, "level", "warn" if tile.warn else "")
        self.setToolTip(tile.tip)
        self.setAccessibleName(tile.spoken)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        if self._tile is not None:
            self._line.show_line(self._tile.line, theme)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit the texts into the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        if self._tile is None:
            return
        room = self.contentsRect().width() - 22
        key = 0 if self._tile.line is None else LineKey.WIDTH_PX + 6
        for label, text, where, width in (
            (self.title, self._tile.title, NAMES, room - key),
            (self.note, self._tile.note or " ", Qt.TextElideMode.ElideRight, room),
        ):
            label.setText(label.fontMetrics().elidedText(text, where, width))

    def _label(self, name: str) -> QLabel:
        label = QLabel(" ", self)
        label.setObjectName(name)
        if name in ("tile_title", "tile_note"):
            label.setMinimumWidth(1)  # a long one is cut off rather than moving its neighbours
        return label


class LineKey(QWidget):
    """A piece of a slow channel's line, as it is in the plot."""

    WIDTH_PX = 18

    def __init__(self) -> None:
        super().__init__()
        self._line: int | None = None
        self._theme = DARK
        self.setFixedSize(self.WIDTH_PX, 10)
        self.hide()

    def show_line(self, line: int | None, theme: Theme) -> None:
        """Show the line of a position among all lines; None shows nothing."""
        if (line, theme) != (self._line, self._theme):
            self._line, self._theme = line, theme
            self.setVisible(line is not None)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint it."""
        if self._line is not None:
            painter = QPainter(self)
            rect, color = QRectF(0, 4, self.width(), 2), QColor(pick(self._theme.slow, self._line))
            paint_dashes(painter, rect, color, dashes_of(self._line))
            painter.end()


class Readouts(QWidget):
    """Rows of tiles; their widths do not depend on what they say."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("readouts")
        self.setAccessibleName("Readouts")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(1)
        self._theme = DARK
        self._rest = QFrame(self)  # the ground where the last row has no more tiles
        self._rest.setObjectName("tile")
        self._rest.hide()
        self.tiles: list[TileWidget] = []
        self.slow_tiles: list[TileWidget] = []

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        for widget in (*self.tiles, *self.slow_tiles):
            widget.set_theme(theme)

    def show_tiles(self, tiles: tuple[Tile, ...], slow: tuple[Tile, ...] = ()) -> None:
        """Show other values; the tiles are kept as long as their numbers stay."""
        if (len(tiles), len(slow)) != (len(self.tiles), len(self.slow_tiles)):
            self._arrange(len(tiles), len(slow))
        for column, (widget, tile) in enumerate(zip(self.tiles, tiles, strict=True)):
            widget.show_tile(tile, self._theme)
            self._grid.setColumnStretch(column, 14 if tile.wide else 10)
        for widget, tile in zip(self.slow_tiles, slow, strict=True):
            widget.show_tile(tile, self._theme)

    def _arrange(self, n_tiles: int, n_slow: int) -> None:
        """Make as many tiles, those of slow channels in the same columns below."""
        for widget in (*self.tiles, *self.slow_tiles):
            self._grid.removeWidget(widget)
            widget.deleteLater()
        self.tiles = [TileWidget() for _ in range(n_tiles)]
        self.slow_tiles = [TileWidget(small=True) for _ in range(n_slow)]
        n_columns = max(n_tiles, 1)
        for k, widget in enumerate((*self.tiles, *self.slow_tiles)):
            self._grid.addWidget(widget, k // n_columns, k % n_columns)
        self._grid.removeWidget(self._rest)
        row, used = divmod(n_tiles + n_slow, n_columns)
        self._rest.setVisible(bool(n_slow and used))
        if n_slow and used:
            self._grid.addWidget(self._rest, row, used, 1, n_columns - used)


def _mark(label: QLabel, name: str, value: str) -> None:
    """Set a property that the style sheet looks at."""
    if label.property(name) != value:
        label.setProperty(name, value)
        label.style().unpolish(label)
        label.style().polish(label)
