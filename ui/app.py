"""Starts the window."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from pyqtgraph.util.garbage_collector import GarbageCollector
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from monitor.errors import ConfigError
from ui.feed import EngineFeed, Feed
from ui.fonts import font
from ui.recording_feed import RecordingFeed
from ui.setup_dialog import SetupDialog
from ui.theme import THEMES, style_sheet
from ui.window import Window

_COLLECTED = "garbage"
_ENDS = tuple(s for s in signal.Signals if s.name in {"SIGINT", "SIGTERM", "SIGHUP"})


def run(
    *,
    endpoint: str | None,
    recording: Path | None,
    theme: str,
    seconds: float | None,
    picture: Path | None,
) -> int:
    """Show an engine or a recording until the window is closed, and return the exit code.

    Closing the window stops nothing in an engine.

    Parameters
    ----------
    endpoint
        Of a running engine; None if there is none.
    recording
        A file to browse; None shows the engine.
    theme
        dark or light.
    seconds
        Wall time after which the window closes by itself; None leaves it to the user.
    picture
        Where to keep a PNG of the window just before it closes; None keeps none.

    Raises
    ------
    ConfigError
        If there is nothing to show, no display, or no such theme.
    EngineError
        If no engine answers.
    RecordingError
        If the file is not a recording.
    """
    _check(theme)
    if picture is not None and not picture.parent.is_dir():
        raise ConfigError(f"{picture}: there is no folder {picture.parent}")
    live = _live(endpoint)
    feed = RecordingFeed(recording) if recording is not None else live() if live else None
    if feed is None:
        raise ConfigError("nothing to show: give the endpoint of an engine, or a recording")
    app = _application()
    window = Window(feed, theme=THEMES[theme], open_recording=RecordingFeed, live=live)
    return _show(app, window, seconds=seconds, picture=picture)


def set_up(*, theme: str, address: str | None = None, out: Path | None = None) -> Path | None:
    """Set an instrument up; return the profile that shall be measured with, if any.

    Parameters
    ----------
    address
        Of the instrument that is asked first; None searches only.
    out
        Profile to write; None proposes one.

    Raises
    ------
    ConfigError
        If there is no display, or no such theme.
    """
    _check(theme)
    app = _application()
    chosen: list[Path] = []

    def measure(profile: Path) -> bool:
        chosen.append(profile)
        return True

    dialog = SetupDialog(None, THEMES[theme], measure=measure, profile=out)
    dialog.setStyleSheet(style_sheet(THEMES[theme]))
    wakes = QTimer(dialog)  # Python looks for signals only between its own steps
    wakes.timeout.connect(lambda: None)
    wakes.start(200)
    try:
        with _ended_by_signals(dialog.reject):
            if address is not None:
                dialog.use(address)
            dialog.exec()
    finally:
        dialog.deleteLater()
        app.processEvents()
    return chosen[0] if chosen else None


def _check(theme: str) -> None:
    if theme not in THEMES:
        raise ConfigError(f"theme {theme!r}: expected one of {', '.join(sorted(THEMES))}")
    if not has_display():
        raise ConfigError(
            "no display for the window: set DISPLAY or WAYLAND_DISPLAY, or use --terminal"
        )


def _application() -> QApplication:
    app = QApplication.instance() or QApplication(["wattstage"])
    if not isinstance(app, QApplication):
        raise ConfigError("another kind of Qt application runs in this process already")
    app.setApplicationName("wattstage")
    app.setStyle("Fusion")
    app.setFont(font())
    _keep_garbage_here(app)
    return app


@contextlib.contextmanager
def _ended_by_signals(end: Callable[[], object]) -> Iterator[None]:
    """Let signals end what runs, as its loop comes to it: one that has not begun, as it begins.

    Those that whoever started this had ignored (``nohup``, a shell's ``&``) stay so.
    """

    def ask(*_: object) -> None:
        QTimer.singleShot(0, end)

    heard = [each for each in _ENDS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, ask) for each in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _keep_garbage_here(app: QApplication) -> None:
    """Free what is not used any more in this thread only; Qt crashes if another one frees it."""
    if app.property(_COLLECTED) is None:
        app.setProperty(_COLLECTED, GarbageCollector())


def has_display() -> bool:
    """Return whether Qt will find something to draw on; without one it would abort."""
    if sys.platform != "linux":
        return True
    return any(os.environ.get(n) for n in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"))


def _live(endpoint: str | None) -> Callable[[], Feed] | None:
    """Return what makes a feed of the engine, after it has answered once."""
    if endpoint is None:
        return None

    def attach() -> EngineFeed:
        return EngineFeed(endpoint)

    first = attach()
    try:
        first.hello()
    finally:
        first.close()
    return attach


def _show(app: QApplication, window: Window, *, seconds: float | None, picture: Path | None) -> int:
    """Run the window until it is closed, by the user, a signal or the time."""
    failures: list[str] = []

    def keep_picture() -> None:
        if picture is not None and not window.grab().save(str(picture), "PNG"):
            failures.append(f"{picture}: the picture cannot be written")

    window.closing.connect(keep_picture)
    timer = QTimer(window)
    timer.setSingleShot(True)
    timer.timeout.connect(window.close)
    if seconds is not None:
        timer.start(round(seconds * 1000))
    with _ended_by_signals(window.close):
        window.show()
        code = app.exec()
    if failures:
        raise ConfigError(failures[0])
    return code
