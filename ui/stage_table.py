"""The stage table: sortable, with the total and the unattributed rest always first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from monitor.model import NS, HeldEnergy, Stage, StageEnergy, StageTable
from monitor.slow_text import names
from monitor.units import duration, give_or_take, share, si
from ui.quantities import clock
from ui.stages import edges_text

_COLUMNS: tuple[str, ...] = (
    "Stage",
    "#",
    "Start",
    "Duration",
    "Energy",
    "Mean",
    "Peak",
    "Coverage",
)
_WIDTHS = (168, 46, 74, 74, 78, 74, 74, 80)
_SLOW_WIDTHS = (96, 80)
_ALIGN_NUMBER = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ALIGN_TEXT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_BY_START = (2, Qt.SortOrder.AscendingOrder)
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says, and what it sorts by."""

    texts: tuple[str, ...]
    keys: tuple[float | str, ...]
    stage: Stage | None
    """None for the total and the rest."""
    about: str = ""
    """What is said of it under the pointer."""


def columns(table: StageTable) -> tuple[str, ...]:
    """Return the titles of the columns; two more for each slow power channel."""
    called = names([slow.channel for slow in table.slow])
    return (*_COLUMNS, *(title for name in called for title in (name, "Coverage")))


def _texts(held: Iterable[HeldEnergy]) -> Iterator[str]:
    for used in held:
        yield si(used.energy_j, "J")
        yield share(used.coverage)


def _keys(held: Iterable[HeldEnergy]) -> Iterator[float]:
    for used in held:
        yield used.energy_j
        yield used.coverage


def stage_row(used: StageEnergy, origin_ns: int, held: Sequence[HeldEnergy] = ()) -> Row:
    """Return the row of a stage; its name is indented by its depth.

    Parameters
    ----------
    held
        What each slow power channel says that it used.
    """
    stage = used.stage
    start_s = (stage.start_ns - origin_ns) / NS
    cut = " (cut)" if stage.truncated or used.outside_s else ""
    failed = " (failed)" if stage.failed else ""
    running = " …" if stage.stop_ns is None else ""
    return Row(
        (
            "    " * stage.depth + stage.name + failed + cut + running,
            str(stage.index),
            clock(start_s, 2),
            duration(used.duration_s),
            give_or_take(used.energy_j, used.u_j, "J"),
            si(used.mean_w, "W"),
            si(used.peak_w, "W"),
            share(used.coverage),
            *_texts(held),
        ),
        (
            stage.path,
            stage.index,
            start_s,
            used.duration_s,
            used.energy_j,
            used.mean_w,
            used.peak_w,
            used.coverage,
            *_keys(held),
        ),
        stage,
        _about(used),
    )


def _about(used: StageEnergy) -> str:
    """Return what is said about a stage under the pointer."""
    stage = used.stage
    missing = f"{duration(used.outside_s)} of it not recorded" if used.outside_s else ""
    never = "an edge was never marked" if stage.truncated else ""
    failed = "it ended with an error" if stage.failed else ""
    first = "a warm-up" if stage.warmup else ""
    name = stage.path.replace("/", " / ")
    return ", ".join(filter(None, (name, first, edges_text(stage), failed, never, missing)))


def first_rows(table: StageTable) -> tuple[Row, Row]:
    """Return the total and the unattributed rest."""
    rest, total = table.unattributed, table.total
    mean_w = rest.energy_j / rest.duration_s if rest.duration_s > 0 else math.nan
    return (
        Row(
            ("total", "", "", duration(total.duration_s),
             give_or_take(total.energy_j, total.u_j, "J"),
             si(total.mean_w, "W"), si(total.peak_w, "W"), share(total.coverage),
             *_texts(slow.total for slow in table.slow)),
            (), None,
        ),
        Row(
            ("unattributed", "", "", duration(rest.duration_s),
             give_or_take(rest.energy_j, rest.u_j, "J"),
             si(mean_w, "W"), "", "", *_texts(slow.unattributed for slow in table.slow)),
            (), None,
        ),
    )  # fmt: skip


class StageModel(QAbstractTableModel):
    """The rows of a stage table, in the order asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._stages: list[Row] = []
        self._first: tuple[Row, ...] = ()
        self._columns = _COLUMNS
        self._order = _BY_START

    def show_table(self, table: StageTable, origin_ns: int) -> None:
        """Show other values."""
        stages = [
            stage_row(used, origin_ns, [slow.stages[k] for slow in table.slow])
            for k, used in enumerate(table.stages)
        ]
        shown = columns(table)
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
)


class StageTableView(QTableView):
    """The stage table; choosing a stage asks to show it."""

    stage_chosen = Signal(object)
    """A Stage."""

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
        stage = self.stages.stage(now.row())
        if stage is not None and not self._quiet:
            self.stage_chosen.emit(stage)
