"""Writes an export: whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from monitor.errors import RecordingError
from monitor.export.description import Job
from monitor.export.formats import Format, refuse_existing
from monitor.export.pieces import pieces
from monitor.recording import unfinished
from monitor.recording.disk import reason, why_not_made
from monitor.recording.doubts import doubts

_SMALLER = "choose another disk, a part (--range, --stage) or fewer --signals"


def check_room(path: Path, n_bytes: int, what_to_do: str) -> None:
    """Raise if a file of so many bytes does not fit.

    Parameters
    ----------
    what_to_do
        The end of the sentence.

    Raises
    ------
    RecordingError
        Says how much is needed and how much there is.
    """
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise RecordingError(why_not_made(path, error)) from error
    if n_bytes > free:
        raise RecordingError(
            f"{path} needs about {n_bytes / 2**20:,.1f} MiB, but only {free / 2**20:,.1f} MiB are"
            f" free there; {what_to_do}"
        )


def export(
    job: Job, path: Path, form: Format, *, progress: Callable[[float], None] | None = None
) -> None:
    """Write what is selected; what raises leaves no file, and overwrites none.

    What changed since it was recorded is written all the same, logged, and told in the description.

    Parameters
    ----------
    progress
        Told the share that is written, 0 to 1; may raise to cancel.

    Raises
    ------
    ConfigError
        If the format cannot hold it, or its library is not installed.
    RecordingError
        If the file cannot be made or written, or samples cannot be read.
    """
    form.check(job)
    targets = [path, *(path.with_name(path.name + suffix) for suffix in form.companions)]
    refuse_existing(targets)
    check_room(path, round(form.room * form.n_bytes(job)), _SMALLER)
    start, stop = job.selection.start, job.selection.stop
    job = replace(job, doubts=doubts(job.recording, start, stop))
    with making(targets) as part, form.writer(part, job) as write:
        for piece in pieces(job.recording, job.selection):
            write(piece)
            if progress is not None:
                progress((piece.stop - start) / (stop - start))


@contextlib.contextmanager
def making(targets: list[Path]) -> Iterator[Path]:
    """Yield where to write the first of some files; all appear at the end, or none.

    Raises
    ------
    RecordingError
        If the disk does not take them.
    """
    path = targets[0]
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(unfinished.beside(path))
        except OSError as error:
            raise RecordingError(why_not_made(path, error)) from error
        try:
            yield folder / path.name
            for target in reversed(targets):  # the one that people wait for comes last
                _settle(folder / target.name)
                (folder / target.name).replace(target)
        except OSError as error:
            raise RecordingError(
                f"{path} was not made: {reason(error)}; choose another disk or a smaller part"
            ) from error


def _settle(path: Path) -> None:
    """Have the disk take what is in a file, before its name says that it is whole."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
