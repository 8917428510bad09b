"""What the items around the traces need to know to paint: one value per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFont

from monitor.model import NS, SlowView, SpanNumbers, Stage, StageEnergy, StreamInfo, View
from ui.plot import Plot
from ui.scaling import TimeScale
from ui.stages import Bands
from ui.theme import Theme

ROW_PX = 20
"""Height of a row of the lane."""
FLAGS_PX = 18
"""Height of the flags above its rows."""


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
    cursors_s: tuple[float, float] | None
    """Where two cursors stand, the earlier first; None if there are none."""
    numbers: SpanNumbers | None
    """What was measured between them; None while that is not known."""
    chosen: Stage | None
    """The stage that is chosen in the table; None if there is none."""
    used: StageEnergy | None
    """What the stage under the pointer used; None if that is not known."""

    def span_s(self, stage: Stage) -> tuple[float, float]:
        """Return where a stage lies; one that runs, up to now."""
        stop_ns = self.now_ns if stage.stop_ns is None else stage.stop_ns
        return (stage.start_ns - self.origin_ns) / NS, (stop_ns - self.origin_ns) / NS

    @property
    def stage_at_pointer(self) -> Stage | None:
        """The stage of the lane that the pointer is on; None if it is on none."""
        lane = self.lane_rect
        if self.pointer_px is None or not lane.top() <= self.pointer_y <= lane.bottom():
            return None
        row = int((self.pointer_y - lane.top() - FLAGS_PX) // ROW_PX)
        return self.bands.at(self.scale.time_s(self.pointer_px), row, 2 / self.scale.px_per_s)

    def column_at(self, time_s: float) -> int | None:
        """Return the view's column that holds a time; None outside."""
        if self.view is None or not len(self.edges_s):
            return None
        column = int(np.searchsorted(self.edges_s, time_s, side="right")) - 1
        return column if 0 <= column < len(self.edges_s) - 1 else None
