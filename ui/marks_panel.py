"""The marks by hand and the notes: read, edited, deleted, jumped to."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from monitor.model import NS, Marker, Notebook
from monitor.recording.marks import Edit, mark_id
from ui.quantities import clock, seconds_of
from ui.stages import mark_text
from ui.toolbar import Button

_TIME, _TEXT = 0, 1
_BUTTONS = ("delete_mark", "undo", "redo")
_Index = QModelIndex | QPersistentModelIndex
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_FIXED = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled


class _Cells(QStyledItemDelegate):
    """Says to a screen reader what is being edited."""

    def __init__(self, table: MarksTable) -> None:
        super().__init__(table)
        self._table = table

    def createEditor(  # noqa: N802
        self, parent: QWidget, option: QStyleOptionViewItem, index: _Index
    ) -> QWidget:
        editor = super().createEditor(parent, option, index)
        what = "Time" if index.column() == _TIME else "Text"
        editor.setAccessibleName(f"{what} of the {self._table.kind(index.row())}")
        return editor


class MarksTable(QTableWidget):
    """The list: marks by time, then the notes; Enter edits, Delete deletes."""

    edited = Signal(object)
    """An Edit that is asked for."""
    refused = Signal(str)
    """Why one is not."""
    chosen = Signal(object)
    """UTC in ns of the mark that was gone to."""

    def __init__(self) -> None:
        super().__init__(0, 2)
        self._marks: tuple[Marker, ...] = ()
        self._rows: list[tuple[str, str, str]] = []  # mark_id or note_id, and the cells
        self._origin_ns = 0
        self._length_s = 0.0
        self._quiet = False
        self.setAccessibleName("Marks and notes")
        self.setAccessibleDescription(
            "Enter edits the text, Shift Enter the time, Delete deletes the mark or note"
        )
        self.setHorizontalHeaderLabels(["Time", "Text"])
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(_TIME, QHeaderView.ResizeMode.Interactive)
        self.setColumnWidth(_TIME, 100)
        self.setItemDelegate(_Cells(self))
        self.itemChanged.connect(self._take)
        self.itemSelectionChanged.connect(self._choose)

    def show_notebook(self, book: Notebook, origin_ns: int, length_s: float) -> None:
        """Show other marks and notes, unless a cell is being edited.

        Parameters
        ----------
        origin_ns
            UTC of the session's first sample.
        length_s
            Of the session up to now.
        """
        if self.state() is QAbstractItemView.State.EditingState:
            return
        current = self._name(self.currentRow())
        self._marks, self._origin_ns, self._length_s = book.marks, origin_ns, length_s
        self._rows = [(mark_id(mark), self._time(mark), mark_text(mark)) for mark in book.marks]
        self._rows += [(note.note_id, "note", note.text) for note in book.notes]
        self._quiet = True
        self.setRowCount(len(self._rows))
        for row, (name, *words) in enumerate(self._rows):
            for column, text in enumerate(words):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if column == _TIME and self.kind(row) == "note":
                    item.setFlags(_FIXED)
                self.setItem(row, column, item)
            if name == current:
                self.setCurrentCell(row, _TEXT)
        self._quiet = False

    def current(self) -> Marker | None:
        """Return the mark that is chosen; None if none is."""
        row = self.currentRow()
        return self._marks[row] if 0 <= row < len(self._marks) else None

    def kind(self, row: int) -> str:
        """Return what a row has: a mark or a note."""
        return "mark" if row < len(self._marks) else "note"

    def delete_current(self) -> None:
        """Ask to delete the mark or note that is chosen."""
        name = self._name(self.currentRow())
        if name is not None:
            self.edited.emit(Edit(do="delete", mark=name))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Edit on Enter, delete on Delete."""
        row = self.currentRow()
        editing = self.state() is QAbstractItemView.State.EditingState
        if event.key() in _ENTER and self._name(row) is not None and not editing:
            by_time = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            if by_time and self.kind(row) == "note":
                self.refused.emit("a note on the session has no time; Enter edits its text")
                return
            self.edit(self.model().index(row, _TIME if by_time else _TEXT))
        elif event.key() == Qt.Key.Key_Delete and not editing:
            self.delete_current()
        else:
            super().keyPressEvent(event)

    def _time(self, mark: Marker) -> str:
        return clock((mark.time_ns - self._origin_ns) / NS, 3)

    def _name(self, row: int) -> str | None:
        """Return the name of the mark or note of a row; None if there is none."""
        return self._rows[row][0] if 0 <= row < len(self._rows) else None

    def _choose(self) -> None:
        mark = self.current()
        if mark is not None and not self._quiet:
            self.chosen.emit(mark.time_ns)

    def _take(self, item: QTableWidgetItem) -> None:
        """Ask for what was typed into a cell."""
        if self._quiet:
            return
        name, *words = self._rows[item.row()]
        typed = item.text().strip()
        self._quiet = True  # until the feed says that it is so, it is as it was
        item.setText(words[item.column()])
        self._quiet = False
        if typed == item.text() or not typed:
            return
        if item.column() == _TEXT:
            self.edited.emit(Edit(do="rename", mark=name, text=typed))
            return
        seconds = seconds_of(typed)
        if seconds is None or not 0 <= seconds <= self._length_s:
            self.refused.emit(
                f"a mark's time is written as 0:41.5 or 41.5 (s), up to"
                f" {clock(self._length_s, 1)}; got {typed!r}"
            )
            return
        time_ns = self._origin_ns + round(seconds * NS)
        self.edited.emit(Edit(do="move", mark=name, time_ns=time_ns))


class MarksPanel(QWidget):
    """The list, a field for a note, and buttons for the mouse."""

    def __init__(self, actions: dict[str, QAction]) -> None:
        super().__init__()
        self.table = MarksTable()
        self.note = QLineEdit()
        self.note.setPlaceholderText("Note on the session; Enter keeps it")
        self.note.setAccessibleName("Note on the session")
        self.note.returnPressed.connect(self._enter)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(6, 4, 6, 0)
        self.buttons = {name: Button(actions[name], name) for name in _BUTTONS}
        for button in self.buttons.values():
            buttons.addWidget(button)
        buttons.addStretch(1)
        field = QHBoxLayout()
        field.setContentsMargins(6, 4, 6, 6)
        field.addWidget(self.note)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(buttons)
        column.addWidget(self.table, 1)
        column.addLayout(field)

    def _enter(self) -> None:
        text = self.note.text().strip()
        self.note.clear()
        self.table.setFocus()  # where Ctrl Z is about the note, not about the field
        if text:
            self.table.edited.emit(Edit(do="note", text=text))
