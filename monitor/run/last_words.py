"""What the processes of a program have left word of: what ended them, which markers they lost."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ECHO = "ChildFailedError"  # by which torchrun says that a process of its has failed
_MAX_BYTES = 1 << 20


class LastWords:
    """Reads what the processes of a program wrote as they ended.

    Parameters
    ----------
    file
        Each adds a line of JSON to it, with its id.
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
        return self._ended_by() or f"exit code {code}"

    def lost(self) -> dict[str, int]:
        """Return how many markers the program's clients have lost, by why; 0 if not known."""
        senders = {said["sender"]: said for said in self._said() if "sender" in said}
        lost: dict[str, int] = {}
        for said in senders.values():
            why = said["why"]
            lost[why] = lost.get(why, 0) + said["n_lost"]
        return lost

    def _ended_by(self) -> str:
        first = ""
        for said in self._said():
            word: str = said.get("ended_by", _ECHO)
            if not word.startswith(_ECHO):
                if said["pid"] == self.pid:
                    return word
                first = first or word
        return first

    def _said(self) -> Iterator[dict[str, Any]]:
        try:
            with self.file.open("rb") as file:
                lines = file.read(_MAX_BYTES).splitlines()
        except OSError:
            return
        for line in lines:
            try:
                said = json.loads(line)
            except ValueError:  # of a process that was killed as it wrote
                continue
            if isinstance(said, dict):
                yield said


@contextmanager
def last_words() -> Generator[LastWords, None, None]:
    """Open a place for last words; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="wattstage-run-") as folder:
        file = Path(folder, "last-words")
        file.touch()
        yield LastWords(file)
