"""One plot: a view box, its traces and its calm vertical range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF

from monitor.model import NS, SlowView, View
from ui.legend import ROW_PX
from ui.scaling import CalmRange, Tick, value_ticks
from ui.series import PlotSpec, Series, Source, extremes
from ui.slow import SlowSeries
from ui.steps import Steps
from ui.theme import Theme, dashes_of, mix, pick
from ui.traces import Curve, Envelope, Seconds

_HEADER_PX = 6  # kept free above the data beside the rows of the legend

_TICK_PX = 34  # room for a label of the vertical axis


class Plot:
    """Draws the series of one ``PlotSpec`` in a view box of a graphics layout."""

    def __init__(self, spec: PlotSpec, theme: Theme) -> None:
        self.spec = spec
        self.box = pg.ViewBox(enableMenu=False, enableMouse=False, defaultPadding=0)
        self.hidden: frozenset[str] = frozenset()
        """Names of series that are not drawn."""
        self.shows_slow = True
        """Whether the lines of slow channels are drawn."""
        self.ticks: tuple[Tick, ...] = ()
        self._n_rows = 1  # of the legend
        self._calm = CalmRange(with_zero=spec.with_zero)
        self._fitted: tuple[View, Sequence[SlowView]] | None = None
        self._items: dict[Series, Envelope | Curve] = {}
        for series in spec.series:
            item = Envelope() if series.source is Source.ENVELOPE else Curve()
            self._items[series] = item
            self.box.addItem(item, ignoreBounds=True)
        self._steps = {line: Steps(dashes_of(line.color)) for line in spec.slow}
        for steps in self._steps.values():
            self.box.addItem(steps, ignoreBounds=True)
        self.set_theme(theme)

    @property
    def rect(self) -> QRectF:
        """Where it stands in the scene, in pixels."""
        rect: QRectF = self.box.sceneBoundingRect()
        return rect

    @property
    def header_px(self) -> float:
        """What is kept free above the data, for the title and the legend."""
        return float(_HEADER_PX + ROW_PX * self._n_rows)

    def set_rows(self, n_rows: int) -> None:
        """Keep so many rows of the legend free above the data."""
        if n_rows != self._n_rows:
            self._n_rows = n_rows
            self.keep_room()

    @property
    def shown(self) -> tuple[Series, ...]:
        """The series that are drawn, from back to front."""
        return tuple(s for s in self.spec.series if s.name not in self.hidden)

    def color(self, series: Series | SlowSeries, theme: Theme) -> str:
        """Return a series' colour."""
        if isinstance(series, SlowSeries):
            return pick(theme.slow, series.color)
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
        for line, steps in self._steps.items():
            steps.set_color(self.color(line, theme))

    def refit(self) -> None:
        """Fit the vertical range anew with the next data."""
        self._calm.reset()

    def set_time(self, start_s: float, stop_s: float) -> None:
        """Show another span of time."""
        self.box.setXRange(start_s, stop_s, padding=0)

    def show_view(
        self, view: View, edges_s: Seconds, slow: Sequence[SlowView] = (), origin_ns: int = 0
    ) -> None:
        """Draw other data.

        Parameters
        ----------
        edges_s : shape (n + 1,)
            The view's edges in seconds.
        slow
            Of the slow channels that there are.
        origin_ns
            UTC of second 0.
        """
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
                item.show_values((edges_s[:-1] + edges_s[1:]) / 2, low, high)
        drawn = [each for each in slow if self._show_slow(each, origin_ns)]
        self._fitted = view, drawn
        self._fit(view, drawn)

    def keep_room(self) -> None:
        """Keep the header free at another height of the plot."""
        if self._fitted is not None:
            self._fit(*self._fitted)

    def _show_slow(self, view: SlowView, origin_ns: int) -> bool:
        """Draw a slow channel; return whether it has a line here."""
        line = next((line for line in self._steps if line.channel == view.channel), None)
        if line is None:
            return False
        steps = self._steps[line]
        steps.setVisible(self.shows_slow)
        starts_s, stops_s = (
            (times - origin_ns).astype(np.float64) / NS for times in (view.starts_ns, view.stops_ns)
        )
        steps.show_steps(starts_s, stops_s, view.low, view.high)
        return self.shows_slow

    def _fit(self, view: View, slow: Sequence[SlowView]) -> None:
        shown = tuple(s for s in self.shown if s.exists(view))
        low, high = self._calm.fit(*extremes(view, shown, slow))
        header = self.header_px
        height = max(self.rect.height(), 2.0 * header)
        room = (high - low) * header / (height - header)
        self.box.setYRange(low, high + room, padding=0)
        self.ticks = value_ticks(
            low, high, max(int((height - header) / _TICK_PX), 4), self.spec.unit
        )

    def tick_px(self, tick: Tick) -> int | None:
        """Return the row of pixels of a tick; None if it lies outside."""
        rect, y = self.rect, round(self.y_px(tick.value))
        if not rect.top() - 1 <= y <= rect.bottom() + 1:  # at an end, rounding may miss by one
            return None
        return int(min(max(y, rect.top()), rect.bottom() - 1))

    def y_px(self, value: float) -> float:
        """Return the scene's pixel of a value."""
        rect = self.rect
        low, high = map(float, self.box.viewRange()[1])
        return rect.bottom() - (value - low) / (high - low) * rect.height()
