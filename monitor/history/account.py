"""What is known of a session: its samples, its stages, and what each stage used."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from monitor.config import HistorySettings, MetricsSettings
from monitor.dsp.attribution import attribute
from monitor.dsp.headers import stands
from monitor.dsp.span import measured
from monitor.dsp.stages import StageTree
from monitor.history.history import History
from monitor.history.ledger import Ledger
from monitor.history.slow import HeldTotals, SlowHistory
from monitor.model import (
    Block,
    Edge,
    Marker,
    Metrics,
    Reading,
    SlowChannel,
    SlowView,
    SpanNumbers,
    StageEnergy,
    StageTable,
    StreamInfo,
    Timeline,
    View,
)

_MAX_TOLD = 1000  # points that hold for a whole run: an hour of one sender's clock
_SLOW_S = 10.0  # between two looks at what slow channels say: 8 graphics cards have 24 powers
_MAX_STAGES = 4000  # of one timeline: more than there are pixel columns to draw them in


class Account:
    """The books of a session: blocks, markers and readings are entered, questions answered.

    One task enters; other tasks of the same loop may ask.
    """

    def __init__(
        self, info: StreamInfo, metrics: MetricsSettings, history: HistorySettings
    ) -> None:
        self.info = info
        self.history = History(
            info,
            seconds=history.seconds,
            max_bytes=history.max_bytes,
            average_windows_s=metrics.averages_s,
            ramp_windows_s=metrics.ramps_s,
        )
        self.slow = SlowHistory()
        self._slow_due = 0
        self._ledger = Ledger(self.history)
        self._tree = StageTree()
        self._markers: list[Marker] = []
        self._begun: dict[tuple[str, str], Marker] = {}
        self._told: deque[Marker] = deque(maxlen=_MAX_TOLD)
        self._ended: set[tuple[str, str]] = set()

    @property
    def n_markers(self) -> int:
        """Return how many different markers have come."""
        return self._tree.n_markers

    @property
    def before(self) -> Iterable[Marker]:
        """Return what a recording that begins now must know of the time before.

        That is what holds for whole runs, as their clocks, and the begins of the stages that are
        running.
        """
        return *self._told, *self._begun.values()

    def markers_since(self, start_ns: int) -> tuple[Marker, ...]:
        """Return what must be known of a session to go on from a UTC time, in order of arrival.

        The markers since then, the begin of what was running, and what holds for whole runs.
        """
        begun: dict[tuple[str, str], Marker] = {}
        for marker in self._markers:
            if marker.time_ns < start_ns and marker.edge is Edge.BEGIN:
                begun[marker.run_id, marker.span_id] = marker
            elif marker.time_ns < start_ns and marker.edge is Edge.END:
                begun.pop((marker.run_id, marker.span_id), None)
        running = {id(marker) for marker in begun.values()}
        return tuple(
            marker
            for marker in self._markers
            if marker.time_ns >= start_ns or id(marker) in running or stands(marker)
        )

    def enter_block(self, block: Block) -> None:
        """Take the next block; ValueError if it overlaps the one before."""
        self.history.append(block)

    def enter_marker(self, marker: Marker) -> bool:
        """Take a marker; return False if it is a duplicate."""
        if not self._tree.add(marker):
            return False
        self._markers.append(marker)
        self.slow.interrupt(marker)
        span = marker.run_id, marker.span_id
        if stands(marker):
            self._told.append(marker)
        elif marker.edge is Edge.BEGIN:
            if span in self._ended:
                self._ended.remove(span)
            else:
                self._begun[span] = marker
        elif marker.edge is Edge.END and self._begun.pop(span, None) is None:
            self._ended.add(span)
        return True

    def enter_reading(self, reading: Reading) -> None:
        """Take a reading of a slow channel."""
        self.slow.enter(reading)

    def look(
        self, start: int | None, stop: int | None, span: int, n_columns: int
    ) -> tuple[View | None, Timeline, tuple[SlowView, ...]]:
        """Return what a plot, a stage lane and the slow channels of ``[start, stop)`` need.

        Parameters
        ----------
        start, stop
            Sample indices; None means the newest ``span`` samples.
        """
        oldest, newest = self.history.bounds
        if newest == oldest:
            return None, Timeline(stages=(), marks=()), ()
        if start is None or stop is None or stop <= start:
            start, stop = newest - max(span, 1), newest
        time_ns = self.info.time_ns
        timeline = self._tree.timeline(time_ns(start), time_ns(stop), time_ns(newest), _MAX_STAGES)
        slow = self.slow.view(time_ns(start), time_ns(stop), n_columns)
        return self.history.view(start, stop, n_columns), timeline, slow

    def measured(self, start: int, stop: int) -> SpanNumbers:
        """Return the numbers of what is remembered of ``[start, stop)``."""
        oldest, newest = self.history.bounds
        start = min(max(start, oldest), newest)
        stages = self._tree.stages(self.info.time_ns(newest))
        return measured(stages, self.info, start, min(max(stop, start), newest), self.history)

    def table(self) -> StageTable:
        """Return the stage table of the session so far."""
        return self._table(self.slow.totals)

    def _table(self, slow: Mapping[SlowChannel, HeldTotals]) -> StageTable:
        start, stop = self.history.first, self.history.bounds[1]
        stages = self._tree.stages(self.info.time_ns(stop))
        return attribute(stages, self.info, start, stop, self._ledger, "live", slow, growing=True)

    def now(self) -> tuple[Metrics | None, tuple[StageEnergy, ...]]:
        """Return the live numbers, and the stages that are running, outermost first.

        The numbers are None before the first block.
        """
        oldest, newest = self.history.bounds
        if newest == oldest:
            return None, ()
        # Slow channels are not told here; but of what they forget, only what was asked is kept.
        is_due = newest >= self._slow_due
        if is_due:
            self._slow_due = newest + math.ceil(_SLOW_S * self.info.sample_rate_hz)
        table = self._table(self.slow.totals if is_due else {})
        metrics = msgspec.structs.replace(self.history.metrics(), energy_j=table.total.energy_j)
        return metrics, tuple(used for used in table.stages if used.stage.stop_ns is None)
