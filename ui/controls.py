"""What keys, buttons and the mouse do in the window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog

from monitor.config import recordings_folder
from monitor.engine import endpoint as endpoints
from monitor.model import NS, Snapshot, Stage
from monitor.recording.marks import Edit
from ui.help_sheet import HelpSheet
from ui.setup_dialog import SetupDialog, measure_with

if TYPE_CHECKING:
    from ui.remote import Remote
    from ui.window import Window


class Controls(QObject):
    """Carries out the commands of one window."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._plots, self._navigator = window.plots, window.navigator
        for name, handler in self._handlers().items():
            action = window.commands[name]
            action.triggered.connect(partial(_ignoring_checked, handler))
            action.triggered.connect(window.show_state)
        window.toolbar.mark_field.entered.connect(self._mark)
        window.transport.speed_chosen.connect(self._set_speed)
        window.plots.gestures.clicked.connect(self._seek)
        window.plots.gestures.scrubbed.connect(self._seek)
        window.plots.gestures.spanned.connect(self._measure)
        window.table.stage_chosen.connect(self._choose_stage)
        window.marks.table.edited.connect(self._edit)
        window.marks.table.refused.connect(window.banner.warn)
        window.marks.table.chosen.connect(self._go_to)

    def _handlers(self) -> dict[str, Callable[[], object]]:
        """Return what each command does."""
        window, plots, navigator = self._window, self._plots, self._navigator
        handlers: dict[str, Callable[[], object]] = {
            "record": self._toggle_recording,
            "mark": window.toolbar.mark_field.begin,
            "undo": self._undo,
            "redo": self._redo,
            "delete_mark": window.marks.table.delete_current,
            "open": self._choose_recording,
            "setup": self._set_up,
            "live": window.go_live,
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
            "ramp_window": plots.next_ramp,
            "slow": plots.toggle_slow,
            "home": lambda: self._seek(0.0),
            "slower": lambda: window.transport.step(-1),
            "faster": lambda: window.transport.step(1),
            "stages": window.docks.toggle_stages,
            "notes": window.docks.toggle_notes,
            "theme": window.toggle_theme,
            "help": self._show_help,
            "quit": window.close,
        }
        for place, key in enumerate(("power", "voltage", "current", "ramp"), start=1):
            handlers[f"plot_{place}"] = partial(plots.toggle_plot, key)
        return handlers

    @property
    def _remote(self) -> Remote:
        return self._window.remote

    @property
    def _snapshot(self) -> Snapshot | None:
        return self._window.snapshot

    def _toggle_recording(self) -> None:
        self._remote.record(on=self._snapshot is None or self._snapshot.recording is None)

    # Whatever is shown then: not the methods of what is shown now.

    def _mark(self, text: str, time_ns: int) -> None:
        self._remote.mark(text, time_ns)

    def _edit(self, edit: Edit) -> None:
        self._remote.edit(edit)

    def _undo(self) -> None:
        self._remote.undo()

    def _redo(self) -> None:
        self._remote.redo()

    def _set_speed(self, speed: float) -> None:
        self._remote.set_speed(speed)

    def _toggle_pause(self) -> None:
        if self._snapshot is None or self._snapshot.replay_speed is None:
            self._navigator.toggle_hold()
        else:
            self._remote.play(on=self._snapshot.state != "running")

    def _seek(self, time_s: float) -> None:
        snapshot = self._snapshot
        if snapshot is not None and snapshot.replay_speed is not None:
            index = self._navigator.index(time_s)
            self._remote.seek(min(max(index, snapshot.start), snapshot.stop))

    def _measure(self, start_s: float, stop_s: float) -> None:
        """Put two cursors, and ask what was measured between them."""
        self._plots.show_cursors((start_s, stop_s))
        start, stop = self._navigator.index(start_s), self._navigator.index(stop_s)
        self._remote.measure(start, max(stop, start + 1))

    def _toggle_cursors(self) -> None:
        """Take the cursors away, or put them where a third of the view is between them."""
        if self._plots.cursors_s is not None:
            self._plots.show_cursors(None)
        elif self._snapshot is not None and self._snapshot.stop > self._snapshot.start:
            left_s, right_s = self._navigator.data_s
            third_s = (right_s - left_s) / 3
            self._measure(left_s + third_s, right_s - third_s)

    def _choose_stage(self, stage: Stage | None) -> None:
        """Show a stage and shade it; the playhead goes to its end, where its energy is known."""
        self._plots.choose(stage)
        if stage is None:
            return
        self._navigator.show_stage(stage)
        snapshot = self._snapshot
        if snapshot is not None and snapshot.info is not None:
            stop_ns = snapshot.now_ns if stage.stop_ns is None else stage.stop_ns
            length_s = (stop_ns - snapshot.info.time_ns(snapshot.start)) / NS
            self._seek(length_s - 1 / snapshot.info.sample_rate_hz)  # the next has not begun

    def _go_to(self, time_ns: int) -> None:
        self._navigator.show_instant(time_ns)
        snapshot = self._snapshot
        if snapshot is not None and snapshot.info is not None:
            self._seek((time_ns - snapshot.info.time_ns(snapshot.start)) / NS)

    def _choose_recording(self) -> None:
        folder = recordings_folder()
        start = str(folder.resolve()) if folder.is_dir() else ""
        path, _ = QFileDialog.getOpenFileName(
            self._window, "Open a recording", start, "Recordings (*.h5)"
        )
        if path:
            self._window.open(Path(path))

    def _set_up(self) -> None:
        # A live session keeps its engine; another one listens elsewhere.
        where = endpoints.own() if self._window.can_go_live else None
        measure = partial(measure_with, endpoint=where)
        dialog = SetupDialog(self._window, self._window.theme, measure=measure)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _show_help(self) -> None:
        sheet = HelpSheet(self._window)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.open()


def _ignoring_checked(handler: Callable[[], object], _: bool = False) -> None:
    handler()
