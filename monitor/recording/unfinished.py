"""A folder for what is not finished, beside where it will be; gone in the end, even after a kill.

It holds a lock that ends with its process, wherever that ends, so what is not locked any more was
left behind. Locks of another machine are not always seen here, so its folders are left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

_SUFFIX = ".wattstage"
_LOCK = ".wattstage-lock"


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield a new folder beside a file that is to be made, so that it can be moved there at once.

    What was left there by processes that were killed is removed.

    Raises
    ------
    OSError
        If no folder can be made there.
    """
    _remove_left(path.parent)
    folder, lock = _make(path)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _make(path: Path) -> tuple[Path, int | None]:
    """Return a new folder and its lock; None where files cannot be locked."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=_SUFFIX))
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(lock, platform.node().encode())
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat((folder / _LOCK).stat(), os.fstat(lock)):
                return folder, lock
        except (BlockingIOError, FileNotFoundError):
            pass  # somebody took it for one that was left, in the instant before it was locked
        except OSError:
            os.close(lock)
            (folder / _LOCK).unlink()  # without it, nobody takes it for one that was left
            return folder, None
        os.close(lock)


def _remove_left(parent: Path) -> None:
    """Remove the folders of processes that are gone."""
    with contextlib.suppress(OSError):  # one that cannot be listed, or is not there
        for folder in parent.glob(f".*{_SUFFIX}"):
            with contextlib.suppress(OSError):  # in use, without a lock, or not ours to touch
                _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made_on = os.read(lock, 1024).decode(errors="replace")
        if made_on and made_on == platform.node():
            logger.warning("%s was left by a process that was killed, and is removed", folder)
            shutil.rmtree(folder)
        else:
            text = "%s may have been left by a process on %s; remove it if nothing runs there"
            logger.warning(text, folder, made_on or "another machine")
    finally:
        os.close(lock)
