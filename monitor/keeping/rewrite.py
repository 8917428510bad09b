"""Writes a recording from items that were recorded: whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import h5py
import msgspec
import numpy as np

from monitor.config import RecordingSettings
from monitor.errors import RecordingError
from monitor.export.export import making
from monitor.export.formats import refuse_existing
from monitor.keeping.digest import CODES_SHA256, TABLES_SHA256, Digest, tables_sha256
from monitor.keeping.size import Size
from monitor.model import Block, Marker, Reading, SlowChannel, StreamInfo
from monitor.recording import marker_text, notes
from monitor.recording.calibrated import HISTORY, Correction
from monitor.recording.checksums import seal
from monitor.recording.disk import reason
from monitor.recording.reader import Recording
from monitor.recording.writer import Entry, Writer

Item = Block | Marker | Reading
_BATCH_BYTES = 4 << 20


def described(recording: Recording, how: str, told: Iterable[str]) -> dict[str, str]:
    """Return the settings of a recording, with its notes and how the new file was made of it.

    Parameters
    ----------
    told
        What of the recording was damaged.
    """
    made_by = "; ".join((how, *told))
    return {**notes.told(recording.settings, recording.notes), "made_by": made_by}


def rewrite(
    path: Path,
    info: StreamInfo,
    settings: dict[str, str],
    items: Iterable[Item],
    *,
    size: Size,
    channels: Iterable[SlowChannel] = (),
    corrections: tuple[Correction, ...] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Make a closed recording of items, with summaries and a digest; overwrites nothing.

    Parameters
    ----------
    size
        Of what it is made of.
    channels
        Slow channels, also those without a reading.
    corrections
        Of the probes, until now.
    progress
        Told the index after the newest sample; may raise to give up.

    Raises
    ------
    ConfigError
        If there is such a file already.
    RecordingError
        If there is no block, or the disk does not take it. Nothing is left behind then.
    """
    refuse_existing([path])
    size.check(path)
    with making([path]) as part:
        digest = Digest(len(info.channels))
        writer = Writer(part, info, settings, how=RecordingSettings(compression=size.compression))
        try:
            try:
                writer.append(list(channels))
                _write(writer, items, np.dtype(info.dtype), digest, progress)
            finally:
                writer.close(complete=True, n_dropped=0)
            if not writer.n_blocks:
                raise RecordingError(f"{path} was not made: there is no block to put into it")
            with h5py.File(part, "r+", libver="latest") as file:
                if corrections:
                    file.attrs[HISTORY] = msgspec.json.encode(corrections).decode()
                    seal(file)
                file.attrs[CODES_SHA256] = digest.text
                file.attrs[TABLES_SHA256] = tables_sha256(file)
        except RuntimeError as error:
            raise RecordingError(f"{path} was not made: {reason(error)}") from error


def _write(
    writer: Writer,
    items: Iterable[Item],
    dtype: np.dtype[np.generic],
    digest: Digest,
    progress: Callable[[int], None],
) -> None:
    batch: list[Entry] = []
    n_bytes = 0
    stop: int | None = None
    for order, item in enumerate(items):
        match item:
            case Block():
                digest.add(item.codes.astype(dtype, copy=False))
                n_bytes += item.codes.nbytes
                stop = item.stop
                batch.append((order, item))
            case Reading():
                n_bytes += 64
                batch.append((order, item))
            case Marker():
                text = marker_text.encode(item)
                n_bytes += len(text)
                batch.append((order, item, text))
        if n_bytes >= _BATCH_BYTES:
            writer.append(batch)
            writer.flush()
            batch, n_bytes = [], 0
            if stop is not None:
                progress(stop)
    writer.append(batch)
    if stop is not None:
        progress(stop)
