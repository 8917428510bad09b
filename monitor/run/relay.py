"""Passes on what a program writes, byte for byte and at once, and shows it to a reader.

A program that writes to a terminal still does, so that its colours and progress bars stay as they
are; its keyboard is not touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import select
import struct
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

_CHUNK = 65_536
_PATIENCE_S = 0.5  # for a program's children, which may hold its output open for ever


@dataclass(slots=True)
class _Way:
    """From a file of the program to one of ours."""

    number: int
    read_fd: int
    write_fd: int
    target_fd: int
    is_terminal: bool
    thread: threading.Thread | None = field(default=None)


class Relay:
    """Stands between a program's output and error output, and our own.

    Where both of ours are the same file, both of the program's are, so that what it writes stays
    in order.

    Parameters
    ----------
    seen
        Takes the number of the file, 1 or 2, and bytes that have been passed on; called by a
        thread per file.
    """

    def __init__(self, seen: Callable[[int, bytes], None]) -> None:
        self._seen = seen
        self._ways: dict[int, _Way] = {}
        self._moved_s = 0.0

    def __enter__(self) -> Relay:
        for number in (1, 2):
            with contextlib.suppress(OSError):  # one that is closed stays closed
                same = [way for way in self._ways.values() if _is_same(way.target_fd, number)]
                self._ways[number] = same[0] if same else _way(number)
        return self

    def __exit__(self, *exception: object) -> None:
        for way in self._each():
            if way.thread is None or not way.thread.is_alive():
                _close(way)

    def file(self, number: int) -> int | None:
        """Return what the program writes to; None is what we do."""
        way = self._ways.get(number)
        return None if way is None else way.write_fd

    def start(self) -> None:
        """Pass on from now on; the program has been started."""
        for way in self._each():
            os.close(way.write_fd)
            way.write_fd = -1
            way.thread = threading.Thread(target=self._pass_on, args=(way,), daemon=True)
            way.thread.name = f"relay-{way.number}"
            way.thread.start()

    def resize(self) -> None:
        """Give the program's terminal the size of ours."""
        for way in self._each():
            if way.is_terminal and way.read_fd >= 0:
                _copy_size(way)

    def drain(self) -> None:
        """Wait until all is passed on; what children go on writing is not waited for."""
        self._moved_s = time.monotonic()
        for way in self._each():
            while way.thread is not None and way.thread.is_alive():
                way.thread.join(0.05)
                if time.monotonic() - self._moved_s > _PATIENCE_S:
                    return

    def _each(self) -> list[_Way]:
        return list({id(way): way for way in self._ways.values()}.values())

    def _pass_on(self, way: _Way) -> None:
        try:
            while data := _read(way.read_fd):
                _write(way.target_fd, data)
                self._moved_s = time.monotonic()
                self._show(way.number, data)
        except OSError as error:  # whoever reads ours is gone: the program is to notice it
            logger.debug("output %d is not taken any more: %s", way.number, error)
        _close(way)

    def _show(self, number: int, data: bytes) -> None:
        try:
            self._seen(number, data)
        except Exception:  # the program's output matters more than its stages
            logger.exception("a line of the log could not be read")


def _way(number: int) -> _Way:
    os.fstat(number)
    if not os.isatty(number):
        return _Way(number, *os.pipe(), number, is_terminal=False)
    way = _Way(number, *os.openpty(), number, is_terminal=True)
    mode = termios.tcgetattr(number)
    mode[1] &= ~termios.OPOST  # ours does that, once
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(way.write_fd, termios.TCSANOW, mode)
    _copy_size(way)
    return way


def _copy_size(way: _Way) -> None:
    with contextlib.suppress(OSError):
        size = fcntl.ioctl(way.target_fd, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
        fcntl.ioctl(way.read_fd, termios.TIOCSWINSZ, size)


def _is_same(one: int, other: int) -> bool:
    a, b = os.fstat(one), os.fstat(other)
    return (a.st_dev, a.st_ino, a.st_rdev) == (b.st_dev, b.st_ino, b.st_rdev)


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, _CHUNK)
    except OSError:  # a terminal that nobody has open any more
        return b""


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except BlockingIOError:
            select.select([], [fd], [])


def _close(way: _Way) -> None:
    for name in ("read_fd", "write_fd"):
        fd = getattr(way, name)
        setattr(way, name, -1)
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)
