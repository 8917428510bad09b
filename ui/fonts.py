"""The one typeface."""

from __future__ import annotations

from PySide6.QtGui import QFont

from ui.theme import FONTS


def font(size_px: int | None = None) -> QFont:
    """Return the font of the application, with digits of one width; None is its usual size."""
    chosen = QFont(list(FONTS))
    chosen.setFeature(QFont.Tag("tnum"), 1)
    if size_px is not None:
        chosen.setPixelSize(size_px)
    return chosen
