"""The list of instruments that were found, and the field for the address of another."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ui.setup_talk import Talk

_ADDRESS = Qt.ItemDataRole.UserRole
_HINT = "TCPIP::192.168.1.20::5025::SOCKET"


class Finder(QWidget):
    """Searches when told to; the scope that is chosen is told by its address."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._talk = Talk(self)
        self._items: dict[str, QListWidgetItem] = {}
        self.list = QListWidget()
        self.list.setAccessibleName("Instruments found")
        self.list.setWordWrap(True)
        self.list.setMinimumHeight(130)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(4)
        self.progress.setAccessibleName("Search for instruments")
        self.said = QLabel()
        self.said.setObjectName("tile_title")
        self.said.setWordWrap(True)
        self.search = QPushButton("&Search again")
        self.address = QLineEdit()
        self.address.setPlaceholderText(_HINT)
        self.address.setAccessibleName("Address of the instrument")
        use = QPushButton("Us&e")
        use.setAccessibleName("Use this address")
        self._lay_out(use)
        self.search.clicked.connect(self._toggle)
        use.clicked.connect(self._use)
        self.address.returnPressed.connect(self._use)
        self.list.itemActivated.connect(self._choose)
        self.list.itemClicked.connect(self._choose)
        self._talk.told.connect(self._hear)
        self._talk.ended.connect(self._rest)

    def _lay_out(self, use: QPushButton) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.list, 1)
        column.addWidget(self.progress)
        row = QHBoxLayout()
        row.addWidget(self.said, 1)
        row.addWidget(self.search)
        column.addLayout(row)
        label = QLabel("Or its &address")
        label.setBuddy(self.address)
        column.addWidget(label)
        row = QHBoxLayout()
        row.addWidget(self.address, 1)
        row.addWidget(use)
        column.addLayout(row)

    def begin(self) -> None:
        """Search."""
        self.list.clear()
        self._items.clear()
        self.said.setText("searching …")
        self.progress.setRange(0, 0)
        self.search.setText("&Stop")
        self._talk.start(["devices", "--json"])

    def close_talk(self) -> None:
        """End a search that is under way."""
        self._talk.close()

    def _toggle(self) -> None:
        if self._talk.is_busy:
            self._talk.stop()
        else:
            self.begin()

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "device":
            self._show(event)
        elif event["event"] == "progress" and event["searching"]:
            self.said.setText(f"searching {', '.join(event['searching'])}")
        elif event["event"] == "progress" and event["n_asking"]:
            self.said.setText(f"waiting for {event['n_asking']} to answer")
        elif event["event"] == "note":
            self._say(f"{event['problem']}\n→ {event['fix']}" if event["fix"] else event["problem"])

    def _show(self, device: dict[str, Any]) -> None:
        address = str(device["address"])
        item = self._items.get(address)
        if item is None:
            item = self._items[address] = QListWidgetItem()
            self.list.addItem(item)
        what = device["problem"] or device["dialect"] or device["kind"]
        lines = [f"{device['name'] or address}", f"{address} · {what}"]
        if device["fix"]:
            lines.append(f"→ {device['fix']}")
        item.setText("\n".join(lines))
        item.setData(_ADDRESS, address if device["kind"] in {"scope", "unknown"} else "")
        if device["kind"] == "scope" and self.list.currentItem() is None:
            self.list.setCurrentItem(item)

    def _say(self, text: str) -> None:
        """Add a line that cannot be chosen."""
        item = QListWidgetItem(text)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        self.list.addItem(item)

    def _rest(self, is_good: bool, why: str) -> None:
        self.progress.setRange(0, 1)
        self.progress.reset()
        self.search.setText("&Search again")
        n = sum(bool(item.data(_ADDRESS)) for item in self._items.values())
        found = f"{n} found; Enter chooses" if n else "no scope found"
        if not self.list.count():
            self._say(
                "Nothing was found on the network, on USB or on serial ports.\nSee that the"
                " instrument is switched on and in the same network, or type its address below."
            )
        self.said.setText(found if is_good or not why else why)

    def _choose(self, item: QListWidgetItem) -> None:
        address = str(item.data(_ADDRESS) or "")
        if address:
            self.address.setText(address)
            self.chosen.emit(address)

    def _use(self) -> None:
        if self.address.text().strip():
            self.chosen.emit(self.address.text().strip())
