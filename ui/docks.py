"""What stands to the right of the plots when it is wanted: the stage table, marks and notes."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from monitor.model import Notebook, Snapshot, StageTable
from ui.marks_panel import MarksPanel
from ui.stage_table import StageTableView

_MOST = 0.55  # of the window's width: the plots are what it is for
_WIDE, _NARROW = 680, 360  # pixels, of the stage table and of the notes alone


class Docks(QObject):
    """Two docks of a window, hidden at first."""

    changed = Signal()
    """One of them was shown or hidden."""

    def __init__(self, window: QMainWindow, table: StageTableView, marks: MarksPanel) -> None:
        super().__init__(window)
        self._window, self._table, self._marks = window, table, marks
        self._stages = self._add("Stages", table)
        self._notes = self._add("Notes", marks)

    @property
    def shows_stages(self) -> bool:
        """Whether the stage table can be seen."""
        return self._stages.isVisible()

    @property
    def shows_notes(self) -> bool:
        """Whether marks and notes can be seen."""
        return self._notes.isVisible()

    def toggle_stages(self) -> None:
        """Show the stage table, or hide it."""
        self._toggle(self._stages)

    def toggle_notes(self) -> None:
        """Show marks and notes, ready for the keyboard, or hide them."""
        self._toggle(self._notes)
        (self._marks.table if self.shows_notes else self._window).setFocus()

    def show_table(self, table: StageTable, snapshot: Snapshot | None) -> None:
        """Show what each stage used."""
        if snapshot is not None and snapshot.info is not None:
            self._table.show_table(table, snapshot.info.time_ns(snapshot.start))

    def show_notebook(self, book: Notebook, snapshot: Snapshot | None) -> None:
        """Show what was written by hand."""
        if snapshot is not None and snapshot.info is not None:
            length_s = (snapshot.stop - snapshot.start) / snapshot.info.sample_rate_hz
            origin_ns = snapshot.info.time_ns(snapshot.start)
            self._marks.table.show_notebook(book, origin_ns, length_s)

    def _add(self, title: str, content: QWidget) -> QDockWidget:
        dock = QDockWidget(title)
        dock.setObjectName(title.lower())
        dock.setTitleBarWidget(QWidget())  # none: its button is in the toolbar
        dock.setWidget(content)
        self._window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        dock.hide()
        dock.visibilityChanged.connect(lambda _: self.changed.emit())
        return dock

    def _toggle(self, dock: QDockWidget) -> None:
        """Show or hide one, and give those that are shown room."""
        dock.setVisible(not dock.isVisible())
        both, across = [self._stages, self._notes], Qt.Orientation.Horizontal
        width = _WIDE if self.shows_stages else _NARROW
        width = min(width, round(_MOST * self._window.width()))
        self._window.resizeDocks(both, [width] * 2, across)
        self._window.resizeDocks(both, [2, 1], Qt.Orientation.Vertical)
