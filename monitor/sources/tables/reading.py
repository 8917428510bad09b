"""A log as lines of text, and what goes wrong with that as one sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from monitor.errors import RecordingError


@contextlib.contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a text file.

    Raises
    ------
    RecordingError
        If it cannot be read, or is no text.
    """
    try:
        # Instruments write µ and Ω in whatever their country uses; numbers are the same in all.
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            yield lines
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error
