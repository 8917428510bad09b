"""One plot: a view box, its traces and its calm vertical range."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF

from monitor.model import View
from ui.scaling import CalmRange, Tick, value_ticks
from ui.series import PlotSpec, Series, Source, extremes
from ui.theme import Theme, mix, pick
from ui.traces import Curve, Envelope, Seconds

HEADER_PX = 22
"""Kept free above the data, for the title and the legend."""

_TICK_PX = 34  # room for a label of the vertical axis


class Plot:
    """Draws the series of one ``PlotSpec`` in a view box of a graphics layout."""

    def __init__(self, spec: PlotSpec, theme: Theme) -> None:
        self.spec = spec
        self.box = pg.ViewBox(enableMenu=False, enableMouse=False, defaultPadding=0)
        self.hidden: frozenset[str] = frozenset()
        """Names of series that are not drawn."""
        self.ticks: tuple[Tick, ...] = ()
        self._calm = CalmRange(with_zero=spec.with_zero)
        self._items: dict[Series, Envelope | Curve] = {}
        for series in spec.series:
            item = Envelope() if series.source is Source.ENVELOPE else Curve()
            self._items[series] = item
            self.box.addItem(item, ignoreBounds=True)
        self.set_theme(theme)

    @property
    def rect(self) -> QRectF:
        """Where it stands in the scene, in pixels."""
        rect: QRectF = self.box.sceneBoundingRect()
        return rect

    @property
    def shown(self) -> tuple[Series, ...]:
        """The series that are drawn, from back to front."""
        return tuple(s for s in self.spec.series if s.name not in self.hidden)

    def color(self, series: Series, theme: Theme) -> str:
        """Return a series' colour."""
        colors: tuple[str, ...] = getattr(theme, self.spec.key)
        return pick(colors, series.color)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        for series, item in self._items.items():
            color = self.color(series, theme)
            if isinstance(item, Envelope):
                item.set_colors(color, mix(color, theme.plot, 0.55))
            else:
                item.set_color(color)

    def refit(self) -> None:
        """Fit the vertical range anew with the next data."""
        self._calm.reset()

    def set_time(self, start_s: float, stop_s: float) -> None:
        """Show another span of time."""
        self.box.setXRange(start_s, stop_s, padding=0)

    def show_view(self, view: View, edges_s: Seconds) -> None:
        """Draw other data; ``edges_s`` are the view's edges in seconds, shape (n + 1,)."""
        samples = bool(np.all(np.diff(view.edges) == 1))
        for series, item in self._items.items():
            visible = series.name not in self.hidden and series.exists(view)
            item.setVisible(visible)
            if not visible:
                continue
            low, high = series.values(view)
            if isinstance(item, Envelope):
                item.show_columns(edges_s, low, high, samples=samples)
            else:
                item.show_values(edges_s[1:], low)
        self._fit(view)

    def _fit(self, view: View) -> None:
        low, high = self._calm.fit(*extremes(view, tuple(s for s in self.shown if s.exists(view))))
        height = max(self.rect.height(), 2.0 * HEADER_PX)
        room = (high - low) * HEADER_PX / (height - HEADER_PX)
        self.box.setYRange(low, high + room, padding=0)
        self.ticks = value_ticks(
            low, high, max(int((height - HEADER_PX) / _TICK_PX), 4), self.spec.unit
        )

    def y_px(self, value: float) -> float:
        """Return the scene's pixel of a value."""
        rect = self.rect
        low, high = map(float, self.box.viewRange()[1])
        return rect.bottom() - (value - low) / (high - low) * rect.height()
