"""The strip of big numbers."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from ui.presenter import Tile
from ui.quantities import NOTHING


class TileWidget(QFrame):
    """One readout: title, number with unit, note."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tile")
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
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 9, 8, 9)
        column.setSpacing(1)
        column.addWidget(self.title)
        column.addLayout(number)
        column.addWidget(self.note)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_tile(self, tile: Tile) -> None:
        """Show other values."""
        if tile == self._tile:
            return
        self._tile = tile
        self.value.setText(tile.value)
        self.unit.setText(tile.unit)
        self._elide()
        _mark(self.value, "dim", "true" if tile.value == NOTHING else "false")
        _mark(self.note, "level", "warn" if tile.warn else "")
        self.setToolTip(tile.tip)
        self.setAccessibleName(tile.spoken)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit the texts into the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        if self._tile is None:
            return
        room = self.contentsRect().width() - 22
        for label, text in ((self.title, self._tile.title), (self.note, self._tile.note or " ")):
            cut = label.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
            label.setText(cut)

    def _label(self, name: str) -> QLabel:
        label = QLabel(" ", self)
        label.setObjectName(name)
        if name in ("tile_title", "tile_note"):
            label.setMinimumWidth(1)  # a long one is cut off rather than moving its neighbours
        return label


class Readouts(QWidget):
    """A row of tiles; their widths do not depend on what they say."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("readouts")
        self.setAccessibleName("Readouts")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(1)
        self.tiles: list[TileWidget] = []

    def show_tiles(self, tiles: tuple[Tile, ...]) -> None:
        """Show other values; the tiles are kept as long as their number stays."""
        while len(self.tiles) < len(tiles):
            widget = TileWidget()
            self.tiles.append(widget)
            self._row.addWidget(widget, 1)
        while len(self.tiles) > len(tiles):
            self.tiles.pop().deleteLater()
        for place, (widget, tile) in enumerate(zip(self.tiles, tiles, strict=True)):
            widget.show_tile(tile)
            self._row.setStretch(place, 14 if tile.wide else 10)


def _mark(label: QLabel, name: str, value: str) -> None:
    """Set a property that the style sheet looks at."""
    if label.property(name) != value:
        label.setProperty(name, value)
        label.style().unpolish(label)
        label.style().polish(label)
