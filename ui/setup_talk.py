"""A set-up command in a process of its own, and what it tells: one JSON object a line.

The window does not talk to instruments; docs/reference/setup-json.md describes the events.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

_PATIENCE_MS = 4000  # for a command to end by itself; then it is killed


class Talk(QObject):
    """At most one command at a time; the next waits for the end of the one before.

    Two commands would ask the same instrument at once.
    """

    told = Signal(dict)
    """An event."""
    ended = Signal(bool, str)
    """Whether it went well, and what it wrote to standard error."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._next: Sequence[str] | None = None
        self._rest = b""
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._kill)

    @property
    def is_busy(self) -> bool:
        """Return whether a command runs."""
        return self._process is not None

    def start(self, arguments: Sequence[str]) -> None:
        """Run ``wattstage ARGUMENTS``, as soon as the command before has ended."""
        if self._process is not None:
            self._next = tuple(arguments)
            self._end()
            return
        self._rest = b""
        process = QProcess(self)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._failed)
        self._process = process
        process.start(sys.executable, ["-m", "monitor.cli", *arguments])

    def stop(self) -> None:
        """End the command; nothing follows it."""
        self._next = None
        self._end()

    def close(self) -> None:
        """End the command now, and wait for it."""
        self._next = None
        process, self._process = self._process, None
        self._patience.stop()
        if process is not None:
            process.blockSignals(True)
            process.closeWriteChannel()
            if not process.waitForFinished(1500):
                process.kill()
                process.waitForFinished(1500)
            process.deleteLater()

    def _end(self) -> None:
        if self._process is not None:
            self._process.closeWriteChannel()
            self._process.terminate()
            self._patience.start(_PATIENCE_MS)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _read(self) -> None:
        if self._process is None:
            return
        data = self._rest + bytes(self._process.readAllStandardOutput().data())
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # a library printed something; it is no event
            if isinstance(event, dict) and self._next is None:
                self.told.emit(event)

    def _finished(self, code: int) -> None:
        process = self._process
        if process is None:
            return
        self._read()
        self._patience.stop()
        self._process = None
        text = bytes(process.readAllStandardError().data()).decode("utf-8", "replace").strip()
        process.deleteLater()
        following, self._next = self._next, None
        if following is not None:
            self.start(following)
        else:
            self.ended.emit(code == 0, text)

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and self._process is not None:
            reason = self._process.errorString()
            self._process.deleteLater()
            self._process = None
            self.ended.emit(False, reason)
