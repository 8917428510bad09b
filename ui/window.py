"""The window: puts what a feed says on the screen, and keys and clicks into the feed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QMainWindow,
    QStatusBar,
    QVBoxLayout,
    QWidget,
)

from monitor.errors import WattstageError
from monitor.model import NS, Frame, Notebook, Snapshot, StageTable
from ui.actions import Actions
from ui.controls import Controls
from ui.docks import Docks
from ui.facts import silence, status
from ui.feed import NOT_YET, Feed, FrameRequest
from ui.marks_panel import MarksPanel
from ui.navigator import Navigator
from ui.plot_stack import PlotStack
from ui.presenter import tiles, unheard
from ui.quantities import clock, utc
from ui.readouts import Readouts
from ui.remote import Remote
from ui.slow import slow_tiles
from ui.stage_table import StageTableView
from ui.status import Banner, StatusLine
from ui.theme import DARK, LIGHT, Theme, style_sheet
from ui.toolbar import Toolbar, Transport

FRAME_MS = 25
"""Between two requests; one that is still being answered is waited for."""

_REST_EVERY = 6  # ticks, while nothing moves
_TABLE_EVERY = 40  # frames: about once a second


class Window(QMainWindow):
    """Shows one feed at a time, and closes it.

    Parameters
    ----------
    feed
        Shown first.
    open_recording
        Makes a feed of a file; raises WattstageError if it is not a recording.
    live
        Makes the feed of the live session anew; None if there is none to go back to.
    now_ns
        UTC, for the marks.
    """

    closing = Signal()
    """It is about to close, and can still be painted."""

    def __init__(
        self,
        feed: Feed,
        *,
        theme: Theme = DARK,
        open_recording: Callable[[Path], Feed] | None = None,
        live: Callable[[], Feed] | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__()
        self.theme = theme
        self.snapshot: Snapshot | None = None
        self.frames_per_second = 0.0
        self._open_recording, self._live = open_recording, live
        self._n_frames = self._n_ticks = 0
        self._requested: FrameRequest | None = None
        self._answered = time.monotonic()  # when the newest frame came
        self._answers = True
        self._counted = (time.monotonic(), 0)
        self.commands = Actions(self)
        self._clock_ns = now_ns
        self.toolbar = Toolbar(self.commands, self._now_ns)
        self.banner, self.readouts = Banner(), Readouts()
        self.plots, self.status_line = PlotStack(theme), StatusLine()
        self.navigator = Navigator(self.plots)
        self.transport = Transport(self.commands)
        self.table = StageTableView()
        self.marks = MarksPanel(self.commands)
        self.docks = self._build()
        self.docks.changed.connect(self._ask_docks)
        self.navigator.changed.connect(self.show_state)
        Controls(self)
        self.set_theme(theme)
        self.remote = self._start(feed)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(FRAME_MS)

    # What the window is made of.

    def _build(self) -> Docks:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addSpacing(8)
        column.addWidget(self.plots, 1)
        self.setCentralWidget(centre)
        self.setMenuWidget(_column(self.toolbar, self.banner, self.readouts))
        bar = QStatusBar()
        bar.setSizeGripEnabled(False)
        bar.setContentsMargins(0, 0, 0, 0)
        bar.addWidget(_column(self.transport, self.status_line), 1)
        self.setStatusBar(bar)
        docks = Docks(self, self.table, self.marks)
        self.transport.hide()
        self.resize(1600, 1000)
        centre.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        centre.setFocus()
        return docks

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self.setStyleSheet(style_sheet(theme))
        self.commands.set_theme(theme, self.devicePixelRatioF())
        self.plots.set_theme(theme)
        self.readouts.set_theme(theme)
        self.table.set_theme(theme)
        self.show_state()

    def toggle_theme(self) -> None:
        """Use the other theme."""
        self.set_theme(LIGHT if self.theme is DARK else DARK)

    # Frames.

    def _start(self, feed: Feed) -> Remote:
        remote = Remote(feed, self)
        remote.frame_ready.connect(self._show_frame)
        remote.frame_failed.connect(self._frame_failed)
        remote.table_ready.connect(self._show_table)
        remote.notebook_ready.connect(self._show_notebook)
        remote.numbers_ready.connect(self.plots.show_numbers)
        remote.refused.connect(self.banner.warn)
        self.setWindowTitle(f"{feed.name} – Wattstage")
        self.toolbar.title.setText(feed.name)
        return remote

    def show_feed(self, feed: Feed) -> None:
        """Show another feed, and close the one before."""
        self.remote.close()
        self.remote.deleteLater()
        self.snapshot = None
        self._answers = True
        self.plots.choose(None)
        self.plots.show_table(None)
        self.plots.show_cursors(None)
        self.navigator.forget()
        self.banner.forget()
        self.remote = self._start(feed)
        self._ask_docks()

    def _tick(self) -> None:
        if self.snapshot is None and self.remote.progress < 1:
            self.banner.stand(f"reading the recording: {self.remote.progress:.0%}")
        if self.plots.stage_under_pointer is not None and not self.plots.knows_stages:
            self.remote.ask_table()
        request = self.navigator.request()
        self._n_ticks += 1
        if not self._rests(request) or self._n_ticks % _REST_EVERY == 0:
            self.remote.tick(request)
        self._requested = request
        now = time.monotonic()
        since, painted = self._counted
        if now - since >= 1:
            self.frames_per_second = (self.plots.n_painted - painted) / (now - since)
            self._counted = (now, self.plots.n_painted)

    def _rests(self, request: FrameRequest) -> bool:
        """Return whether the next frame would look like the one before."""
        snapshot = self.snapshot
        if snapshot is None or snapshot.version == NOT_YET:
            return False
        return snapshot.state in ("ended", "paused") and request == self._requested

    def _show_frame(self, frame: Frame) -> None:
        snapshot = frame.snapshot
        self.banner.stand("")
        self.banner.show_warnings(snapshot.warnings)
        news = self.snapshot is None or snapshot.version != self.snapshot.version
        if news or not self._answers:
            self.readouts.show_tiles(tiles(snapshot), slow_tiles(snapshot.slow))
        self.snapshot = snapshot
        self._answers, self._answered = True, time.monotonic()
        self.navigator.show_frame(frame)
        if self._n_frames % 8 == 0:
            self.status_line.show_items(status(snapshot, self.frames_per_second))
        self._n_frames += 1
        if self._n_frames % _TABLE_EVERY == 0 and snapshot.state != "ended":
            self._ask_docks()
        self.show_state()

    def _frame_failed(self, why: str) -> None:
        self._answers = False
        self.banner.stand(silence(why, self.snapshot))
        if self.snapshot is not None:
            last = unheard(self.snapshot, time.monotonic() - self._answered)
            self.readouts.show_tiles(tiles(last), slow_tiles(last.slow))
            items = status(last, self.frames_per_second, answers=False)
            self.status_line.show_items(items)
        self.show_state()

    def show_state(self) -> None:
        """Make the buttons, the playhead and the transport say how things are."""
        snapshot = self.snapshot
        replaying = snapshot is not None and snapshot.replay_speed is not None
        self.commands.show_state(
            snapshot,
            self.navigator,
            can_go_live=self.can_go_live,
            answers=self._answers,
        )
        self.commands["stages"].setChecked(self.docks.shows_stages)
        self.commands["notes"].setChecked(self.docks.shows_notes)
        self.transport.setVisible(replaying)
        if snapshot is None or snapshot.info is None or not replaying:
            self.plots.show_playhead(None)
            return
        info = snapshot.info
        time_s = (snapshot.now_ns - info.time_ns(snapshot.start)) / NS
        length_s = (snapshot.stop - snapshot.start) / info.sample_rate_hz
        self.plots.show_playhead(time_s)
        self.transport.show_speed(snapshot.replay_speed or 1.0)
        self.transport.position.setText(f"{clock(time_s, 1)} / {clock(length_s, 1)}")
        self.transport.absolute.setText(utc(snapshot.now_ns))

    def _ask_docks(self) -> None:
        if self.docks.shows_stages or self.plots.stage_under_pointer is not None:
            self.remote.ask_table()
        if self.docks.shows_notes:
            self.remote.ask_notebook()

    def _show_table(self, table: StageTable) -> None:
        self.docks.show_table(table, self.snapshot)
        self.plots.show_table(table)

    def _show_notebook(self, book: Notebook) -> None:
        self.docks.show_notebook(book, self.snapshot)

    def _now_ns(self) -> int:
        """Return the UTC of a mark that is put now: of a replay, that of the playhead."""
        replayed = self.snapshot is not None and self.snapshot.replay_speed is not None
        return self.snapshot.now_ns if self.snapshot is not None and replayed else self._clock_ns()

    def open(self, path: Path) -> None:
        """Browse a recording; one that cannot be opened is told in the banner."""
        if self._open_recording is None:
            return
        try:
            feed = self._open_recording(path)
        except WattstageError as error:
            self.banner.warn(str(error))
            return
        self.show_feed(feed)

    @property
    def can_go_live(self) -> bool:
        """Return whether there is a live session to go back to."""
        return self._live is not None

    def go_live(self) -> None:
        """Show the live session again."""
        if self._live is not None:
            self.show_feed(self._live())

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Let go of the feed; a session elsewhere goes on."""
        if self._timer.isActive():
            self.closing.emit()
        self._timer.stop()
        self.remote.close()
        super().closeEvent(event)


def _column(*widgets: QWidget) -> QWidget:
    """Return widgets one below the other."""
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for widget in widgets:
        column.addWidget(widget)
    return whole
