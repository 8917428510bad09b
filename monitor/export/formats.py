"""The formats, each with what it needs and how large it becomes."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.errors import ConfigError
from monitor.export.description import Job
from monitor.export.pieces import Piece

Write = Callable[[Piece], None]


def _accept(job: Job) -> None:
    """Take any job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A way to write samples."""

    name: str
    suffix: str
    n_bytes: Callable[[Job], int]
    """How large the file becomes, at most or nearly."""
    writer: Callable[[Path, Job], AbstractContextManager[Write]]
    """Opens a file; entered, it takes pieces in order."""
    check: Callable[[Job], None] = _accept
    """Raises ConfigError if the format cannot hold it, or its library is missing."""
    room: float = 1.0
    """What the disk must hold meanwhile, in sizes of the file."""
    companions: tuple[str, ...] = ()
    """What is appended to the name for further files."""


def library(name: str, what: str) -> Any:
    """Return a library that only this format needs.

    Raises
    ------
    ConfigError
        If it is not installed; names the extra.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"{what} needs {name.partition('.')[0]}, which is not installed:"
            " pip install 'wattstage[export]'"
        ) from error


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise ConfigError if there is a file already where one is to be made."""
    for path in paths:
        if os.path.lexists(path):
            raise ConfigError(f"{path} exists already and is not overwritten; choose another")
