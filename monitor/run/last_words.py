"""What a program that failed has failed by, as its processes have left word."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_ECHO = "ChildFailedError"  # by which torchrun says that a process of its has failed
_MAX_BYTES = 65_536


class LastWords:
    """Reads what the processes of a program wrote as they ended.

    Parameters
    ----------
    file
        Each adds a line to it: its id, and the exception.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.pid = 0
        """Of the process that was started; its word counts more than those of its children."""

    def reason(self, code: int) -> str:
        """Return why the program has failed, by its exit code as a shell gives it."""
        if code > 128:
            try:
                return f"killed by {signal.Signals(code - 128).name}"
            except ValueError:
                pass
        return self._told() or f"exit code {code}"

    def _told(self) -> str:
        try:
            with self.file.open("rb") as file:
                text = file.read(_MAX_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""
        first = ""
        for line in text.splitlines():
            pid, _, word = line.partition(" ")
            if not word.startswith(_ECHO):
                if pid == str(self.pid):
                    return word
                first = first or word
        return first


@contextmanager
def last_words() -> Generator[LastWords, None, None]:
    """Open a place for last words; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="wattstage-run-") as folder:
        file = Path(folder, "last-words")
        file.touch()
        yield LastWords(file)
