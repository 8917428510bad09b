"""The one thread that talks to a feed, so that the window never waits."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, SignalInstance, Slot

from monitor.errors import WattstageError
from ui.feed import Feed, FrameRequest

Command = Callable[[Feed], object]
"""What is called with the feed, in the worker's thread."""


logger = logging.getLogger(__name__)


class Worker(QObject):
    """Owns a feed from start to close, and carries questions to it.

    At most one frame is being fetched; the latest request wins over one that waits. Commands are
    carried out in order, before frames. Results arrive as signals in the window's thread.
    """

    frame_ready = Signal(object)
    """A Frame."""
    frame_failed = Signal(str)
    """Why no frame came; the next request tries again."""
    command_done = Signal(str, object)
    """The command's label and its result."""
    command_failed = Signal(str, str)
    """The command's label and why it failed."""

    _arrived = Signal(object, tuple)  # carries a result over to the window's thread

    def __init__(self, feed: Feed, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.feed = feed
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._wake = threading.Condition()
        self._request: FrameRequest | None = None
        self._commands: deque[tuple[str, Command]] = deque()
        self._busy = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether no frame is being fetched or waits to be."""
        with self._wake:
            return not self._busy and self._request is None

    def ask(self, request: FrameRequest) -> None:
        """Fetch a frame, instead of any that still waits."""
        with self._wake:
            self._request = request
            self._wake.notify()

    def do(self, label: str, command: Command) -> None:
        """Carry out a command after those before it."""
        with self._wake:
            self._commands.append((label, command))
            self._wake.notify()

    def close(self) -> None:
        """End the thread once its present call is over, and close the feed; no signal follows."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self.feed.abandon()
        self._thread.join()

    @Slot(object, tuple)
    def _deliver(self, signal: SignalInstance, arguments: tuple[object, ...]) -> None:
        if not self._closing:
            signal.emit(*arguments)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._busy = False
                while not (self._closing or self._commands or self._request):
                    self._wake.wait()
                if self._closing and not self._commands:
                    break
                self._busy = True
                command = self._commands.popleft() if self._commands else None
                request = None
                if command is None:
                    request, self._request = self._request, None
            if command is not None:
                self._carry_out(*command)
            elif request is not None:
                self._fetch(request)
        self.feed.close()

    def _carry_out(self, label: str, command: Command) -> None:
        try:
            result = command(self.feed)
        except Exception as error:
            self._arrived.emit(self.command_failed, (label, _words(error)))
        else:
            self._arrived.emit(self.command_done, (label, result))

    def _fetch(self, request: FrameRequest) -> None:
        try:
            frame = self.feed.frame(request)
        except Exception as error:
            self._arrived.emit(self.frame_failed, (_words(error),))
        else:
            self._arrived.emit(self.frame_ready, (frame,))


def _words(error: Exception) -> str:
    """Return what to show; a fault of ours is shown too, since a window that stands still lies."""
    if isinstance(error, WattstageError):
        return str(error)
    logger.exception("the feed failed")
    return f"a fault in Wattstage: {type(error).__name__}: {error}"
