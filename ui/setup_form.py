"""How an instrument is connected: inputs, probes, supply, length of a record."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QLineEdit, QWidget

from ui.toolbar import Choice

_AS_SHOWN = "scope"
_SETTLE_MS = 500  # after the last change, before it is tried
_SUPPLIES = (("find out", "auto"), ("mains", "mains"), ("DC", "dc"))


class Form(QWidget):
    """The choices; they are tried a moment after the last change."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self.changed)
        self._is_filling = False
        self.voltage, self.voltage_probe = _choice("Voltage input"), _probe("Voltage probe")
        self.current, self.clamp = _choice("Current input"), _probe("Current probe or clamp")
        self.reversed = QCheckBox("The clamp is the wrong way &round")
        self.supply = _choice("Supply")
        for text, word in _SUPPLIES:
            self.supply.addItem(text, word)
        self.expected = _number("Nominal voltage of the supply in volts", "e.g. 230 or 12")
        self.record = _number("Length of one record in seconds", "the scope's own, or 0.1")
        self.meters = QLineEdit()
        self.meters.setAccessibleName("Meters beside the scope")
        self.meters.setPlaceholderText("none; e.g. plug=mqtt://HOST/TOPIC")
        self._lay_out()
        for choice in (self.voltage, self.current, self.supply, self.voltage_probe, self.clamp):
            choice.currentTextChanged.connect(self._touched)
        for field in (self.expected, self.record, self.meters):
            field.textEdited.connect(self._touched)
        self.reversed.toggled.connect(self._touched)
        self.setEnabled(False)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        rows = (
            ("&Voltage input", self.voltage),
            ("Voltage &probe", self.voltage_probe),
            ("C&urrent input", self.current),
            ("Cla&mp or shunt", self.clamp),
            ("", self.reversed),
            ("Supp&ly", self.supply),
            ("&Nominal voltage", self.expected),
            ("Record len&gth in s", self.record),
            ("Meters bes&ide", self.meters),
        )
        for row, (text, field) in enumerate(rows):
            label = QLabel(text)
            if text:
                label.setBuddy(field)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)

    def fill(self, panel: dict[str, Any]) -> None:
        """Offer what a scope has; it was asked how it is set."""
        self._is_filling = True
        for choice, guess in ((self.voltage, panel["voltage"]), (self.current, panel["current"])):
            choice.clear()
            for state in panel["inputs"]:
                choice.addItem(_described(state), state["input"])
            choice.setCurrentIndex(max(0, choice.findData(guess)))
        for choice, quantity in ((self.voltage_probe, "voltage"), (self.clamp, "current")):
            choice.clear()
            choice.addItem("as set at the scope", _AS_SHOWN)
            for preset in panel["presets"]:
                if preset["quantity"] == quantity:
                    choice.addItem(preset["name"], preset["id"])
        self._is_filling = False
        self.setEnabled(True)

    def arguments(self) -> list[str]:
        """Return what the command line is told."""
        words = ["--voltage", str(self.voltage.currentData())]
        words += ["--current", str(self.current.currentData())]
        words += [f"--voltage-probe={_word(self.voltage_probe)}", f"--clamp={_word(self.clamp)}"]
        words += ["--supply", str(self.supply.currentData())]
        words += ["--reversed"] if self.reversed.isChecked() else []
        for option, field in (("--expect", self.expected), ("--record-length", self.record)):
            if field.text().strip():
                words.append(f"{option}={field.text().strip().replace(',', '.')}")
        return words + [f"--meter={word}" for word in self.meters.text().split()]

    def _touched(self) -> None:
        if not self._is_filling:
            self._settle.start()


def _word(choice: Choice) -> str:
    """Return the id of a preset, or what was typed instead."""
    place = choice.findText(choice.currentText())
    return str(choice.itemData(place)) if place >= 0 else choice.currentText().strip()


def _described(state: dict[str, Any]) -> str:
    if not state["shown"]:
        return f"{state['input']}: off"
    factor = "" if state["probe_factor"] is None else f", factor {state['probe_factor']:g}"
    coupling = f", {state['coupling']}" if state["coupling"] else ""
    return f"{state['input']}: shows {state['unit'] or '?'}{factor}{coupling}"


def _choice(name: str) -> Choice:
    choice = Choice()
    choice.setAccessibleName(name)
    choice.setMinimumWidth(190)
    return choice


def _probe(name: str) -> Choice:
    choice = _choice(name)
    choice.setEditable(True)
    choice.setInsertPolicy(Choice.InsertPolicy.NoInsert)
    choice.setToolTip("Choose, or type your own: 200X, 50mV/A, 12.5A/V, 1mOhm*50")
    return choice


def _number(name: str, hint: str) -> QLineEdit:
    field = QLineEdit()
    field.setAccessibleName(name)
    field.setPlaceholderText(hint)
    field.setInputMethodHints(Qt.InputMethodHint.ImhFormattedNumbersOnly)
    return field
