"""One record of each input as a picture, its numbers, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from monitor.units import si
from ui.theme import DARK, Theme

_SIGNS = {"error": "✗", "warning": "!", "note": "·"}
_LEVELS = {"error": "bad", "warning": "warn", "note": "plain"}


@dataclass(frozen=True, slots=True)
class Lane:
    """One channel in the picture."""

    label: str
    quantity: str
    unit: str
    low: tuple[float, ...]
    high: tuple[float, ...]


def lanes(event: dict[str, Any]) -> list[Lane]:
    """Return what a preview event draws; an event without levels draws nothing."""
    made = []
    for place, channel in enumerate(event.get("channels", ())):
        unit, quantity = str(channel["unit"]), str(channel["quantity"])
        numbers = f"{si(channel['rms'], unit, 4)} RMS · mean {si(channel['mean'], unit, 4)}"
        clipped = f" · {channel['n_clipped']} clipped" if channel["n_clipped"] else ""
        made.append(
            Lane(
                label=f"{quantity.capitalize()}, input {channel['input']}: {numbers}{clipped}",
                quantity=quantity,
                unit=unit,
                low=tuple(event["low"][place]),
                high=tuple(event["high"][place]),
            )
        )
    return made


def headline(event: dict[str, Any]) -> str:
    """Return the power of each rail, its frequency, and the record's length."""
    parts = []
    for rail in event.get("rails", ()):
        hz = rail["line_hz"]
        line = "no line frequency" if hz is None else f"{hz:.2f} Hz"
        parts.append(f"{si(rail['mean_w'], 'W', 4)} mean · {line}")
    if parts and event.get("duration_s"):
        rate = si(event["sample_rate_hz"], "S/s")
        parts.append(f"one record of {si(event['duration_s'], 's')} at {rate}")
    return " · ".join(parts)


class Picture(QWidget):
    """The envelope of each channel, one below the other."""

    def __init__(self) -> None:
        super().__init__()
        self._theme, self._lanes = DARK, list[Lane]()
        self._instead = "No record yet: choose an instrument"
        self.setAccessibleName("Preview of one record")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(180)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return what shows two lanes well."""
        return QSize(460, 260)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.update()

    def show_lanes(self, lanes: list[Lane], instead: str = "") -> None:
        """Show other channels; without one, say what is the matter instead."""
        self._lanes, self._instead = lanes, instead
        self.setAccessibleDescription("; ".join(lane.label for lane in lanes) or instead)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint every lane."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(self._theme.plot))
        if not self._lanes:
            painter.setPen(QColor(self._theme.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._instead)
        height = self.height() / max(1, len(self._lanes))
        for place, lane in enumerate(self._lanes):
            self._paint(painter, lane, QRectF(0, place * height, self.width(), height))
        painter.end()

    def _paint(self, painter: QPainter, lane: Lane, rect: QRectF) -> None:
        theme = self._theme
        text_px = 24.0
        plot = rect.adjusted(10, text_px + 4, -10, -10)
        painter.setPen(QColor(theme.text))
        painter.drawText(rect.adjusted(10, 4, -10, 0), Qt.AlignmentFlag.AlignTop, lane.label)
        low, high = min((*lane.low, 0.0)), max((*lane.high, 0.0))
        span = (high - low) or 1.0

        def at(place: int, value: float) -> QPointF:
            x = plot.left() + plot.width() * (place + 0.5) / len(lane.low)
            return QPointF(x, plot.bottom() - plot.height() * (value - low) / span)

        painter.setPen(QPen(QColor(theme.line), 1))
        zero = at(0, 0.0).y()
        painter.drawLine(QPointF(plot.left(), zero), QPointF(plot.right(), zero))
        color = QColor((theme.voltage if lane.quantity == "voltage" else theme.current)[0])
        outline = [at(k, value) for k, value in enumerate(lane.high)]
        outline += [at(k, value) for k, value in reversed(list(enumerate(lane.low)))]
        painter.setPen(QPen(color, 1.2))
        painter.setBrush(color)
        painter.drawPolygon(QPolygonF(outline))


class Findings(QScrollArea):
    """What is wrong, each with what to do; the text can be selected."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Findings")
        self.setMinimumHeight(110)
        self._show([])

    def show_findings(self, findings: list[dict[str, Any]], *, good: str = "") -> None:
        """Show the findings; without one, what is good."""
        if not findings:
            self._show([(good, "good")] if good else [])
            return
        rows = []
        for finding in findings:
            level = str(finding["level"])
            rows.append((f"{_SIGNS.get(level, '!')}  {finding['what']}", _LEVELS.get(level, "bad")))
            if finding.get("fix"):
                rows.append((f"→  {finding['fix']}", "plain"))
        self._show(rows)

    def show_error(self, what: str, fix: str) -> None:
        """Show why nothing could be measured."""
        self.show_findings([{"level": "error", "what": what, "fix": fix}])

    def _show(self, rows: list[tuple[str, str]]) -> None:
        whole = QWidget()
        whole.setObjectName("findings")
        column = QVBoxLayout(whole)
        column.setContentsMargins(12, 8, 12, 8)
        for text, level in rows:
            label = QLabel(text)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setProperty("level", level)
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            column.addWidget(label)
        column.addStretch(1)
        self.setAccessibleDescription(". ".join(text for text, _ in rows))
        self.setWidget(whole)
