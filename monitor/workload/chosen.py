"""Marks functions and methods that the user has chosen, such as the ``forward`` of a module."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, NamedTuple

from .calls import replace_in

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType

    from .calls import Call
    from .imports import ImportWatch
    from .tracker import Tracker


class Chosen(NamedTuple):
    """A function that is a stage."""

    module: str
    """Where it is defined."""
    name: str
    """``function``, ``Class.method``, or deeper."""
    stage: str


def encoded(chosen: list[Chosen]) -> str:
    """Return what ``decoded`` understands."""
    return json.dumps(chosen)


def decoded(text: str) -> list[Chosen]:
    """Return what was chosen."""
    return [Chosen(*one) for one in json.loads(text)]


def mark(chosen: list[Chosen], watch: ImportWatch, tracker: Tracker) -> None:
    """Wait for the module of each function, and hook it then."""
    for one in chosen:
        watch.when(one.module, functools.partial(_hook, one, tracker))


def _hook(chosen: Chosen, tracker: Tracker, module: ModuleType) -> None:
    def around(_: Call) -> Generator[None, None, None]:
        if not tracker.is_mine():
            yield
            return
        with tracker.stage(chosen.stage):
            yield

    replace_in(module, chosen.name, around, tracker.failed)
