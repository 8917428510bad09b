"""Probes and calibrations of a recording that exists, put right; what was there is kept beside."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import msgspec

from monitor.errors import RecordingError
from monitor.keeping.digest import TABLES_SHA256, tables_sha256
from monitor.model import Probe, StreamInfo
from monitor.recording import unfinished
from monitor.recording.calibrated import HISTORY, Correction
from monitor.recording.checksums import seal
from monitor.recording.reader import Recording
from monitor.recording.rebuild import rebuild

_PIECE = 8 << 20  # bytes
_SPARE = 16 << 20  # bytes


def correct(
    path: Path,
    probes: dict[str, Probe],
    reason: str,
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Replace probes of a recording, by the names of their channels.

    A copy is changed and then takes the recording's place, so that there is always one whole file.
    No code is touched; the summaries beside them are made anew.

    Parameters
    ----------
    reason
        One sentence, kept with what was there before.
    progress
        Told the share that is done, 0 to 1: copied, then summarised; may raise to give up.

    Raises
    ------
    RecordingError
        If it is no closed recording, has no such channel, or cannot be copied.
    """
    path = path.resolve()
    with Recording(path) as recording:
        info, history = recording.info, recording.corrections
        if recording.n_files > 1 or recording.part > 1:
            raise RecordingError(
                f"{path} is one of several files of a recording, and only one that lies in a"
                " single file can be corrected"
            )
        if not recording.closed:
            raise RecordingError(
                f"{path} is still being recorded, or its recorder died; only what is closed can be"
                " corrected"
            )
        if recording.damage:
            raise RecordingError(
                f"{path}: {recording.damage[0]}; a correction would make that its truth, so use"
                " another copy, or correct what `wattstage repair` makes of it"
            )
    names = {channel.name for channel in info.channels}
    if unknown := sorted(probes.keys() - names):
        raise RecordingError(
            f"{path} has no channel {', '.join(map(repr, unknown))}; it has"
            f" {', '.join(map(repr, sorted(names)))}"
        )
    new = msgspec.structs.replace(
        info,
        channels=tuple(
            msgspec.structs.replace(channel, probe=probes.get(channel.name, channel.probe))
            for channel in info.channels
        ),
    )
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    before = {channel.name: channel.probe for channel in info.channels}
    history = (*history, Correction(corrected=now, reason=reason, before=before))
    try:
        with _copy(path, progress) as copy:
            with h5py.File(copy, "r+", libver="latest") as file:
                file.attrs["info"] = msgspec.json.encode(new).decode()
                file.attrs[HISTORY] = msgspec.json.encode(history).decode()
                _seal(file)
                rebuild(file, copy, lambda share: progress((1.0 + share) / 2))
            _check(copy, new)
            _keep(copy)
            copy.replace(path)
    except OSError as error:
        raise RecordingError(
            f"{path} was left as it is: {error.strerror or error}; it is copied first, so there"
            f" must be as much room again beside it"
        ) from error


@contextlib.contextmanager
def _copy(path: Path, progress: Callable[[float], None]) -> Iterator[Path]:
    """Yield a copy in the same folder; it is gone in the end, if it was not moved."""
    n_bytes = path.stat().st_size
    free = shutil.disk_usage(path.parent).free
    if free < n_bytes + _SPARE:
        raise RecordingError(
            f"{path} was left as it is: a corrected copy needs {n_bytes / 1e6:.0f} MB beside it,"
            f" and {free / 1e6:.0f} MB are free"
        )
    with unfinished.beside(path) as folder:
        copy = folder / path.name
        with copy.open("wb") as out, path.open("rb") as source:
            while piece := source.read(_PIECE):
                out.write(piece)
                progress(out.tell() / n_bytes / 2)
        shutil.copystat(path, copy)
        yield copy


def _seal(file: h5py.File) -> None:
    """Let the checksums be those of what was corrected, and the digest that of the checksums."""
    was_right = file.attrs.get(TABLES_SHA256) == tables_sha256(file)
    seal(file)
    if was_right:  # else it goes on to tell of what changed before
        file.attrs[TABLES_SHA256] = tables_sha256(file)


def _check(copy: Path, info: StreamInfo) -> None:
    with Recording(copy) as recording:
        if recording.info != info or not recording.closed:
            raise RecordingError(f"{copy} is not what it should be; nothing was changed")


def _keep(copy: Path) -> None:
    handle = os.open(copy, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
