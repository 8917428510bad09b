"""What the items around the traces need to know to paint: one value per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFont

from monitor.model import SlowView, StreamInfo, View
from ui.plot import Plot
from ui.scaling import TimeScale
from ui.stages import Bands
from ui.theme import Theme


@dataclass(frozen=True, slots=True)
class Canvas:
    """Geometry in the scene's pixels, and the frame that is shown."""

    theme: Theme
    small_font: QFont
    plots: tuple[Plot, ...]
    """Those that are visible, from top to bottom."""
    scale: TimeScale
    width: float
    lane_rect: QRectF
    time_rect: QRectF
    """Where the labels of the time axis stand."""
    bands: Bands
    gaps_s: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Starts and stops."""
    view: View | None
    edges_s: NDArray[np.float64]
    """Of the view's columns, in seconds; empty without a view."""
    slow: tuple[SlowView, ...]
    info: StreamInfo
    origin_ns: int
    """UTC of second 0."""
    now_ns: int
    pointer_px: float | None
    """Where the pointer stands; None if it is elsewhere."""
    pointer_y: float
    playhead_s: float | None
    """None when live."""

    def column_at(self, time_s: float) -> int | None:
        """Return the view's column that holds a time; None outside."""
        if self.view is None or not len(self.edges_s):
            return None
        column = int(np.searchsorted(self.edges_s, time_s, side="right")) - 1
        return column if 0 <= column < len(self.edges_s) - 1 else None
