"""Keeps our frames out of the tracebacks of somebody else's program.

From Python 3.11 on, a frame that sets the traceback of what passes through it and raises it again,
by a bare ``raise``, is not in it. Before, a frame that an exception passes through stays: there,
what nobody catches loses ours when it is printed.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep  # noqa: PTH100, PTH120  # as cheap as can be


def without_us(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without our frames; what is left of it is changed in place."""
    first = _first_of_theirs(traceback)
    one = first
    while one is not None:
        one.tb_next = _first_of_theirs(one.tb_next)
        one = one.tb_next
    return first


def hide_us(version: tuple[int, ...] = tuple(sys.version_info[:2])) -> None:
    """Print what nobody catches without our frames, in a Python in which they are in it."""
    if version >= (3, 11):
        return
    before = sys.excepthook

    def print_theirs(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        strip(error)
        before(kind, error, without_us(traceback))

    sys.excepthook = print_theirs


def strip(error: BaseException) -> None:
    """Take our frames from the traceback of an exception, and of those that it came from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = without_us(one.__traceback__)
        waiting += [one.__cause__, one.__context__]


def _first_of_theirs(traceback: TracebackType | None) -> TracebackType | None:
    while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(_HERE):
        traceback = traceback.tb_next
    return traceback
