"""The stage table: sortable, with the total and the unattributed rest always first."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from monitor.model import Stage, StageTable
from monitor.units import window
from ui.stage_rows import COLUMNS, PEAK, Row, columns, first_rows, stage_row
from ui.theme import DARK, Theme

_TIPS = {
    1: "Which of its kind it is in the stage around it, from 1",
    4: "What was captured, and for dead time the mean of its stage",
    5: "Energy per duration. On mains a short stage is not made of whole line cycles, so it may"
    " lie a little above the peak",
    7: "Captured share of the duration",
}
_WIDTHS = (160, 40, 72, 70, 78, 72, 96, 78)
_SLOW_WIDTHS = (96, 80)
_ALIGN_NUMBER = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ALIGN_TEXT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_BY_START = (2, Qt.SortOrder.AscendingOrder)
_Index = QModelIndex | QPersistentModelIndex


class StageModel(QAbstractTableModel):
    """The rows of a stage table, in the order asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._stages: list[Row] = []
        self._first: tuple[Row, ...] = ()
        self._columns = COLUMNS
        self._order = _BY_START
        self._peak_tip = ""
        self.dim_color = DARK.muted
        """Of what was not measured."""

    def show_table(self, table: StageTable, origin_ns: int) -> None:
        """Show other values."""
        stages = [
            stage_row(used, origin_ns, [slow.stages[k] for slow in table.slow])
            for k, used in enumerate(table.stages)
        ]
        shown = columns(table)
        over = "a whole line cycle" if "cycle" in shown[PEAK] else "a sample"
        self._peak_tip = f"The highest that was captured, mean of {over}:" + (
            f" {window(table.peak_window_s)}"
        )
        same = len(stages) == len(self._stages) and shown == self._columns
        if not same:
            self.beginResetModel()
        self._columns = shown
        if self._order[0] >= len(shown):
            self._order = _BY_START
        self._stages, self._first = self._sorted(stages), first_rows(table)
        if not same:
            self.endResetModel()
        else:
            bottom = self.index(self.rowCount() - 1, len(self._columns) - 1)
            self.dataChanged.emit(self.index(0, 0), bottom)

    def stage(self, row: int) -> Stage | None:
        """Return the stage of a row; None for the total and the rest."""
        row -= len(self._first)
        return self._stages[row].stage if 0 <= row < len(self._stages) else None

    def row_of(self, span_id: str) -> int | None:
        """Return the row of a stage; None if it is not there."""
        for row, each in enumerate(self._stages, start=len(self._first)):
            if each.stage is not None and each.stage.span_id == span_id:
                return row
        return None

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._first) + len(self._stages)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGN_NUMBER if section else _ALIGN_TEXT
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._peak_tip if section == PEAK else _TIPS.get(section)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell."""
        row = (*self._first, *self._stages)[index.row()] if role in _ROLES else None
        if row is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return row.texts[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column():
            return _ALIGN_NUMBER
        if role == Qt.ItemDataRole.ToolTipRole and row.stage is not None:
            return row.about
        if role == Qt.ItemDataRole.ForegroundRole and row.dim:
            return QColor(self.dim_color)
        if role == Qt.ItemDataRole.FontRole and row.stage is None:
            bold = QFont()
            bold.setBold(True)
            return bold
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the stages; the total and the rest stay first."""
        self._order = (column, order)
        self.layoutAboutToBeChanged.emit()
        self._stages = self._sorted(self._stages)
        self.layoutChanged.emit()

    def _sorted(self, rows: list[Row]) -> list[Row]:
        column, order = self._order

        def key(row: Row) -> tuple[bool, float | str]:
            value = row.keys[column]
            return isinstance(value, float) and math.isnan(value), value

        return sorted(rows, key=key, reverse=order == Qt.SortOrder.DescendingOrder)


_ROLES = (
    Qt.ItemDataRole.DisplayRole,
    Qt.ItemDataRole.TextAlignmentRole,
    Qt.ItemDataRole.ToolTipRole,
    Qt.ItemDataRole.FontRole,
    Qt.ItemDataRole.ForegroundRole,
)


class StageTableView(QTableView):
    """The stage table; choosing a stage asks to show it."""

    stage_chosen = Signal(object)
    """A Stage; None if the total or the rest was chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Stages, with the energy of each")
        self.stages = StageModel()
        self.setModel(self.stages)
        self.setSortingEnabled(True)
        self.sortByColumn(2, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.stages.modelReset.connect(self._set_widths)
        self._n_columns = 0
        self._set_widths()
        header.setStretchLastSection(True)
        self.selectionModel().currentRowChanged.connect(self._choose)
        self._quiet = False

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.stages.dim_color = theme.muted

    def show_table(self, table: StageTable, origin_ns: int) -> None:
        """Show other values; the selected stage stays selected."""
        current = self.stages.stage(self.currentIndex().row())
        self._quiet = True
        self.stages.show_table(table, origin_ns)
        row = self.stages.row_of(current.span_id) if current is not None else None
        if row is not None and row != self.currentIndex().row():
            self.selectRow(row)
        self._quiet = False

    def _set_widths(self) -> None:
        """Give columns that are new their width; the others keep what the user gave them."""
        n = self.stages.columnCount()
        for column in range(self._n_columns, n):
            slow = column - len(_WIDTHS)
            self.setColumnWidth(column, _WIDTHS[column] if slow < 0 else _SLOW_WIDTHS[slow % 2])
        self._n_columns = n

    def _choose(self, now: QModelIndex) -> None:
        if not self._quiet:
            self.stage_chosen.emit(self.stages.stage(now.row()))
