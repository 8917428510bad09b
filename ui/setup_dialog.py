"""Setting an instrument up: find it, say how it is connected, see it, keep that as a profile."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QProcess
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ui.setup_finder import Finder
from ui.setup_form import Form
from ui.setup_preview import Findings, Picture, headline, lanes
from ui.setup_talk import Talk
from ui.theme import Theme

_GOOD = "✓  Nothing is wrong that one record can show"


def measure_with(profile: Path, *, endpoint: str | None = None) -> bool:
    """Open a window that measures with a profile; return whether it could be started.

    Parameters
    ----------
    endpoint
        Where its engine listens; None is the user's own, where one engine may listen.
    """
    command = ["-m", "monitor.cli", "watch", "--config", str(profile)]
    command += [] if endpoint is None else ["--endpoint", endpoint]
    return bool(QProcess.startDetached(sys.executable, command)[0])


class SetupDialog(QDialog):
    """Three steps that stay visible, with a live preview of the present choices.

    Parameters
    ----------
    parent
        None if it stands alone.
    theme
        Colours of the preview.
    measure
        Begins measuring with a profile; returns whether that could be started.
    profile
        Proposed as its file.
    """

    def __init__(
        self,
        parent: QWidget | None,
        theme: Theme,
        *,
        measure: Callable[[Path], bool] = measure_with,
        profile: Path | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Set up an instrument")
        self.setAccessibleName("Set up an instrument")
        self._measure = measure
        self._address = ""
        self._preview: dict[str, Any] | None = None
        self._measures_next = False
        self.talk = Talk(self)
        self.finder, self.form = Finder(), Form()
        self.picture, self.findings = Picture(), Findings()
        self.identity = QLabel("")
        self.identity.setObjectName("tile_title")
        self.identity.setAccessibleName("Instrument")
        self.numbers = QLabel("–")
        self.numbers.setAccessibleName("Power and frequency")
        self.profile = QLineEdit(str(profile or "wattstage.toml"))
        self.profile.setAccessibleName("File of the profile")
        self.save = QPushButton("Save pr&ofile")
        self.begin = QPushButton("Save an&d measure")
        self.said = QLabel()
        self.said.setAccessibleName("State")
        self._lay_out()
        self.picture.set_theme(theme)
        self.finder.chosen.connect(self.use)
        self.form.changed.connect(self._try)
        self.talk.told.connect(self._hear)
        self.talk.ended.connect(self._ended)
        self.save.clicked.connect(lambda: self._save(measures=False))
        self.begin.clicked.connect(lambda: self._save(measures=True))
        self._show_state()
        self.resize(1060, 720)
        self.finder.begin()
        self.finder.list.setFocus()

    def _lay_out(self) -> None:
        sides = QHBoxLayout()
        sides.setSpacing(28)
        left, right = QVBoxLayout(), QVBoxLayout()
        for column in (left, right):
            column.setSpacing(8)
        sides.addLayout(left, 5)
        sides.addLayout(right, 6)
        left.addWidget(_heading("1  Instrument"))
        left.addWidget(self.finder, 1)
        left.addSpacing(10)
        left.addWidget(_heading("2  How it is connected"))
        left.addWidget(self.form)
        right.addWidget(_heading("3  What it shows"))
        right.addWidget(self.identity)
        right.addWidget(self.numbers)
        right.addWidget(self.picture, 3)
        right.addWidget(self.findings, 2)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 20, 24, 18)
        whole.setSpacing(14)
        whole.addLayout(sides, 1)
        whole.addLayout(self._bottom())
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Enter in a field is that field's

    def _bottom(self) -> QHBoxLayout:
        row = QHBoxLayout()
        label = QLabel("Pro&file")
        label.setBuddy(self.profile)
        browse = QPushButton("&Browse…")
        close = QPushButton("&Close")
        browse.clicked.connect(self._browse)
        close.clicked.connect(self.reject)
        row.addWidget(label)
        row.addWidget(self.profile, 1)
        row.addWidget(browse)
        row.addWidget(self.said, 1)
        for button in (self.save, self.begin, close):
            row.addWidget(button)
        return row

    def use(self, address: str) -> None:
        """Ask an instrument how it is set, then show what it measures."""
        self._address = address
        self._forget("asking the instrument …")
        self.identity.setText(address)
        self.form.setEnabled(False)
        self.talk.start(["setup", "--json", "--look", f"--address={address}"])

    def _try(self) -> None:
        self._forget("trying …")
        self.talk.start(["setup", "--json", "--live", *self._arguments()])

    def _arguments(self) -> list[str]:
        return [f"--address={self._address}", *self.form.arguments()]

    def _forget(self, state: str) -> None:
        """Show nothing that is not of the present choices."""
        self._preview = None
        self.said.setText(state)
        self._show_state()

    def _hear(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "panel" if not self.form.isEnabled():
                self.identity.setText(str(event["identity"]))
                self.form.fill(event)
                self._try()
            case "preview":
                self._show(event)
            case "saved":
                self._saved(Path(event["path"]))
            case "error":
                self.picture.show_lanes([], "Nothing was measured")
                self.numbers.setText("–")
                self.findings.show_error(event["what"], event["fix"])
                self.said.setText("")

    def _show(self, event: dict[str, Any]) -> None:
        self._preview = event
        self.picture.show_lanes(lanes(event), "Nothing is measured until this is put right")
        self.numbers.setText(headline(event) or "–")
        self.findings.show_findings(event["findings"], good=_GOOD)
        self.said.setText("" if event["refused"] else "live")
        self._show_state()

    def _show_state(self) -> None:
        can = self._preview is not None and not self._preview["refused"]
        self.save.setEnabled(can)
        self.begin.setEnabled(can)

    def _ended(self, is_good: bool, why: str) -> None:
        if self.said.text() in {"live", "asking the instrument …", "trying …"}:
            self.said.setText("")
        if not is_good and why:
            self.findings.show_error(why.removeprefix("wattstage: "), "")

    def _save(self, *, measures: bool) -> None:
        path = Path(self.profile.text().strip() or "wattstage.toml").expanduser()
        words = ["setup", "--json", *self._arguments(), f"--out={path}"]
        if path.exists():
            if not self._agrees(f"{path} exists. Overwrite it?"):
                return
            words.append("--force")
        if self._preview is not None and self._preview["wrong"]:
            if not self._agrees("The numbers look wrong (see the findings). Save it anyway?"):
                return
            words.append("--anyway")
        self._measures_next = measures
        self._forget("saving …")
        self.talk.start(words)

    def _saved(self, path: Path) -> None:
        self.said.setText(f"saved {path.name}")
        if self._measures_next:
            self._measures_next = False
            if self._measure(path):
                self.accept()
            else:
                self.findings.show_error("the measuring window could not be started", "")

    def _agrees(self, question: str) -> bool:
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        return QMessageBox.question(self, self.windowTitle(), question, yes | no, no) == yes

    def _browse(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the profile", self.profile.text(), "Profiles (*.toml)"
        )
        if path:
            self.profile.setText(path)

    def done(self, result: int) -> None:
        """Let go of the instrument."""
        self.finder.close_talk()
        self.talk.close()
        super().done(result)


def _heading(text: str) -> QLabel:
    label = QLabel(text.upper())
    label.setObjectName("heading")
    return label
