"""The window: puts what a feed says on the screen, and keys and clicks into the feed."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QMainWindow,
    QStatusBar,
    QVBoxLayout,
    QWidget,
)

from monitor.config import recordings_folder
from monitor.engine import endpoint as endpoints
from monitor.errors import WattstageError
from monitor.model import NS, Frame, Notebook, Snapshot, Stage, StageTable
from monitor.recording.marks import Edit
from ui.actions import Actions
from ui.docks import Docks
from ui.facts import silence, status
from ui.feed import NOT_YET, Feed, FrameRequest
from ui.help_sheet import HelpSheet
from ui.marks_panel import MarksPanel
from ui.navigator import Navigator
from ui.plot_stack import PlotStack
from ui.presenter import tiles, unheard
from ui.quantities import clock, utc
from ui.readouts import Readouts
from ui.remote import Remote
from ui.setup_dialog import SetupDialog, measure_with
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
        self._connect()
        self.set_theme(theme)
        self._remote = self._start(feed)
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

    def _connect(self) -> None:
        navigator = self.navigator
        handlers: dict[str, Callable[[], object]] = {
            "record": self._toggle_recording,
            "mark": self.toolbar.mark_field.begin,
            "undo": self._undo,
            "redo": self._redo,
            "delete_mark": self.marks.table.delete_current,
            "open": self._choose_recording,
            "setup": self._set_up,
            "live": self._go_live,
            "pause": self._toggle_pause,
            "follow": navigator.toggle_follow,
            "fit": navigator.fit,
            "zoom_in": lambda: navigator.zoom(0.5),
            "zoom_out": lambda: navigator.zoom(2.0),
            "earlier": lambda: navigator.pan(-0.1),
            "later": lambda: navigator.pan(0.1),
            "page_earlier": lambda: navigator.pan(-1.0),
            "page_later": lambda: navigator.pan(1.0),
            "cursors": self._toggle_cursors,
            "ramp_window": self.plots.next_ramp,
            "slow": self.plots.toggle_slow,
            "home": lambda: self._seek(0.0),
            "slower": lambda: self.transport.step(-1),
            "faster": lambda: self.transport.step(1),
            "stages": self.docks.toggle_stages,
            "notes": self.docks.toggle_notes,
            "theme": lambda: self.set_theme(LIGHT if self.theme is DARK else DARK),
            "help": self._show_help,
            "quit": self.close,
        }
        for place, key in enumerate(("power", "voltage", "current", "ramp"), start=1):
            handlers[f"plot_{place}"] = partial(self.plots.toggle_plot, key)
        for name, action in self.commands.items():
            action.triggered.connect(partial(_ignoring_checked, handlers[name]))
            action.triggered.connect(self._show_state)
        self.toolbar.mark_field.entered.connect(self._mark)
        self.transport.speed_chosen.connect(self._set_speed)
        self.plots.gestures.clicked.connect(self._seek)
        self.plots.gestures.scrubbed.connect(self._seek)
        self.plots.gestures.spanned.connect(self._measure)
        self.table.stage_chosen.connect(self._choose_stage)
        self.marks.table.edited.connect(self._edit)
        self.marks.table.refused.connect(self.banner.warn)
        self.marks.table.chosen.connect(self._go_to)
        self.docks.changed.connect(self._ask_docks)
        navigator.changed.connect(self._show_state)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self.setStyleSheet(style_sheet(theme))
        self.commands.set_theme(theme, self.devicePixelRatioF())
        self.plots.set_theme(theme)
        self.readouts.set_theme(theme)
        self.table.set_theme(theme)
        self._show_state()

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
        self._remote.close()
        self._remote.deleteLater()
        self.snapshot = None
        self._answers = True
        self.plots.choose(None)
        self.plots.show_table(None)
        self.plots.show_cursors(None)
        self.navigator.forget()
        self.banner.forget()
        self._remote = self._start(feed)
        self._ask_docks()

    def _tick(self) -> None:
        if self.snapshot is None and self._remote.progress < 1:
            self.banner.stand(f"reading the recording: {self._remote.progress:.0%}")
        if self.plots.stage_under_pointer is not None and not self.plots.knows_stages:
            self._remote.ask_table()
        request = self.navigator.request()
        self._n_ticks += 1
        if not self._rests(request) or self._n_ticks % _REST_EVERY == 0:
            self._remote.tick(request)
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
        self._show_state()

    def _frame_failed(self, why: str) -> None:
        self._answers = False
        self.banner.stand(silence(why, self.snapshot))
        if self.snapshot is not None:
            last = unheard(self.snapshot, time.monotonic() - self._answered)
            self.readouts.show_tiles(tiles(last), slow_tiles(last.slow))
            items = status(last, self.frames_per_second, answers=False)
            self.status_line.show_items(items)
        self._show_state()

    def _show_state(self) -> None:
        """Make the buttons, the playhead and the transport say how things are."""
        snapshot = self.snapshot
        replaying = snapshot is not None and snapshot.replay_speed is not None
        self.commands.show_state(
            snapshot,
            self.navigator,
            can_go_live=self._live is not None,
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

    # Commands.

    def _toggle_recording(self) -> None:
        self._remote.record(on=self.snapshot is None or self.snapshot.recording is None)

    def _mark(self, text: str, time_ns: int) -> None:
        self._remote.mark(text, time_ns)

    def _now_ns(self) -> int:
        """Return the UTC of a mark that is put now: of a replay, that of the playhead."""
        replayed = self.snapshot is not None and self.snapshot.replay_speed is not None
        return self.snapshot.now_ns if self.snapshot is not None and replayed else self._clock_ns()

    def _toggle_pause(self) -> None:
        if self.snapshot is None or self.snapshot.replay_speed is None:
            self.navigator.toggle_hold()
        else:
            self._remote.play(on=self.snapshot.state != "running")

    def _seek(self, time_s: float) -> None:
        if self.snapshot is not None and self.snapshot.replay_speed is not None:
            index = self.navigator.index(time_s)
            self._remote.seek(min(max(index, self.snapshot.start), self.snapshot.stop))

    def _measure(self, start_s: float, stop_s: float) -> None:
        """Put two cursors, and ask what was measured between them."""
        self.plots.show_cursors((start_s, stop_s))
        start, stop = self.navigator.index(start_s), self.navigator.index(stop_s)
        self._remote.measure(start, max(stop, start + 1))

    def _toggle_cursors(self) -> None:
        """Take the cursors away, or put them where a third of the view is between them."""
        if self.plots.cursors_s is not None:
            self.plots.show_cursors(None)
        elif self.snapshot is not None and self.snapshot.metrics is not None:
            left_s, right_s = self.navigator.data_s
            third_s = (right_s - left_s) / 3
            self._measure(left_s + third_s, right_s - third_s)

    def _set_speed(self, speed: float) -> None:
        self._remote.set_speed(speed)

    def _ask_docks(self) -> None:
        if self.docks.shows_stages or self.plots.stage_under_pointer is not None:
            self._remote.ask_table()
        if self.docks.shows_notes:
            self._remote.ask_notebook()

    def _show_table(self, table: StageTable) -> None:
        self.docks.show_table(table, self.snapshot)
        self.plots.show_table(table)

    def _show_notebook(self, book: Notebook) -> None:
        self.docks.show_notebook(book, self.snapshot)

    def _edit(self, edit: Edit) -> None:
        self._remote.edit(edit)

    def _undo(self) -> None:
        self._remote.undo()

    def _redo(self) -> None:
        self._remote.redo()

    def _choose_stage(self, stage: Stage | None) -> None:
        """Show a stage and shade it; the playhead goes to its end, where its energy is known."""
        self.plots.choose(stage)
        if stage is None:
            return
        self.navigator.show_stage(stage)
        if self.snapshot is not None and self.snapshot.info is not None:
            stop_ns = self.snapshot.now_ns if stage.stop_ns is None else stage.stop_ns
            info = self.snapshot.info
            length_s = (stop_ns - info.time_ns(self.snapshot.start)) / NS
            self._seek(length_s - 1 / info.sample_rate_hz)  # the next stage has not begun

    def _go_to(self, time_ns: int) -> None:
        self.navigator.show_instant(time_ns)
        if self.snapshot is not None and self.snapshot.info is not None:
            origin_ns = self.snapshot.info.time_ns(self.snapshot.start)
            self._seek((time_ns - origin_ns) / NS)

    def _choose_recording(self) -> None:
        folder = recordings_folder()
        start = str(folder.resolve()) if folder.is_dir() else ""
        path, _ = QFileDialog.getOpenFileName(self, "Open a recording", start, "Recordings (*.h5)")
        if path:
            self.open(Path(path))

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

    def _go_live(self) -> None:
        if self._live is not None:
            self.show_feed(self._live())

    def _set_up(self) -> None:
        # A live session keeps its engine; another one listens elsewhere.
        where = None if self._live is None else endpoints.own()
        measure = partial(measure_with, endpoint=where)
        dialog = SetupDialog(self, self.theme, measure=measure)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _show_help(self) -> None:
        sheet = HelpSheet(self)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.open()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Let go of the feed; a session elsewhere goes on."""
        if self._timer.isActive():
            self.closing.emit()
        self._timer.stop()
        self._remote.close()
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


def _ignoring_checked(handler: Callable[[], object], _: bool = False) -> None:
    handler()
